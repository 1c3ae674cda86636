"""Faults on the wire: one answer's frame becomes what the line really carries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from firmware_sims.faults import Fault, FaultKind
from firmware_sims.modbus.rtu_frame import make_frame
from firmware_sims.signals import noise

Framing = Literal["tcp", "rtu"]
Chunk = tuple[float, bytes]
"""Seconds from the answer's own time, and what goes out then."""

REFUSING = frozenset({FaultKind.SILENCE, FaultKind.EXCEPTION})
"""With these the device does not act on the request at all."""
_BREAKING = frozenset(
    {
        FaultKind.GARBAGE,
        FaultKind.BAD_CRC,
        FaultKind.WRONG_UNIT,
        FaultKind.WRONG_TRANSACTION,
        FaultKind.SHORT_FRAME,
    }
)
_OTHER_UNIT = 0x80
"""Flipped in a unit id it gives one that no demo school has, and never that of a broadcast."""


@dataclass(slots=True)
class Spoilt:
    """What goes out in place of a frame; `broken` names the fault that made it useless."""

    chunks: list[Chunk] = field(default_factory=list)
    broken: str = ""


def spoil(frame: bytes, faults: Mapping[FaultKind, Fault], framing: Framing, salt: int) -> Spoilt:
    """Apply the wire faults of a device to one frame.

    `salt` makes garbage differ from answer to answer, the same in each run.
    """
    spoilt = Spoilt()
    for kind in faults:
        if kind in _BREAKING:
            frame = _broken(frame, kind, framing, salt)
            spoilt.broken = kind.value
    late = faults.get(FaultKind.LATE)
    delay_s = late.value / 1000 if late else 0.0
    slow = faults.get(FaultKind.BYTE_BY_BYTE)
    if slow is None:
        spoilt.chunks = [(delay_s, frame)]
    else:
        pause_s = slow.value / 1000
        spoilt.chunks = [
            (delay_s + index * pause_s, frame[index : index + 1]) for index in range(len(frame))
        ]
    return spoilt


def _broken(frame: bytes, kind: FaultKind, framing: Framing, salt: int) -> bytes:
    if kind is FaultKind.GARBAGE:
        return bytes(int(128 + 127 * noise(salt, index)) for index in range(len(frame)))
    if kind is FaultKind.SHORT_FRAME:
        return frame[: max(1, len(frame) // 2)]
    if framing == "rtu" and kind is FaultKind.WRONG_UNIT:
        # Another unit's answer is a whole frame, so its checksum is right.
        return make_frame(frame[0] ^ _OTHER_UNIT, frame[1:-2])
    spoilt = bytearray(frame)
    if framing == "tcp":
        place = {FaultKind.BAD_CRC: 5, FaultKind.WRONG_UNIT: 6, FaultKind.WRONG_TRANSACTION: 1}
    else:
        place = {FaultKind.BAD_CRC: len(frame) - 1, FaultKind.WRONG_TRANSACTION: 1}
    spoilt[place[kind]] ^= 0x55 if kind is FaultKind.BAD_CRC else 0x01
    return bytes(spoilt)
