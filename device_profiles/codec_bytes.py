"""Bytes to documents, as a profile's codec says: fixed fields, records, tag-length-value."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from device_profiles.cayenne_lpp import decode_lpp
from device_profiles.checksums import CHECKS
from device_profiles.errors import MessageRefusedError
from device_profiles.json_path import ABSENT
from device_profiles.model_codec import (
    CODEC_BYTES_MAX,
    Codec,
    CodecField,
    CodecRecords,
    CodecTime,
    CodecValue,
    Tlv,
    TlvEntry,
)
from device_profiles.scaling import Linear, shortest_float32
from device_profiles.timestamps import TimeForm, parse_time

Document = dict[str, Any]
RECORDS_MAX: Final = 256
"""Records of one frame; a frame of `CODEC_BYTES_MAX` bytes could hold more of a byte each."""

_FLOATS: Final = {"float16": "e", "float32": "f", "float64": "d"}


class Frame(NamedTuple):
    """What the bytes of one message say."""

    document: Document
    """What is said now."""
    records: list[tuple[int | None, Document]]
    """Records of their own: time in ns (None: it could not be read), and values."""
    is_history: bool = True
    """Whether all records are from before; else the newest is what is said now, too."""


class BytesDecoder:
    """A codec, prepared once.

    Args:
        codec: of a profile.
    """

    def __init__(self, codec: Codec) -> None:
        self._ports = frozenset(codec.ports)
        self._start = bytes.fromhex(codec.starts_with or "")
        self._lengths = frozenset(codec.length)
        self._check = CHECKS[codec.checksum] if codec.checksum is not None else None
        self._decode = _decoder(codec)

    def decode(self, data: bytes, *, port: int | None, now_ns: int | None) -> Frame | None:
        """Return what a frame says, or None where the codec is not for such frames.

        Raises:
            MessageRefusedError: it is too long (`too_large`), its check does not fit (`checksum`),
                or it holds an unknown record that the profile refuses (`unknown_record`).
        """
        if len(data) > CODEC_BYTES_MAX:
            message = f"{len(data)} bytes, where {CODEC_BYTES_MAX} are allowed"
            raise MessageRefusedError("too_large", message)
        if self._ports and port is not None and port not in self._ports:
            return None
        if self._lengths and len(data) not in self._lengths:
            return None
        if not data.startswith(self._start):
            return None
        return self._decode(data if self._check is None else self._check(data), now_ns)


_Decode = Callable[[bytes, int | None], Frame]


def _decoder(codec: Codec) -> _Decode:
    if codec.cayenne_lpp:
        return lambda data, _: Frame(decode_lpp(data), [])
    if codec.tlv is not None:
        return _TlvDecoder(codec.tlv, codec.byte_order).decode
    fields = _readers(codec.fields, codec.byte_order)
    records = _RecordsDecoder(codec.records, codec.byte_order) if codec.records else None

    def decode(data: bytes, now_ns: int | None) -> Frame:
        found = records.decode(data, now_ns) if records is not None else []
        document = _read_fields(fields, data)
        timeless = [one for time_ns, one in found if time_ns is None]
        if records is not None and not records.has_time and timeless:
            return Frame(document | timeless[-1], [])
        return Frame(document, found, is_history=False)

    return decode


# --- tag-length-value ----------------------------------------------------------------------------


class _Entry(NamedTuple):
    header: bytes
    length: int
    """0: see `length_size` and `is_rest`."""
    length_size: int
    is_rest: bool
    fields: list[_Reader]
    time: _Time | None


class _TlvDecoder:
    def __init__(self, tlv: Tlv, byte_order: str) -> None:
        self._entries = {
            entry.header: entry for entry in (_entry(tlv, one, byte_order) for one in tlv.entries)
        }
        self._header_lengths = sorted({len(header) for header in self._entries}, reverse=True)
        self._skip = tlv.skip
        self._unknown = tlv.unknown
        self._length_size = _LENGTH_SIZES[tlv.length] if tlv.length is not None else 0
        self._length_order = tlv.length_order

    def decode(self, data: bytes, now_ns: int | None) -> Frame:
        frame = Frame({}, [])
        at = self._skip
        while at < len(data):
            entry = self._entry_at(data, at)
            if entry is None:
                at = self._pass_over(data, at)
                continue
            at += len(entry.header)
            length = self._length(entry, data, at)
            at += entry.length_size
            if length < 0 or at + length > len(data):
                break  # half a record: what came before counts
            self._take(entry, data[at : at + length], frame, now_ns)
            at += length
        return frame

    def _entry_at(self, data: bytes, at: int) -> _Entry | None:
        for length in self._header_lengths:
            entry = self._entries.get(data[at : at + length])
            if entry is not None:
                return entry
        return None

    def _pass_over(self, data: bytes, at: int) -> int:
        """Return where to go on after a record that no entry describes."""
        if self._unknown == "refuse":
            message = f"holds a record {data[at : at + 4].hex()}, which the profile does not know"
            raise MessageRefusedError("unknown_record", message)
        if self._unknown == "stop":
            return len(data)
        start = at + self._header_lengths[0]
        end = start + self._length_size
        length = int.from_bytes(data[start:end], _endian(self._length_order))
        return end + length if end <= len(data) else len(data)

    def _length(self, entry: _Entry, data: bytes, at: int) -> int:
        if entry.length_size:
            told = data[at : at + entry.length_size]
            if len(told) < entry.length_size:
                return -1
            return int.from_bytes(told, _endian(self._length_order))
        return len(data) - at if entry.is_rest else entry.length

    @staticmethod
    def _take(entry: _Entry, data: bytes, frame: Frame, now_ns: int | None) -> None:
        found = _read_fields(entry.fields, data)
        if entry.time is None:
            frame.document.update(found)
        elif len(frame.records) < RECORDS_MAX:
            frame.records.append((entry.time.read(data, now_ns), found))


_LENGTH_SIZES: Final = {"uint8": 1, "uint16": 2}


def _entry(tlv: Tlv, entry: TlvEntry, byte_order: str) -> _Entry:
    told = entry.length if entry.length in ("uint8", "uint16") else tlv.length
    if isinstance(entry.length, int) and tlv.length is None:
        told = None
    return _Entry(
        header=bytes.fromhex(entry.header),
        length=entry.fixed_length,
        length_size=_LENGTH_SIZES[str(told)] if told is not None else 0,
        is_rest=entry.length == "rest",
        fields=_readers(entry.all_fields, byte_order),
        time=_Time(entry.time, byte_order) if entry.time is not None else None,
    )


# --- records to the end of the frame -------------------------------------------------------------


class _RecordsDecoder:
    def __init__(self, records: CodecRecords, byte_order: str) -> None:
        self._at = records.at
        self._length = records.length
        self._fields = _readers(records.fields, byte_order)
        self._time = _Time(records.time, byte_order) if records.time is not None else None

    @property
    def has_time(self) -> bool:
        return self._time is not None

    def decode(self, data: bytes, now_ns: int | None) -> list[tuple[int | None, Document]]:
        found: list[tuple[int | None, Document]] = []
        for at in range(self._at, len(data) - self._length + 1, self._length):
            record = data[at : at + self._length]
            time_ns = self._time.read(record, now_ns) if self._time is not None else None
            found.append((time_ns, _read_fields(self._fields, record)))
            if len(found) == RECORDS_MAX:
                break
        return found


# --- single values -------------------------------------------------------------------------------


class _Time:
    def __init__(self, time: CodecTime, byte_order: str) -> None:
        self._reader = _Reader(time, time.byte_order or byte_order)
        self._form = TimeForm(time.format, time.utc_offset)

    def read(self, data: bytes, now_ns: int | None) -> int | None:
        found = self._reader.read(data)
        return None if found is ABSENT else parse_time(found, self._form, now_ns)


class _Reader:
    """Reads one value of a frame."""

    __slots__ = (
        "_at", "_bias", "_bit", "_encoding", "_float", "_is_signed", "_is_text", "_linear",
        "_mask", "_nan", "_order", "_sign_bit", "_size", "_type", "follows", "name", "when",
    )  # fmt: skip

    def __init__(
        self, value: CodecValue, byte_order: str, *, name: str = "", at: int = 0, bit: int = 0
    ) -> None:
        self.name = name
        when = value.when if isinstance(value, CodecField) else None
        self.when = (when.field, frozenset(when.equals)) if when is not None else None
        self.follows = isinstance(value, CodecField) and value.follows
        self._at = value.at + at
        self._size = value.size
        self._type = value.data_type
        self._order = _positions(byte_order, self._size)
        self._encoding = value.encoding or "twos_complement"
        self._is_text = value.data_type in ("string", "hex", "digits")
        self._float = _FLOATS.get(value.data_type)
        has_bits = value.bit is not None
        self._is_signed = value.data_type.startswith("int") and not has_bits
        self._bit = (value.bit or 0) + bit
        self._mask = (1 << value.bit_count) - 1 if has_bits else None
        self._sign_bit = 1 << value.bit_count - 1 if has_bits and value.bit_signed else 0
        self._bias = 1 << max(8 * self._size - 1, 0)
        self._linear = Linear.of(value.scale, value.offset)
        self._nan = frozenset(value.nan_value)

    def span(self, size: int, after: int) -> tuple[int, int]:
        """Return where it begins and ends in a frame of so many bytes, behind the field before."""
        start = self._at
        if self.follows:
            start += after
        elif start < 0:
            start += size
        return start, start + self._size if self._size else size

    def read(self, data: bytes, after: int = 0) -> Any:
        """Return the value, None where it is marked as none, ABSENT where the frame is too short.

        Text comes as text; a number that is none (NaN, decimal digits that are none) as text, too,
        which no point takes for a number.
        """
        start, end = self.span(len(data), after)
        if start < 0 or end > len(data) or start >= end:
            return ABSENT
        raw = data[start:end]
        if self._is_text:
            return _text(self._type, raw)
        travelling = bytes([raw[position] for position in self._order])
        if self._float is not None:
            return self._of_float(struct.unpack(f">{self._float}", travelling)[0])
        number = self._integer(travelling)
        if number is None:
            return f"0x{travelling.hex()}"
        return None if number in self._nan else self._linear.of_int(number)

    def _of_float(self, number: float) -> Any:
        if number in self._nan:
            return None
        if not math.isfinite(number):
            return None
        short = shortest_float32(number) if self._type == "float32" else number
        return self._linear.of_float(short)

    def _integer(self, big_endian: bytes) -> int | None:
        if self._encoding == "bcd":
            digits = big_endian.hex()
            return int(digits) if digits.isdecimal() else None
        number = int.from_bytes(big_endian, "big")
        if self._type == "bool":
            return int(number != 0) if self._mask is None else number >> self._bit & self._mask
        if self._mask is not None:
            number = number >> self._bit & self._mask
            return number - 2 * self._sign_bit if number & self._sign_bit else number
        return self._signed(number)

    def _signed(self, number: int) -> int:
        if self._encoding == "offset_binary":
            return number - self._bias
        if not self._is_signed or number < self._bias:
            return number
        return (
            self._bias - number if self._encoding == "sign_magnitude" else number - 2 * self._bias
        )


def _text(data_type: str, raw: bytes) -> str:
    if data_type == "hex":
        return raw.hex().upper()
    if data_type == "digits":
        return "".join(f"{byte:02d}" for byte in raw)
    return raw.split(b"\0", 1)[0].decode("utf-8", "replace").strip()


def _readers(fields: Sequence[CodecField], byte_order: str) -> list[_Reader]:
    readers = []
    for field in fields:
        order = field.byte_order or byte_order
        step = field.repeat.step if field.repeat is not None else 0
        bit_step = field.repeat.bit_step if field.repeat is not None else 0
        for number, name in enumerate(field.names):
            # one that follows counts from the end of the one before
            at = step - field.size if field.follows and number else number * step
            where = {"at": at, "bit": number * bit_step}
            readers.append(_Reader(field, order, name=name, **where))
    return readers


def _read_fields(fields: list[_Reader], data: bytes) -> Document:
    document: Document = {}
    after = 0
    for reader in fields:
        if reader.when is not None and document.get(reader.when[0]) not in reader.when[1]:
            continue
        found = reader.read(data, after)
        # also where the frame ends before: what follows is then not there either
        after = reader.span(len(data), after)[1]
        if found is not ABSENT:
            document[reader.name] = found
    return document


def _positions(order: str, size: int) -> tuple[int, ...]:
    """Return where the bytes of a value travel, the most significant first."""
    if order == "little":
        return tuple(reversed(range(size)))
    if order == "big" or len(order) != size:
        return tuple(range(size))
    return tuple(order.index(letter) for letter in sorted(order))


def _endian(order: str) -> Any:
    return order
