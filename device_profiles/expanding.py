"""Groups of Modbus points written out: every instance at its own addresses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from campus_wire.config_model import mistake_at
from device_profiles.copies import copied
from device_profiles.model_groups import GroupRepeat, ModbusGroup
from device_profiles.model_location import Table
from device_profiles.model_modbus import ModbusPoint, ModbusRead, ModbusWrite
from device_profiles.placing import Key, Placed, place, stated
from device_profiles.registers import DataType, bit_width, register_count
from device_profiles.renaming import renamed


def expand_modbus(
    points: Sequence[ModbusPoint], groups: Sequence[ModbusGroup]
) -> Placed[ModbusPoint]:
    """Return the points of a Modbus profile, groups written out after the others."""
    placed = stated(points, groups)
    if placed.mistakes:
        return placed
    for number, group in enumerate(groups):
        wrong = list(_repeat_mistakes(group))
        placed.mistakes += [
            mistake_at(("groups", number, *key), text, remedy=remedy) for key, text, remedy in wrong
        ]
        if not wrong:
            _expand(placed, ("groups", number, "points"), group)
    return placed


def _expand(placed: Placed[ModbusPoint], key: tuple[Key, ...], group: ModbusGroup) -> None:
    placed.siblings[key[:2]] = tuple(point.name for point in group.points)
    for instance in group.repeat.instances:
        names = {one.name: group.point_name(instance, one.name) for one in group.points}
        for index, point in enumerate(group.points):
            moved = _moved(point, group.repeat, instance.position)
            place(placed, (*key, index), group, instance, renamed(moved, names))


def _repeat_mistakes(group: ModbusGroup) -> Iterator[tuple[tuple[Key, ...], str, str]]:
    """Yield what keeps instances from having addresses of their own: key, message, remedy."""
    repeat = group.repeat
    if repeat.size == 1 or not any(True for point in group.points for _ in _places(point)):
        return
    if repeat.stride is None and not repeat.bit_stride:
        remedy = "how many addresses from one instance to the next?"
        yield ("repeat", "stride"), "missing", remedy
        return
    for index, point in enumerate(group.points):
        for key, table, has_bit in _places(point):
            if repeat.stride_of(table) is None and not (repeat.bit_stride and has_bit):
                message = f"stride says nothing for the table {table}"
                yield ("points", index, key), message, "give it under repeat"


def _places(point: ModbusPoint) -> Iterator[tuple[str, Table, bool]]:
    """Yield where a point has an address: under which key, in which table, whether bits of it."""
    if point.read is not None:
        yield "read", point.read.input_type, point.read.bit is not None
    if point.write is not None and point.write.address is not None:
        yield "write", point.write.table, point.write.bit is not None


def _moved(point: ModbusPoint, repeat: GroupRepeat, position: int) -> ModbusPoint:
    """Return the point with the addresses of the instance at that position."""
    if position == 0:
        return point
    changes: dict[str, object] = {}
    if point.read is not None:
        changes["read"] = _moved_read(point.read, repeat, position)
    if point.write is not None:
        changes["write"] = _moved_write(point.write, repeat, position)
    return copied(point, changes) if changes else point


def _moved_read(read: ModbusRead, repeat: GroupRepeat, position: int) -> ModbusRead:
    if read.bit is None or not repeat.bit_stride:
        stride = (repeat.stride_of(read.input_type) or 0) * position
        return copied(read, {"address": read.address + stride})
    carried, bit = _carried(read.bit + repeat.bit_stride * position, read.raw_type)
    return copied(read, {"address": read.address + carried, "bit": bit})


def _moved_write(write: ModbusWrite, repeat: GroupRepeat, position: int) -> ModbusWrite:
    changes: dict[str, object] = {}
    distance = (repeat.stride_of(write.table) or 0) * position
    if write.bit is not None and repeat.bit_stride:
        data_type = write.data_type or DataType.UINT16
        distance, changes["bit"] = _carried(write.bit + repeat.bit_stride * position, data_type)
    if write.address is not None:  # else it is that of `read`
        changes["address"] = write.address + distance
    return copied(write, changes) if changes else write


def _carried(bit: int, data_type: DataType) -> tuple[int, int]:
    """Return how many registers further a bit lies, and which bit of the value there it is."""
    values, bit = divmod(bit, bit_width(data_type))
    return values * register_count(data_type), bit
