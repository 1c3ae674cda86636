"""From the raw number of a point to its value and quality.

`step_of` chooses the shortest way that does what the profile says: most points are integers that
only need a division, and `decoding` does that without any call. What a raw number goes through in
the longest case, and in this order: markers, bits, named numbers, encoding, markers among numbers,
scaling, range.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from campus_wire.quality import Quality
from device_profiles.curves import Scaling, scaling_of
from device_profiles.dates import date_decoder
from device_profiles.encodings import Encoding, decoder
from device_profiles.model_location import Defaults, Location
from device_profiles.model_modbus import ModbusPoint, ModbusRead
from device_profiles.model_point import Point
from device_profiles.model_values import Text, TextEncoding
from device_profiles.registers import DataType, Kind, bit_width, integer_range, kind, struct_code
from device_profiles.scaling import (
    EXACT_INT_MAX,
    IDENTITY,
    Bounds,
    Linear,
    shortest_float16,
    shortest_float32,
)
from device_profiles.texts import number_in, text_decoder

Judged = tuple[float | None, Quality]
Convert = Callable[[float], Judged]

_INVALID: Final[Judged] = (None, Quality.INVALID_MARKER)
_UNDECODABLE: Final[Judged] = (None, Quality.UNDECODABLE)


class Step(NamedTuple):
    """How one value is finished.

    A raw value from `low` to `high` is good and only divided; others go through `convert`.
    """

    low: int
    high: int
    divisor: int
    convert: Convert


def step_of(point: ModbusPoint, place: Location, defaults: Defaults) -> Step:
    """Return how the raw number of a point becomes its value.

    The raw number is the one that `struct_code` unpacks; of types without a code, and of those with
    an encoding of their own, the unsigned one.

    Args:
        point: one that is read, and no text.
        place: where it is read.
        defaults: what the section of the device says.
    """
    read = point.read
    assert read is not None, f"{point.name} is not read"
    bounds = bounds_before_factors(point)
    markers = frozenset(raw_number(place, pattern) for pattern in read.nan_value)
    family = kind(place.data_type)
    if place.data_type is DataType.DATETIME:
        return _by(_date_converter(read, place, defaults.utc_offset_s, bounds, markers))
    scaling = scaling_of(place.scale, place.offset, polynomial=read.polynomial, curve=read.curve)
    if family is Kind.SPAN:
        finish = _float_converter(place.data_type, scaling, bounds, markers, read.nan_number)
        return _by(_text_number_converter(read, place, defaults.text_encoding, finish))
    if family is Kind.FLOAT:
        return _by(_float_converter(place.data_type, scaling, bounds, markers, read.nan_number))
    if isinstance(scaling, Linear) and _is_plain(read, place):
        convert = _integer_converter(scaling, bounds, markers)
        low, high = _plain_range(place.data_type, scaling, bounds, markers)
        return Step(low, high, scaling.c, convert)
    return _by(_coded_converter(read, place, scaling, bounds, markers))


def bounds_of(point: Point) -> Bounds:
    """Return the values a point may have."""
    bounds = Bounds.of(point.minimum, point.maximum, frozenset(point.states))
    if point.counter is None:
        return bounds
    return bounds._replace(
        minimum=max(bounds.minimum, 0.0),
        maximum=min(bounds.maximum, math.nextafter(point.counter.wraps_at, 0.0)),
    )


def bounds_before_factors(point: ModbusPoint) -> Bounds:
    """Return what is checked here: nothing where other points are still to scale the value."""
    if point.read is not None and point.read.factors:
        return Bounds.of(None, None)
    return bounds_of(point)


def is_unsigned_pattern(place: Location) -> bool:
    """Say whether the raw number of a place is the pattern of its bits, without a sign."""
    return place.encoding not in (None, Encoding.TWOS_COMPLEMENT) or place.bit is not None


def raw_number(place: Location, pattern: int) -> float:
    """Return the raw number that is unpacked for a pattern, given as unsigned or signed number."""
    family, data_type = kind(place.data_type), place.data_type
    if family is Kind.FLOAT:
        size = struct.calcsize(struct_code(data_type))
        data = (pattern % (1 << (8 * size))).to_bytes(size, "big")
        return float(struct.unpack(f">{struct_code(data_type)}", data)[0])
    bits = 16 * place.count if family is Kind.SPAN else bit_width(data_type)
    unsigned = pattern % (1 << bits)
    if family is not Kind.SIGNED or is_unsigned_pattern(place):
        return unsigned
    return unsigned - (1 << bits) if unsigned >> (bits - 1) else unsigned


def _is_plain(read: ModbusRead, place: Location) -> bool:
    is_coded = place.encoding not in (None, Encoding.TWOS_COMPLEMENT)
    return place.bit is None and not is_coded and not read.values and not read.nan_number


def _by(convert: Convert) -> Step:
    return Step(1, 0, 1, convert)


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
            return _INVALID
        return _judged(linear.of_int(int(raw)), bounds)

    return convert


def _coded_converter(
    read: ModbusRead, place: Location, scaling: Scaling, bounds: Bounds, markers: frozenset[float]
) -> Convert:
    """Return the long way of whole numbers: bits, named numbers and encodings."""
    shift, mask = place.bit or 0, (1 << place.width) - 1
    number_of = _identity if place.encoding is None else decoder(place.encoding, place.width)
    if kind(place.data_type) is Kind.SIGNED and not is_unsigned_pattern(place):
        number_of = decoder(Encoding.TWOS_COMPLEMENT, place.width)
    named = {value % (mask + 1): _whole(number) for value, number in read.values.items()}
    scales_others = read.other_values == "scaled"
    others = _whole(read.other_values) if isinstance(read.other_values, float) else None
    nan_numbers = frozenset(read.nan_number)

    def convert(raw: float) -> Judged:
        if raw in markers:
            return _INVALID
        pattern = int(raw) >> shift & mask
        if named:
            meant = named.get(pattern, others)
            if meant is not None:
                return _judged(meant, bounds)
            if not scales_others:
                return _UNDECODABLE
        number = number_of(pattern)
        if number is None:
            return _UNDECODABLE
        if number in nan_numbers:
            return _INVALID
        return _judged(scaling.of_int(number), bounds)

    return convert


def _identity(pattern: int) -> int:
    return pattern


def _whole(number: float) -> float:
    """Return a whole number without its point, as states and counts are written."""
    return int(number) if number.is_integer() and abs(number) <= EXACT_INT_MAX else number


_SHORTEST: Final[Mapping[DataType, Callable[[float], float]]] = {
    DataType.FLOAT16: shortest_float16,
    DataType.FLOAT32: shortest_float32,
}


def _float_converter(
    data_type: DataType,
    scaling: Scaling,
    bounds: Bounds,
    markers: frozenset[float],
    nan_numbers: tuple[float, ...],
) -> Convert:
    shortest = _SHORTEST.get(data_type)
    is_plain = scaling == IDENTITY
    minimum, maximum = bounds.minimum, bounds.maximum
    isfinite = math.isfinite

    def convert(raw: float) -> Judged:
        if not isfinite(raw) or raw in markers:
            return _INVALID
        value = raw if shortest is None else shortest(raw)
        if not is_plain:
            value = scaling.of_float(value)
        if minimum <= value <= maximum and not bounds.states:
            return value + 0.0, Quality.GOOD  # makes a positive zero of a negative one
        return _judged(value + 0.0, bounds)

    if not nan_numbers:
        return convert

    def convert_all(raw: float) -> Judged:
        is_marker = isfinite(raw) and (shortest(raw) if shortest else raw) in nan_numbers
        return _INVALID if is_marker else convert(raw)

    return convert_all


def _date_converter(
    read: ModbusRead,
    place: Location,
    utc_offset_s: int,
    bounds: Bounds,
    markers: frozenset[float],
) -> Convert:
    unpack = struct.Struct(f">{place.count}H").unpack
    size = 2 * place.count
    seconds_of = date_decoder(read.fields, utc_offset_s)

    def convert(raw: float) -> Judged:
        if raw in markers:
            return _INVALID
        seconds = seconds_of(unpack(int(raw).to_bytes(size, "big")))
        return _UNDECODABLE if seconds is None else _judged(seconds, bounds)

    return convert


def _text_number_converter(
    read: ModbusRead, place: Location, encoding: TextEncoding, finish: Convert
) -> Convert:
    """Return the way of numbers written as text; blanks alone are no value."""
    unpack = struct.Struct(f">{place.count}H").unpack
    size = 2 * place.count
    text = read.text or Text()
    text_of = text_decoder(text.form, text.encoding or encoding)
    mark = read.decimal or "point"

    def convert(raw: float) -> Judged:
        # the bytes of each register are in order already
        words = text_of(unpack(int(raw).to_bytes(size, "big")))
        if not words:
            return _INVALID
        number = number_in(words, mark)
        return _UNDECODABLE if number is None else finish(number)

    return convert
