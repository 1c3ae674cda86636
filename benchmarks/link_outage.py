"""An hour without a link, compressed in time: what reaches the store when, once the link is back.

Between a real edge agent and mosquitto lies a relay that swallows everything without closing a
connection. The agent meanwhile makes as many batches and samples as the demo's laboratory gateway
makes in an hour (`outage_school.yaml`: 40 times as fast, so 90 s). The link heals, the backlog
follows at the configured rate, and live samples go on at 40 times their usual rate. An onlooker on
the broker notes each ack; a sample's delay is from its time to the ack that says it is stored.

    python -m benchmarks.link_outage [--seconds 90] [--backlog-rate 200] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from campus_cli.demo import ledger
from campus_cli.demo.ledger import Value
from tests.support.process import wait_until
from tests.support.relay import Relay
from tests.support.school_run import SchoolRun

HERE: Final = Path(__file__).parent
COMPRESSION: Final = 40
BEFORE_S: Final = 5.0
DRAIN_S_MAX: Final = 400.0
AFTER_S: Final = 5.0
LIVE_GOAL_S: Final = 5.0
_NOT_VALUES: Final = frozenset(
    {"measurement", "time", "seq", "device", "gateway", "school", "building", "area", "profile"}
)

Json = dict[str, Any]


class Onlooker:
    """Notes when each sample was acked, and how many batches the spool says it holds."""

    def __init__(self, port: int, name: str, password: str) -> None:
        self.acked_ns: dict[int, int] = {}
        self.spool_batches: list[tuple[int, int]] = []
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2)
        self._client.username_pw_set(name, password)
        self._client.on_message = self._on_message
        self._client.connect("127.0.0.1", port)
        self._client.subscribe([("campus/1/down/+/ack", 0), ("campus/1/up/+/status", 0)])
        self._client.loop_start()

    def close(self) -> None:
        """End the connection."""
        self._client.disconnect()
        self._client.loop_stop()

    def _on_message(self, _client: Any, _data: Any, message: mqtt.MQTTMessage) -> None:
        now_ns, said = time.time_ns(), json.loads(message.payload)
        if message.topic.endswith("/ack"):
            for part in said.get("stored", ()):
                for seq in range(part["first"], part["last"] + 1):
                    self.acked_ns.setdefault(seq, now_ns)
        elif said["state"] == "online":
            self.spool_batches.append((now_ns, said.get("spool_batches", 0)))

    def waiting(self) -> int:
        """Return how many batches the spool held when it last said so."""
        return self.spool_batches[-1][1] if self.spool_batches else 0


def measure(*, seconds: float, backlog_rate: float, directory: Path) -> Json:
    """Run everything; return the figures."""
    relay = Relay(0)
    school = SchoolRun(
        directory,
        HERE / "outage_school.yaml",
        HERE / "alarm_rules.yaml",
        change_edge=lambda config: _through(config, relay, backlog_rate),
    )
    relay.target_port = school.broker.port
    account = next(one for one in school.layout.accounts if one.name == "onlooker")
    try:
        with relay:
            school.start()
            onlooker = Onlooker(school.broker.port, account.name, account.password)
            since_ns, times_ns = _play(relay, onlooker, seconds)
            [gateway] = school.layout.gateways
            school.parts[gateway].stop()
            time.sleep(2.0)
            onlooker.close()
            school.parts["sims"].stop()
            rows = school.store.query("SELECT * FROM /.*/")
            return _figures(onlooker, rows, times_ns) | _counts(school, rows, since_ns)
    finally:
        school.stop()


def _through(config: Json, relay: Relay, backlog_rate: float) -> None:
    config["uplink"]["broker"]["port"] = relay.port
    config["uplink"] |= {"backlog_batches_per_s": backlog_rate, "status_interval_s": 1}


def _play(relay: Relay, onlooker: Onlooker, seconds: float) -> tuple[int, tuple[int, int]]:
    """Let the link fail and heal; return when samples began to count, and both instants in ns."""
    wait_until(lambda: bool(onlooker.acked_ns), what="the first ack")
    since_ns = time.time_ns()
    time.sleep(BEFORE_S)
    relay.swallow()
    failed_ns = time.time_ns()
    time.sleep(seconds)
    relay.heal()
    healed_ns = time.time_ns()
    print(f"link healed after {seconds:g} s", flush=True)
    wait_until(
        lambda: any(at_ns > healed_ns for at_ns, _ in onlooker.spool_batches[-1:]),
        what="a status after the outage",
        timeout_s=DRAIN_S_MAX,
    )
    # Some batches are always on their way: 120 live ones a second.
    wait_until(lambda: onlooker.waiting() <= 100, what="the backlog drained", timeout_s=DRAIN_S_MAX)
    time.sleep(AFTER_S)
    return since_ns, (failed_ns, healed_ns)


def _figures(onlooker: Onlooker, rows: Sequence[Json], times_ns: tuple[int, int]) -> Json:
    failed_ns, healed_ns = times_ns
    time_of = {row["seq"]: row["time"] for row in rows}
    first_ack_ns = min(at_ns for at_ns in onlooker.acked_ns.values() if at_ns > healed_ns)
    backlog = [seq for seq, at_ns in time_of.items() if failed_ns < at_ns < first_ack_ns]
    drained_ns = max(onlooker.acked_ns.get(seq, 0) for seq in backlog)
    live = [seq for seq, at_ns in time_of.items() if first_ack_ns <= at_ns < drained_ns]
    delays_s = sorted(
        (onlooker.acked_ns[s] - time_of[s]) / 1e9 for s in live if s in onlooker.acked_ns
    )
    numbers = set(time_of)
    held = max((n for at_ns, n in onlooker.spool_batches if at_ns > healed_ns), default=0)
    return {
        "outage_s": round((healed_ns - failed_ns) / 1e9, 1),
        "compression": COMPRESSION,
        "stands_for_s": round((healed_ns - failed_ns) / 1e9 * COMPRESSION),
        "backlog_batches": held,
        "backlog_samples": len(backlog),
        "first_ack_after_healing_s": round((first_ack_ns - healed_ns) / 1e9, 2),
        "drain_s": round((drained_ns - first_ack_ns) / 1e9, 1),
        "live_samples_meanwhile": len(delays_s),
        "live_p50_s": _quantile(delays_s, 0.5),
        "live_p99_s": _quantile(delays_s, 0.99),
        "live_max_s": _quantile(delays_s, 1.0),
        "live_goal_s": LIVE_GOAL_S,
        "numbers_missing": max(numbers) - len(numbers),
        "samples_stored": len(rows),
    }


def _quantile(ordered: Sequence[float], part: float) -> float | None:
    if not ordered:
        return None
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * part))], 2)


def _counts(school: SchoolRun, rows: Sequence[Json], since_ns: int) -> Json:
    """Count what the devices showed against what is stored, while the agent listened."""
    last_ns = max(row["time"] for row in rows)
    shown = {
        key: [value for value in values if value.time_ns <= last_ns]
        for key, values in ledger.read_truth(school.layout.truth).items()
    }
    stored: dict[tuple[str, str], list[Value]] = {}
    for row in rows:
        for point, number in row.items():
            if point not in _NOT_VALUES and not point.endswith("_q") and number is not None:
                stored.setdefault((row["device"], point), []).append(Value(row["time"], number))
    for values in stored.values():
        values.sort()
    found = ledger.count(shown, stored, since_ns=since_ns)
    return {
        "values_missing": found.missing,
        "values_duplicated": found.duplicated,
        "values_phantom": found.phantom,
    }


def main() -> int:
    """Measure and print; 1 when something is missing."""
    parser = argparse.ArgumentParser(description="an outage of the link, and healing")
    parser.add_argument("--seconds", type=float, default=3600 / COMPRESSION)
    parser.add_argument("--backlog-rate", type=float, default=200, help="batches a second")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="campus-outage-") as directory:
        figures = measure(
            seconds=options.seconds, backlog_rate=options.backlog_rate, directory=Path(directory)
        )
    text = json.dumps(figures, indent=1)
    print(text)
    if options.json:
        options.json.write_text(text + "\n", encoding="utf-8")
    return 1 if figures["numbers_missing"] or figures["values_missing"] else 0


if __name__ == "__main__":
    sys.exit(main())
