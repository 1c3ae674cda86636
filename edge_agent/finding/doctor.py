"""Examining a bus: a bounded set of reading requests, and what they brought as evidence."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from device_profiles.library import Library
from device_profiles.model import ModbusProfile
from device_profiles.model_modbus import Table
from device_profiles.planning import plan_reads
from edge_agent.config import SerialModbus, TcpModbus
from edge_agent.finding.asks import Ask, read_ask
from edge_agent.finding.envelopes import Envelope, Outcome, rtu_frames
from edge_agent.finding.evidence import GATEWAY_CODES, BusEvidence, BusKind, UnitEvidence
from edge_agent.finding.fingerprint import Fingerprinter
from edge_agent.finding.line import Exchange, Line
from edge_agent.finding.matching import Matcher, Wanted
from edge_agent.finding.places import Configured, line_of
from edge_agent.finding.scan import FIRST_READ
from edge_agent.finding.settings import FIRST_UNITS, SerialSetting, likely_settings
from edge_agent.modbus.errors import NotConnectedError
from edge_agent.modbus.links import TcpLink

ROUNDS: Final = 3
UNITS_MAX: Final = 64
LISTEN_S: Final = 0.5
_LINGER_S: Final = 0.04
_SETTINGS_MAX: Final = 10
_QUICK_S: Final = 0.15
_TIMEOUT_MAX_S: Final = 2.0

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class BusToExamine:
    """One bus of the configuration."""

    id: str
    link: SerialModbus | TcpModbus
    devices: tuple[Configured, ...]

    @property
    def kind(self) -> BusKind:
        """How it is connected."""
        if isinstance(self.link, SerialModbus):
            return "serial"
        return "tcp" if self.link.transport == "tcp" else "converter"


class Recogniser:
    """Says which profile a device that is not configured has; prepared when first needed.

    Args:
        profiles: a folder of profiles beside the built-in ones.
    """

    def __init__(self, profiles: Path | None) -> None:
        self._profiles = profiles
        self._matcher: Matcher | None = None

    async def profile_of(self, line: Line, exchange: Exchange, *, timeout_s: float) -> str:
        """Return a profile's id, or nothing."""
        if self._matcher is None:
            library = Library.builtin(self._profiles)
            self._matcher = Matcher(one for one in library if isinstance(one, ModbusProfile))
        fingerprinter = Fingerprinter(line, self._matcher, timeout_s=timeout_s)
        print_ = await fingerprinter.examine(exchange, FIRST_READ)
        return print_.proposals[0].profile if print_.proposals else ""


class Examination:
    """Looks at one bus. Only requests that read are sent, and no more than a few to each unit.

    Args:
        bus: of the configuration.
        recogniser: of devices that are not configured.
        say: is told what is being done.
    """

    def __init__(self, bus: BusToExamine, recogniser: Recogniser, say: Say) -> None:
        self._bus = bus
        self._recogniser = recogniser
        self._say = say
        self._timeout_s = min(bus.link.timeout_s, _TIMEOUT_MAX_S)
        self._setting = _setting_of(bus.link)
        self.seen = BusEvidence(
            bus=bus.id,
            kind=bus.kind,
            place=_place(bus.link),
            setting=self._setting.text if self._setting is not None else "",
            timeout_s=self._timeout_s,
            echo_expected=bool(bus.link.echo),
        )

    async def run(self) -> BusEvidence:
        """Examine the bus and return what was seen."""
        line = line_of(self._bus.link, [one.profile for one in self._bus.devices])
        try:
            await line.open()
        except NotConnectedError as error:
            self.seen.not_connected = error.message
            return self.seen
        try:
            await self._listen(line)
            await self._ask_all(line)
            if self._is_silent() and self.seen.kind != "tcp":
                await self._look_around(line)
            elif any(one.is_silent for one in self.seen.units):
                await self._look_for_strangers(line)
        finally:
            line.close()
        if self._is_silent():
            await self._try_other_ways()
        return self.seen

    def _is_silent(self) -> bool:
        return all(one.is_silent for one in self.seen.units) and not self.seen.strangers

    async def _listen(self, line: Line) -> None:
        if self.seen.kind == "tcp":
            return
        self._say(f"{self.seen.bus}: listening")
        heard = await line.listen(LISTEN_S)
        self.seen.unasked_bytes = len(heard)
        self.seen.unasked_frames = len(rtu_frames(heard))

    async def _ask_all(self, line: Line) -> None:
        pairs = []
        for device in self._bus.devices[:UNITS_MAX]:
            unit = UnitEvidence(device.unit_id, device.id, device.profile.id)
            self.seen.units.append(unit)
            pairs.append((unit, _first_read(device.profile)))
        for number in range(ROUNDS):
            for unit, wanted in pairs:
                if number and unit.is_silent and number > 1:
                    continue  # twice nothing is enough
                self._say(f"{self.seen.bus}: asking {unit.title}")
                await self._ask(line, unit, wanted)

    async def _ask(self, line: Line, unit: UnitEvidence, wanted: Wanted) -> None:
        ask = read_ask(unit.unit, wanted.table, wanted.address, wanted.count)
        unit.asked += 1
        try:
            if not line.connected:
                await line.open()
            exchange = await line.ask(ask, timeout_s=self._timeout_s, linger_s=self._linger_s())
        except NotConnectedError:
            self.seen.closed += 1
            unit.silent += 1
            return
        _note(self.seen, unit, exchange)

    def _linger_s(self) -> float:
        return 0.0 if self.seen.kind == "tcp" else _LINGER_S

    async def _look_around(self, line: Line) -> None:
        """Nobody answers: look for others at this setting, then for a setting that works."""
        await self._look_for_strangers(line)
        if self.seen.strangers or self.seen.kind != "serial":
            return
        line.close()
        units = [device.unit_id for device in self._bus.devices[:3]]
        configured = self._setting
        assert isinstance(self._bus.link, SerialModbus)
        envelope: Envelope = "ascii" if self._bus.link.transport == "ascii" else "rtu"
        settings = [one for one in likely_settings() if one != configured][:_SETTINGS_MAX]
        for setting in settings:
            self._say(f"{self.seen.bus}: trying {setting.text}")
            if await self._answers_at(setting, units, envelope):
                self.seen.answering_settings.append(setting.text)
                return

    async def _answers_at(
        self, setting: SerialSetting, units: Sequence[int], envelope: Envelope
    ) -> bool:
        line = Line(setting.link(self.seen.place), envelope)
        quick_s = min(self._timeout_s, _QUICK_S)
        try:
            await line.open()
            for unit in units:
                if (await line.ask(_presence(unit), timeout_s=quick_s)).is_somebody:
                    return True
        except NotConnectedError:
            return False
        finally:
            line.close()
        return False

    async def _look_for_strangers(self, line: Line) -> None:
        known = {one.unit for one in self.seen.units}
        if self.seen.kind == "tcp":
            near: set[int] = {1, 255, 0}
        else:
            near = {unit + step for unit in known for step in (-1, 1, 2)} | set(FIRST_UNITS)
        timeout_s = min(self._timeout_s, _QUICK_S if self.seen.kind != "tcp" else 1.0)
        for unit in sorted(one for one in near - known if 0 <= one <= 255):
            if unit == 0 and self.seen.kind != "tcp":
                continue
            self._say(f"{self.seen.bus}: looking for others, unit {unit}")
            try:
                if not line.connected:
                    await line.open()
                exchange = await line.ask(_presence(unit), timeout_s=timeout_s)
                if exchange.is_somebody and exchange.understood.code not in GATEWAY_CODES:
                    self.seen.strangers[unit] = await self._recogniser.profile_of(
                        line, exchange, timeout_s=self._timeout_s
                    )
            except NotConnectedError:
                return

    async def _try_other_ways(self) -> None:
        """Nobody answers over TCP: look whether the endpoint speaks the other way of framing."""
        link = self._bus.link
        if isinstance(link, SerialModbus) or not self._bus.devices:
            return
        other: Envelope = "rtu" if self.seen.kind == "tcp" else "tcp"
        self._say(f"{self.seen.bus}: trying {'RTU over TCP' if other == 'rtu' else 'Modbus TCP'}")
        line = Line(TcpLink(link.host, link.port), other, connect_timeout_s=2.0)
        answers = False
        try:
            await line.open()
            exchange = await line.ask(
                _presence(self._bus.devices[0].unit_id), timeout_s=self._timeout_s
            )
            answers = exchange.is_somebody
        except NotConnectedError:
            pass
        finally:
            line.close()
        if other == "rtu":
            self.seen.answers_rtu = answers
        else:
            self.seen.answers_tcp = answers


def _note(seen: BusEvidence, unit: UnitEvidence, exchange: Exchange) -> None:
    understood = exchange.understood
    seen.echoed |= understood.echoed
    if exchange.first_byte_s is not None:
        unit.slowest_s = max(unit.slowest_s, exchange.first_byte_s)
    match exchange.outcome:
        case Outcome.ANSWERED:
            unit.answered += 1
            if understood.extra and seen.kind != "tcp":
                # A second whole answer is somebody else's; other bytes are noise.
                unit.two_answers += bool(rtu_frames(understood.extra))
                unit.garbled += not rtu_frames(understood.extra)
        case Outcome.REFUSED:
            unit.refused[understood.code] += 1
        case Outcome.WRONG_UNIT if understood.other_unit is not None:
            unit.wrong_units[understood.other_unit] += 1
        case Outcome.GARBLED:
            unit.garbled += 1
            unit.garbled_bytes = exchange.raw[:64]
        case _:
            unit.silent += 1


def _presence(unit: int) -> Ask:
    return read_ask(unit, FIRST_READ.table, FIRST_READ.address, FIRST_READ.count)


def _first_read(profile: ModbusProfile) -> Wanted:
    """Return a small read that the device must answer: of its first points."""
    fixed = [
        point
        for point in profile.points
        if point.read is not None and point.read.page is None and not point.read.block
    ]
    requests = plan_reads(profile, fixed[:1])
    if not requests:
        return Wanted(Table.HOLDING, 0, 1)
    first = requests[0]
    return Wanted(first.table, first.address, first.count)


def _place(link: SerialModbus | TcpModbus) -> str:
    return link.port if isinstance(link, SerialModbus) else f"{link.host}:{link.port}"


def _setting_of(link: SerialModbus | TcpModbus) -> SerialSetting | None:
    if not isinstance(link, SerialModbus):
        return None
    return SerialSetting(link.baud_rate, link.parity, link.stop_bits, link.data_bits)


async def examine_all(
    buses: Sequence[BusToExamine], recogniser: Recogniser, say: Say
) -> list[BusEvidence]:
    """Examine buses, all at the same time, as they are different lines."""
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(Examination(bus, recogniser, say).run(), name=f"examine {bus.id}")
            for bus in buses
        ]
    return [task.result() for task in tasks]
