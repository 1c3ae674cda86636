"""Faults on the wire: one answer's frame becomes what the line really carries."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from firmware_sims.faults import Fault, FaultKind
from firmware_sims.signals import noise

Framing = Literal["tcp", "rtu", "ascii"]
Frame = Callable[[int, bytes], bytes]
"""Makes an envelope from unit id and answer."""
Chunk = tuple[float, bytes]
"""Seconds from the answer's own time, and what goes out then."""

_BREAKING = frozenset(
    {
        FaultKind.GARBAGE,
        FaultKind.BAD_CRC,
        FaultKind.WRONG_UNIT,
        FaultKind.WRONG_TRANSACTION,
        FaultKind.SHORT_FRAME,
        FaultKind.LENGTH_LIES,
        FaultKind.WRONG_FUNCTION,
    }
)
_OTHER_UNIT = 0x80
"""Flipped in a unit id it gives one that no demo school has, and never that of a broadcast."""
_NOBODY = 11
_OTHER_FUNCTION = {1: 2, 2: 1, 3: 4, 4: 3, 5: 6, 6: 5, 15: 16, 16: 15}


@dataclass(frozen=True, slots=True)
class Exchange:
    """One answer before it goes out.

    Args:
        unit_id, pdu: the answer.
        request: function and data of what was asked.
        frame: makes its envelope, and that of the request's echo.
        framing: which envelope that is.
        salt: makes garbage differ from answer to answer, the same in each run.
    """

    unit_id: int
    pdu: bytes
    request: bytes
    frame: Frame
    framing: Framing
    salt: int


@dataclass(slots=True)
class Spoilt:
    """What goes out in place of a frame; `broken` names the fault that made it useless."""

    chunks: list[Chunk] = field(default_factory=list)
    broken: str = ""


def spoil(exchange: Exchange, faults: Mapping[FaultKind, Fault]) -> Spoilt:
    """Apply the wire faults of a device to one answer."""
    spoilt = Spoilt()
    frame = exchange.frame(exchange.unit_id, exchange.pdu)
    for kind in faults:
        if kind in _BREAKING:
            frame = _broken(exchange, frame, kind)
            spoilt.broken = kind.value
    if FaultKind.TWICE in faults:
        frame += frame
    if FaultKind.ECHO in faults:
        frame = exchange.frame(exchange.unit_id, exchange.request) + frame
    if FaultKind.NOISE in faults:
        frame = _meaningless(exchange, 1) + frame + _meaningless(exchange, 2)
    late = faults.get(FaultKind.LATE)
    delay_s = late.value / 1000 if late else 0.0
    other = faults.get(FaultKind.SAME_UNIT)
    if other is not None and other.value <= 0:
        frame = _collided(exchange, frame)
        spoilt.broken = FaultKind.SAME_UNIT.value
    spoilt.chunks = _in_pieces(frame, faults, delay_s)
    if other is not None and other.value > 0 and exchange.framing != "tcp":
        spoilt.chunks.append((delay_s + other.value / 1000, _other_answer(exchange)))
    return spoilt


def _in_pieces(frame: bytes, faults: Mapping[FaultKind, Fault], delay_s: float) -> list[Chunk]:
    slow, split = faults.get(FaultKind.BYTE_BY_BYTE), faults.get(FaultKind.SPLIT)
    if slow is not None:
        size, pause_s = 1, slow.value / 1000
    elif split is not None:
        size, pause_s = (len(frame) + 1) // 2, split.value / 1000
    else:
        return [(delay_s, frame)]
    starts = range(0, len(frame), size)
    return [(delay_s + n * pause_s, frame[at : at + size]) for n, at in enumerate(starts)]


def _other_answer(exchange: Exchange) -> bytes:
    """What another device with other numbers says to the same question."""
    pdu = bytearray(exchange.pdu)
    for index in range(2, len(pdu)):
        pdu[index] ^= int(128 + 127 * noise(exchange.salt, index)) | 1
    return exchange.frame(exchange.unit_id, bytes(pdu))


def _collided(exchange: Exchange, frame: bytes) -> bytes:
    """Two drivers on one pair of wires: whoever pulls to 0 wins, here.

    A gateway to TCP sees the wrong checksum and says that nobody answered.
    """
    if exchange.framing == "tcp":
        return exchange.frame(exchange.unit_id, bytes((exchange.pdu[0] | 0x80, _NOBODY)))
    return bytes(a & b for a, b in zip(frame, _other_answer(exchange), strict=False))


def _meaningless(exchange: Exchange, part: int) -> bytes:
    count = 1 + abs(int(23 * noise(exchange.salt, 1000 * part)))
    return bytes(int(128 + 127 * noise(exchange.salt, 1000 * part + n)) for n in range(1, count))


def _broken(exchange: Exchange, frame: bytes, kind: FaultKind) -> bytes:
    unit_id, pdu = exchange.unit_id, exchange.pdu
    if kind is FaultKind.GARBAGE:
        return bytes(int(128 + 127 * noise(exchange.salt, index)) for index in range(len(frame)))
    if kind is FaultKind.SHORT_FRAME:
        return frame[: max(1, len(frame) // 2)]
    if kind is FaultKind.LENGTH_LIES:
        return exchange.frame(unit_id, bytes((pdu[0], pdu[1] ^ 0x02)) + pdu[2:])
    if kind is FaultKind.WRONG_FUNCTION:
        function = _OTHER_FUNCTION.get(pdu[0] & 0x7F, 3) | (pdu[0] & 0x80)
        return exchange.frame(unit_id, bytes((function,)) + pdu[1:])
    if exchange.framing != "tcp" and kind is FaultKind.WRONG_UNIT:
        # Another unit's answer is a whole frame, so its checksum is right.
        return exchange.frame(unit_id ^ _OTHER_UNIT, pdu)
    return _with_wrong_byte(frame, kind, exchange.framing)


def _with_wrong_byte(frame: bytes, kind: FaultKind, framing: Framing) -> bytes:
    spoilt = bytearray(frame)
    if framing == "ascii":  # the checksum's last character, or the function's
        place = -3 if kind is FaultKind.BAD_CRC else 4
        spoilt[place] = ord("0") if spoilt[place] != ord("0") else ord("1")
        return bytes(spoilt)
    if framing == "tcp":
        places = {FaultKind.BAD_CRC: 5, FaultKind.WRONG_UNIT: 6, FaultKind.WRONG_TRANSACTION: 1}
    else:
        places = {FaultKind.BAD_CRC: len(frame) - 1, FaultKind.WRONG_TRANSACTION: 1}
    spoilt[places[kind]] ^= 0x55 if kind is FaultKind.BAD_CRC else 0x01
    return bytes(spoilt)
