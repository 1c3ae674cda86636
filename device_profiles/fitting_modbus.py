"""Whether the points of a Modbus profile fit its registers and its section."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from campus_wire.config_model import mistake_at
from device_profiles.fitting import Mistakes, unknown
from device_profiles.model_location import ADDRESS_MAX, Location, Table
from device_profiles.model_modbus import ModbusPoint, ModbusRead, ModbusWrite
from device_profiles.model_section import ModbusSection
from device_profiles.model_upkeep import Heartbeat, Page, RawWrite, SetupStep
from device_profiles.placing import Key
from device_profiles.registers import DataType

_MODBUS: Final = "modbus"


def register_mistakes(section: ModbusSection, points: Sequence[ModbusPoint]) -> Mistakes:
    """Yield what is wrong with addresses of the points, and of what the section forbids."""
    forbidden = list(_forbidden_mistakes(section))
    yield from forbidden
    if forbidden:
        return
    for index, point in enumerate(points):
        key: tuple[Key, ...] = ("points", index)
        if point.read is not None:
            yield from _read_mistakes(section, (*key, "read"), point.read)
        if point.write is not None:
            yield from _target_mistakes(section, (*key, "write"), point)
        yield from _mode_mistakes(section, key, point)
        yield from _following_mistakes(section, key, point)


def _forbidden_mistakes(section: ModbusSection) -> Mistakes:
    for index, one in enumerate(section.forbidden):
        for end in ("first", "last"):
            try:
                section.wire_address(one.input_type, getattr(one, end))
            except ValueError as error:
                yield mistake_at((_MODBUS, "forbidden", index, end), str(error))
                return


def _read_mistakes(section: ModbusSection, key: tuple[Key, ...], read: ModbusRead) -> Mistakes:
    try:
        # within a SunSpec model, addresses count from its first register
        start = read.address if read.block else section.wire_address(read.input_type, read.address)
    except ValueError as error:
        yield mistake_at((*key, "address"), str(error))
        return
    count = read.registers
    last = start + count - 1
    limit = section.max_word_registers_per_request
    if last > ADDRESS_MAX:
        yield mistake_at((*key, "address"), "the value runs past the last address")
    if not read.input_type.holds_bits and count > limit:
        yield mistake_at(key, f"takes {count} registers; a request may hold {limit}")
    if not read.block and section.is_forbidden(read.input_type, start, last):
        yield mistake_at((*key, "address"), "lies in a forbidden range")


def _target_mistakes(section: ModbusSection, key: tuple[Key, ...], point: ModbusPoint) -> Mistakes:
    write, read = point.write, point.read
    assert write is not None
    try:
        place = _target(section, write, read)
    except ValueError as error:
        yield mistake_at((*key, "address"), str(error))
        return
    if write.function == 6 and place.count > 1:
        message = f"function 6 writes one register, {place.data_type} takes {place.count}"
        yield mistake_at((*key, "function"), message, remedy="use function 16")
    elif write.address is None and read is not None and read.input_type is not place.table:
        message = f"is needed: {read.input_type} is not the table that function writes to"
        yield mistake_at((*key, "address"), message)


def _target(section: ModbusSection, write: ModbusWrite, read: ModbusRead | None) -> Location:
    """Return where a value is put. Raises ValueError where the profile does not say that."""
    within = write.block or (read is not None and read.block)
    printed = write.address
    if printed is None and read is not None:
        printed = read.address
    if within and printed is not None:  # within a SunSpec model, counted from its first register
        return write.location(printed, read, section.defaults)
    return section.write_location(write, read)


def _mode_mistakes(section: ModbusSection, key: tuple[Key, ...], point: ModbusPoint) -> Mistakes:
    """Yield where a point needs something of the section that the section does not have."""
    for name, part in (("read", point.read), ("write", point.write)):
        if part is None:
            continue
        if part.block and section.sunspec is None:
            remedy = "give modbus.sunspec, `{}` for the usual places"
            yield mistake_at((*key, name, "block"), "there is no sunspec in modbus", remedy=remedy)
        if part.page is not None and section.page is None:
            remedy = "which register chooses the page?"
            yield mistake_at((*key, name, "page"), "there is no page in modbus", remedy=remedy)
        if part.page is not None and part.block:
            yield mistake_at((*key, name, "page"), "a SunSpec model has no pages")
    if point.write is not None and point.write.unlock and not section.unlock:
        yield mistake_at((*key, "write", "unlock"), "there is no unlock in modbus")
    read, sunspec = point.read, section.sunspec
    if read is None or not read.block or sunspec is None:
        return
    if read.input_type is not sunspec.input_type:
        message = f"the models stand in the table {sunspec.input_type}"
        yield mistake_at((*key, "read", "input_type"), message)


def _following_mistakes(
    section: ModbusSection, key: tuple[Key, ...], point: ModbusPoint
) -> Mistakes:
    """Yield where what follows a write stands at no address of its table."""
    for index, step in enumerate(point.write.then if point.write is not None else ()):
        try:
            section.wire_address(step.table, step.address)
        except ValueError as error:
            yield mistake_at((*key, "write", "then", index, "address"), str(error))


def overlap_mistakes(section: ModbusSection, points: Sequence[ModbusPoint]) -> Mistakes:
    """Yield points that share some registers with another one, but not all of them.

    That is a slip of the pen more often than not: a value of two registers is taken for one.
    """
    spaces: dict[tuple[object, ...], list[tuple[int, int, int]]] = {}
    for index, point in enumerate(points):
        read = point.read
        if read is None or read.input_type.holds_bits or _may_overlap(point, read):
            continue
        start = read.address
        if not read.block:
            start = section.wire_address(read.input_type, read.address)
        space = (read.input_type, read.page, read.block)
        spaces.setdefault(space, []).append((start, start + read.registers, index))
    for taken in spaces.values():
        yield from _overlaps(points, sorted(taken))


def _may_overlap(point: ModbusPoint, read: ModbusRead) -> bool:
    of_parts = read.data_type in (DataType.STRING, DataType.DATETIME)
    return read.overlaps or read.bit is not None or bool(point.flags) or of_parts


def _overlaps(points: Sequence[ModbusPoint], taken: Sequence[tuple[int, int, int]]) -> Mistakes:
    widest: tuple[int, int, int] | None = None
    for one in taken:
        start, end, index = one
        if widest is not None and start < widest[1] and (start, end) != widest[:2]:
            message = f"shares some, but not all registers with {points[widest[2]].name}"
            remedy = "overlaps: true says that this is meant"
            yield mistake_at(("points", index, "read", "address"), message, remedy=remedy)
        if widest is None or end > widest[1]:
            widest = one


def section_mistakes(section: ModbusSection, by_name: Mapping[str, ModbusPoint]) -> Mistakes:
    """Yield what is wrong with the writes of the section and with the points it names."""
    for key, write in _raw_writes(section):
        try:
            section.wire_address(_table(write), write.address)
        except ValueError as error:
            yield mistake_at((*key, "address"), str(error))
    for index, step in enumerate(section.setup):
        if step.point is not None:
            yield from _step_mistakes((_MODBUS, "setup", index), step, by_name)
    watchdog = section.watchdog
    if watchdog is None:
        return
    for name in ("timeout", "falls_back_to"):
        point = getattr(watchdog, name)
        if point is not None and point not in by_name:
            yield unknown((_MODBUS, "watchdog", name), point, by_name)
    if watchdog.kept_by == "heartbeat" and section.heartbeat is None:
        key = (_MODBUS, "watchdog", "kept_by")
        yield mistake_at(key, "there is no heartbeat in modbus")


def _raw_writes(
    section: ModbusSection,
) -> list[tuple[tuple[Key, ...], RawWrite | Heartbeat | Page]]:
    found: list[tuple[tuple[Key, ...], RawWrite | Heartbeat | Page]] = []
    for index, write in enumerate(section.unlock):
        found.append(((_MODBUS, "unlock", index), write))
    for index, step in enumerate(section.setup):
        if step.raw is not None:
            found.append(((_MODBUS, "setup", index), step.raw))
    if section.heartbeat is not None:
        found.append(((_MODBUS, "heartbeat"), section.heartbeat))
    if section.page is not None:
        found.append(((_MODBUS, "page"), section.page))
    return found


def _table(write: RawWrite | Heartbeat | Page) -> Table:
    return Table.HOLDING if isinstance(write, Page) else write.table


def _step_mistakes(
    key: tuple[Key, ...], step: SetupStep, by_name: Mapping[str, ModbusPoint]
) -> Mistakes:
    assert step.point is not None
    assert step.value is not None
    point = by_name.get(step.point)
    if point is None:
        yield unknown((*key, "point"), step.point, by_name)
        return
    write = point.write
    if write is None:
        yield mistake_at((*key, "point"), f"{step.point} cannot be written")
        return
    if point.states and step.value not in point.states:
        yield mistake_at((*key, "value"), f"is none of the states of {step.point}")
    low, high = write.minimum, write.maximum
    if (low is not None and step.value < low) or (high is not None and step.value > high):
        yield mistake_at((*key, "value"), f"lies beyond what may be written to {step.point}")
