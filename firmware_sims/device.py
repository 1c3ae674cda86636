"""One simulated Modbus device: its numbers, its tables, and what it answers.

Nothing here touches a socket or a clock. A server hands in a request and the time, and sends what
comes back. Answers are kept as long as no number changes, so that being asked again is cheap.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from firmware_sims.derived import exact
from firmware_sims.device_parts import Answer, DeviceLimits, DeviceParts, Temper
from firmware_sims.faults import Fault, FaultKind, Faults
from firmware_sims.guards import Lock, RawWrite, Waiting
from firmware_sims.identity import (
    READ_IDENTIFICATION,
    REPORT_SERVER_ID,
    IdentityRefusedError,
)
from firmware_sims.modbus import pdu as protocol
from firmware_sims.modbus.pdu import Request
from firmware_sims.panel import Panel
from firmware_sims.registers import WRITE_SUFFIX, RegisterImage, RegisterPoint
from firmware_sims.truth import texts_text, values_text

__all__ = ["Answer", "DeviceLimits", "DeviceParts", "ModbusDevice", "Temper"]

KNOWN_REQUESTS_MAX = 256
"""Different requests whose answers are kept; all are forgotten when there are more."""


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
        self.temper = parts.temper
        self._parts = parts
        self._points = {point.name: point for point in parts.points}
        self._image = RegisterImage(parts.points, forbidden=parts.forbidden, extra=parts.extra)
        self._panel = Panel(parts.points, self._image, parts.relations)
        self.shown: dict[str, float | None] = self._panel.shown
        self._answers: dict[bytes, Answer] = {}
        self._covered_by: dict[bytes, list[RegisterPoint]] = {}
        self._signals = dict(parts.signals)
        self._tick = -1
        self._sequence = 0
        self._served: dict[str, float | None] = {}
        self._lock = Lock(parts.lock)
        self._waiting = Waiting()
        self._commands = {raw for point in parts.points for raw in point.then}
        self._watchdog = parts.watchdog.watchdog(self._panel.shown) if parts.watchdog else None
        for preset in parts.preset:
            self._image.store(preset.table, preset.address, preset.data)
        self._begin()

    def _begin(self) -> None:
        """Let every point hold its first number: factors first, and what is computed last."""
        parts = self._parts
        factors = {one.point for many in parts.relations.factors.values() for one in many}
        for point in sorted(parts.points, key=lambda point: point.name not in factors):
            if point.is_text:
                self._panel.put_text(point.name, parts.texts.get(point.name, ""))
            else:
                self._put(point.name, parts.initial.get(point.name, 0.0))
        for name in self._panel.computed:
            if name in parts.initial:
                self._put(name, parts.initial[name])

    @property
    def points(self) -> Mapping[str, RegisterPoint]:
        """The map by name."""
        return self._points

    @property
    def names(self) -> frozenset[str]:
        """The names of all points, also those that stand in no register."""
        return frozenset((*self._points, *self._panel.computed))

    @property
    def texts(self) -> Mapping[str, str]:
        """What text points say."""
        return self._panel.texts

    def respond(self, request_pdu: bytes, now_s: float) -> Answer:
        """Answer a request (function code and data, no envelope) at `now_s` seconds of the run."""
        self.refresh(now_s)
        answer = self._answers.get(request_pdu)
        if answer is None:
            answer = self._make_answer(request_pdu, now_s)
        if self._watchdog is not None:
            self._watchdog.keep(now_s, is_heartbeat=False)
        return answer

    def refresh(self, now_s: float) -> None:
        """Take the numbers of this moment, at most once in `refresh_interval_s`."""
        tick = int(now_s / self._parts.refresh_interval_s)
        if tick == self._tick:
            return
        self._tick = tick
        tick_s = tick * self._parts.refresh_interval_s
        if self._watchdog is not None and (fallback := self._watchdog.fallen(now_s)):
            for name, number in fallback.items():
                self._obey(name, number, now_s)
        for name, signal in self._signals.items():
            self._show(name, signal.value(tick_s), tick_s)

    def hold(self, name: str, number: float | None) -> None:
        """Let a point hold a number, also one that lives; None lets it live again.

        Raises:
            KeyError: there is no such point, or it holds a text.
        """
        if name not in self._panel.computed and self._points[name].is_text:
            raise KeyError(name)
        if number is not None:
            self._signals.pop(name, None)
            self._put(name, number)
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

    def _show(self, name: str, number: float, now_s: float) -> None:
        for fault in self.faults.numbers.values():
            if fault.point not in (None, name):
                continue
            if fault.kind is FaultKind.STUCK:
                return
            if fault.kind is FaultKind.INVALID:
                self._panel.put_invalid(name)
                self._answers.clear()
                return
            number += fault.value * (now_s - fault.begin_s)
        if self._panel.put(name, number):
            self._answers.clear()

    def _put(self, name: str, number: float) -> None:
        self._panel.forget(name)
        self._panel.put(name, number)
        self._answers.clear()

    def _make_answer(self, request_pdu: bytes, now_s: float) -> Answer:
        try:
            if request_pdu[0] in (REPORT_SERVER_ID, READ_IDENTIFICATION):
                return Answer(self._identify(request_pdu))
            request = protocol.parse_request(request_pdu)
            self._check(request)
            if request.is_read:
                return self._read(request, request_pdu)
            return self._write(request, now_s)
        except (protocol.RefusedError, IdentityRefusedError) as refused:
            return Answer(protocol.exception_pdu(request_pdu[0], refused.code))

    def _identify(self, request_pdu: bytes) -> bytes:
        if self._parts.identity is None:
            raise protocol.RefusedError(protocol.ILLEGAL_FUNCTION)
        return self._parts.identity.answer(request_pdu, self.unit_id)

    def _check(self, request: Request) -> None:
        limits = self._parts.limits
        if limits.functions is not None and request.function not in limits.functions:
            raise protocol.RefusedError(protocol.ILLEGAL_FUNCTION)
        if not request.is_read:
            return
        most = limits.registers_max if request.is_register_read else limits.bits_max
        if request.count > most:
            raise protocol.RefusedError(protocol.ILLEGAL_VALUE)
        if limits.whole_fields_only and not any(
            (point.table, point.address, point.count)
            == (request.table, request.address, request.count)
            for point in self._parts.points
        ):
            raise protocol.RefusedError(protocol.ILLEGAL_ADDRESS)

    def _read(self, request: Request, request_pdu: bytes) -> Answer:
        covered = self._covered(request, request_pdu)
        counts = any(point.name == self._parts.sequence_point for point in covered)
        if counts:
            self._count_answer()
        data = self._image.read(request.table, request.address, request.count)
        if data is None:
            raise protocol.RefusedError(protocol.ILLEGAL_ADDRESS)
        values = {point.name: self.shown[point.name] for point in covered if not point.is_text}
        if self._panel.computed:
            # a reader puts together what it got last; the next answer may complete it anew
            self._served |= values
            values |= self._panel.derived_by(values, self._served)
            counts = True
        texts = texts_text({p.name: self._panel.texts[p.name] for p in covered if p.is_text})
        answer = Answer(
            protocol.read_pdu(request, data), values_text(values), len(values), texts=texts
        )
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
            and point.page in (None, self._image.page)
            and point.readable
        ]
        self._covered_by[request_pdu] = covered
        return covered

    def _count_answer(self) -> None:
        assert self._parts.sequence_point is not None
        self._sequence += 1
        self._put(self._parts.sequence_point, self._sequence)

    # --- writing -------------------------------------------------------------------------------

    def _write(self, request: Request, now_s: float) -> Answer:
        touched = self._touched(request)
        raw = RawWrite(request.table, request.address, request.data)
        held = {point.name: self.shown[point.name] for point in touched if point.then}
        if request.is_odd_coil:
            written = self._write_word(request, touched, raw, now_s)
        else:
            written = self._write_data(request, touched, now_s)
        self._lock.notice(raw, now_s)
        taken = self._waiting.notice(raw, now_s)
        for name in held.keys() & written.keys():
            # nothing changes before the command that must follow
            self._waiting.add(name, written.pop(name), self._points[name].then)
            self._put(name, held[name] or 0.0)
        for name, number in taken.items():
            self._put(name, number)
        written |= taken
        if self._watchdog is not None and self._is_heartbeat(request):
            self._watchdog.keep(now_s, is_heartbeat=True)
        return Answer(protocol.write_pdu(request), written=self._act(written, now_s))

    def _is_heartbeat(self, request: Request) -> bool:
        beat = self._parts.heartbeat
        return beat is not None and (request.table, request.address) == beat

    def _touched(self, request: Request) -> list[RegisterPoint]:
        return [
            point
            for point in self._parts.points
            if point.table == request.table
            and point.address < request.end
            and point.end > request.address
            and point.page in (None, self._image.page)
        ]

    def _write_data(
        self, request: Request, touched: Sequence[RegisterPoint], now_s: float
    ) -> dict[str, float]:
        before = self._image.read(request.table, request.address, request.count)
        writable = [point for point in touched if point.writable]
        taken = {at for point in writable for at in range(point.address, point.end)}
        if before is None or not taken.issuperset(range(request.address, request.end)):
            raise protocol.RefusedError(protocol.ILLEGAL_ADDRESS)
        self._check_lock(writable, now_s)
        numbers = {point.name: self._image.get(point) for point in writable}
        self._image.store(request.table, request.address, request.data)
        written = {point.name: self._image.get(point) for point in writable}
        for point in writable:
            number = written[point.name]
            # bits beside those that were meant come back as they were
            unchanged = point.shares_registers and number == numbers[point.name]
            if not unchanged and not _allowed(point, self._in_unit(point.name, number)):
                self._image.store(request.table, request.address, before)
                raise protocol.RefusedError(protocol.ILLEGAL_VALUE)
        self._panel.take(point.name for point in touched)
        return {
            name: self._in_unit(name, number)
            for name, number in written.items()
            if not self._points[name].is_text
        }

    def _in_unit(self, name: str, number: float) -> float:
        factor = self._panel.factor(name)
        return number if factor is None else float(exact(number) * factor)

    def _check_lock(self, writable: Sequence[RegisterPoint], now_s: float) -> None:
        if not any(point.is_locked for point in writable):
            return
        if not self._lock.is_open(now_s):
            raise protocol.RefusedError(protocol.ILLEGAL_VALUE)
        self._lock.close()

    def _write_word(
        self, request: Request, touched: Sequence[RegisterPoint], raw: RawWrite, now_s: float
    ) -> dict[str, float]:
        """Function 5 with a word of the maker's own: what it means, or that the lock wants it."""
        word = int.from_bytes(request.data, "big")
        meant = [
            (point, number)
            for point in touched
            if point.writable
            for known, number in point.words
            if known == word
        ]
        if not meant:
            if raw in self._parts.lock or raw in self._commands:
                return {}
            raise protocol.RefusedError(protocol.ILLEGAL_VALUE)
        point, number = meant[0]
        self._check_lock([point], now_s)
        if number in (0, 1):
            self._put(point.name, number)
        else:  # neither on nor off: the boards that know such a word change over
            self._put(point.name, 0.0 if self.shown[point.name] else 1.0)
        return {point.name: number}

    def _act(self, written: Mapping[str, float], now_s: float) -> dict[str, float]:
        acted = {name: x for name, x in written.items() if not name.endswith(WRITE_SUFFIX)}
        for name, number in written.items():
            for follower in self._parts.sets.get(name, ()):
                state = self.shown[name] if name in acted else number
                self._put(follower, number if state is None else state)
                acted[follower] = number
        page_point = self._parts.page_point
        if page_point is not None and page_point in written:
            self._image.page = int(written[page_point])
            self._covered_by.clear()
        for name, number in acted.items():
            control = self._parts.controls.get(name)
            if control is not None:
                control(number, now_s)
        self._forget()
        self.refresh(now_s)
        return acted

    def _obey(self, name: str, number: float, now_s: float) -> None:
        """Take a number as if it had been written."""
        self._put(name, number)
        control = self._parts.controls.get(name)
        if control is not None:
            control(number, now_s)


def _allowed(point: RegisterPoint, number: float) -> bool:
    low = point.minimum is None or number >= point.minimum
    return low and (point.maximum is None or number <= point.maximum)
