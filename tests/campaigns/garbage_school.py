"""The school of the end-to-end garbage campaign, and the plan of its faults, drawn from a seed.

Every kind of line that an edge agent can have, with several devices each. Meters hold numbers that
no other device and no other point has, so that an answer taken for another one is a wrong value;
climate sensors and energy meters live, so that values can be stuck and drift.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Final

Json = dict[str, Any]

GATEWAY: Final = "garbage-gw"
BROKEN_CONNECTION: Final = ("half_open", "deaf", "resets")
"""What a relay in front of an endpoint does; not of the simulators."""
_WIRE: Final[Sequence[tuple[str, float | None]]] = (
    *(("exception", float(code)) for code in range(1, 12)),
    *(("late", delay_ms) for delay_ms in (100.0, 350.0, 500.0, 1200.0)),
    *(("silence", None), ("garbage", None), ("bad_crc", None), ("wrong_unit", None)),
    *(("wrong_transaction", None), ("short_frame", None), ("byte_by_byte", 2.0)),
    *(("busy", 2.0), ("not_ready", 2.0), ("length_lies", None), ("wrong_function", None)),
    *(("twice", None), ("split", 30.0), ("echo", None), ("same_unit", 0.0), ("noise", None)),
)
_NUMBERS: Final = (("stuck", None), ("drift", 0.5), ("invalid", None))
_MESSAGES: Final = (
    *(("silence", None), ("offline", None), ("flood", 1000.0), ("malformed", None)),
    *_NUMBERS,
)
_METER_POINTS: Final[Mapping[str, tuple[int, int, float]]] = {
    "word_1": (1, 65_000, 1.0),
    "word_2": (-32_000, 32_000, 1.0),
    "long_1": (70_000, 4_000_000_000, 1.0),
    "long_2": (-2_000_000_000, 2_000_000_000, 1.0),
    "float_1": (-1_000_000, 1_000_000, 0.125),
    "float_2": (-1_000_000, 1_000_000, 0.125),
    "input_1": (1, 65_000, 1.0),
    "input_2": (1, 65_000, 1.0),
    "input_3": (70_000, 4_000_000_000, 1.0),
    "input_4": (-2_000_000_000, 2_000_000_000, 0.01),
    "input_5": (70_000, 4_000_000_000, 1.0),
    "coil_1": (0, 1, 1.0),
    "coil_2": (0, 1, 1.0),
}
_LINES: Final[Sequence[tuple[str, Json, Sequence[str]]]] = (
    ("tcp", {"transport": "tcp"}, ("meter",)),
    (
        "many-units",
        {"transport": "tcp", "answers_for_missing": True},
        ("meter", "meter", "meter", "meter", "climate", "climate", "energy", "energy"),
    ),
    ("stream-rtu", {"transport": "rtu_over_tcp"}, ("meter", "meter", "climate")),
    ("stream-ascii", {"transport": "ascii_over_tcp"}, ("meter", "climate")),
    ("line-rtu", {"transport": "rtu", "baud_rate": 19_200}, ("meter", "meter", "climate")),
    (
        "line-echo",
        {"transport": "rtu", "baud_rate": 19_200, "echo": True, "foreign_every_s": 0.7},
        ("meter", "climate"),
    ),
    ("line-ascii", {"transport": "ascii", "foreign_every_s": 1.1}, ("meter", "energy")),
)
_PROFILES: Final = {"meter": "garbage-meter", "climate": "xy-md02", "energy": "pzem-016"}


def school(seed: int) -> Json:
    """Return the described school."""
    random = Random(f"{seed} numbers")
    buses: list[Json] = [
        {
            "id": name,
            "modbus": {**link, "timeout_s": 0.3},
            "devices": [
                _device(random, f"{name}-{kind}-{number}", kind)
                for number, kind in enumerate(kinds, start=1)
            ],
        }
        for name, link, kinds in _LINES
    ]
    return {
        "school": {"id": "garbage", "name": {"zh": "试验学校", "en": "Garbage School"}},
        "seed": seed % 2**31,
        "compression": 60,
        "profiles": "profiles",
        "areas": [
            {"id": "b1", "kind": "building", "name": {"zh": "一号楼", "en": "Building 1"}},
            {"id": "r1", "kind": "classroom", "parent": "b1", "name": {"zh": "教室", "en": "Room"}},
        ],
        "gateways": [{"id": GATEWAY, "buses": buses, "mqtt_sources": [_radio()]}],
    }


def _device(random: Random, name: str, kind: str) -> Json:
    device: Json = {
        "id": name,
        "profile": _PROFILES[kind],
        "area": "r1",
        "name": {"zh": name, "en": name},
        "interval_s": 0.5,
    }
    if kind == "meter":
        device["sequence_point"] = "answers"
        device["values"] = {
            point: round(random.randint(low, high) * step, 3)
            for point, (low, high, step) in _METER_POINTS.items()
        }
    return device


def _radio() -> Json:
    return {
        "id": "radio",
        "broker": {"host": "127.0.0.1", "port": 1883},
        "devices": [
            {
                "id": f"radio-{number}",
                "profile": profile,
                "area": "r1",
                "name": {"zh": f"无线{number}", "en": f"Radio {number}"},
                "topic": {"friendly_name": f"radio-{number}"},
                "interval_s": 1,
            }
            for number, profile in enumerate(
                ["zigbee2mqtt-xiaomi-weather"] * 3 + ["z2m-door-contact"], start=1
            )
        ],
    }


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something goes wrong for a while.

    Args:
        place: a device, or a line where its connection is broken.
    """

    at_s: float
    for_s: float
    place: str
    kind: str
    value: float | None


def plan(
    seed: int, document: Json, *, length_s: float, for_s: float, only: Sequence[str] = ()
) -> list[Trouble]:
    """Return all troubles in the order of their beginnings; the same seed gives the same ones.

    Every device has its own row of troubles; rows begin at different kinds, so that the school as
    a whole meets all of them early, and each device when there is time.

    Args:
        length_s: no trouble ends later.
        for_s: how long the longest trouble lasts.
        only: the kinds to have; by default all.
    """
    random = Random(f"{seed} plan")
    found: list[Trouble] = []
    for number, (place, every) in enumerate(_places(document)):
        kinds = [one for one in every if not only or one[0] in only]
        if not kinds:
            continue
        first = number * 5 % len(kinds)
        row = [*kinds[first:], *kinds[:first]]
        found += _row(random, place, row, length_s=length_s, for_s=for_s)
    return sorted(found, key=lambda one: one.at_s)


def _places(document: Json) -> Iterator[tuple[str, list[tuple[str, float | None]]]]:
    [gateway] = document["gateways"]
    for bus in gateway["buses"]:
        for device in bus["devices"]:
            lives = device["profile"] != _PROFILES["meter"]
            yield device["id"], [*_WIRE, *(_NUMBERS if lives else _NUMBERS[2:])]
        if "tcp" in bus["modbus"]["transport"]:
            yield bus["id"], [(kind, None) for kind in BROKEN_CONNECTION]
    for source in gateway["mqtt_sources"]:
        for device in source["devices"]:
            yield device["id"], list(_MESSAGES)


def _row(
    random: Random,
    place: str,
    kinds: Sequence[tuple[str, float | None]],
    *,
    length_s: float,
    for_s: float,
) -> Iterator[Trouble]:
    at_s = random.uniform(0.0, for_s)
    number = 0
    while True:
        kind, value = kinds[number % len(kinds)]
        lasts_s = random.uniform(0.6, 1.0) * for_s
        if at_s + lasts_s > length_s:
            return
        yield Trouble(at_s, lasts_s, place, kind, value)
        pause = random.uniform(1.0, 3.0) if place.count("-") > 1 or "radio" in place else 6.0
        at_s += lasts_s + pause * for_s
        number += 1
