"""Frames of bytes by a codec: fixed fields, records, tag-length-value, Cayenne."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from device_profiles.model_codec import Codec, CodecField, CodecTime, Tlv, TlvEntry
from firmware_sims.modbus.rtu_frame import crc16
from firmware_sims.mqtt.cayenne import cayenne_frame
from firmware_sims.mqtt.clock_text import time_raw
from firmware_sims.mqtt.meaning import Raw
from firmware_sims.mqtt.packing import Packing

Order = Literal["little", "big"]
Members = dict[str, Raw]


class FrameNotation:
    """Writes a flat object as the bytes of a codec."""

    def __init__(self, codec: Codec) -> None:
        self._codec = codec
        self._constants = controllers(codec)

    def encode(self, value: object) -> tuple[object, Mapping[str, Raw] | None]:
        """The frame, and what of the members a reader finds in it."""
        members = {**self._constants, **(value if isinstance(value, dict) else {})}
        return encode_frame(self._codec, members)


def controllers(codec: Codec) -> Members:
    """Fields that say which others are there, each saying that the first of them is."""
    lists = [codec.fields]
    if codec.records is not None:
        lists.append(codec.records.fields)
    if codec.tlv is not None:
        lists += [entry.all_fields for entry in codec.tlv.entries]
    wanted: Members = {}
    for one in (field for fields in lists for field in fields):
        if one.when is not None:
            wanted.setdefault(one.when.field, one.when.equals[0])
    return wanted


def encode_frame(codec: Codec, members: Mapping[str, Raw]) -> tuple[bytes, Members]:
    """The frame that shows these members, and what they have become in it."""
    if codec.cayenne_lpp:
        frame, found = cayenne_frame(members)
    elif codec.tlv is not None:
        frame, found = _tlv(codec.tlv, members, codec.byte_order)
        if codec.starts_with is not None:
            frame = bytes.fromhex(codec.starts_with) + frame[len(codec.starts_with) // 2 :]
    else:
        frame, found = _fixed_frame(codec, members)
    return frame + _check(codec.checksum, frame), found


def _check(kind: str | None, frame: bytes) -> bytes:
    if kind == "crc16_modbus":
        return crc16(frame)
    if kind == "sum8":
        return bytes([sum(frame) & 0xFF])
    if kind == "xor8":
        value = 0
        for byte in frame:
            value ^= byte
        return bytes([value])
    return b""


def _fixed_frame(codec: Codec, members: Mapping[str, Raw]) -> tuple[bytes, Members]:
    records = codec.records
    check_size = len(_check(codec.checksum, b""))
    size = codec.length[0] - check_size if codec.length else 0
    ahead = (codec.starts_with and bytes.fromhex(codec.starts_with)) or b""
    if records is None:
        return encode_fields(codec.fields, members, codec.byte_order, size=size, ahead=ahead)
    count = max(1, (size - records.at) // records.length) if size else 1
    head, found = encode_fields(
        codec.fields, members, codec.byte_order, size=records.at, ahead=ahead
    )
    record, more = encode_fields(
        records.fields, members, codec.byte_order, size=records.length, time=records.time
    )
    return head[: records.at] + record * count, found | more


def encode_fields(
    fields: Iterable[CodecField],
    members: Mapping[str, Raw],
    order: Order,
    *,
    size: int = 0,
    ahead: bytes = b"",
    time: CodecTime | None = None,
    time_ns: int | None = None,
) -> tuple[bytes, Members]:
    """A block of fixed fields; those that are not there by their condition are left out.

    Args:
        fields: in the profile's order.
        members: the numbers and texts to show; others are 0.
        order: of bytes, of fields that do not say theirs.
        size: bytes of the block; 0: what the fields take.
        ahead: bytes that it begins with, whatever the fields say.
        time: where the time stands.
        time_ns: the time; None is now, left as 0.
    """
    placed, extent = _placed(fields, members, order)
    whole = size or max(extent, 0 if time is None or time.at < 0 else time.at + time.size)
    data = bytearray(whole)
    taken = bytearray(whole)
    data[: len(ahead)] = ahead
    taken[: len(ahead)] = b"\xff" * len(ahead)
    if time is not None and time_ns is not None:
        _put_time(data, taken, time, time_ns, order)
    for name, at, packing in placed:
        if name in members:
            _put(data, taken, at % whole if at < 0 else at, packing, members[name])
    found = {
        name: _shown(data, at % whole if at < 0 else at, packing, members.get(name))
        for name, at, packing in placed
    }
    return bytes(data), found


_Place = tuple[str, int, Packing]


def _placed(
    fields: Iterable[CodecField], members: Mapping[str, Raw], order: Order
) -> tuple[list[_Place], int]:
    """The fields that are there with their first bytes, and how many bytes they take."""
    placed: list[_Place] = []
    end, extent, tail = 0, 0, 0
    for name, at, one in expanded(fields):
        if one.when is not None and members.get(one.when.field) not in one.when.equals:
            continue
        packing = Packing(one, order)
        size = packing.size or len(packing.text_bytes(members.get(name)))
        first = end + at if one.follows else at
        end = first + size
        extent, tail = (extent, max(tail, -first)) if first < 0 else (max(extent, end), tail)
        placed.append((name, first, packing))
    return placed, extent + tail


def expanded(fields: Iterable[CodecField]) -> Iterable[tuple[str, int, CodecField]]:
    """Every field with its name and first byte, repeated ones written out."""
    for one in fields:
        if one.repeat is None:
            yield one.name, one.at, one
            continue
        for index in range(one.repeat.count):
            name = one.name.replace("{n}", str(one.repeat.first + index))
            bit = None if one.bit is None else one.bit + index * one.repeat.bit_step
            moved = one.model_copy(update={"bit": bit, "repeat": None, "name": name})
            step = one.repeat.step
            if one.follows:  # each is counted from the end of the one before
                step -= Packing(one, "big").size
            yield name, one.at + index * step, moved


def _put(data: bytearray, taken: bytearray, at: int, packing: Packing, given: Raw) -> None:
    """Write a value's bits where nothing was written before."""
    if packing.is_text:
        text = packing.text_bytes(given)
        data[at : at + len(text)] = text
        taken[at : at + len(text)] = b"\xff" * len(text)
        return
    span = slice(at, at + packing.size)
    before, mask = packing.word(bytes(data[span])), packing.word(bytes(taken[span]))
    free = packing.mask & ~mask
    data[span] = packing.ordered(before | packing.pattern(given) & free)
    taken[span] = packing.ordered(mask | packing.mask)


def _put_time(
    data: bytearray, taken: bytearray, time: CodecTime, time_ns: int, order: Order
) -> None:
    packing = Packing(time, order)
    at = time.at % len(data)
    raw = time_raw(time_ns, "unix_s" if time.format == "auto" else time.format, time.utc_offset)
    _put(data, taken, at, packing, raw)


def _shown(data: bytearray, at: int, packing: Packing, given: Raw) -> Raw:
    if packing.is_text:
        return packing.text_of(packing.text_bytes(given))
    return packing.shown(packing.word(bytes(data[at : at + packing.size])))


def _tlv(tlv: Tlv, members: Mapping[str, Raw], order: Order) -> tuple[bytes, Members]:
    found: Members = {}
    frame = bytes(tlv.skip)
    for entry in sorted(tlv.entries, key=lambda one: one.length == "rest"):
        names = {name for name, _, _ in expanded(entry.all_fields)}
        if entry.time is not None or not (names & set(members)) - set(found):
            continue
        wanted = {name: raw for name, raw in members.items() if name not in found or name in names}
        data, shown = encode_fields(entry.all_fields, wanted, order, size=_entry_size(entry))
        frame += header_of(tlv, entry, len(data)) + data
        found |= {name: raw for name, raw in shown.items() if name in members}
    return frame, found


def _entry_size(entry: TlvEntry) -> int:
    return entry.length if isinstance(entry.length, int) else 0


def header_of(tlv: Tlv, entry: TlvEntry, size: int) -> bytes:
    """What stands before the data of an entry."""
    header = bytes.fromhex(entry.header)
    if tlv.length is not None:
        header += size.to_bytes(2 if tlv.length == "uint16" else 1, tlv.length_order)
    if entry.length in ("uint8", "uint16"):
        header += size.to_bytes(2 if entry.length == "uint16" else 1, "big")
    return header


def history_frame(
    codec: Codec, records: Sequence[tuple[int, Mapping[str, Raw]]]
) -> tuple[bytes, list[Members]] | None:
    """Records of before, each with its time in ns; None where the codec has none.

    Returns the frame, and what each record shows.
    """
    if codec.tlv is None:
        return None
    entry = next((one for one in codec.tlv.entries if one.time is not None), None)
    if entry is None:
        return None
    frame, shown = bytes(codec.tlv.skip), []
    for time_ns, members in records:
        data, found = encode_fields(
            entry.all_fields,
            members,
            codec.byte_order,
            size=_entry_size(entry),
            time=entry.time,
            time_ns=time_ns,
        )
        frame += header_of(codec.tlv, entry, len(data)) + data
        shown.append(found)
    return frame + _check(codec.checksum, frame), shown
