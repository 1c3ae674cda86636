"""Kill every part of a running school again and again, then judge what is left.

    python -m tests.campaigns.kill --kills 20 --seed 7

Real mosquitto, InfluxDB, controller and edge agents die by SIGKILL, each at least `--kills` times,
at moments drawn from the seed; the simulated devices, the receiver of the notices and the witnesses
live on. Gas leaks and commands go on meanwhile, and every command is delivered twice. Then
everything heals, the spools drain, and the checker (which shares no code with the product) compares
what devices, spools, store, state, actuators and receiver say. Exit code 1 when a promise is broken
or a part did not come back. docs/proof.md says more.
"""

from __future__ import annotations

import argparse
import json
import secrets
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random, SystemRandom
from typing import Any, Final

from campus_cli.demo.accounts import Account
from tests.campaigns.checker import check
from tests.campaigns.commander import Commander
from tests.campaigns.evidence import read_table
from tests.campaigns.gather import gather
from tests.campaigns.plan import Kill, Round, Valve, make_plan
from tests.campaigns.replayer import Replayer
from tests.campaigns.spool_witness import export, install
from tests.campaigns.witness import Witness
from tests.support.process import wait_until
from tests.support.school_run import AUTOSAVE_S, Part, SchoolRun
from tests.support.webhook_sink import Sink

SCHOOL: Final = Path(__file__).parent / "school"
DETECTORS: Final = ("gas-1", "gas-2")
LEAK_PPM: Final = 60.0
CLEAN_PPM: Final = 8.0
SETTLE_S: Final = 3.0
"""How long everything has to work between two rounds, once samples are acked again."""
RECOVERY_S: Final = 60.0
DRAIN_S: Final = 90.0
_HANG_UP_CHANCE: Final = 0.1
_COMMANDS: Final = "campus/1/down/+/command"
_REPLAYER: Final = Account("replayer", secrets.token_urlsafe(16), (_COMMANDS,), (_COMMANDS,))

Json = dict[str, Any]


@dataclass
class Campaign:
    """One campaign.

    Args:
        directory: for every file of it.
        seed: of the plan, the commands and the receiver's moods.
        rounds: how often each part dies, at least.
        sabotage: what to break in the product, see `tests.campaigns.sabotage`; empty: nothing.
    """

    directory: Path
    seed: int
    rounds: int
    sabotage: str = ""
    kills: list[Json] = field(default_factory=list)
    opened: Counter[str] = field(default_factory=Counter)
    recoveries_s: list[float] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def run(self) -> list[str]:
        """Run the campaign and return every violation."""
        self.school = SchoolRun(
            self.directory,
            SCHOOL / "school.yaml",
            SCHOOL / "rules.yaml",
            change_edge=self._change_edge,
            change_controller=_quick_controller,
            guests=[_REPLAYER],
            **_program(self.sabotage),
        )
        moods = Random(self.seed + 1)
        sink = Sink(
            self.school.layout.ports.sink,
            secret=self.school.layout.sink_secret.read_bytes().strip(),
            log=self.school.layout.sink_log,
            hangs_up=lambda: moods.random() < _HANG_UP_CHANCE,
        )
        try:
            with sink:
                self._run_with_sink()
        finally:
            self.school.stop()
        self._note_kills()
        self.problems += [f"a traceback is in {name}" for name in self.school.tracebacks()]
        self.problems += [f"{sink.refused} notices had a bad signature"] * bool(sink.refused)
        evidence = gather(self.school, self.directory, self._crossings())
        self.counts: Json = evidence.counts()
        return [*check(evidence), *self.problems]

    def _run_with_sink(self) -> None:
        school = self.school
        school.start(edges=False)
        onlooker = next(one for one in school.layout.accounts if one.name == "onlooker")
        witness = Witness(
            school.layout.ports.broker,
            account=(onlooker.name, onlooker.password),
            topics=("campus/1/down/+/ack", "campus/1/up/+/status"),
            log=self.directory / "witness.log",
        )
        replayer = Replayer(
            school.layout.ports.broker,
            account=(_REPLAYER.name, _REPLAYER.password),
            seed=self.seed + 3,
        )
        with witness, replayer:
            self._start_edges()
            self._heal(-1, witness)
            time.sleep(AUTOSAVE_S)  # from now on the witness stands in the broker's file
            commander = Commander(school, self.seed + 2)
            with commander:
                for number, one in enumerate(self._plan()):
                    self._play(one)
                    self._heal(number, witness)
                commander.pause()
                self._close_valves()
                self._heal(self.rounds, witness)
            self._end(witness)
            self.repeated = replayer.repeated

    def _plan(self) -> list[Round]:
        parts = ["broker", "store", "controller", *self.school.layout.gateways]
        return make_plan(self.seed, rounds=self.rounds, parts=parts, detectors=DETECTORS)

    # --- up ------------------------------------------------------------------------------------

    def _start_edges(self) -> None:
        """Start the agents, with a witness in each spool from its first batch on."""
        school = self.school
        school.broker.pause()
        school.start_edges()
        for gateway in school.layout.gateways:
            wait_until(self._spool(gateway).exists, what=f"the spool of {gateway}")
        time.sleep(2.0)
        for gateway in school.layout.gateways:
            school.parts[gateway].kill()
            install(self._spool(gateway))
        school.broker.resume()
        school.start_edges()

    def _change_edge(self, config: Json) -> None:
        config["uplink"]["broker"] |= {"reconnect_max_s": 2.0}
        config["uplink"] |= {"status_interval_s": 1, "ack_timeout_s": 5}
        config["spool"] |= {"path": str(self._spool(config["gateway"]))}

    def _spool(self, gateway: str) -> Path:
        return self.directory / "spools" / f"{gateway}.db"

    # --- a round -------------------------------------------------------------------------------

    def _play(self, one: Round) -> None:
        start_s = time.monotonic()
        parts = sorted({kill.part for kill in one.kills})
        threads = [
            threading.Thread(target=self._kill_part, args=(name, one.of(name), start_s))
            for name in parts
        ]
        threads.append(threading.Thread(target=self._turn_valves, args=(one.valves, start_s)))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _kill_part(self, name: str, kills: Sequence[Kill], start_s: float) -> None:
        part = self.school.parts[name]
        for kill in kills:
            _sleep_until(start_s + kill.at_s)
            self._kill(name, part)
            time.sleep(kill.down_s)
            part.relaunch()

    def _kill(self, name: str, part: Part) -> None:
        if not part.is_running:
            self.problems.append(f"{name} had ended by itself: {part.log_tail(limit_bytes=600)}")
        self.kills.append({"t": time.time_ns(), "part": name})
        part.kill()

    def _turn_valves(self, valves: Sequence[Valve], start_s: float) -> None:
        for valve in sorted(valves, key=lambda one: one.at_s):
            _sleep_until(start_s + valve.at_s)
            self._turn(valve.detector, opens=valve.opens)

    def _turn(self, detector: str, *, opens: bool) -> None:
        ppm = LEAK_PPM if opens else CLEAN_PPM
        self.school.order(do="set", device=detector, point="concentration", value=ppm)
        self.opened[detector] += opens

    def _close_valves(self) -> None:
        for detector in DETECTORS:
            self._turn(detector, opens=False)

    def _heal(self, number: int, witness: Witness) -> None:
        """Wait until samples of every gateway are acked again, and then a little longer."""
        started_s, started_ns = time.monotonic(), time.time_ns()
        gateways = set(self.school.layout.gateways)
        try:
            wait_until(
                lambda: witness.acked_since(started_ns) >= gateways and self.school.is_ready(),
                what=f"26: round {number}: samples of every gateway stored again",
                timeout_s=RECOVERY_S,
                poll_s=0.1,
            )
        except TimeoutError as error:
            self.problems.append(str(error))
        took_s = time.monotonic() - started_s
        self.recoveries_s.append(took_s)
        print(f"round {number}: {len(self.kills)} deaths, healed after {took_s:.1f} s", flush=True)
        time.sleep(SETTLE_S)

    # --- the end -------------------------------------------------------------------------------

    def _end(self, witness: Witness) -> None:
        self._wait(self._commands_ended, "19: commands are still open")
        self._wait(lambda: self._is_drained(witness), "1: the spools did not drain")
        self._wait(self._notices_sent, "12: notices still wait")
        for gateway in self.school.layout.gateways:
            # Its last batch is published before it ends, and its ack comes too late for the spool.
            self.school.parts[gateway].stop()
            export(self._spool(gateway), self.directory / f"{gateway}.trace.jsonl")
        time.sleep(SETTLE_S)

    def _wait(self, condition: Any, problem: str) -> None:
        try:
            wait_until(condition, what=problem, timeout_s=DRAIN_S, poll_s=0.3)
        except TimeoutError:
            self.problems.append(f"{problem} {DRAIN_S:g} s after the last healing")

    def _commands_ended(self) -> bool:
        found = self.school.api("/commands?limit=1000")
        return all(command["outcome"] for command in found)

    def _notices_sent(self) -> bool:
        query = "SELECT count(*) AS n FROM outbox WHERE state = 'pending'"
        return not read_table(self.directory / "state.db", query)[0]["n"]

    def _is_drained(self, witness: Witness) -> bool:
        statuses = witness.last_status()
        waiting = [statuses.get(name, {}) for name in self.school.layout.gateways]
        return all(int(str(one.get("spool_batches", 99))) <= 3 for one in waiting)

    def _note_kills(self) -> None:
        lines = [json.dumps(kill) for kill in self.kills]
        (self.directory / "kills.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def _crossings(self) -> dict[str, int]:
        return {f"ammonia-high/{detector}": self.opened[detector] for detector in DETECTORS}

    def summary(self) -> Json:
        """Return the campaign in numbers."""
        deaths = Counter(str(kill["part"]) for kill in self.kills)
        return {
            "seed": self.seed,
            "deaths": dict(sorted(deaths.items())),
            "healed_s_max": round(max(self.recoveries_s, default=0.0), 1),
            "leaks": dict(self.opened),
            "commands_delivered_again": self.repeated,
            **self.counts,
        }


def _quick_controller(config: Json) -> None:
    config["broker"] |= {"reconnect_max_s": 2.0}
    config["commands"] = {"life_s": 10.0, "receipt_grace_s": 20.0}


def _program(sabotage: str) -> dict[str, Any]:
    if not sabotage:
        return {}
    return {"program": ("-m", "tests.campaigns.sabotage", sabotage)}


def _sleep_until(at_s: float) -> None:
    time.sleep(max(0.0, at_s - time.monotonic()))


def main() -> int:
    """Parse the options, run, print and judge."""
    parser = argparse.ArgumentParser(description="Kill every part of a school, then check.")
    parser.add_argument("--kills", type=int, default=20, help="deaths of each part, at least")
    parser.add_argument("--seed", type=int, help="repeats a campaign; by default a new one")
    parser.add_argument("--directory", type=Path, help="keep the run's files here")
    parser.add_argument("--sabotage", default="", help="break the product: see the module sabotage")
    options = parser.parse_args()
    seed = SystemRandom().randrange(1_000_000) if options.seed is None else options.seed
    directory = options.directory or Path(tempfile.mkdtemp(prefix="campus-kill-"))
    print(f"seed {seed}, files in {directory}", flush=True)
    campaign = Campaign(directory, seed, options.kills, options.sabotage)
    violations = campaign.run()
    print(json.dumps(campaign.summary(), indent=1))
    for violation in violations[:50]:
        print(f"VIOLATION {violation}")
    print(f"{len(violations)} violations; repeat with --kills {options.kills} --seed {seed}")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
