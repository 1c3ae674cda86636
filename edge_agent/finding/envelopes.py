"""Requests into bytes, and what came back into its parts: RTU, ASCII, TCP (pure).

Stricter clients drop what is not the answer. Here everything is kept, because what is wrong with a
bus shows in it: an echo, another unit's answer, two answers in one, noise.

Sources: MODBUS over Serial Line V1.02, sections 2.5.1 and 2.5.2; Modbus Messaging on TCP/IP V1.0b,
section 3.1.3; Modbus Application Protocol V1.1b3, sections 6 and 7.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

from edge_agent.finding.asks import READ_IDENTIFICATION, Ask
from edge_agent.modbus.crc import crc_of

Envelope = Literal["rtu", "ascii", "tcp"]

EXCEPTION_FLAG: Final = 0x80
_MBAP: Final = struct.Struct(">HHHB")
_UNIT_MAX: Final = 247


class Outcome(StrEnum):
    """What became of one request."""

    ANSWERED = "answered"
    REFUSED = "refused"
    """An exception answer: somebody is there."""
    SILENT = "silent"
    GARBLED = "garbled"
    """Bytes came, but no whole frame with a right checksum."""
    WRONG_UNIT = "wrong_unit"
    """A whole frame of another unit came instead."""
    NOT_CONNECTED = "not_connected"


@dataclass(frozen=True, slots=True)
class Understood:
    """What the bytes that came back are."""

    outcome: Outcome
    pdu: bytes = b""
    code: int = 0
    """Of an exception."""
    other_unit: int | None = None
    echoed: bool = False
    """The request itself came back first: the adapter hears what it sends."""
    extra: bytes = b""
    """What came beside the answer."""


def wrap(envelope: Envelope, ask: Ask, transaction: int = 0) -> bytes:
    """Return the bytes to send."""
    body = bytes([ask.unit]) + ask.pdu
    if envelope == "rtu":
        return body + crc_of(body)
    if envelope == "ascii":
        return b":" + (body + _lrc(body)).hex().upper().encode() + b"\r\n"
    return _MBAP.pack(transaction, 0, len(body), ask.unit) + ask.pdu


def understand(
    envelope: Envelope, ask: Ask, sent: bytes, raw: bytes, *, transaction: int = 0
) -> Understood:
    """Say what the bytes are that came back for a request."""
    echoed = len(raw) >= len(sent) and raw.startswith(sent) and envelope != "tcp"
    data = raw[len(sent) :] if echoed else raw
    if not data:
        return Understood(Outcome.SILENT, echoed=echoed)
    if envelope == "tcp":
        found = _tcp(ask, data, transaction)
    elif envelope == "ascii":
        found = _ascii(ask, data)
    else:
        found = _rtu(ask, data)
    outcome, pdu, other, extra = found
    code = pdu[1] if outcome is Outcome.REFUSED else 0
    return Understood(outcome, pdu, code, other, echoed, extra)


def is_whole(envelope: Envelope, ask: Ask, sent: bytes, raw: bytes, *, transaction: int) -> bool:
    """Say whether the answer is there, so that nothing more needs to be waited for."""
    least = 9 if envelope in ("tcp", "ascii") else 5
    if len(raw) < least:
        return False
    outcome = understand(envelope, ask, sent, raw, transaction=transaction).outcome
    return outcome in (Outcome.ANSWERED, Outcome.REFUSED)


_Found = tuple[Outcome, bytes, int | None, bytes]


def _rtu(ask: Ask, data: bytes) -> _Found:
    frames = list(rtu_frames(data))
    for start, end in frames:
        outcome = _fits(ask, data[start], data[start + 1 : end - 2])
        if outcome is not None:
            return outcome, data[start + 1 : end - 2], None, data[:start] + data[end:]
    for start, end in frames:
        if data[start] != ask.unit:
            return Outcome.WRONG_UNIT, data[start + 1 : end - 2], data[start], b""
    return Outcome.GARBLED, b"", None, data


def rtu_frames(data: bytes) -> list[tuple[int, int]]:
    """Return where whole answers with a right CRC are: start and end, not overlapping."""
    frames: list[tuple[int, int]] = []
    start = 0
    while start + 5 <= len(data):
        size = _rtu_size(data[start:])
        end = start + size
        if size and end <= len(data) and crc_of(data[start : end - 2]) == data[end - 2 : end]:
            frames.append((start, end))
            start = end
        else:
            start += 1
    return frames


def _rtu_size(data: bytes) -> int:
    """Return how long the answer at the start of `data` is with unit and CRC; 0 when it is none."""
    unit, function = data[0], data[1]
    if unit > _UNIT_MAX and unit != 255:
        return 0
    if function & EXCEPTION_FLAG:
        return 5
    if function in (1, 2, 3, 4, 17):
        return 5 + data[2]
    if function == READ_IDENTIFICATION:
        return _identification_size(data)
    return 0


def _identification_size(data: bytes) -> int:
    """Unit, 43, 14, code, conformity, more, next, count, then objects of id, length, text; CRC."""
    if len(data) < 8:
        return 0
    end = 8
    for _ in range(data[7]):
        if len(data) < end + 2:
            return 0
        end += 2 + data[end + 1]
    return end + 2


def _fits(ask: Ask, unit: int, pdu: bytes) -> Outcome | None:
    """Say how an answer fits the request; None when it does not."""
    if unit != ask.unit or len(pdu) < 2:
        return None
    if pdu[0] == ask.function | EXCEPTION_FLAG:
        return Outcome.REFUSED
    if pdu[0] != ask.function:
        return None
    if ask.function in (1, 2, 3, 4) and len(pdu) != ask.reply_bytes:
        return None
    return Outcome.ANSWERED


def _ascii(ask: Ask, data: bytes) -> _Found:
    other: _Found | None = None
    for line in data.split(b":")[1:]:
        text, end, rest = line.partition(b"\r\n")
        try:
            body = bytes.fromhex(text.decode("ascii"))
        except (UnicodeDecodeError, ValueError):
            continue
        if not end or len(body) < 4 or sum(body) & 0xFF:
            continue
        outcome = _fits(ask, body[0], body[1:-1])
        if outcome is not None:
            return outcome, body[1:-1], None, rest
        if body[0] != ask.unit:
            other = (Outcome.WRONG_UNIT, body[1:-1], body[0], b"")
    return other or (Outcome.GARBLED, b"", None, data)


def _tcp(ask: Ask, data: bytes, transaction: int) -> _Found:
    at = 0
    wrong: _Found | None = None
    while at + 8 <= len(data):
        number, protocol, size, unit = _MBAP.unpack_from(data, at)
        end = at + 6 + size
        if protocol or not 2 <= size <= 254 or end > len(data):
            break
        pdu = data[at + 7 : end]
        if number == transaction:
            outcome = _fits(ask, unit, pdu)
            if outcome is not None:
                return outcome, pdu, None, data[end:]
            if unit != ask.unit:
                wrong = (Outcome.WRONG_UNIT, pdu, unit, b"")
        at = end
    return wrong or (Outcome.GARBLED, b"", None, data)


def _lrc(data: bytes) -> bytes:
    return bytes([-sum(data) & 0xFF])
