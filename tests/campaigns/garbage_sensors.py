"""Sensors of the garbage campaign that speak good and bad in turn: JSON, LoRaWAN, Sparkplug B.

They have encoders of their own, publish through paho, and write down what they truly said, in the
form of the simulators' truth log. Bad payloads carry `LIE` wherever a number can stand; it is a
plausible temperature that no sensor ever shows, so that no limit of a point catches it.
"""

from __future__ import annotations

import base64
import json
import struct
import threading
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any, Final, Self

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from tests.profiles.sparkplug.google_payload import GooglePayload

Json = dict[str, Any]

LIE: Final = 57.25
PAUSE_S: Final = 0.3
BIRTH_EVERY: Final = 5
"""Sparkplug: after a message out of turn nothing counts until the next birth, and an agent asks for
one at most once a minute."""
_JSON_TOPIC: Final = "zigbee2mqtt/json-1"
_LORA_TOPIC: Final = "application/a1/device/00000000000000aa/event/up"
_SPARKPLUG: Final = "spBv1.0/garbage"
_FLOAT, _INT64 = 9, 4
_LIE: Final = json.dumps({"temperature": LIE, "humidity": LIE, "pressure": 957.25})

BAD_JSON: Final[Sequence[bytes]] = (
    b"",
    b"\x00" * 64,
    _LIE[:-1].encode(),
    _LIE.encode() + b"}",
    _LIE.encode() + _LIE.encode(),
    _LIE.replace(f"{LIE}", "NaN").encode(),
    _LIE.replace(f"{LIE}", "Infinity").encode(),
    _LIE.replace(f"{LIE}", "-Infinity").encode(),
    _LIE.replace(f"{LIE}", "1e400").encode(),
    _LIE.replace(f"{LIE}", "57.25.1").encode(),
    _LIE.replace(f"{LIE}", "0x39").encode(),
    _LIE.replace(f"{LIE}", "9007199254740993").encode(),
    _LIE.replace(f"{LIE}", "true").encode(),
    _LIE.replace(f"{LIE}", "[57.25]").encode(),
    _LIE.replace(f"{LIE}", '{"value": 57.25}').encode(),
    _LIE.replace(f"{LIE}", '"\\ud800"').encode(),
    _LIE.encode("utf-16"),
    '{"temperature": "五十七", "humidity": "五十七"}'.encode("gbk"),
    b"\xff\xfe" + _LIE.encode(),
    ('{"temperature":' * 10_000 + "57.25" + "}" * 10_000).encode(),
    b"[" * 10_000,
    json.dumps([json.loads(_LIE)]).encode(),
    json.dumps(_LIE).encode(),
    zlib.compress(b'{"temperature": 57.25}' + b" " * 1_000_000),
    b'{"temperature": 57.25, "x": "' + b"A" * 1_000_000,
    b"57.25",
)


class Sensors:
    """The three of them, speaking in a thread of their own while used as a context.

    Args:
        port: the broker's.
        log: where the truth goes.
        seed: of the order of what is bad.
    """

    DEVICES: Final = ("json-1", "lora-1", "sparkplug-1")

    def __init__(self, port: int, *, log: Path, seed: int) -> None:
        self.bad = 0
        self.good = 0
        self._random = Random(f"{seed} sensors")
        self._log = log.open("w", encoding="utf-8")
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        self._port = port
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._ends = threading.Event()
        self._is_bad = True
        self._seq = 255
        self._shall_be_born = threading.Event()
        self._shall_be_born.set()
        self._client.on_message = lambda *_: self._shall_be_born.set()
        self._turn = 0

    def __enter__(self) -> Self:
        self._client.connect("127.0.0.1", self._port)
        self._client.subscribe(f"{_SPARKPLUG}/NCMD/n")  # requests for a birth
        self._client.loop_start()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self._thread.join()
        self._client.disconnect()
        self._client.loop_stop()
        self._log.close()

    def behave(self) -> None:
        """Say nothing bad from now on."""
        self._is_bad = False

    def _run(self) -> None:
        speakers: Sequence[Callable[[], None]] = (self._json, self._lora, self._sparkplug)
        while not self._ends.wait(PAUSE_S):
            self._turn += 1
            for speak in speakers:
                speak()
            self._log.flush()

    def _publish(self, topic: str, payload: bytes) -> None:
        self._client.publish(topic, payload, qos=1)

    def _shown(self, device: str, values: Mapping[str, float | None]) -> None:
        self.good += 1
        line = {"t": time.time_ns(), "device": device, "values": values, "how": "mqtt"}
        self._log.write(json.dumps(line) + "\n")

    def _number(self, low: float, high: float, digits: int) -> float:
        while True:
            number = round(self._random.uniform(low, high), digits)
            if abs(number - LIE) > 1:
                return number

    # --- JSON of Zigbee2MQTT -------------------------------------------------------------------

    def _json(self) -> None:
        if self._is_bad:
            self.bad += 1
            self._publish(_JSON_TOPIC, BAD_JSON[self._turn % len(BAD_JSON)])
        values = {
            "temperature": self._number(-30, 80, 2),
            "relative_humidity": self._number(5, 95, 2),
            "air_pressure": self._number(960, 1040, 1),
        }
        names = {"relative_humidity": "humidity", "air_pressure": "pressure"}
        document = {names.get(name, name): value for name, value in values.items()}
        self._shown("json-1", values)
        self._publish(_JSON_TOPIC, json.dumps(document).encode())

    # --- LoRaWAN, the frame of a Milesight EM300-TH in ChirpStack's envelope -------------------

    def _lora(self) -> None:
        if self._is_bad:
            self.bad += 1
            self._publish(_LORA_TOPIC, self._bad_uplink())
        tenths, halves = self._random.randint(-300, 500), self._random.randint(10, 190)
        frame = b"\x03\x67" + struct.pack("<h", tenths) + b"\x04\x68" + bytes([halves])
        shown = {"temperature": tenths / 10, "relative_humidity": halves / 2}
        self._shown("lora-1", shown)
        self._publish(_LORA_TOPIC, self._uplink(base64.b64encode(frame).decode()))

    def _uplink(self, data: str, **more: object) -> bytes:
        document: Json = {
            "deviceInfo": {"devEui": "00000000000000aa", "applicationName": "a1"},
            "devAddr": "00000001",
            "fCnt": self._turn,
            "fPort": 85,
            "data": data,
            **more,
        }
        return json.dumps(document).encode()

    def _bad_uplink(self) -> bytes:
        lie = b"\x03\x67" + struct.pack("<h", round(LIE * 10)) + b"\x04\x68\x72"
        coded = base64.b64encode(lie).decode()
        kinds: Sequence[bytes] = (
            self._uplink(base64.b64encode(lie[:3]).decode()),
            self._uplink(base64.b64encode(b"\x03\x67\x3d").decode()),
            self._uplink(base64.b64encode(b"\xfe" + lie).decode()),
            self._uplink("####" + coded),
            self._uplink(coded[:-1] + "\u4e2d"),
            self._uplink(""),
            self._uplink(coded)[:-1],
            self._uplink(coded).replace(b'"data"', b'"d\xffta"'),
            json.dumps({"fPort": 85, "data": [1, 2, {"x": coded}]}).encode(),
            json.dumps({"fPort": 85, "data": None}).encode(),
            self._random.randbytes(200),
            b"",
        )
        return self._random.choice(kinds)

    # --- Sparkplug B ---------------------------------------------------------------------------

    def _sparkplug(self) -> None:
        number = self._number(-30, 80, 3)
        number = struct.unpack("<f", struct.pack("<f", number))[0]
        if self._shall_be_born.is_set() or self._turn % BIRTH_EVERY == 0:
            self._shall_be_born.clear()
            self._birth(number)
            return
        if self._is_bad:
            self.bad += 1
            self._publish(f"{_SPARKPLUG}/DDATA/n/sparkplug-1", self._bad_sparkplug())
        self._shown("sparkplug-1", {"temperature": number})
        self._publish(f"{_SPARKPLUG}/DDATA/n/sparkplug-1", self._metrics(number))

    def _birth(self, number: float) -> None:
        node = GooglePayload(timestamp=_now_ms(), seq=0)
        node.metrics.add(name="bdSeq", datatype=_INT64, long_value=1)
        self._seq = 0
        self._publish(f"{_SPARKPLUG}/NBIRTH/n", node.SerializeToString())
        self._shown("sparkplug-1", {"temperature": number})
        self._publish(
            f"{_SPARKPLUG}/DBIRTH/n/sparkplug-1",
            self._metrics(number, name="Inputs/Temperature", alias=7),
        )

    def _metrics(self, number: float, **more: object) -> bytes:
        self._seq = (self._seq + 1) % 256
        payload = GooglePayload(timestamp=_now_ms(), seq=self._seq)
        named = {"alias": 7, **more}
        payload.metrics.add(datatype=_FLOAT, float_value=number, timestamp=_now_ms(), **named)
        return bytes(payload.SerializeToString())

    def _bad_sparkplug(self) -> bytes:
        """Cut, altered in its lengths, or noise; never one that another good payload could be."""
        whole = GooglePayload(timestamp=_now_ms(), seq=(self._seq + 1) % 256)
        whole.metrics.add(alias=7, datatype=_FLOAT, float_value=LIE)
        data = bytes(whole.SerializeToString())
        at = data.index(struct.pack("<f", LIE))
        kinds = (
            data[: at + 2],
            data[:at],
            b"\xff" * 12 + data,
            b"\x12\xff\xff\xff\xff\x7f" + data,
            data.replace(b"\x12", b"\x12\x7f", 1),
            b"",
        )
        return self._random.choice(kinds)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def edge_sources(port: int) -> list[Json]:
    """Return the edge's configuration of these sensors."""
    topics: Mapping[str, tuple[str, Json]] = {
        "json-1": ("zigbee2mqtt-xiaomi-weather", {"friendly_name": "json-1"}),
        "lora-1": ("milesight-em300-th", {"application": "a1", "dev_eui": "00000000000000aa"}),
        "sparkplug-1": (
            "garbage-sparkplug",
            {"group": "garbage", "node": "n", "device": "sparkplug-1"},
        ),
    }
    devices = [
        {
            "id": name,
            "profile": profile,
            "topic": topic,
            "area": "r1",
            "name": {"zh": name, "en": name},
            "interval_s": 1,
        }
        for name, (profile, topic) in topics.items()
    ]
    return [{"id": "spoken", "broker": {"host": "127.0.0.1", "port": port}, "devices": devices}]
