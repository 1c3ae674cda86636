"""What can go wrong with a device, on the wire and in its numbers.

Wire faults spoil one answer after it was made; number faults spoil what a device measures. Each
runs from a schedule or from a live order, and both ends are in the truth log.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class FaultKind(StrEnum):
    """Every fault that a device can have."""

    SILENCE = "silence"
    """Nothing comes back; for MQTT nothing is published."""
    LATE = "late"
    """The answer comes `value` ms after its time."""
    EXCEPTION = "exception"
    """Every request is answered with exception code `value`."""
    GARBAGE = "garbage"
    """Bytes without meaning come back, as many as the answer had."""
    BAD_CRC = "bad_crc"
    """RTU: the CRC is wrong. TCP has none, so there the length field lies."""
    WRONG_UNIT = "wrong_unit"
    """The answer names another unit."""
    WRONG_TRANSACTION = "wrong_transaction"
    """TCP: the answer names another request. RTU has none, so there the function code is wrong."""
    SHORT_FRAME = "short_frame"
    """The end of the answer is missing."""
    BYTE_BY_BYTE = "byte_by_byte"
    """The answer comes one byte at a time, `value` ms apart. Slow, but right."""
    BUSY = "busy"
    """Every `value` requests are answered with exception 6 (busy), the next one as it should be."""
    NOT_READY = "not_ready"
    """The same with exception 5 (accepted, not yet done)."""
    LENGTH_LIES = "length_lies"
    """The answer's byte count is not that of its bytes; the checksum is right."""
    WRONG_FUNCTION = "wrong_function"
    """The answer is that to another function; the checksum is right."""
    TWICE = "twice"
    """The answer comes two times, in one piece."""
    SPLIT = "split"
    """The answer comes in two pieces, `value` ms apart. Slow, but right."""
    ECHO = "echo"
    """The request comes back in front of the answer."""
    SAME_UNIT = "same_unit"
    """Another device has the same unit id: both answer, the other `value` ms later; 0 is at once,
    and neither can be understood."""
    NOISE = "noise"
    """Bytes without meaning come before the answer and after it, which is right."""
    STUCK = "stuck"
    """The numbers stay as they are."""
    DRIFT = "drift"
    """The numbers wander off by `value` a second."""
    INVALID = "invalid"
    """The device shows its marker for "no reading" (NaN for floats)."""
    FLOOD = "flood"
    """MQTT: `value` messages a second."""
    OFFLINE = "offline"
    """MQTT: nothing is published, and the bridge says that the device is gone."""
    MALFORMED = "malformed"
    """MQTT: payloads that are not what the device's dialect says."""


WIRE_FAULTS = frozenset(
    {
        FaultKind.SILENCE,
        FaultKind.LATE,
        FaultKind.EXCEPTION,
        FaultKind.GARBAGE,
        FaultKind.BAD_CRC,
        FaultKind.WRONG_UNIT,
        FaultKind.WRONG_TRANSACTION,
        FaultKind.SHORT_FRAME,
        FaultKind.BYTE_BY_BYTE,
        FaultKind.BUSY,
        FaultKind.NOT_READY,
        FaultKind.LENGTH_LIES,
        FaultKind.WRONG_FUNCTION,
        FaultKind.TWICE,
        FaultKind.SPLIT,
        FaultKind.ECHO,
        FaultKind.SAME_UNIT,
        FaultKind.NOISE,
    }
)
NUMBER_FAULTS = frozenset({FaultKind.STUCK, FaultKind.DRIFT, FaultKind.INVALID})
MESSAGE_FAULTS = frozenset(
    {FaultKind.SILENCE, FaultKind.OFFLINE, FaultKind.FLOOD, FaultKind.MALFORMED}
)

MODBUS_FAULTS = WIRE_FAULTS | NUMBER_FAULTS
MQTT_FAULTS = MESSAGE_FAULTS | NUMBER_FAULTS

DEFAULT_VALUES: dict[FaultKind, float] = {
    FaultKind.LATE: 800.0,
    FaultKind.EXCEPTION: 4.0,
    FaultKind.BYTE_BY_BYTE: 2.0,
    FaultKind.BUSY: 2.0,
    FaultKind.NOT_READY: 2.0,
    FaultKind.SPLIT: 30.0,
    FaultKind.DRIFT: 0.01,
    FaultKind.FLOOD: 1000.0,
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault under way.

    Args:
        value: ms, code or rate as the kind says.
        begin_s: when it began, in seconds of the run.
        point: for number faults the one point that has it; None is all.
    """

    kind: FaultKind
    value: float = 0.0
    begin_s: float = 0.0
    point: str | None = None


@dataclass(slots=True)
class Faults:
    """The faults of one device: at most one of each kind."""

    wire: dict[FaultKind, Fault] = field(default_factory=dict)
    numbers: dict[FaultKind, Fault] = field(default_factory=dict)

    def begin(self, fault: Fault) -> None:
        """Add a fault, in place of one of its kind."""
        self._group(fault.kind)[fault.kind] = fault

    def end(self, kind: FaultKind | None) -> list[FaultKind]:
        """Remove a fault, or all; return what was there."""
        groups = (self.wire, self.numbers)
        kinds = [k for group in groups for k in group] if kind is None else [kind]
        return [k for k in kinds if self._group(k).pop(k, None) is not None]

    def active(self) -> list[str]:
        """The kinds under way."""
        return [*self.wire, *self.numbers]

    def _group(self, kind: FaultKind) -> dict[FaultKind, Fault]:
        return self.numbers if kind in NUMBER_FAULTS else self.wire
