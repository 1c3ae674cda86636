"""The messages of a device, made from its profile."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from device_profiles.model import MqttProfile
from device_profiles.model_codec import Codec
from device_profiles.model_message import Condition, MessageShape, MessageTime, Step
from device_profiles.model_mqtt import MqttPoint, MqttRead, MqttSection
from firmware_sims.errors import SchoolError
from firmware_sims.mqtt.clock_text import offset_s
from firmware_sims.mqtt.frames import FrameNotation, controllers
from firmware_sims.mqtt.lorawan import Clock, EnvelopeNotation
from firmware_sims.mqtt.meaning import Meaning, raw_of_word
from firmware_sims.mqtt.notations import format_of, notation_of
from firmware_sims.mqtt.tree import ROOT, At, Hop, Key, Leaf, Node, Through, fill, hops_of
from firmware_sims.mqtt.writer import MessageWriter, Spot, TimeSpot

# What radio sensors print; whole numbers where the unit is small.
_DECIMALS: Mapping[str, int] = {"%": 0, "mV": 0, "": 0, "ppm": 0, "lx": 0, "hPa": 1}
_FRAME_DECIMALS = 9
_WHOLE_NOTATIONS = ("hex_number", "time")
_LEVEL = re.compile(r"\$topic\[(-?\d+)\]")
"""A level of the topic in which something is told."""
_SIGNS = {"int8": 8, "int16": 16, "int32": 32}
_ANY_LEVEL = "1"
_A_DAY_S = 1_767_225_600
_USUAL_DIVISOR = 200.0
_STATUS_PATHS = ("lorawan.battery", "lorawan.margin", "lorawan.external_power")


def message_writers(profile: MqttProfile, places: Mapping[str, str]) -> list[MessageWriter]:
    """All kinds of messages of a device; together they hold every point that can be read.

    Args:
        profile: of the device.
        places: what stands for the captures of topics and paths.

    Raises:
        SchoolError: a topic's capture is not given.
        UnsupportedPointError: a message has a form that is not known here.
    """
    groups: dict[tuple[str, str, bool], list[MqttPoint]] = {}
    for point in profile.points:
        if point.read is not None:
            is_status = (point.read.path or "").startswith(_STATUS_PATHS)
            key = (point.read.message or "", point.read.topic or "", is_status)
            groups.setdefault(key, []).append(point)
    writers = []
    for (name, topic, _), points in groups.items():
        shape, where = _shape(profile.mqtt, name, topic, places)
        writers += [_Drawing(shape, where, places).drawn(one) for one in _by_conditions(points)]
    return writers


def fill_topic(pattern: str, places: Mapping[str, str]) -> str:
    """A topic with `{name}` filled in; a level that may be anything is something.

    Raises:
        SchoolError: a place is not given.
    """
    last = "up" if pattern.endswith("/event/+") else _ANY_LEVEL
    levels = fill(pattern, places).split("/")
    topic = "/".join(last if level == "+" else level for level in levels)
    if "{" in topic:
        raise SchoolError("topic", f"{topic!r} has a place that `topic` does not fill")
    return topic


def _shape(
    section: MqttSection, name: str, topic: str, places: Mapping[str, str]
) -> tuple[MessageShape, str]:
    if topic:
        shape = MessageShape(
            format=section.format, text_encoding=section.text_encoding, time=section.time
        )
        return shape, fill_topic(topic, places)
    kind = section.kind(name) if name else None
    shape = section if kind is None else kind
    if kind is not None and kind.topic is not None:
        return shape, fill_topic(kind.topic, places)
    return shape, own_topic(section, places)


def own_topic(section: MqttSection, places: Mapping[str, str]) -> str:
    """The topic whose captures are given.

    Raises:
        SchoolError: there is none.
    """
    for pattern in section.topics:
        if "{" not in fill(pattern, places):
            return fill_topic(pattern, places)
    return fill_topic(section.topics[0], places)


def _by_conditions(points: Sequence[MqttPoint]) -> Iterable[list[MqttPoint]]:
    """Points that can stand in one message; those without a condition stand in all."""
    groups: dict[str, list[MqttPoint]] = {}
    for point in points:
        assert point.read is not None
        groups.setdefault(repr(point.read.when), []).append(point)
    always = groups.pop("()", [])
    return [[*always, *several] for several in groups.values()] if groups else [always]


class _Drawing:
    """Lays the ways to the points of one kind of message into a tree."""

    def __init__(self, shape: MessageShape, topic: str, places: Mapping[str, str]) -> None:
        self._shape = shape
        self._places = places
        self._clock = Clock()
        self._writer = MessageWriter(topic, shape.text_encoding, self._clock)
        self._outer, self._whole = self._base()
        self._inner = self._whole
        if shape.records is not None:
            self._inner = [*self._whole, *self._path(shape.records.path), At(0)]
            self._inner += [hop for step in shape.records.steps for hop in self._step(step)]

    def drawn(self, points: Sequence[MqttPoint]) -> MessageWriter:
        """The writer with these points in it."""
        writer = self._writer
        for point in points:
            assert point.read is not None
            writer.spots.append(self._spot(point, point.read))
        for point in points:
            assert point.read is not None
            self._conditions((*point.read.when, *point.read.valid_when), self._inner)
            if point.read.time is not None:
                self._time(point.read.time, self._inner)
        self._conditions(self._shape.when, self._whole)
        if self._shape.time is not None:
            self._time(self._shape.time, self._whole)
        records = self._shape.records
        if records is not None and records.time is not None:
            self._time(records.time, self._inner)
        return writer

    def _base(self) -> tuple[list[Hop], list[Hop]]:
        """The ways to the message itself, and to what steps and codec make of it."""
        shape = self._shape
        if shape.envelope is not None:
            notation = EnvelopeNotation(shape.codec, self._places, self._clock)
            hop = Through("envelope", notation)
            return [hop, Key(ROOT)], [hop]
        outer: list[Hop] = []
        notation_ = format_of(shape.format) if shape.format != "sparkplug_b" else None
        if notation_ is not None:
            outer.append(Through(shape.format, notation_))
        inner = [*outer, *(hop for step in shape.steps for hop in self._step(step))]
        if shape.codec is not None:
            inner.append(Through("codec", FrameNotation(shape.codec)))
        return outer, inner

    def _step(self, step: Step) -> list[Hop]:
        if step.path is not None:
            return hops_of(step.path, self._places)
        return [Through(step.model_dump_json(), notation_of(step))]

    def _path(self, path: str | None) -> list[Hop]:
        return [] if path is None else hops_of(path, self._places)

    def _way(self, path: str | None, base: list[Hop]) -> list[Hop]:
        """The whole way to a path, from the payload."""
        if path == ROOT:
            return self._outer if self._shape.format != "json" else []
        if path is not None and path.startswith(f"{ROOT}."):
            return [*self._outer, *self._path(path[len(ROOT) + 1 :])]
        return [*base, *self._path(path)]

    def _spot(self, point: MqttPoint, read: MqttRead) -> Spot:
        steps = [hop for step in read.steps for hop in self._step(step)]
        level = _LEVEL.fullmatch(read.path or "")
        if level is not None:
            leaf = self._writer.level(int(level[1]))
            return Spot(point.name, leaf, meaning_of(point, read, in_frame=False))
        if read.path is None and self._is_plain:
            way: list[Hop] = steps
        else:
            way = [*self._way(read.path, self._inner), *steps]
        leaf = self._at(way)
        if read.data_type == "string":
            return Spot(point.name, leaf, None)
        return Spot(point.name, leaf, self._meaning(point, read, way))

    @property
    def _is_plain(self) -> bool:
        """Whether a point without a path is the payload itself."""
        shape = self._shape
        is_simple = shape.format == "json" and not shape.steps
        return is_simple and shape.envelope is None and shape.codec is None and not shape.records

    def _meaning(self, point: MqttPoint, read: MqttRead, way: Sequence[Hop]) -> Meaning:
        in_frame = self._is_in_frame(way)
        last = next((step.to for step in reversed(read.steps) if step.to), None)
        is_named = bool(way) and isinstance(way[-1], Key | At)
        is_json = is_named and not in_frame and last in (None, "json")
        is_json &= self._shape.format == "json"
        meaning = meaning_of(point, read, in_frame=in_frame)
        if last in _WHOLE_NOTATIONS:
            return replace(meaning, decimals=0)
        is_plain = not (read.values or read.decimal or read.nan_value or read.bit is not None)
        is_plain &= (read.scale, read.offset) == (1, 0)
        return replace(meaning, is_boolean=is_json and is_plain and set(point.states) == {0, 1})

    def _is_in_frame(self, way: Sequence[Hop]) -> bool:
        """Whether the way ends at a field of the codec."""
        codec = self._shape.codec
        if codec is None or len(way) < 2:
            return False
        return isinstance(way[-2], Through) and way[-2].key in ("codec", "envelope")

    def _at(self, way: Sequence[Hop]) -> Leaf:
        return self._writer.root.at(way)

    def _conditions(self, conditions: Iterable[Condition], base: list[Hop]) -> None:
        for one in conditions:
            if not one.present:
                continue
            level = _LEVEL.fullmatch(one.path)
            if level is not None:
                leaf = self._writer.level(int(level[1]))
                leaf.raw = leaf.raw or fill((one.equals or ("x",))[0], self._places)
                continue
            way = self._way(one.path, base)
            if one.equals is not None:
                leaf = self._at(way)
                leaf.raw = raw_of_word(fill(one.equals[0], self._places))
                leaf.is_fixed = True
            elif not self._is_inside(way):
                leaf = self._at(way)
                if leaf.raw is None:
                    leaf.raw = 1

    def _is_inside(self, way: Sequence[Hop]) -> bool:
        here: Node | None = self._writer.root
        for hop in way:
            here = here.children.get(hop) if here is not None else None
        return here is not None

    def _time(self, time: MessageTime, base: list[Hop]) -> None:
        leaves = [self._at(self._way(path, base)) for path in time.path]
        self._writer.times.append(TimeSpot(leaves, time.format, time.utc_offset))


def meaning_of(point: MqttPoint, read: MqttRead, *, in_frame: bool) -> Meaning:
    """What stands for the point's number; a frame rounds by itself."""
    decimals = _DECIMALS.get(point.unit, 2) + (0 if read.scale == 1 else 3)
    return Meaning(
        scale=read.scale,
        offset=read.offset,
        decimals=_FRAME_DECIMALS if in_frame else decimals,
        words=read.values,
        other=read.other_values,
        markers=[one if isinstance(one, str) else _word(one) for one in read.nan_value],
        bit=read.bit,
        bit_count=read.bit_count,
        unsigned_bits=_SIGNS.get(read.data_type),
        decimal=read.decimal,
        unit=point.unit,
    )


def frame_meanings(profile: MqttProfile) -> dict[str, tuple[str, Meaning]]:
    """The points that stand in the frames of the section's codec: field, and what it means."""
    return {
        point.name: (point.read.path, meaning_of(point, point.read, in_frame=True))
        for point in profile.points
        if point.read is not None
        and point.read.path is not None
        and not point.is_text
        and point.read.message is None
    }


def _word(number: float) -> str:
    return repr(int(number)) if number == int(number) else repr(number)


def usual_numbers(profile: MqttProfile) -> dict[str, float]:
    """What points begin with that the shape of the messages decides.

    A point that tells which fields a frame has says that the first of them is there; a moment is
    one that its notation can show whole.
    """
    held: dict[str, float] = {}
    for point in profile.points:
        if point.compute is not None and point.compute.ratio is not None:
            held[point.compute.ratio[1].point] = _USUAL_DIVISOR
        read = point.read
        if read is None or read.data_type == "string":
            continue
        if read.steps and read.steps[-1].to == "time":
            held[point.name] = _A_DAY_S - offset_s(read.steps[-1].utc_offset)
        kind = profile.mqtt.kind(read.message) if read.message else None
        codec: Codec | None = (kind or profile.mqtt).codec
        if codec is not None and read.path is not None:
            wanted = controllers(codec).get(read.path)
            if isinstance(wanted, int | float):
                held[point.name] = wanted * read.scale + read.offset
    return held
