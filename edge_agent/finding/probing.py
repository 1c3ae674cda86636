"""Reading one device for a person to look at, with reading requests only."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from device_profiles.model import ModbusProfile
from device_profiles.model_modbus import ModbusPoint
from device_profiles.planning import plan_reads
from device_profiles.register_dump import RegisterDump
from device_profiles.resolving import introduction
from device_profiles.sunspec_walk import SunSpecWalk
from device_profiles.trying import Outcome, resolved_by, try_registers
from edge_agent.finding.asks import Ask, read_ask
from edge_agent.finding.envelopes import Outcome as Answer
from edge_agent.finding.fingerprint import words_of
from edge_agent.finding.line import Exchange, Line
from edge_agent.finding.matching import Wanted

_SILENCES_MAX = 2
"""So many unanswered requests in a row, and the rest is not tried."""


@dataclass(slots=True)
class ProbeResult:
    """What a device said."""

    outcome: Outcome
    failures: dict[str, str] = field(default_factory=dict)
    """Why points have no value, by their names."""
    first_byte_s: float | None = None
    """The slowest answer."""


@dataclass(frozen=True, slots=True)
class RawRead:
    """Registers or bits, or why there are none."""

    wanted: Wanted
    words: tuple[int, ...] = ()
    problem: str = ""


async def probe_profile(
    line: Line,
    unit: int,
    profile: ModbusProfile,
    *,
    timeout_s: float,
    only: Collection[str] = (),
) -> ProbeResult:
    """Read the points of a device by its profile; what tells variants apart is read first.

    Args:
        line: opened.
        unit: its address.
        profile: of its model.
        timeout_s: how long it may take to answer.
        only: names of points; all when empty.

    Raises:
        NotConnectedError: the connection cannot be opened, or breaks.
    """
    reading = _Reading(line, unit, timeout_s)
    plain = await _introduced(reading, profile)
    wanted = [one for one in plain.points if not only or one.name in only]
    readable = [point for point in wanted if _reads_without_writing(point)]
    for point in wanted:
        if point.read is not None and point not in readable:
            reading.failures[point.name] = "stands on a page that must be selected by writing"
    await reading.read(plain, readable)
    outcome = try_registers(profile, reading.dump)
    return ProbeResult(outcome, reading.failures, reading.slowest_s)


async def _introduced(reading: _Reading, profile: ModbusProfile) -> ModbusProfile:
    """Return the profile of this very device, after asking what tells devices apart."""
    first = introduction(profile)
    if first is None:
        return profile
    if first.walks_sunspec and profile.modbus.sunspec is not None:
        walk = SunSpecWalk(profile.modbus.sunspec)
        while (wanted := walk.next()) is not None:
            raw = await reading.ask(Wanted(*wanted))
            if not raw.problem:
                reading.dump.add(wanted[0], wanted[1], raw.words)
            walk.feed(raw.words if not raw.problem else None)
    begun, _ = resolved_by(profile, reading.dump)
    points = [point for name in first.points if (point := begun.find(name)) is not None]
    await reading.read(begun, [point for point in points if _reads_without_writing(point)])
    plain, _ = resolved_by(profile, reading.dump)
    return plain


class _Reading:
    """The requests to one device, until it falls silent."""

    def __init__(self, line: Line, unit: int, timeout_s: float) -> None:
        self.dump = RegisterDump()
        self.failures: dict[str, str] = {}
        self.slowest_s: float | None = None
        self._line = line
        self._unit = unit
        self._timeout_s = timeout_s
        self._silences = 0

    async def read(self, profile: ModbusProfile, points: Iterable[ModbusPoint]) -> None:
        timeout_s = max(self._timeout_s, profile.modbus.response_timeout_s or 0.0)
        for request in plan_reads(profile, points):
            wanted = Wanted(request.table, request.address, request.count)
            raw = await self.ask(wanted, timeout_s)
            if raw.problem:
                names = (point.name for point in request.points)
                self.failures.update(dict.fromkeys(names, raw.problem))
            else:
                self.dump.add(wanted.table, wanted.address, raw.words)

    async def ask(self, wanted: Wanted, timeout_s: float | None = None) -> RawRead:
        if self._silences >= _SILENCES_MAX:
            return RawRead(wanted, problem="not asked: the device is silent")
        patience_s = self._timeout_s if timeout_s is None else timeout_s
        exchange = await self._line.ask(_ask(self._unit, wanted), timeout_s=patience_s)
        self._silences = 0 if exchange.is_somebody else self._silences + 1
        if exchange.first_byte_s is not None:
            self.slowest_s = max(self.slowest_s or 0.0, exchange.first_byte_s)
        return _raw(wanted, exchange)


def _reads_without_writing(point: ModbusPoint) -> bool:
    return point.read is not None and point.read.page is None


async def probe_registers(line: Line, unit: int, wanted: Wanted, *, timeout_s: float) -> RawRead:
    """Read registers; where the device refuses so many at once, fewer.

    Raises:
        NotConnectedError: the connection breaks.
    """
    counts = dict.fromkeys((wanted.count, max(1, wanted.count // 2), 1))
    raw = RawRead(wanted)
    for count in counts:
        fewer = Wanted(wanted.table, wanted.address, count)
        exchange = await line.ask(_ask(unit, fewer), timeout_s=timeout_s)
        raw = _raw(fewer, exchange)
        if exchange.outcome is not Answer.REFUSED:
            return raw
    return raw


def _ask(unit: int, wanted: Wanted) -> Ask:
    return read_ask(unit, wanted.table, wanted.address, wanted.count)


def _raw(wanted: Wanted, exchange: Exchange) -> RawRead:
    if exchange.outcome is Answer.ANSWERED:
        return RawRead(wanted, tuple(words_of(exchange, wanted)))
    return RawRead(wanted, problem=problem_of(exchange))


_CODES = {
    1: "illegal function",
    2: "illegal data address",
    3: "illegal data value",
    4: "device failure",
    5: "acknowledged, still working",
    6: "busy",
    10: "gateway path unavailable",
    11: "gateway got no answer from the device",
}


def problem_of(exchange: Exchange) -> str:
    """Say why an exchange brought no values."""
    understood = exchange.understood
    match exchange.outcome:
        case Answer.REFUSED:
            meaning = _CODES.get(understood.code, "not a code of the standard")
            return f"exception {understood.code}: {meaning}"
        case Answer.GARBLED:
            return f"garbled: {exchange.raw[:12].hex(' ')}"
        case Answer.WRONG_UNIT:
            return f"unit {understood.other_unit} answered"
        case _:
            return "no answer"
