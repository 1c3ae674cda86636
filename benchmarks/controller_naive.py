"""A controller as one writes it first: a model per reading, a Point per reading, one write a batch.

It speaks the same wire and does less than the product (no dedupe, no state, no delays), so that
what it costs is what its style costs.

    python -m benchmarks.controller_naive BROKER_PORT INFLUXDB_URL DATABASE
"""

from __future__ import annotations

import sys
from typing import Any

import httpx
import orjson
import paho.mqtt.client as mqtt
import zstandard
from influxdb_client.client.write.point import Point
from paho.mqtt.enums import CallbackAPIVersion
from pydantic import BaseModel

_MAGIC = b"\x28\xb5\x2f\xfd"
_LIMITS = (
    ("too-hot", "climate", "temperature", 60, 59),
    ("bad-air", "climate", "co2", 1500, 1400),
    ("ammonia", "gas_detector", "concentration", 45, 40),
    ("overload", "electricity_meter", "current", 63, 60),
)
"""The thresholds of `controller_ingest.RULES`, without delays."""


class Reading(BaseModel):
    """One value of one point of one device."""

    gateway: str
    school: str
    building: str
    area: str
    device: str
    profile: str
    category: str
    point: str
    unit: str
    value: float
    time_ns: int
    seq: int


class NaiveController:
    """Handles each batch on its own, in the client's callback."""

    def __init__(self, port: int, url: str, database: str) -> None:
        self._catalogs: dict[str, dict[str, Any]] = {}
        self._active: dict[tuple[str, str, str], bool] = {}
        self._heard: dict[tuple[str, str], int] = {}
        # InfluxDB before 1.8 has no v2 write API, so the points go to /write as lines.
        self._write = httpx.Client(base_url=url, params={"db": database, "precision": "ns"})
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2)
        self._client.on_connect = self._on_connect
        self._client.on_message = self._on_message
        self._client.connect("127.0.0.1", port)

    def run(self) -> None:
        """Work for ever."""
        self._client.loop_forever()

    def _on_connect(self, client: mqtt.Client, *_rest: Any) -> None:
        client.subscribe([("campus/1/up/+/catalog", 1), ("campus/1/up/+/batch", 1)])
        print("ready", flush=True)

    def _on_message(self, client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        _, _, _, gateway, kind = message.topic.split("/")
        payload = bytes(message.payload)
        if payload.startswith(_MAGIC):
            payload = zstandard.decompress(payload, max_output_size=4 * 1024 * 1024)
        document = orjson.loads(payload)
        if kind == "catalog":
            self._catalogs[gateway] = document["catalog"]
            return
        readings = list(self._readings(gateway, document))
        for reading in readings:
            self._apply_rules(reading)
        lines = "\n".join(_line(one) for one in readings)
        self._write.post("/write", content=lines).raise_for_status()
        ack = {
            "v": 1,
            "epoch": document[1],
            "stored": [{"first": document[2], "last": readings[-1].seq}],
        }
        client.publish(f"campus/1/down/{gateway}/ack", orjson.dumps(ack))

    def _readings(self, gateway: str, document: list[Any]) -> Any:
        catalog = self._catalogs[gateway]
        tick_ns = 1_000_000
        if len(document) > 6:
            tick_ns = document[6].get("tick", tick_ns)
        seq = document[2]
        for points, devices, times, columns, *_ in document[5]:
            device, ticks = 0, document[4]
            for row, (device_step, tick_step) in enumerate(zip(devices, times, strict=True)):
                device += device_step
                ticks += tick_step
                entry = catalog["devices"][device]
                for column, point in enumerate(points):
                    about = catalog["points"][point]
                    yield Reading(
                        gateway=gateway,
                        school=catalog["school"]["id"],
                        building="b1",
                        area=entry["area"],
                        device=entry["id"],
                        profile=entry["profile"],
                        category=entry["category"],
                        point=about["name"],
                        unit=about["unit"],
                        value=columns[column][row],
                        time_ns=ticks * tick_ns,
                        seq=seq,
                    )
                seq += 1

    def _apply_rules(self, reading: Reading) -> None:
        key = (reading.gateway, reading.device)
        self._heard[key] = reading.time_ns
        for name, category, point, limit, release in _LIMITS:
            if reading.category != category or reading.point != point:
                continue
            if reading.value > limit:
                self._active[name, *key] = True
            elif reading.value < release:
                self._active[name, *key] = False


def _line(reading: Reading) -> str:
    point: Any = Point(reading.category)  # type: ignore[no-untyped-call]
    for tag in ("school", "building", "area", "device", "profile"):
        point.tag(tag, getattr(reading, tag))
    point.field(reading.point, reading.value).field("seq", reading.seq).time(reading.time_ns)
    return str(point.to_line_protocol())


if __name__ == "__main__":
    NaiveController(int(sys.argv[1]), sys.argv[2], sys.argv[3]).run()
