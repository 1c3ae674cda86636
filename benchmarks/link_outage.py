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
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from campus_cli.demo import ledger
from campus_cli.demo.ledger import Value
from campus_wire.batch import decode_batch
from campus_wire.samples import Batch
from tests.support.process import wait_until
from tests.support.relay import Relay
from tests.support.school_run import SchoolRun

HERE: Final = Path(__file__).parent
COMPRESSION: Final = 40
BEFORE_S: Final = 5.0
DRAIN_S_MAX: Final = 400.0
AFTER_S: Final = 5.0
LIVE_GOAL_S: Final = 5.0
OPEN_NS: Final = 3_000_000_000
_NOT_VALUES: Final = frozenset(
    {"measurement", "time", "seq", "device", "gateway", "school", "building", "area", "profile"}
)

Json = dict[str, Any]


class Onlooker:
    """Notes when each sample was acked, and how many batches the spool says it holds."""

    def __init__(self, port: int, name: str, password: str) -> None:
        self.acked_ns: dict[int, int] = {}
        self.live_since_ns: int | None = None
        """Set when the link heals; batches of later samples are live ones."""
        self.first_live: int | None = None
        """Number of the last sample of the first live batch: all of the backlog lies before it."""
        self.spool_batches: list[tuple[int, int]] = []
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2)
        self._client.username_pw_set(name, password)
        self._client.on_message = self._on_message
        self._client.connect("127.0.0.1", port)
        topics = ("campus/1/down/+/ack", "campus/1/up/+/batch", "campus/1/up/+/status")
        self._client.subscribe([(topic, 0) for topic in topics])
        self._client.loop_start()

    def close(self) -> None:
        """End the connection."""
        self._client.disconnect()
        self._client.loop_stop()

    def _on_message(self, _client: Any, _data: Any, message: mqtt.MQTTMessage) -> None:
        now_ns = time.time_ns()
        if message.topic.endswith("/batch"):
            self._see(decode_batch(bytes(message.payload)))
            return
        said = json.loads(message.payload)
        if message.topic.endswith("/ack"):
            for part in said.get("stored", ()):
                for seq in range(part["first"], part["last"] + 1):
                    self.acked_ns.setdefault(seq, now_ns)
        elif said["state"] == "online":
            self.spool_batches.append((now_ns, said.get("spool_batches", 0)))

    def _see(self, batch: Batch) -> None:
        if self.live_since_ns is None or self.first_live is not None:
            return
        if all(at_ns > self.live_since_ns for block in batch.blocks for at_ns in block.times_ns):
            self.first_live = batch.last

    def most_waiting(self, since_ns: int) -> int:
        """Return the most batches that the spool said it held after an instant."""
        return max((count for at_ns, count in self.spool_batches if at_ns > since_ns), default=0)

    def has_all_up_to(self, seq: int) -> bool:
        """Say whether every number from the first on is acked."""
        return all(number in self.acked_ns for number in range(1, seq + 1))


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
            school.start(edges=False)
            onlooker = Onlooker(school.broker.port, account.name, account.password)
            school.start_edges()
            course = _play(relay, onlooker, seconds)
            [gateway] = school.layout.gateways
            school.parts[gateway].stop()
            time.sleep(2.0)
            onlooker.close()
            school.parts["sims"].stop()
            rows = school.store.query("SELECT * FROM /.*/")
            return _figures(onlooker, rows, course) | _counts(school, rows, course)
    finally:
        school.stop()


def _through(config: Json, relay: Relay, backlog_rate: float) -> None:
    config["uplink"]["broker"]["port"] = relay.port
    config["uplink"] |= {"backlog_batches_per_s": backlog_rate, "status_interval_s": 1}


@dataclass(frozen=True)
class Course:
    """Instants in ns, and the number of the first sample that was acked behind the backlog."""

    counted_ns: int
    failed_ns: int
    healed_ns: int
    mark: int


def _play(relay: Relay, onlooker: Onlooker, seconds: float) -> Course:
    """Let the link fail and heal, and wait until everything from before is acked."""
    wait_until(lambda: bool(onlooker.acked_ns), what="the first ack")
    counted_ns = time.time_ns()
    time.sleep(BEFORE_S)
    relay.swallow()
    failed_ns = time.time_ns()
    time.sleep(seconds)
    healed_ns = onlooker.live_since_ns = time.time_ns()
    relay.heal()
    print(f"link healed after {seconds:g} s", flush=True)
    wait_until(lambda: onlooker.first_live is not None, what="a live batch", timeout_s=60)
    mark = onlooker.first_live
    assert mark is not None
    wait_until(
        lambda: onlooker.has_all_up_to(mark),
        what="the backlog drained",
        timeout_s=DRAIN_S_MAX,
        poll_s=0.2,
    )
    time.sleep(AFTER_S)
    return Course(counted_ns, failed_ns, healed_ns, mark)


def _figures(onlooker: Onlooker, rows: Sequence[Json], course: Course) -> Json:
    time_of = {row["seq"]: row["time"] for row in rows}
    acked_ns = onlooker.acked_ns
    first_ack_ns = min(at_ns for at_ns in acked_ns.values() if at_ns > course.healed_ns)
    backlog = [s for s, at_ns in time_of.items() if course.failed_ns < at_ns < first_ack_ns]
    drained_ns = max(acked_ns[seq] for seq in backlog)
    live = [seq for seq, at_ns in time_of.items() if first_ack_ns <= at_ns < drained_ns]
    # What is acked after the onlooker has left is counted with the moment it left, never left out.
    end_ns = max(acked_ns.values())
    delays_s = sorted((acked_ns.get(seq, end_ns) - time_of[seq]) / 1e9 for seq in live)
    outage_s = (course.healed_ns - course.failed_ns) / 1e9
    return {
        "outage_s": round(outage_s, 1),
        "compression": COMPRESSION,
        "stands_for_s": round(outage_s * COMPRESSION),
        "backlog_batches": onlooker.most_waiting(course.healed_ns),
        "backlog_samples": len(backlog),
        "first_ack_after_healing_s": round((first_ack_ns - course.healed_ns) / 1e9, 2),
        "drain_s": round((drained_ns - first_ack_ns) / 1e9, 1),
        "live_samples_meanwhile": len(delays_s),
        "live_p50_s": _quantile(delays_s, 0.5),
        "live_p99_s": _quantile(delays_s, 0.99),
        "live_max_s": _quantile(delays_s, 1.0),
        "live_goal_s": LIVE_GOAL_S,
        "numbers_missing": len(set(range(1, course.mark + 1)) - set(time_of)),
        "samples_stored": len(rows),
    }


def _quantile(ordered: Sequence[float], part: float) -> float | None:
    if not ordered:
        return None
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * part))], 2)


def _counts(school: SchoolRun, rows: Sequence[Json], course: Course) -> Json:
    """Count what the devices showed against what is stored.

    Nothing counts as missing that was shown before the agent listened, or so late that its batch
    was still open when the agent ended.
    """
    shown = ledger.read_truth(school.layout.truth)
    stored: dict[tuple[str, str], list[Value]] = {}
    for row in rows:
        for point, number in row.items():
            if point not in _NOT_VALUES and not point.endswith("_q") and number is not None:
                stored.setdefault((row["device"], point), []).append(Value(row["time"], number))
    for values in stored.values():
        values.sort()
    whole = ledger.count(shown, stored, since_ns=course.counted_ns)
    last_ns = max(row["time"] for row in rows if row["seq"] <= course.mark) - OPEN_NS
    early = {
        key: [value for value in values if value.time_ns < last_ns] for key, values in shown.items()
    }
    return {
        "values_missing": ledger.count(early, stored, since_ns=course.counted_ns).missing,
        "values_duplicated": whole.duplicated,
        "values_phantom": whole.phantom,
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
