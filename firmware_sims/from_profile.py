"""Profiles as simulators need them: maps of registers, and messages.

The profile's model says where a number stands and in which form. How it becomes bytes, and what a
printed address or a device-wide byte order means on the wire, is worked out here anew, because a
mistake shared with the edge would never show.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from device_profiles.model import ModbusProfile, MqttProfile, Profile
from device_profiles.model_modbus import ModbusPoint, ModbusRead, ModbusSection, ModbusWrite
from firmware_sims.behaviours import PointFacts
from firmware_sims.codec import Encoding, Kind
from firmware_sims.device import DeviceLimits
from firmware_sims.errors import SchoolError, UnsupportedPointError
from firmware_sims.message import MessagePoint
from firmware_sims.registers import BIT_TABLES, WRITE_SUFFIX, RegisterPoint, Table

_TABLE_BY_FUNCTION: dict[int, Table] = {5: "coil", 15: "coil", 6: "holding", 16: "holding"}
_TABLE_BY_DIGIT: dict[int, Table] = {0: "coil", 1: "discrete", 3: "input", 4: "holding"}
_TABLE_BY_NAME: dict[str, Table] = {
    "coil": "coil",
    "discrete": "discrete",
    "input": "input",
    "holding": "holding",
}
# What radio sensors print; whole numbers where the unit is small.
_DECIMALS: dict[str, int] = {"%": 0, "mV": 0, "": 0, "ppm": 0, "lx": 0, "hPa": 1}

_FORMS: dict[str, tuple[Kind, int]] = {
    "bool": ("bool", 16),
    "int16": ("int", 16),
    "uint16": ("uint", 16),
    "int32": ("int", 32),
    "uint32": ("uint", 32),
    "int64": ("int", 64),
    "uint64": ("uint", 64),
    "float32": ("float", 32),
    "float64": ("float", 64),
}


def point_facts(profile: Profile) -> list[PointFacts]:
    """What the table of behaviours goes by, for each point."""
    return [
        PointFacts(
            name=point.name,
            unit=point.unit,
            category=profile.category,
            writable=point.is_writable,
            minimum=point.minimum,
            maximum=point.maximum,
            states={number: label.en for number, label in point.states.items()},
        )
        for point in profile.points
    ]


def register_points(profile: ModbusProfile) -> list[RegisterPoint]:
    """The map of a Modbus device.

    Raises:
        UnsupportedPointError: a point has a form that is not known here.
    """
    points: list[RegisterPoint] = []
    for point in profile.points:
        points += _points_of(profile, point)
    return points


def _points_of(profile: ModbusProfile, point: ModbusPoint) -> list[RegisterPoint]:
    read, write = point.read, point.write
    shown = _readable(profile, point, read) if read is not None else None
    if write is None:
        return [shown] if shown is not None else []
    written = _writable(profile, point, write)
    if shown is None:
        return [written]
    if (written.table, written.address) == (shown.table, shown.address):
        return [
            RegisterPoint(
                shown.name,
                shown.table,
                shown.address,
                shown.encoding,
                writable=True,
                minimum=written.minimum,
                maximum=written.maximum,
            )
        ]
    elsewhere = RegisterPoint(
        shown.name + WRITE_SUFFIX,
        written.table,
        written.address,
        written.encoding,
        readable=False,
        writable=True,
        minimum=written.minimum,
        maximum=written.maximum,
    )
    return [shown, elsewhere]


def _readable(profile: ModbusProfile, point: ModbusPoint, read: ModbusRead) -> RegisterPoint:
    table = _TABLE_BY_NAME[read.input_type.value]
    kind, width = _form(profile, point, read.raw_type.value)
    if read.bit is not None:
        kind = "bits"
    encoding = Encoding(
        kind,
        width,
        order=_order(read.byte_order, profile.modbus, width, table),
        scale=read.scale,
        offset=read.offset,
        bit_offset=read.bit or 0,
        bit_width=read.bit_count,
        invalid=read.nan_value[0] if read.nan_value else None,
    )
    address = _address(profile.modbus, table, read.address)
    return RegisterPoint(point.name, table, address, encoding)


def _writable(profile: ModbusProfile, point: ModbusPoint, write: ModbusWrite) -> RegisterPoint:
    read = point.read
    table = _TABLE_BY_FUNCTION[write.function]
    form = write.data_type or (read.raw_type if read is not None else None)
    name = "bool" if table in BIT_TABLES or form is None else form.value
    kind, width = _form(profile, point, name)
    given = write.byte_order or (read.byte_order if read is not None else None)
    scale = write.scale if write.scale is not None else (read.scale if read else 1.0)
    offset = write.offset if write.offset is not None else (read.offset if read else 0.0)
    encoding = Encoding(
        kind, width, order=_order(given, profile.modbus, width, table), scale=scale, offset=offset
    )
    printed = write.address if write.address is not None else (read.address if read else 0)
    return RegisterPoint(
        point.name,
        table,
        _address(profile.modbus, table, printed),
        encoding,
        readable=False,
        writable=True,
        minimum=_limit(write.minimum, point, min),
        maximum=_limit(write.maximum, point, max),
    )


def _limit(
    given: float | None, point: ModbusPoint, pick: Callable[[Iterable[int]], int]
) -> float | None:
    """What may be written; the states bound it where the profile gives no number."""
    return given if given is not None or not point.states else float(pick(point.states))


def _form(profile: ModbusProfile, point: ModbusPoint, data_type: str) -> tuple[Kind, int]:
    form = _FORMS.get(data_type)
    if form is None:
        raise UnsupportedPointError(
            "data_type",
            f"no simulator knows the type {data_type}",
            place=f"{profile.id}: {point.name}",
        )
    return form


def _order(given: str | None, section: ModbusSection, width: int, table: Table) -> str:
    """The letters of a value's bytes on the wire."""
    if table in BIT_TABLES or width < 16:
        return "AB"
    if given is not None:
        return given
    letters = [chr(65 + index) for index in range(width // 8)]
    words = [letters[index : index + 2] for index in range(0, len(letters), 2)]
    pattern = section.byte_order
    if pattern in ("BADC", "DCBA"):
        words = [word[::-1] for word in words]
    if pattern in ("CDAB", "DCBA"):
        words = words[::-1]
    return "".join(letter for word in words for letter in word)


def _address(section: ModbusSection, table: Table, printed: int) -> int:
    """The address on the wire: printed from 0, from 1, or as 30001 with the table's digit."""
    if section.address_base != "modicon":
        return printed - section.address_base
    digit, number = divmod(printed, 100_000 if printed >= 100_000 else 10_000)
    if _TABLE_BY_DIGIT.get(digit) != table:
        raise UnsupportedPointError("address", f"{printed} is no number of the table {table}")
    return number - 1


def forbidden_ranges(profile: ModbusProfile) -> list[tuple[Table, int, int]]:
    """Addresses that must not be read: table, first and last."""
    section = profile.modbus
    ranges = []
    for one in section.forbidden:
        table = _TABLE_BY_NAME[one.input_type.value]
        first, last = (_address(section, table, printed) for printed in (one.first, one.last))
        ranges.append((table, first, last))
    return ranges


def device_limits(profile: ModbusProfile) -> DeviceLimits:
    """What the device refuses."""
    return DeviceLimits(registers_max=profile.modbus.max_word_registers_per_request)


def message_points(profile: MqttProfile, places: Mapping[str, str]) -> list[MessagePoint]:
    """Where the points of an MQTT device stand in its messages.

    Args:
        profile: the device's profile.
        places: what the topics' places are filled with.
    """
    points = []
    for point in profile.points:
        read = point.read
        if read is None:
            continue
        scale_digits = 0 if read.scale == 1 else 3
        points.append(
            MessagePoint(
                name=point.name,
                topic=fill_topic(read.topic or profile.mqtt.topic, places),
                path=read.path,
                words={number: word for word, number in read.values.items()},
                scale=read.scale,
                offset=read.offset,
                decimals=_DECIMALS.get(point.unit, 2) + scale_digits,
                is_boolean=not read.values and set(point.states) == {0, 1},
            )
        )
    return points


def fill_topic(pattern: str, places: Mapping[str, str]) -> str:
    """A topic with `{name}` filled in.

    Raises:
        SchoolError: a place is not given.
    """
    for name, text in places.items():
        pattern = pattern.replace(f"{{{name}}}", text)
    if "{" in pattern:
        raise SchoolError("topic", f"{pattern!r} has a place that `topic` does not fill")
    return pattern
