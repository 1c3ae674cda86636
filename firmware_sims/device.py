"""One simulated Modbus device: its numbers, its tables, and what it answers.

Nothing here touches a socket or a clock. A server hands in a request and the time, and sends what
comes back. Answers are kept as long as no number changes, so that being asked again is cheap.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from firmware_sims.faults import Fault, FaultKind, Faults
from firmware_sims.modbus import pdu as protocol
from firmware_sims.modbus.pdu import Request
from firmware_sims.registers import WRITE_SUFFIX, RegisterImage, RegisterPoint, Table
from firmware_sims.signals import Signal
from firmware_sims.truth import values_text

REFRESH_INTERVAL_S = 0.1
KNOWN_REQUESTS_MAX = 256
"""Different requests whose answers are kept; all are forgotten when there are more."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a device says to one request.

    Args:
        pdu: the answer, or empty for none.
        values: the points it shows, as `truth.values_text`, and how many these are.
        written: the points that the request changed, with their numbers.
    """

    pdu: bytes
    values: str = ""
    value_count: int = 0
    written: Mapping[str, float] | None = None


@dataclass(frozen=True, slots=True)
class DeviceLimits:
    """What a device refuses: more registers than it can send, functions it does not know."""

    registers_max: int = protocol.READ_REGISTERS_MAX
    functions: frozenset[int] | None = None


@dataclass(slots=True)
class DeviceParts:
    """What a device is made of.

    Args:
        points: the map.
        signals: live points; the others hold what was put or written.
        initial: numbers of points that are not live, 0 where missing.
        controls: called with number and time (seconds of the run) when a point is written.
        sets: points that follow a written one (`all_relays` sets each relay).
        sequence_point: a point that counts the answers it was part of; each answer is then unlike
            all before, so that loss and repetition can be told from stored values alone.
        forbidden: addresses that must not be read.
    """

    points: Sequence[RegisterPoint]
    signals: Mapping[str, Signal] = field(default_factory=dict)
    initial: Mapping[str, float] = field(default_factory=dict)
    controls: Mapping[str, Callable[[float, float], None]] = field(default_factory=dict)
    sets: Mapping[str, Sequence[str]] = field(default_factory=dict)
    sequence_point: str | None = None
    forbidden: Iterable[tuple[Table, int, int]] = ()
    limits: DeviceLimits = DeviceLimits()
    refresh_interval_s: float = REFRESH_INTERVAL_S


class ModbusDevice:
    """A device with an address on a bus.

    Args:
        device_id: its name in the school and in the truth log.
        unit_id: its address, 1..247.
    """

    def __init__(self, device_id: str, unit_id: int, parts: DeviceParts) -> None:
        self.id = device_id
        self.unit_id = unit_id
        self.faults = Faults()
        self.shown: dict[str, float | None] = {}
        self._parts = parts
        self._points = {point.name: point for point in parts.points}
        self._image = RegisterImage(parts.points, forbidden=parts.forbidden)
        self._answers: dict[bytes, Answer] = {}
        self._covered_by: dict[bytes, list[RegisterPoint]] = {}
        self._signals = dict(parts.signals)
        self._tick = -1
        self._sequence = 0
        for point in parts.points:
            self._put(point, parts.initial.get(point.name, 0.0))

    @property
    def points(self) -> Mapping[str, RegisterPoint]:
        """The map by name."""
        return self._points

    def respond(self, request_pdu: bytes, now_s: float) -> Answer:
        """Answer a request (function code and data, no envelope) at `now_s` seconds of the run."""
        self.refresh(now_s)
        answer = self._answers.get(request_pdu)
        if answer is None:
            answer = self._make_answer(request_pdu, now_s)
        return answer

    def refresh(self, now_s: float) -> None:
        """Take the numbers of this moment, at most once in `refresh_interval_s`."""
        tick = int(now_s / self._parts.refresh_interval_s)
        if tick == self._tick:
            return
        self._tick = tick
        tick_s = tick * self._parts.refresh_interval_s
        for name, signal in self._signals.items():
            self._show(self._points[name], signal.value(tick_s), tick_s)

    def hold(self, name: str, number: float | None) -> None:
        """Let a point hold a number, also one that lives; None lets it live again.

        Raises:
            KeyError: there is no such point.
        """
        point = self._points[name]
        if number is not None:
            self._signals.pop(name, None)
            self._put(point, number)
        elif name in self._parts.signals:
            self._signals[name] = self._parts.signals[name]
            self._forget()

    def begin_fault(self, fault: Fault) -> None:
        """Let a fault begin."""
        self.faults.begin(fault)
        self._forget()

    def end_fault(self, kind: FaultKind | None = None) -> list[FaultKind]:
        """End a fault, or all; return those that were under way."""
        ended = self.faults.end(kind)
        self._forget()
        return ended

    def _forget(self) -> None:
        self._tick = -1
        self._answers.clear()

    def _show(self, point: RegisterPoint, number: float, now_s: float) -> None:
        for fault in self.faults.numbers.values():
            if fault.point not in (None, point.name):
                continue
            if fault.kind is FaultKind.STUCK:
                return
            if fault.kind is FaultKind.INVALID:
                self._put_invalid(point)
                return
            number += fault.value * (now_s - fault.begin_s)
        shown = point.encoding.shown(number)
        if shown != self.shown[point.name]:  # also after a marker, which is shown as None
            self._image.put(point, number)
            self.shown[point.name] = shown
            self._answers.clear()

    def _put(self, point: RegisterPoint, number: float) -> None:
        self._image.put(point, number)
        self.shown[point.name] = point.encoding.shown(number)
        self._answers.clear()

    def _put_invalid(self, point: RegisterPoint) -> None:
        self.shown[point.name] = self._image.put_invalid(point)
        self._answers.clear()

    def _make_answer(self, request_pdu: bytes, now_s: float) -> Answer:
        try:
            request = protocol.parse_request(request_pdu)
            self._check(request)
            if request.is_read:
                return self._read(request, request_pdu)
            return self._write(request, now_s)
        except protocol.RefusedError as refused:
            return Answer(protocol.exception_pdu(request_pdu[0], refused.code))

    def _check(self, request: Request) -> None:
        limits = self._parts.limits
        if limits.functions is not None and request.function not in limits.functions:
            raise protocol.RefusedError(protocol.ILLEGAL_FUNCTION)
        if request.is_register_read and request.count > limits.registers_max:
            raise protocol.RefusedError(protocol.ILLEGAL_VALUE)

    def _read(self, request: Request, request_pdu: bytes) -> Answer:
        covered = self._covered(request, request_pdu)
        counts = any(point.name == self._parts.sequence_point for point in covered)
        if counts:
            self._count_answer()
        data = self._image.read(request.table, request.address, request.count)
        if data is None:
            raise protocol.RefusedError(protocol.ILLEGAL_ADDRESS)
        values = {point.name: self.shown[point.name] for point in covered}
        answer = Answer(protocol.read_pdu(request, data), values_text(values), len(values))
        if not counts:
            self._answers[request_pdu] = answer
        return answer

    def _covered(self, request: Request, request_pdu: bytes) -> list[RegisterPoint]:
        """The points that an answer holds whole."""
        known = self._covered_by.get(request_pdu)
        if known is not None:
            return known
        if len(self._covered_by) >= KNOWN_REQUESTS_MAX:  # somebody tries every address
            self._covered_by.clear()
            self._answers.clear()
        covered = [
            point
            for point in self._parts.points
            if point.table == request.table
            and point.address >= request.address
            and point.end <= request.end
            and point.readable
        ]
        self._covered_by[request_pdu] = covered
        return covered

    def _count_answer(self) -> None:
        assert self._parts.sequence_point is not None
        self._sequence += 1
        self._put(self._points[self._parts.sequence_point], self._sequence)

    def _write(self, request: Request, now_s: float) -> Answer:
        table = request.table
        before = self._image.read(table, request.address, request.count)
        if before is None:
            raise protocol.RefusedError(protocol.ILLEGAL_ADDRESS)
        touched = [
            point
            for point in self._parts.points
            if point.table == table and point.address < request.end and point.end > request.address
        ]
        if not touched or not all(point.writable for point in touched):
            raise protocol.RefusedError(protocol.ILLEGAL_ADDRESS)
        self._image.store(table, request.address, request.data)
        written = {point.name: self._image.get(point) for point in touched}
        if not all(_allowed(point, written[point.name]) for point in touched):
            self._image.store(table, request.address, before)
            raise protocol.RefusedError(protocol.ILLEGAL_VALUE)
        acted = self._act(written, now_s)
        return Answer(protocol.write_pdu(request), written=acted)

    def _act(self, written: Mapping[str, float], now_s: float) -> dict[str, float]:
        acted = {name: x for name, x in written.items() if not name.endswith(WRITE_SUFFIX)}
        for name, number in written.items():
            for follower in self._parts.sets.get(name, ()):
                self._image.put(self._points[follower], number)
                acted[follower] = number
        for name, number in acted.items():
            self.shown[name] = number
            control = self._parts.controls.get(name)
            if control is not None:
                control(number, now_s)
        self._forget()
        self.refresh(now_s)
        return acted


def _allowed(point: RegisterPoint, number: float) -> bool:
    low = point.minimum is None or number >= point.minimum
    return low and (point.maximum is None or number <= point.maximum)
