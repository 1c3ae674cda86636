"""Replies into values.

A `ReplyDecoder` prepares everything that does not depend on the reply: where the bytes of each
value are, one `struct` format for all of them, and the raw bounds within which a value needs no
more than a division. What is outside (markers, ranges, bits, floats) takes a slower way of its own.

A reply that cannot be decoded gives bad values, never an exception.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Final, NamedTuple

from campus_wire.quality import Quality
from device_profiles.model import ModbusProfile
from device_profiles.model_modbus import Location, ModbusPoint
from device_profiles.planning import ReadRequest
from device_profiles.reading import Reading
from device_profiles.registers import (
    DataType,
    integer_range,
    is_float,
    positions,
    register_count,
    struct_code,
)
from device_profiles.scaling import (
    EXACT_INT_MAX,
    IDENTITY,
    Bounds,
    Linear,
    shortest_float32,
)

__all__ = ["Columns", "Reading", "ReplyDecoder", "decode_reply"]

Columns = tuple[list[float | None], tuple[Quality, ...]]
"""Values and their qualities, in the order of the request's points."""

Judged = tuple[float | None, Quality]
Convert = Callable[[float], Judged]

_BITS: Final = {True, False}  # equal to 1 and 0, with the same hashes


class _Step(NamedTuple):
    """How one value is finished.

    A raw value from `low` to `high` is good and only divided; others go through `convert`.
    """

    low: int
    high: int
    divisor: int
    convert: Convert


class ReplyDecoder:
    """Decodes the replies to one request. Make it once, call `decode` for every reply.

    Args:
        profile: of the device that answers.
        request: from `plan_reads` with that profile.
    """

    def __init__(self, profile: ModbusProfile, request: ReadRequest) -> None:
        self.points = tuple(point.name for point in request.points)
        places = [profile.read_location(point) for point in request.points]
        self._steps = tuple(map(_step, request.points, places))
        self._good = (Quality.GOOD,) * len(places)
        self._unpack = (
            _bit_reader(request, places)
            if request.table.holds_bits
            else _register_reader(request, places)
        )

    def decode(self, raw: Sequence[int]) -> Columns:
        """Return values and qualities, in the order of `points`.

        Args:
            raw: the registers of the reply as numbers from 0 to 65535, or its bits as 0 and 1. Bits
                may be filled up to whole bytes, as they travel. Where there are more or fewer, or
                other things than such numbers, all values are UNDECODABLE.
        """
        try:
            fields = self._unpack(raw)
        except (struct.error, TypeError, ValueError, LookupError):
            count = len(self.points)
            return [None] * count, (Quality.UNDECODABLE,) * count
        values: list[float | None] = []
        append = values.append
        flaws: list[tuple[int, Quality]] = []
        for field, (low, high, divisor, convert) in zip(fields, self._steps, strict=True):
            if low <= field <= high:
                append(field if divisor == 1 else field / divisor)
            else:
                value, quality = convert(field)
                append(value)
                if quality is not Quality.GOOD:
                    flaws.append((len(values) - 1, quality))
        return values, self._with(flaws) if flaws else self._good

    def readings(self, raw: Sequence[int]) -> list[Reading]:
        """Return what `decode` does, as readings."""
        values, qualities = self.decode(raw)
        return list(map(Reading._make, zip(self.points, values, qualities, strict=True)))

    def _with(self, flaws: list[tuple[int, Quality]]) -> tuple[Quality, ...]:
        qualities = list(self._good)
        for index, quality in flaws:
            qualities[index] = quality
        return tuple(qualities)


def decode_reply(profile: ModbusProfile, request: ReadRequest, raw: Sequence[int]) -> list[Reading]:
    """Decode a single reply; whoever polls keeps a `ReplyDecoder` instead."""
    return ReplyDecoder(profile, request).readings(raw)


Reader = Callable[[Sequence[int]], Sequence[float]]


def _bit_reader(request: ReadRequest, places: list[Location]) -> Reader:
    count = request.count
    filled = -(-count // 8) * 8
    offsets = [place.address - request.address for place in places]

    def read(raw: Sequence[int]) -> Sequence[float]:
        if not count <= len(raw) <= filled:
            raise ValueError("a reply of another size than was asked for")
        bits = [raw[offset] for offset in offsets]
        if not _BITS.issuperset(bits):
            raise ValueError("a bit that is neither 0 nor 1")
        return [int(bit) for bit in bits]

    return read


def _register_reader(request: ReadRequest, places: list[Location]) -> Reader:
    """Return a function that unpacks the raw value of every point from a reply.

    The bytes of all values are picked out in order, the most significant first; values that overlap
    (bits of one register) pick theirs twice.
    """
    pack = struct.Struct(f">{request.count}H").pack
    unpack = struct.Struct(">" + "".join(struct_code(place.data_type) for place in places)).unpack
    picks = [
        2 * (place.address - request.address) + position
        for place in places
        for position in positions(place.byte_order)
    ]
    if picks == list(range(2 * request.count)):
        return lambda raw: unpack(pack(*raw))
    pick = itemgetter(*picks)
    return lambda raw: unpack(bytes(pick(pack(*raw))))


def _step(point: ModbusPoint, place: Location) -> _Step:
    bounds = Bounds.of(point.minimum, point.maximum, frozenset(point.states))
    linear = Linear.of(place.scale, place.offset)
    markers = _markers(point, place)
    if is_float(place.data_type):
        return _Step(1, 0, 1, _float_converter(place.data_type, linear, bounds, markers))
    if place.bit is not None:
        return _Step(1, 0, 1, _bits_converter(place, linear, bounds, markers))
    convert = _integer_converter(linear, bounds, markers)
    low, high = _plain_range(place.data_type, linear, bounds, markers)
    return _Step(low, high, linear.c, convert)


def _markers(point: ModbusPoint, place: Location) -> frozenset[float]:
    """Return the raw values that mean "no value", as the type reads them."""
    given = point.read.nan_value if point.read is not None else ()
    size = 16 * register_count(place.data_type)
    patterns = [value % (1 << size) for value in given]
    if place.data_type is DataType.BOOL:
        return frozenset(patterns)
    code = struct_code(place.data_type)
    return frozenset(
        struct.unpack(f">{code}", pattern.to_bytes(size // 8, "big"))[0] for pattern in patterns
    )


def _plain_range(
    data_type: DataType, linear: Linear, bounds: Bounds, markers: frozenset[float]
) -> tuple[int, int]:
    """Return the raw values that are good and need no more than a division; (1, 0) when none."""
    if linear.a != 1 or linear.b != 0:
        return 1, 0
    low, high = integer_range(data_type)
    low, high = max(low, -EXACT_INT_MAX), min(high, EXACT_INT_MAX)
    low = max(low, math.ceil(linear.raw_of(bounds.minimum)))
    high = min(high, math.floor(linear.raw_of(bounds.maximum)))
    if bounds.states:
        first, last = min(bounds.states), max(bounds.states)
        if linear.c != 1 or len(bounds.states) != last - first + 1:
            return 1, 0
        low, high = max(low, first), min(high, last)
    if any(low <= marker <= high for marker in markers):
        return 1, 0
    return low, high


def _judged(value: float, bounds: Bounds) -> Judged:
    quality = bounds.judge(value)
    return (None if quality is Quality.OUT_OF_RANGE else value), quality


def _integer_converter(linear: Linear, bounds: Bounds, markers: frozenset[float]) -> Convert:
    def convert(raw: float) -> Judged:
        if raw in markers:
            return None, Quality.INVALID_MARKER
        return _judged(linear.of_int(int(raw)), bounds)

    return convert


def _bits_converter(
    place: Location, linear: Linear, bounds: Bounds, markers: frozenset[float]
) -> Convert:
    shift = place.bit or 0
    mask = (1 << place.bit_count) - 1

    def convert(raw: float) -> Judged:
        if raw in markers:
            return None, Quality.INVALID_MARKER
        return _judged(linear.of_int((int(raw) >> shift) & mask), bounds)

    return convert


def _float_converter(
    data_type: DataType, linear: Linear, bounds: Bounds, markers: frozenset[float]
) -> Convert:
    is_short = data_type is DataType.FLOAT32
    is_plain = linear == IDENTITY
    minimum, maximum = bounds.minimum, bounds.maximum
    isfinite = math.isfinite

    def convert(raw: float) -> Judged:
        if not isfinite(raw) or raw in markers:
            return None, Quality.INVALID_MARKER
        value = shortest_float32(raw) if is_short else raw
        if not is_plain:
            value = linear.of_float(value)
        if minimum <= value <= maximum and not bounds.states:
            return value + 0.0, Quality.GOOD  # makes a positive zero of a negative one
        return _judged(value + 0.0, bounds)

    return convert
