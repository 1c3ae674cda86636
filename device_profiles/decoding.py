"""Replies into values.

A `ReplyDecoder` prepares everything that does not depend on the reply: where the bytes of each
value are, one `struct` format for all of them, and the raw bounds within which a value needs no
more than a division. What is outside (markers, ranges, bits, encodings, floats) takes a slower way
of its own, see `conversions`.

A reply that cannot be decoded gives bad values, never an exception.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any, Final, NamedTuple

from campus_wire.quality import Quality
from device_profiles import texts
from device_profiles.conversions import is_unsigned_pattern, step_of
from device_profiles.model import ModbusProfile
from device_profiles.model_location import Defaults, Location
from device_profiles.model_modbus import ModbusPoint
from device_profiles.model_values import Text
from device_profiles.planning import ReadRequest
from device_profiles.reading import Reading, TextReading
from device_profiles.registers import Kind, kind, struct_code, value_positions

__all__ = ["Columns", "Reading", "ReplyDecoder", "TextReading", "decode_reply"]

Columns = tuple[list[float | None], tuple[Quality, ...]]
"""Values and their qualities, in the order of the request's points."""

_BITS: Final = {True, False}  # equal to 1 and 0, with the same hashes
_REFUSED: Final = (struct.error, TypeError, ValueError, LookupError)


class ReplyDecoder:
    """Decodes the replies to one request. Make it once, call `decode` for every reply.

    `points` are those that are numbers, `text_points` the others. A point with `scale_factor`,
    `multiplier` or `divisor` has here its value before these; `combining` applies them.

    Args:
        profile: of the device that answers.
        request: from `plan_reads` with that profile.
    """

    def __init__(self, profile: ModbusProfile, request: ReadRequest) -> None:
        defaults = profile.modbus.defaults
        numbers = [point for point in request.points if not point.is_text]
        wordy = [point for point in request.points if point.is_text]
        self.points = tuple(point.name for point in numbers)
        self.text_points = tuple(point.name for point in wordy)
        places = [profile.read_location(point) for point in numbers]
        self._steps = tuple(
            step_of(point, place, defaults) for point, place in zip(numbers, places, strict=True)
        )
        self._good = (Quality.GOOD,) * len(places)
        self._unpack = (
            _bit_reader(request, places)
            if request.table.holds_bits
            else _register_reader(request, places)
        )
        self._texts = tuple(
            _span_of(point, profile.read_location(point), request, defaults) for point in wordy
        )
        self._count = request.count

    def decode(self, raw: Sequence[int]) -> Columns:
        """Return values and qualities, in the order of `points`.

        Args:
            raw: the registers of the reply as numbers from 0 to 65535, or its bits as 0 and 1. Bits
                may be filled up to whole bytes, as they travel. Where there are more or fewer, or
                other things than such numbers, all values are UNDECODABLE.
        """
        try:
            fields = self._unpack(raw)
        except _REFUSED:
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

    def texts(self, raw: Sequence[int]) -> list[TextReading]:
        """Return what the text points say, in the order of `text_points`.

        A reply of another size, or of other things than registers, says nothing. A text of padding
        alone is empty.
        """
        try:
            if len(raw) != self._count:
                return []
            return [TextReading(name, decode(raw[span])) for name, span, decode in self._texts]
        except (*_REFUSED, OverflowError, AttributeError):
            return []

    def _with(self, flaws: list[tuple[int, Quality]]) -> tuple[Quality, ...]:
        qualities = list(self._good)
        for index, quality in flaws:
            qualities[index] = quality
        return tuple(qualities)


def decode_reply(profile: ModbusProfile, request: ReadRequest, raw: Sequence[int]) -> list[Reading]:
    """Decode a single reply; whoever polls keeps a `ReplyDecoder` instead."""
    return ReplyDecoder(profile, request).readings(raw)


class _TextSpan(NamedTuple):
    name: str
    span: slice
    decode: texts.Decode


def _span_of(
    point: ModbusPoint, place: Location, request: ReadRequest, defaults: Defaults
) -> _TextSpan:
    assert point.read is not None, f"{point.name} is not read"
    text = point.read.text or Text()
    first = place.address - request.address
    decode = texts.text_decoder(
        text.form,
        text.encoding or defaults.text_encoding,
        low_byte_first=place.byte_order == "BA",
    )
    return _TextSpan(point.name, slice(first, first + place.count), decode)


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
    picks = [
        2 * (place.address - request.address) + position
        for place in places
        for position in _positions(place)
    ]
    read = struct.Struct(">" + "".join(map(_code, places))).unpack
    unpack = _with_long_numbers(read, places)
    if picks == list(range(2 * request.count)):
        return lambda raw: unpack(pack(*raw))
    if len(picks) < 2:  # itemgetter gives no sequence then
        return lambda raw: unpack(bytes([pack(*raw)[at] for at in picks]))
    pick = itemgetter(*picks)
    return lambda raw: unpack(bytes(pick(pack(*raw))))


def _positions(place: Location) -> tuple[int, ...]:
    """Return where the bytes of a number stand within its registers."""
    if kind(place.data_type) is not Kind.SPAN:
        return value_positions(place.data_type, place.byte_order)
    order = value_positions(place.data_type, place.byte_order)
    return tuple(2 * word + byte for word in range(place.count) for byte in order)


def _code(place: Location) -> str:
    code = struct_code(place.data_type) or f"{len(_positions(place))}s"
    return code.upper() if code in "bhiq" and is_unsigned_pattern(place) else code


def _with_long_numbers(
    unpack: Callable[[bytes], tuple[Any, ...]], places: list[Location]
) -> Callable[[bytes], Sequence[float]]:
    """Return `unpack` with numbers where `struct` knows none of that length and gives bytes."""
    signs = {
        at: kind(place.data_type) is Kind.SIGNED and not is_unsigned_pattern(place)
        for at, place in enumerate(places)
        if not struct_code(place.data_type)
    }
    if not signs:
        return unpack

    def unpack_all(data: bytes) -> Sequence[float]:
        fields = list(unpack(data))
        for at, signed in signs.items():
            fields[at] = int.from_bytes(fields[at], "big", signed=signed)
        return fields

    return unpack_all
