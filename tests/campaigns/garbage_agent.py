"""Garbage on every bus of a whole agent, end to end, then judge what is stored.

    python -m tests.campaigns.garbage_agent --minutes 7 --seed 7

One edge agent as `campus edge run` starts it polls simulated devices on every kind of line (TCP
with one unit and with many, RTU and ASCII over TCP, RTU and ASCII on pseudo-terminals, with echo
and foreign frames) and hears sensors on a broker of the field (Zigbee2MQTT, LoRaWAN, Sparkplug B);
mosquitto, controller and InfluxDB stand behind it. A plan drawn from the seed sends every device
through every fault. The checker (which shares no code with the product) compares all that is
stored with what the devices showed. Exit code 1 when a wrong value is stored as good, a device or
a task stays away, or something grows.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import SystemRandom
from typing import Any, Final

from tests.campaigns.evidence import json_lines, read_influx
from tests.campaigns.garbage_checker import Evidence, Verdict, Vitals, judge
from tests.campaigns.garbage_school import BROKEN_CONNECTION, GATEWAY, Trouble, plan, school
from tests.campaigns.garbage_sensors import Sensors, edge_sources
from tests.support.mosquitto import Mosquitto
from tests.support.process import wait_until
from tests.support.relay import Relay
from tests.support.school_run import SchoolRun, edit_yaml

PROFILES: Final = Path(__file__).parent / "garbage_profiles"
RULES: Final = Path(__file__).parent / "school" / "rules.yaml"
TROUBLE_S: Final = 3.0
CALM_S: Final = 12.0
"""After the last trouble, so that every device can come back and be heard for a while."""
RESET_EVERY_S: Final = 0.05
_FIRST_S: Final = 60.0

Json = dict[str, Any]


@dataclass
class Campaign:
    """One campaign.

    Args:
        directory: for every file of it.
        seed: of the devices' numbers, the plan and what is bad.
        length_s: how long things go wrong.
        trouble_s: how long the longest trouble lasts.
        calm_s: how long nothing goes wrong before the end.
        only: the kinds of trouble to have; by default all.
        sabotage: what to break in the product, see `tests.campaigns.sabotage`; empty: nothing.
    """

    directory: Path
    seed: int
    length_s: float
    trouble_s: float = TROUBLE_S
    calm_s: float = CALM_S
    only: Sequence[str] = ()
    sabotage: str = ""
    problems: list[str] = field(default_factory=list)
    relays: dict[str, Relay] = field(default_factory=dict)

    def run(self) -> list[str]:
        """Run the campaign and return every violation."""
        self.directory.mkdir(parents=True, exist_ok=True)
        self.document = school(self.seed)
        self.plan = plan(
            self.seed,
            self.document,
            length_s=self.length_s,
            for_s=self.trouble_s,
            only=self.only,
        )
        described = self.directory / "described"
        described.mkdir()
        (described / "profiles").symlink_to(PROFILES)
        (described / "school.yaml").write_text(json.dumps(self.document), encoding="utf-8")
        self.field = Mosquitto(self.directory / "field")
        with contextlib.ExitStack() as stack:
            stack.enter_context(self.field)
            for bus in self._buses():
                if "tcp" in bus["modbus"]["transport"]:
                    self.relays[bus["id"]] = stack.enter_context(Relay(0))
            self.sensors = stack.enter_context(
                Sensors(self.field.port, log=self.directory / "sensors.jsonl", seed=self.seed)
            )
            self._run_school(described / "school.yaml")
        self.verdict = self._judge()
        return self.verdict.violations

    def _buses(self) -> list[Json]:
        return list(self.document["gateways"][0]["buses"])

    def _devices(self, bus: str) -> list[str]:
        [found] = [one for one in self._buses() if one["id"] == bus]
        return [device["id"] for device in found["devices"]]

    def _all_devices(self) -> list[str]:
        names = [name for bus in self._buses() for name in self._devices(bus["id"])]
        radio = self.document["gateways"][0]["mqtt_sources"][0]["devices"]
        return [*names, *(one["id"] for one in radio), *Sensors.DEVICES]

    # --- the run -------------------------------------------------------------------------------

    def _run_school(self, described: Path) -> None:
        self.run_of_school = SchoolRun(
            self.directory / "run",
            described,
            RULES,
            change_edge=self._change_edge,
            **_program(self.sabotage),
        )
        edit_yaml(self.run_of_school.layout.school, self._use_field_broker)
        try:
            self.run_of_school.start()
            self._wait_for_samples()
            self._go_wrong()
            self.run_of_school.parts[GATEWAY].stop()
            time.sleep(2.0)  # what it sent last is being stored
            self._export()
        finally:
            self.run_of_school.stop()
        self.problems += [f"a traceback is in {name}" for name in self.run_of_school.tracebacks()]

    def _use_field_broker(self, described: Json) -> None:
        for gateway in described["gateways"]:
            for source in gateway["mqtt_sources"]:
                source["broker"] = {"host": "127.0.0.1", "port": self.field.port}

    def _change_edge(self, config: Json) -> None:
        for bus in config["buses"]:
            relay = self.relays.get(bus["id"])
            if relay is not None:
                relay.target_port = bus["modbus"]["port"]
                bus["modbus"] |= {"host": "127.0.0.1", "port": relay.port}
        config["mqtt_sources"] += edge_sources(self.field.port)

    def _wait_for_samples(self) -> None:
        names = set(self._all_devices())
        try:
            wait_until(
                lambda: self._stored_devices() >= names,
                what="samples of every device",
                timeout_s=_FIRST_S,
                poll_s=0.5,
            )
        except TimeoutError as error:
            missing = sorted(names - self._stored_devices())
            agent = self.run_of_school.parts[GATEWAY].log_tail(limit_bytes=2000)
            raise RuntimeError(f"{error}: {missing}; the agent says\n{agent}") from error

    def _stored_devices(self) -> set[str]:
        store = self.run_of_school.store
        with contextlib.suppress(OSError, RuntimeError):
            return {row.device for row in read_influx(store.http_url, store.database)}
        return set()

    def _go_wrong(self) -> None:
        self.begin_ns = time.time_ns()
        before = self._vitals()
        start_s = time.monotonic()
        with (self.directory / "lines.jsonl").open("w", encoding="utf-8") as self._log:
            threads = [
                threading.Thread(target=self._break_line, args=(bus, start_s))
                for bus in self.relays
            ]
            for thread in threads:
                thread.start()
            for trouble in self.plan:
                if trouble.kind in BROKEN_CONNECTION:
                    continue
                _sleep_until(start_s + trouble.at_s)
                self._order(trouble)
            _sleep_until(start_s + self.length_s)
            for thread in threads:
                thread.join()
        self.sensors.behave()
        _sleep_until(start_s + self.length_s + self.calm_s)
        self.vitals = (before, self._vitals())
        self.end_ns = time.time_ns()

    def _order(self, trouble: Trouble) -> None:
        more = {} if trouble.value is None else {"value": trouble.value}
        self.run_of_school.order(
            do="fault", device=trouble.place, kind=trouble.kind, for_s=trouble.for_s, **more
        )

    def _break_line(self, bus: str, start_s: float) -> None:
        relay = self.relays[bus]
        for trouble in self.plan:
            if trouble.place != bus:
                continue
            _sleep_until(start_s + trouble.at_s)
            self._note(bus, trouble.kind, active=True)
            end_s = start_s + trouble.at_s + trouble.for_s
            if trouble.kind == "resets":
                while time.monotonic() < end_s:
                    relay.reset()
                    time.sleep(RESET_EVERY_S)
            elif trouble.kind == "deaf":
                relay.swallow_answers()
            else:
                relay.swallow()
            _sleep_until(end_s)
            relay.heal()
            self._note(bus, trouble.kind, active=False)

    def _note(self, bus: str, kind: str, *, active: bool) -> None:
        change = {"fault": kind, "active": active}
        lines = [
            json.dumps({"t": time.time_ns(), "device": device, "change": change}) + "\n"
            for device in self._devices(bus)
        ]
        self._log.write("".join(lines))

    def _vitals(self) -> Vitals:
        part = self.run_of_school.parts[GATEWAY]
        if not part.is_running:
            self.problems.append(f"the agent has ended: {part.log_tail(limit_bytes=600)}")
            return Vitals(0, 0, 0)
        process = Path("/proc") / str(part.pid)
        fields = dict(
            line.split(":", 1) for line in (process / "status").read_text("ascii").splitlines()
        )
        files = len(list((process / "fd").iterdir()))
        return Vitals(int(fields["VmRSS"].split()[0]), files, int(fields["Threads"]))

    # --- the judgement -------------------------------------------------------------------------

    def _export(self) -> None:
        store = self.run_of_school.store
        self.stored = list(read_influx(store.http_url, store.database))

    def _judge(self) -> Verdict:
        logs = (self.run_of_school.layout.truth, *map(self.directory.joinpath, _LOGS))
        return judge(
            Evidence(
                truth=[line for log in logs for line in json_lines(log)],
                stored=self.stored,
                devices=self._all_devices(),
                begin_ns=self.begin_ns,
                end_ns=self.end_ns,
                vitals=self.vitals,
                problems=self.problems,
                steady=Sensors.DEVICES,
            )
        )

    def summary(self) -> Json:
        """Return the campaign in numbers."""
        verdict, (before, after) = self.verdict, self.vitals
        recoveries = sorted(verdict.recoveries_s) or [0.0]
        return {
            "seed": self.seed,
            "devices": len(self._all_devices()),
            "samples_stored": len(self.stored),
            "good_values": verdict.good_values,
            "bad_values": verdict.bad_values,
            "troubles": sum(verdict.troubles.values()),
            "kinds": dict(sorted(verdict.troubles.items())),
            "bad_payloads": self.sensors.bad,
            "recovered_s_p50": round(statistics.median(recoveries), 2),
            "recovered_s_max": round(recoveries[-1], 2),
            "recoveries_cut_short": verdict.cut_short,
            "memory_kib": [before.memory_kib, after.memory_kib],
            "files": [before.files, after.files],
        }


_LOGS: Final = ("sensors.jsonl", "lines.jsonl")


def _program(sabotage: str) -> Json:
    if not sabotage:
        return {}
    return {"program": ("-m", "tests.campaigns.sabotage", sabotage)}


def _sleep_until(at_s: float) -> None:
    time.sleep(max(0.0, at_s - time.monotonic()))


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the options, run, print and judge."""
    parser = argparse.ArgumentParser(description="Garbage on every bus of a whole agent.")
    parser.add_argument("--minutes", type=float, default=7.0, help="how long things go wrong")
    parser.add_argument("--seed", type=int, help="repeats a campaign; by default a new one")
    parser.add_argument("--directory", type=Path, help="keep the run's files here")
    parser.add_argument("--sabotage", default="", help="break the product: see the module sabotage")
    parser.add_argument("--only", nargs="*", default=(), help="have these kinds of trouble alone")
    options = parser.parse_args(arguments)
    seed = SystemRandom().randrange(1_000_000) if options.seed is None else options.seed
    directory = options.directory or Path(tempfile.mkdtemp(prefix="campus-garbage-"))
    print(f"seed {seed}, files in {directory}", flush=True)
    campaign = Campaign(
        directory, seed, options.minutes * 60, sabotage=options.sabotage, only=options.only
    )
    violations = campaign.run()
    print(json.dumps(campaign.summary(), indent=1))
    for violation in violations[:50]:
        print(f"VIOLATION {violation}")
    print(f"{len(violations)} violations; repeat with --minutes {options.minutes} --seed {seed}")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
