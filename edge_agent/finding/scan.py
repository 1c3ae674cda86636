"""Scanning: who is on a serial line, and how it is set; who answers at TCP addresses.

Only reading requests are sent: there are no others in `edge_agent.finding.asks`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from device_profiles.model_modbus import Table
from edge_agent.finding.asks import read_ask
from edge_agent.finding.envelopes import Envelope, Outcome, rtu_frames
from edge_agent.finding.fingerprint import Fingerprint, Fingerprinter
from edge_agent.finding.line import Exchange, Line, Traffic
from edge_agent.finding.matching import Matcher, Wanted
from edge_agent.finding.settings import FIRST_UNITS, Progress, SerialSetting
from edge_agent.modbus.errors import NotConnectedError

FIRST_READ: Final = Wanted(Table.HOLDING, 0, 1)
"""Asked of every unit: whoever lacks the register refuses it, and is found as well."""
SECOND_READS: Final = (Wanted(Table.INPUT, 0, 1), Wanted(Table.COIL, 0, 1))
"""For units silent at first, on request: some devices ignore what they do not have."""
GATEWAY_CODES: Final = frozenset({0x0A, 0x0B})
"""A gateway speaks, not the unit: path unavailable, target silent."""
_SLOWER: Final = 1.6
_TIMEOUT_MAX_S: Final = 0.3
"""One slow unit must not make the whole scan slow."""
_PATIENCE_S: Final = 3.0
_DRAIN_S: Final = 1.2
"""What a slow unit still has to say is waited for before it is asked again."""


@dataclass(slots=True)
class FoundUnit:
    """One unit that answered."""

    place: str
    """Port, or host and port."""
    unit: int
    print_: Fingerprint
    setting: SerialSetting | None = None
    also: tuple[int, ...] = ()
    """Further unit ids by which the same device answers."""


@dataclass(slots=True)
class ScanResult:
    """What a scan found; with Ctrl-C what it had found by then."""

    found: list[FoundUnit] = field(default_factory=list)
    traffic: Traffic = field(default_factory=Traffic)
    took_s: float = 0.0
    hints: list[Hint] = field(default_factory=list)
    finished: bool = False


@dataclass(frozen=True, slots=True)
class Hint:
    """Something that was seen without being an answer."""

    kind: str
    """`garbled`, `late`, `gateway`, `closed`, `echo`."""
    place: str
    setting: SerialSetting | None
    unit: int
    count: int = 1


Tell = Callable[[Progress], None]


class UnitSweep:
    """Asks unit after unit on one connection.

    Args:
        line: opened.
        matcher: the profiles to tell apart.
        result: where findings go.
        progress: is kept up to date; `tell` is called after each request.
        timeout_s: how long a unit is given until its first byte.
    """

    def __init__(
        self,
        line: Line,
        matcher: Matcher,
        result: ScanResult,
        progress: Progress,
        tell: Tell,
        *,
        timeout_s: float,
        setting: SerialSetting | None = None,
    ) -> None:
        self._line = line
        self._matcher = matcher
        self._result = result
        self._progress = progress
        self._tell = tell
        self._timeout_s = timeout_s
        self._setting = setting
        self._asked: list[int] = []
        self._known: set[int] = set()
        self._heard_out: set[int] = set()
        self.garbled = 0

    async def run(self, units: Sequence[int], asks: Sequence[Wanted] = (FIRST_READ,)) -> int:
        """Ask these units; return how many are there.

        Raises:
            NotConnectedError: the connection broke.
        """
        before = len(self._known)
        for unit in units:
            if unit in self._known:
                self._progress.total -= len(asks)
                continue
            for wanted in asks:
                if await self._found(unit, wanted):
                    break
        return len(self._known) - before

    async def is_there(self, unit: int) -> bool:
        """Say whether a unit answers, without looking closer at it."""
        exchange = await self._ask(unit, FIRST_READ)
        return exchange.is_somebody and exchange.understood.code not in GATEWAY_CODES

    async def _found(self, unit: int, wanted: Wanted) -> bool:
        self._progress.doing = f"unit {unit}"
        exchange = await self._ask(unit, wanted)
        self._progress.done += 1
        late = exchange.understood.other_unit
        if exchange.outcome is Outcome.WRONG_UNIT and late is not None and late in self._asked:
            exchange = await self._wait_longer(unit, wanted, late)
        self._asked.append(unit)
        self._note(exchange, unit)
        if exchange.is_somebody and exchange.understood.code not in GATEWAY_CODES:
            await self._examine(exchange, wanted)
        await self._hear_out_others(wanted)
        self._tell(self._progress)
        return unit in self._known

    async def _hear_out_others(self, wanted: Wanted) -> None:
        """Look at units whose answer came while somebody else was asked."""
        late = self._line.speakers().intersection(self._asked) - self._known - self._heard_out
        for one in sorted(late):
            await self._hear_out(one, wanted)

    async def _wait_longer(self, unit: int, wanted: Wanted, late: int) -> Exchange:
        """Take it that the unit asked before needs longer than it was given, as others may."""
        self._timeout_s = max(self._timeout_s, min(self._timeout_s * _SLOWER, _TIMEOUT_MAX_S))
        await self._hear_out(late, wanted)
        return await self._ask(unit, wanted)

    async def _hear_out(self, late: int, wanted: Wanted) -> None:
        """Look at a slow unit on its own, once all it still has to say has been heard."""
        self._result.hints.append(Hint("late", self._line.link.place, self._setting, late))
        if late in self._known:
            return
        self._heard_out.add(late)
        await self._line.listen(_DRAIN_S)
        again = await self._ask(late, wanted, timeout_s=_PATIENCE_S)
        if again.is_somebody:
            await self._examine(again, wanted)

    async def hear_the_last(self) -> int:
        """Listen a little after the last request; return how many slow units were found so."""
        before = len(self._known)
        heard = await self._line.listen(_DRAIN_S)
        late = {heard[start] for start, _ in rtu_frames(heard)}
        for unit in sorted(late.intersection(self._asked) - self._known):
            await self._hear_out(unit, FIRST_READ)
        return len(self._known) - before

    async def _ask(self, unit: int, wanted: Wanted, *, timeout_s: float | None = None) -> Exchange:
        ask = read_ask(unit, wanted.table, wanted.address, wanted.count)
        return await self._line.ask(ask, timeout_s=timeout_s or self._timeout_s)

    def _note(self, exchange: Exchange, unit: int) -> None:
        place = self._line.link.place
        if exchange.outcome is Outcome.GARBLED:
            self.garbled += 1
            self._result.hints.append(Hint("garbled", place, self._setting, unit))
        if exchange.understood.echoed and not any(one.kind == "echo" for one in self._result.hints):
            self._result.hints.append(Hint("echo", place, self._setting, unit))
        if exchange.understood.code in GATEWAY_CODES:
            self._result.hints.append(Hint("gateway", place, self._setting, unit))

    async def _examine(self, first: Exchange, wanted: Wanted) -> None:
        unit = first.ask.unit
        begun_s = asyncio.get_running_loop().time()
        fingerprinter = Fingerprinter(self._line, self._matcher, timeout_s=self._timeout_s)
        print_ = await fingerprinter.examine(first, wanted)
        spent_s = asyncio.get_running_loop().time() - begun_s
        self._known.add(unit)
        self._result.found.append(
            FoundUnit(self._line.link.place, unit, print_, setting=self._setting)
        )
        self._progress.found += 1
        self._progress.found_s += spent_s + first.took_s


@dataclass(frozen=True, slots=True)
class SerialScan:
    """What to scan on a serial line."""

    port: str
    settings: tuple[SerialSetting, ...]
    units: tuple[int, ...]
    envelope: Envelope = "rtu"
    timeout_s: float = 0.1
    thorough: bool = False
    """Ask silent units a second time, in other ways."""
    every_setting: bool = False
    """Go on with other settings after one was found."""


async def scan_serial(plan: SerialScan, matcher: Matcher, result: ScanResult, tell: Tell) -> None:
    """Find the units on a serial line; findings go to `result` as they come.

    With several settings possible, the units where devices mostly are come first at each; then all
    of them at the settings where somebody answered, or made noise, or at every setting when nobody
    did.

    Raises:
        NotConnectedError: the port cannot be opened.
    """
    loop = asyncio.get_running_loop()
    begun_s = loop.time()
    try:
        await _SerialSweep(plan, matcher, result, tell).run()
        result.finished = True
    finally:
        result.took_s += loop.time() - begun_s


class _SerialSweep:
    def __init__(self, plan: SerialScan, matcher: Matcher, result: ScanResult, tell: Tell) -> None:
        self._plan = plan
        self._matcher = matcher
        self._result = result
        self._tell = tell
        self._progress = Progress(0, plan.settings[0].absent_s(plan.timeout_s))
        self._asked: dict[SerialSetting, set[int]] = {one: set() for one in plan.settings}

    async def run(self) -> None:
        plan = self._plan
        if len(plan.settings) == 1:
            self._progress.total = self._cost(plan.units)
            await self._sweep(plan.settings[0], plan.units)
            return
        likely = [unit for unit in plan.units if unit in FIRST_UNITS] or plan.units[:8]
        self._progress.total = len(plan.settings) * self._cost(likely)
        told: list[SerialSetting] = []
        noisy: list[SerialSetting] = []
        for setting in plan.settings:
            found, garbled = await self._sweep(setting, likely)
            if found:
                told.append(setting)
                if not plan.every_setting:
                    break
            elif garbled:
                noisy.append(setting)
        # Where a line is set is known by one that answers; the rest of its units follow.
        for setting in told or noisy + [one for one in plan.settings if one not in noisy]:
            rest = [unit for unit in plan.units if unit not in self._asked[setting]]
            self._progress.total = self._progress.done + self._cost(rest)
            found, _ = await self._sweep(setting, rest)
            if found and not plan.every_setting:
                break

    def _cost(self, units: Sequence[int]) -> int:
        return len(units) * (1 + len(SECOND_READS) * self._plan.thorough)

    async def _sweep(self, setting: SerialSetting, units: Sequence[int]) -> tuple[int, int]:
        plan = self._plan
        self._progress.absent_s = setting.absent_s(plan.timeout_s)
        self._asked[setting].update(units)
        line = Line(setting.link(plan.port), plan.envelope)
        await line.open()
        try:
            sweep = UnitSweep(
                line,
                self._matcher,
                self._result,
                self._progress,
                self._tell,
                timeout_s=plan.timeout_s,
                setting=setting,
            )
            found = await sweep.run(units)
            if plan.thorough:
                found += await sweep.run(units, SECOND_READS)
            if found or len(plan.settings) == 1:
                found += await sweep.hear_the_last()
        finally:
            line.close()
            self._result.traffic.add(line.traffic)
        return found, sweep.garbled


__all__ = [
    "FoundUnit",
    "Hint",
    "NotConnectedError",
    "ScanResult",
    "SerialScan",
    "UnitSweep",
    "scan_serial",
]
