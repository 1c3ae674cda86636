"""What a device wants beside being read: pages, unlocking, setting up, a heartbeat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from device_profiles.model_modbus import ModbusPoint
from device_profiles.model_section import ModbusSection
from device_profiles.model_upkeep import RawWrite as GivenWrite
from firmware_sims.blueprint import Blueprint
from firmware_sims.codec import Encoding
from firmware_sims.guards import RawWrite, WatchdogPlan
from firmware_sims.registers import RegisterPoint, Table
from firmware_sims.sections import TABLE_BY_FUNCTION, wire_address

PAGE_POINT = "@page"


def raw_writes(section: ModbusSection, given: Sequence[GivenWrite]) -> tuple[RawWrite, ...]:
    """The writes as they come to the device."""
    return tuple(_raw_write(section, one) for one in given)


def _raw_write(section: ModbusSection, write: GivenWrite) -> RawWrite:
    table = TABLE_BY_FUNCTION[write.function]
    address = wire_address(section, table, write.address)
    words = write.values or (write.value or 0,)
    if write.function == 15:
        data = bytes(words)
    elif write.function == 5:
        data = bytes((words[0],)) if words[0] in (0, 1) else words[0].to_bytes(2, "big")
        data = b"\1" if words[0] == 0xFF00 else data
    else:
        data = b"".join(word.to_bytes(2, "big") for word in words)
    return RawWrite(table, address, data)


class Upkeep:
    """Puts into a blueprint what the section of a profile asks for.

    Args:
        section: of the profile.
        points: those that the device has, by name.
    """

    def __init__(self, section: ModbusSection, points: Mapping[str, ModbusPoint]) -> None:
        self._section = section
        self._points = points

    def add_to(self, made: Blueprint) -> None:
        """Add registers, locks and watchdog."""
        section = self._section
        if section.page is not None:
            width = 32 if section.page.data_type == "uint32" else 16
            page = self._own_register(made, PAGE_POINT, section.page.address, width)
            made.page_point = page.name
        for write in section.unlock:
            raw = self._raw(write)
            made.lock.append(raw)
            self._add_target(made, "unlock", raw)
        for step in section.setup:
            if step.point is not None and step.value is not None:
                self._begin_otherwise(made, step.point, step.value)
            elif (given := step.raw) is not None:
                self._add_target(made, "setup", self._raw(given))
        if section.heartbeat is not None:
            beat = section.heartbeat
            table = TABLE_BY_FUNCTION[beat.function]
            address = wire_address(section, table, beat.address)
            made.heartbeat = (table, address)
            self._add_target(made, "heartbeat", RawWrite(table, address, b"\0\0"[: _size(table)]))
        for raw in [raw for point in made.points for raw in point.then]:
            self._add_target(made, "command", raw)
        made.watchdog = self._watchdog()

    def _raw(self, write: GivenWrite) -> RawWrite:
        [raw] = raw_writes(self._section, [write])
        return raw

    def _own_register(self, made: Blueprint, name: str, printed: int, width: int) -> RegisterPoint:
        address = wire_address(self._section, "holding", printed)
        for point in made.points:
            if (point.table, point.address) == ("holding", address) and point.writable:
                return point
        order = "AB" if width == 16 else "ABCD"
        point = RegisterPoint(
            name, "holding", address, Encoding("uint", width, order=order), writable=True
        )
        made.points.append(point)
        return point

    def _add_target(self, made: Blueprint, what: str, raw: RawWrite) -> None:
        """Let addresses that only raw writes name be there, unless a point is."""
        taken = {
            (point.table, at)
            for point in made.points
            for at in range(point.address, point.end)
            if point.writable
        }
        count = 1 if len(raw.data) < 2 or raw.table == "coil" else len(raw.data) // 2
        kind = Encoding("bool") if raw.table == "coil" else Encoding()
        table: Table = "coil" if raw.table == "coil" else "holding"
        for at in range(raw.address, raw.address + count):
            if (table, at) not in taken:
                name = f"@{what}_{table}_{at}"
                made.points.append(RegisterPoint(name, table, at, kind, writable=True))

    def _begin_otherwise(self, made: Blueprint, name: str, value: float) -> None:
        """Let a point that is set up begin with another value, so that setting it up shows."""
        point = self._points.get(name)
        if point is None or name in made.numbers:
            return
        others = [float(one) for one in point.states if one != value]
        low, high = (point.write.minimum, point.write.maximum) if point.write else (None, None)
        others += [one for one in (low, high) if one is not None and one != value]
        if others:
            made.numbers[name] = others[0]

    def _watchdog(self) -> WatchdogPlan | None:
        watchdog = self._section.watchdog
        if watchdog is None:
            return None
        timeout = watchdog.timeout if watchdog.timeout is not None else watchdog.timeout_s
        falls_back: dict[str, float | str] = {}
        source = self._points.get(watchdog.falls_back_to or "")
        for point in self._points.values():
            write = point.write
            if write is None or point.name == watchdog.timeout or point.hidden:
                continue
            if source is not None:
                if point.unit == source.unit and point.name != source.name:
                    falls_back[point.name] = source.name
            elif write.safe_value is not None:
                falls_back[point.name] = write.safe_value
        return WatchdogPlan(timeout or 0.0, falls_back, watchdog.kept_by == "heartbeat")


def _size(table: Table) -> int:
    return 1 if table == "coil" else 2
