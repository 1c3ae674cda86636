"""What stands in a document, into readings of points: words, numbers, markers, bits, texts."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from campus_wire.limits import TEXT_CHARS_MAX
from campus_wire.quality import Quality
from device_profiles.codec_text import UNREADABLE, number_in_text, plain_number
from device_profiles.json_path import (
    ABSENT,
    ROOT,
    TOPIC,
    Path,
    as_word,
    fill_path,
    look_up,
    parse_path,
)
from device_profiles.message_steps import Run, as_text, prepare_steps
from device_profiles.model_message import Condition, MessageTime
from device_profiles.model_mqtt import MqttPlace, MqttPoint, MqttRead
from device_profiles.reading import Reading, TextReading
from device_profiles.scaling import Bounds, Linear
from device_profiles.timestamps import TimeForm, parse_time

_SIGN_BITS: Final[Mapping[str, int]] = {"int8": 1 << 7, "int16": 1 << 15, "int32": 1 << 31}
_CAN_BE_MARKERS: Final = (str, int, float)
_PLAIN_WORDS: Final[Mapping[str, float]] = {"true": 1, "false": 0}


class Source(NamedTuple):
    """How one point is read from the messages of one kind."""

    point: str
    path: Path | None
    """None: the whole payload, as text."""
    words: Mapping[str, float]
    numbers: Mapping[float, float]
    """What numbers mean that stand among the words."""
    markers: frozenset[object]
    linear: Linear
    bounds: Bounds
    steps: Run | None = None
    conditions: tuple[PreparedCondition, ...] = ()
    decimal: str | None = None
    bits: tuple[int, int] | None = None
    """Lowest bit, and mask."""
    other: float | None = None
    absent: float | None = None
    """The value where the message does not hold the point."""
    is_text: bool = False

    valid_when: tuple[PreparedCondition, ...] = ()
    time: PreparedTime | None = None
    sign_bit: int = 0
    """Of numbers that are sent without their sign."""
    is_mapped: bool = False
    """Whether numbers, or all other words, mean something that the profile says."""


class PreparedCondition(NamedTuple):
    """A condition of one device."""

    path: Path
    words: frozenset[str]
    """Empty: anything may stand there."""
    numbers: frozenset[float]
    present: bool

    def holds(self, document: Any, root: Any) -> bool:
        """Say whether a message fulfils it."""
        found = look_up_from(document, root, self.path)
        if not self.words:
            return (found is not ABSENT) == self.present
        if as_word(found) in self.words:
            return True
        is_number = isinstance(found, int | float) and not isinstance(found, bool)
        return is_number and found in self.numbers


def prepare_conditions(
    conditions: Iterable[Condition], parameters: Mapping[str, str]
) -> tuple[PreparedCondition, ...]:
    """Return the conditions of one device.

    Raises:
        TopicParameterError: a capture is not given.
    """
    return tuple(_condition(one, parameters) for one in conditions)


def _condition(condition: Condition, parameters: Mapping[str, str]) -> PreparedCondition:
    path = fill_path(parse_path(condition.path), parameters)
    # a capture in a word is filled in like one in a path
    words = fill_path(tuple(condition.equals or ()), parameters)
    texts = frozenset(str(word) for word in words)
    numbers = (plain_number(word) for word in texts)
    return PreparedCondition(
        path, texts, frozenset(one for one in numbers if one is not None), condition.present
    )


def prepare_source(
    point: MqttPoint, read: MqttRead, place: MqttPlace, parameters: Mapping[str, str]
) -> Source:
    """Return how a point is read at one of its places.

    Raises:
        TopicParameterError: a capture is not given.
    """
    numbers = {plain_number(word): value for word, value in place.values.items()}
    return Source(
        point=point.name,
        path=None if place.path is None else fill_path(parse_path(place.path), parameters),
        words=place.values or _PLAIN_WORDS,
        numbers={number: value for number, value in numbers.items() if number is not None},
        markers=frozenset(place.nan_value),
        linear=Linear.of(place.scale, place.offset),
        bounds=Bounds.of(point.minimum, point.maximum, frozenset(point.states)),
        steps=prepare_steps(place.steps, parameters) if place.steps else None,
        conditions=prepare_conditions(place.when, parameters),
        decimal=place.decimal,
        bits=None if place.bit is None else (place.bit, (1 << place.bit_count) - 1),
        other=place.other_values,
        absent=read.absent_value,
        is_text=read.data_type == "string",
        valid_when=prepare_conditions(place.valid_when, parameters),
        time=PreparedTime(place.time, parameters) if place.time is not None else None,
        sign_bit=_SIGN_BITS.get(read.data_type, 0),
        is_mapped=place.other_values is not None or any(number is not None for number in numbers),
    )


class PreparedTime:
    """Where and how a message of one device says a time."""

    def __init__(self, time: MessageTime, parameters: Mapping[str, str]) -> None:
        self._paths = [fill_path(parse_path(path), parameters) for path in time.path]
        self._form = TimeForm(time.format, time.utc_offset)

    def read(self, document: Any, root: Any, now_ns: int | None) -> int | None:
        """Return the time that a document says, None where it says none that can be."""
        found = [look_up_from(document, root, path) for path in self._paths]
        if len(found) == 1:
            return parse_time(found[0], self._form, now_ns)
        words = [as_word(one) or "" for one in found]
        return parse_time(" ".join(words), self._form, now_ns)


class Whole(NamedTuple):
    """A message whose topic paths look into; in the place of what the payload holds."""

    payload: Any
    levels: list[str]
    """Of the topic."""


def look_up_from(document: Any, root: Any, path: Path) -> Any:
    """Return what stands at a path of a document; one that begins with `$`, of its message."""
    if path and path[0] in (ROOT, TOPIC):
        whole = root if type(root) is Whole else Whole(root, [])
        return look_up(whole.payload if path[0] == ROOT else whole.levels, path[1:])
    return look_up(document, path)


def says_of_topic(sources: Iterable[Source], conditions: Iterable[PreparedCondition]) -> bool:
    """Say whether any path looks into the topic."""
    paths = [one.path for one in conditions]
    for source in sources:
        paths += [one.path for one in (*source.conditions, *source.valid_when)]
        paths += [source.path] if source.path is not None else []
    return any(path[:1] == (TOPIC,) for path in paths)


def to_reading(source: Source, found: Any) -> Reading:
    """Return the reading of a point for what was found in a message."""
    value, quality = _value(source, found)
    if value is not None:
        quality = source.bounds.judge(value)
        if quality is Quality.OUT_OF_RANGE:
            value = None
    return Reading(source.point, value, quality)


def absent_reading(source: Source) -> Reading | None:
    """Return the reading for a message that leaves the point out, if that means something."""
    if source.absent is None:
        return None
    return Reading(source.point, source.absent, source.bounds.judge(source.absent))


def to_text(source: Source, found: Any) -> TextReading | None:
    """Return what a text point says, one printable line; None where it says nothing."""
    text = as_text(found) if found is not None and found is not UNREADABLE else None
    if text is None:
        return None
    line = "".join([one if one.isprintable() else " " for one in text[:TEXT_CHARS_MAX]]).strip()
    if not line or line in source.markers:
        return None
    return TextReading(source.point, line)


def _value(source: Source, found: Any) -> tuple[float | None, Quality]:
    """Return the number that a piece of a payload stands for."""
    kind = type(found)
    if found is None or (kind in _CAN_BE_MARKERS and found in source.markers):
        return None, Quality.INVALID_MARKER
    word = found if kind is str else ("true" if found else "false") if kind is bool else None
    if word is not None and word in source.words:
        return source.words[word], Quality.GOOD
    number = _number(source, found)
    if source.is_mapped:
        mapped = _mapped(source, word, number)
        if mapped is not None:
            return mapped, Quality.GOOD
    if number is None:
        return None, Quality.UNDECODABLE
    if type(number) is int:
        return source.linear.of_int(number), Quality.GOOD
    return source.linear.of_float(number), Quality.GOOD


def _mapped(source: Source, word: str | None, number: float | None) -> float | None:
    """Return what the profile says that a number, or any other word, means."""
    if number is not None and number in source.numbers:
        return source.numbers[number]
    return source.other if word is not None or number is not None else None


def _number(source: Source, found: Any) -> float | None:
    if type(found) is str:
        found = (
            plain_number(found)
            if source.decimal is None
            else number_in_text(found, source.decimal, {})
        )
    if type(found) is float:
        if not math.isfinite(found):
            return None
    elif type(found) is not int:
        return None
    if source.sign_bit:
        return _signed(found, source.sign_bit)
    return found if source.bits is None else _bits(found, *source.bits)


def _signed(number: float, sign_bit: int) -> int | None:
    """Return a number that was sent without its sign, or with it after all."""
    whole = int(number)
    if whole != number or not -sign_bit <= whole < 2 * sign_bit:
        return None
    return whole - 2 * sign_bit if whole >= sign_bit else whole


def _bits(number: float, lowest: int, mask: int) -> int | None:
    whole = int(number)
    return whole >> lowest & mask if whole == number and whole >= 0 else None
