"""Other gateways' traffic for `alarm_latency`: batches made beforehand, published at their times.

    python -m benchmarks.alarm_load PORT USER PASSWORD GATEWAYS SECONDS

Prints `ready` once everything is made and every catalog is published. Then each gateway sends one
batch a second, spread evenly over it, at the times that the batches carry, until SECONDS are over.
A JSON line says how many values were sent, and how late the sending was at worst.
"""

from __future__ import annotations

import json
import sys
import time

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from benchmarks.district import Load, make_loads
from campus_wire.catalog import encode_catalog

DEVICES = 16
LEAD_S = 3.0
"""Batches carry the times at which they are sent, so they are made for a start in the future."""


def main() -> None:
    port, user, password, gateways, seconds = sys.argv[1:]
    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    client.username_pw_set(user, password)
    client.max_inflight_messages_set(2000)
    client.connect("127.0.0.1", int(port))
    client.loop_start()
    start_s = time.time() + LEAD_S + int(gateways) * int(seconds) * 0.001
    loads = make_loads(
        gateways=int(gateways), devices=DEVICES, batches=int(seconds), start_ns=int(start_s * 1e9)
    )
    for load in loads:
        topic = f"campus/1/up/{load.gateway}/catalog"
        client.publish(topic, encode_catalog(load.catalog), 1, retain=True)
    print("ready", flush=True)
    late_s = send(client, loads, start_s)
    values = sum(load.values for load in loads)
    print(json.dumps({"values": values, "late_s_max": round(late_s, 3)}), flush=True)
    client.disconnect()


def send(client: mqtt.Client, loads: list[Load], start_s: float) -> float:
    """Publish every batch when its last sample is taken; return how late at worst, in seconds."""
    late_s = 0.0
    for tick in range(len(loads[0].payloads)):
        for number, load in enumerate(loads):
            due_s = start_s + tick + 0.1 + number / len(loads)
            wait_s = due_s - time.time()
            if wait_s > 0:
                time.sleep(wait_s)
            late_s = max(late_s, -wait_s)
            client.publish(f"campus/1/up/{load.gateway}/batch", load.payloads[tick], 1)
    return late_s


if __name__ == "__main__":
    main()
