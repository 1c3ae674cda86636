"""MQTT payloads, made from a profile's paths with code of their own.

The edge takes a document apart; here one is built. A path such as `sensors[0]["a.b"].value` is read
by a small parser that shares nothing with the profile's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

_STEP = re.compile(r'\["([^"]+)"\]|\[(\d+)\]|([^.\[\]]+)')


@dataclass(frozen=True, slots=True)
class MessagePoint:
    """Where a point's number stands in the messages of its device.

    Args:
        topic: with every place filled.
        path: into the JSON document; None is a payload that is the value alone.
        words: what to send for a number that is a word in this dialect.
        decimals: digits after the point.
    """

    name: str
    topic: str
    path: str | None
    words: Mapping[float, str]
    scale: float = 1.0
    offset: float = 0.0
    decimals: int = 2
    is_boolean: bool = False

    def content(self, number: float | None) -> tuple[object, float | None]:
        """What goes into the payload, and the number that a reader without mistakes gets."""
        if number is None or number != number:  # noqa: PLR0124 - NaN differs from itself
            return None, None
        if self.words:
            nearest = min(self.words, key=lambda one: abs(one - number))
            return _word(self.words[nearest]), nearest
        if self.is_boolean:
            return number >= 0.5, float(number >= 0.5)
        raw = round((number - self.offset) / self.scale, self.decimals)
        shown = round(raw * self.scale + self.offset, 9)
        return (int(raw) if raw == int(raw) else raw), shown


def _word(text: str) -> object:
    """JSON's own words stand without quotation marks."""
    return {"true": True, "false": False}.get(text, text)


def put_at(document: dict[str, object], path: str, value: object) -> None:
    """Put a value into a document, making objects and arrays on the way."""
    steps: list[str | int] = [
        int(index) if index else (quoted or name) for quoted, index, name in _STEP.findall(path)
    ]
    here: object = document
    for step, following in zip(steps, [*steps[1:], None], strict=True):
        fresh: object = value if following is None else ([] if isinstance(following, int) else {})
        here = _enter(here, step, fresh, replace=following is None)


def _enter(here: object, step: str | int, fresh: object, *, replace: bool) -> object:
    if isinstance(here, dict):
        if replace or step not in here:
            here[step] = fresh
        return here[step]
    assert isinstance(here, list)
    assert isinstance(step, int)
    while len(here) <= step:
        here.append(None)
    if replace or here[step] is None:
        here[step] = fresh
    return here[step]


@dataclass(frozen=True, slots=True)
class Message:
    """One message to publish, and what it shows."""

    topic: str
    payload: bytes
    shown: Mapping[str, float | None]


def make_messages(points: list[MessagePoint], numbers: Mapping[str, float | None]) -> list[Message]:
    """The messages that show these numbers: one for each topic."""
    by_topic: dict[str, list[MessagePoint]] = {}
    for point in points:
        by_topic.setdefault(point.topic, []).append(point)
    return [_make_message(topic, group, numbers) for topic, group in by_topic.items()]


def _make_message(
    topic: str, points: list[MessagePoint], numbers: Mapping[str, float | None]
) -> Message:
    document: dict[str, object] = {}
    shown: dict[str, float | None] = {}
    plain: object = None
    for point in points:
        content, shown[point.name] = point.content(numbers[point.name])
        if point.path is None:
            plain = content
        else:
            put_at(document, point.path, content)
    if document:
        text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    else:
        text = plain if isinstance(plain, str) else json.dumps(plain)
    return Message(topic, text.encode(), shown)
