"""Helpers of the tests of messages."""

from __future__ import annotations

import json
from typing import Any

from device_profiles.messages import MessageDecoder, Saying
from tests.profiles import build

TOPIC = "base/one"
T0 = 1_790_000_000
NOW_NS = (T0 + 100) * 10**9
T16 = {"fields": [{"name": "t", "data_type": "int16", "scale": 0.1}]}
LPP = {"codec": {"cayenne_lpp": True}}


def say(
    payload: Any, *points: dict[str, Any], on: str = TOPIC, parameters: Any = None, **section: Any
) -> list[Saying]:
    given_points = [
        {"labels": build.LABELS, "name": f"x{number}", **point}
        for number, point in enumerate(points)
    ]
    decoder = MessageDecoder(
        build.mqtt(given_points, **section), {"device": "one", **(parameters or {})}
    )
    sent = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return decoder.say(on, sent, NOW_NS)


def numbers(sayings: list[Saying]) -> list[float | None]:
    return [reading.value for saying in sayings for reading in saying.readings]


def value(payload: Any, read: dict[str, Any], **section: Any) -> float | None:
    [number] = numbers(say(payload, {"read": read}, **section))
    return number


def texts(payload: Any, read: dict[str, Any], **section: Any) -> list[str]:
    point = {"read": {"data_type": "string", **read}}
    return [text.text for saying in say(payload, point, **section) for text in saying.texts]
