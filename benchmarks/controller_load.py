"""The gateways of `controller_ingest`, as one process: publishes batches, a few unacked at a time.

Reads a pickle of loads, publishes catalogs and each gateway's first batch, waits for a line on
standard input, publishes the rest, and prints a JSON line with the time from its first publish to
the last ack and its own CPU.
"""

from __future__ import annotations

import json
import pickle
import sys
import threading
import time
from collections import defaultdict
from typing import Any

import orjson
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from benchmarks.district import Load
from campus_wire.batch import decode_batch
from campus_wire.catalog import encode_catalog

_UNACKED_MAX = 3


class Fleet:
    """All gateways on one connection; each has a few batches on their way at a time."""

    def __init__(self, port: int, loads: list[Load]) -> None:
        self._loads = {load.gateway: load for load in loads}
        self._next = dict.fromkeys(self._loads, 0)
        self._unacked: dict[str, set[int]] = defaultdict(set)
        self._lasts = {
            load.gateway: [decode_batch(payload).last for payload in load.payloads]
            for load in loads
        }
        self._left = sum(len(load.payloads) for load in loads)
        self._lock = threading.Lock()
        self._is_started = False
        self.done = threading.Event()
        self.last_ack_s = 0.0
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2)
        self.client.max_inflight_messages_set(2000)
        self.client.on_message = self._on_message
        self.client.connect("127.0.0.1", port)
        self.client.subscribe("campus/1/down/+/ack", 0)
        self.client.loop_start()

    def introduce(self, timeout_s: float) -> None:
        """Publish all catalogs, and the first batch of each gateway to warm all caches."""
        for load in self._loads.values():
            topic = f"campus/1/up/{load.gateway}/catalog"
            self.client.publish(topic, encode_catalog(load.catalog), 1, retain=True)
        rest, self._left = self._left - len(self._loads), len(self._loads)
        with self._lock:
            for gateway in self._loads:
                self._publish_next(gateway)
        assert self.done.wait(timeout_s), "the first batches are not acked"
        self.done.clear()
        self._left = rest

    def start(self) -> None:
        """Publish the first batches; acks bring the next ones."""
        self._is_started = True
        # All gateways in turn, as they would publish at the same time.
        for _ in range(_UNACKED_MAX):
            for gateway in self._loads:
                with self._lock:
                    self._publish_next(gateway)

    def _publish_next(self, gateway: str) -> None:
        index = self._next[gateway]
        load = self._loads[gateway]
        if index >= len(load.payloads):
            return
        self._next[gateway] = index + 1
        self._unacked[gateway].add(self._lasts[gateway][index])
        self.client.publish(f"campus/1/up/{gateway}/batch", load.payloads[index], 1)

    def _on_message(self, _client: Any, _data: Any, message: mqtt.MQTTMessage) -> None:
        gateway = message.topic.split("/")[3]
        ack = orjson.loads(message.payload)
        with self._lock:
            unacked = self._unacked[gateway]
            for one in ack.get("stored", ()):
                done = {last for last in unacked if one["first"] <= last <= one["last"]}
                unacked -= done
                self._left -= len(done)
                for _ in done if self._is_started else ():
                    self._publish_next(gateway)
        if not self._left:
            self.last_ack_s = time.perf_counter()
            self.done.set()


def main() -> None:
    port, path = int(sys.argv[1]), sys.argv[2]
    with open(path, "rb") as file:  # noqa: PTH123
        loads: list[Load] = pickle.load(file)
    fleet = Fleet(port, loads)
    fleet.introduce(float(sys.argv[3]))
    print("ready", flush=True)
    sys.stdin.readline()
    started_s, cpu_s = time.perf_counter(), time.process_time()
    fleet.start()
    is_done = fleet.done.wait(timeout=float(sys.argv[3]))
    took_s = (fleet.last_ack_s if is_done else time.perf_counter()) - started_s
    print(
        json.dumps({"took_s": took_s, "cpu_s": time.process_time() - cpu_s, "complete": is_done}),
        flush=True,
    )
    fleet.client.disconnect()


if __name__ == "__main__":
    main()
