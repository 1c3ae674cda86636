"""What given registers or a given message become, with all that a person needs to see (pure).

Used by `campus profiles decode` and `test`, not by polling.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from campus_wire.quality import Quality
from device_profiles.combining import Combiner
from device_profiles.decoding import ReplyDecoder
from device_profiles.errors import MessageRefusedError
from device_profiles.messages import MessageDecoder, topic_parameters
from device_profiles.model import ModbusProfile, MqttProfile
from device_profiles.model_modbus import ModbusPoint
from device_profiles.planning import plan_reads
from device_profiles.reading import Reading
from device_profiles.references import inputs_of
from device_profiles.register_dump import RegisterDump
from device_profiles.resolving import Block, Facts, introduction, resolve
from device_profiles.sunspec_walk import SunSpecWalk


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a Modbus value came from."""

    table: str
    wire_address: int
    printed_address: int
    raw: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Tried:
    """One point's value. None exactly where the quality is bad."""

    point: str
    value: float | None
    quality: Quality
    origin: Origin | None = None
    time_ns: int | None = None
    """What the message says itself; None: when it arrives."""
    is_history: bool = False
    """A record from before."""


@dataclass(frozen=True, slots=True)
class Undecoded:
    """A point of which nothing can be said."""

    point: str
    reason: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was given, decoded."""

    values: tuple[Tried, ...]
    texts: tuple[tuple[str, str, int | None], ...] = ()
    """Point, text, and the time in ns that the message says."""
    undecoded: tuple[Undecoded, ...] = ()
    notes: tuple[str, ...] = ()

    def value_of(self, point: str) -> Tried | None:
        """Return the last value of a point."""
        return next((one for one in reversed(self.values) if one.point == point), None)

    def text_of(self, point: str) -> str | None:
        """Return the last text of a point."""
        return next((one[1] for one in reversed(self.texts) if one[0] == point), None)


def try_registers(profile: ModbusProfile, dump: RegisterDump) -> Outcome:
    """Decode every point whose registers are known, and those made of others.

    What tells variants, counts and SunSpec models apart is taken from the same registers.
    """
    plain, notes = resolved_by(profile, dump)
    known, texts = _read_all(plain, plain.points, dump)
    shown = _combined(plain, known)
    values: list[Tried] = []
    undecoded: list[Undecoded] = []
    for point in plain.points:
        reading = shown.get(point.name)
        if reading is not None and reading.quality is not Quality.NEVER_READ:
            origin = _origin(plain, point, dump)
            values.append(Tried(point.name, reading.value, reading.quality, origin))
        elif point.name not in texts:
            reason = _why_not(plain, point, dump, known)
            if reason:
                undecoded.append(Undecoded(point.name, reason))
    said = tuple((name, text, None) for name, text in texts.items())
    return Outcome(tuple(values), said, tuple(undecoded), tuple(notes))


def resolved_by(profile: ModbusProfile, dump: RegisterDump) -> tuple[ModbusProfile, list[str]]:
    """Return the profile of the very device that these registers are of, and what is not sure."""
    first = introduction(profile)
    if first is None:
        return profile, []
    notes: list[str] = []
    blocks: Mapping[int, Block] = {}
    if first.walks_sunspec and profile.modbus.sunspec is not None:
        walk = SunSpecWalk(profile.modbus.sunspec)
        while (wanted := walk.next()) is not None:
            walk.feed(dump.read(*wanted))
        blocks = walk.blocks
        if not blocks:
            notes.append("no SunSpec models: the registers of their chain are not given")
    begun = resolve(profile, Facts(blocks=blocks))
    selectors = [point for name in first.points if (point := begun.find(name)) is not None]
    known, texts = _read_all(begun, selectors, dump)
    numbers = {name: one.value for name, one in known.items() if one.value is not None}
    missing = [name for name in first.points if name not in numbers and name not in texts]
    if missing:
        notes.append(f"not given, so the base variant is taken: {', '.join(missing)}")
    return resolve(profile, Facts(numbers, texts, blocks)), notes


def _read_all(
    profile: ModbusProfile, points: Iterable[ModbusPoint], dump: RegisterDump
) -> tuple[dict[str, Reading], dict[str, str]]:
    known: dict[str, Reading] = {}
    texts: dict[str, str] = {}
    for point in points:
        if point.read is None:
            continue
        [request] = plan_reads(profile, [point])
        raw = dump.read(request.table, request.address, request.count)
        if raw is None:
            continue
        decoder = ReplyDecoder(profile, request)
        known.update((one.point, one) for one in decoder.readings(raw))
        texts.update((one.point, one.text) for one in decoder.texts(raw))
    return known, texts


def _combined(profile: ModbusProfile, known: dict[str, Reading]) -> dict[str, Reading]:
    numbers = [point for point in profile.points if point.is_readable and not point.is_text]
    combiner = Combiner.of(profile, numbers)
    if combiner is None:
        return known
    return {one.point: one for one in combiner.combine(known)}


def _why_not(
    profile: ModbusProfile, point: ModbusPoint, dump: RegisterDump, known: Mapping[str, Reading]
) -> str:
    """Say what is missing for a point; nothing where none of it was given."""
    if not point.is_readable:
        return ""
    if point.read is not None and point.name not in known:
        place = profile.read_location(point)
        lacking = dump.missing(place.table, place.address, place.count)
        if len(lacking) == place.count:
            return ""
        if not lacking:
            return "holds no readable text"
        return "not given: " + ", ".join(f"{place.table} {at}" for at in lacking)
    inputs = inputs_of(point)
    absent = [name for name in inputs if name not in known]
    if point.read is None and len(absent) == len(inputs):
        return ""
    return f"not given: {', '.join(absent)}"


def _origin(profile: ModbusProfile, point: ModbusPoint, dump: RegisterDump) -> Origin | None:
    if point.read is None:
        return None
    place = profile.read_location(point)
    raw = dump.read(place.table, place.address, place.count) or []
    return origin_of(profile, point, raw)


def origin_of(profile: ModbusProfile, point: ModbusPoint, raw: Sequence[int]) -> Origin:
    """Return where a point's registers stand, both ways of counting."""
    assert point.read is not None
    place = profile.read_location(point)
    return Origin(place.table.value, place.address, point.read.address, tuple(raw))


def try_message(
    profile: MqttProfile,
    topic: str,
    payload: bytes,
    captures: Mapping[str, str] | None = None,
    *,
    now_ns: int | None = None,
) -> Outcome:
    """Decode a message of whichever device its topic names.

    Args:
        profile: of the device.
        topic: the message's.
        payload: the message's.
        captures: what the topic does not tell.
        now_ns: when it is heard: the times in it are only believed near that.

    Raises:
        MessageRefusedError: the topic is none of the profile's, or the payload cannot be read.
        TopicParameterError: a capture is not known from the topic, nor given.
    """
    found = topic_parameters(profile, topic)
    if found is None and not captures:
        raise MessageRefusedError("topic", "is no topic of this profile", place=topic[:200])
    decoder = MessageDecoder(profile, {**(found or {}), **(captures or {})})
    sayings = decoder.say(topic, payload, now_ns)
    values = tuple(
        Tried(one.point, one.value, one.quality, None, saying.time_ns, saying.is_history)
        for saying in sayings
        for one in saying.readings
    )
    texts = tuple(
        (one.point, one.text, saying.time_ns) for saying in sayings for one in saying.texts
    )
    return Outcome(values, texts)
