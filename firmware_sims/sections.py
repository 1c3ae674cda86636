"""What a profile says of a Modbus device as a whole, as the device itself behaves."""

from __future__ import annotations

from device_profiles.model_section import ModbusSection
from firmware_sims.device import DeviceLimits, Temper
from firmware_sims.errors import UnsupportedPointError
from firmware_sims.registers import Table

TABLE_BY_FUNCTION: dict[int, Table] = {5: "coil", 15: "coil", 6: "holding", 16: "holding"}
_TABLE_BY_DIGIT: dict[int, Table] = {0: "coil", 1: "discrete", 3: "input", 4: "holding"}
TABLE_BY_NAME: dict[str, Table] = {
    "coil": "coil",
    "discrete": "discrete",
    "input": "input",
    "holding": "holding",
}

# A device that is said to need so long for an answer takes this part of it.
_USUAL_PART_OF_TIMEOUT = 0.5
# A device is ready a little before the time that its manual asks to wait.
_USUAL_PART_OF_PAUSE = 0.8


def limits_of(section: ModbusSection) -> DeviceLimits:
    """What the device refuses."""
    return DeviceLimits(
        registers_max=section.max_word_registers_per_request,
        bits_max=section.max_bit_registers_per_request,
        whole_fields_only=section.one_request_per_field,
    )


def temper_of(section: ModbusSection) -> Temper:
    """How it wants to be treated."""
    return Temper(
        answer_delay_s=(section.response_timeout_s or 0.0) * _USUAL_PART_OF_TIMEOUT,
        pause_s=section.pause_between_requests_s * _USUAL_PART_OF_PAUSE,
        wakes_after_s=section.pause_after_connect_s * _USUAL_PART_OF_PAUSE,
    )


def forbidden_of(section: ModbusSection) -> list[tuple[Table, int, int]]:
    """Addresses that must not be read: table, first and last on the wire."""
    ranges = []
    for one in section.forbidden:
        table = TABLE_BY_NAME[one.input_type.value]
        first, last = (wire_address(section, table, printed) for printed in (one.first, one.last))
        ranges.append((table, first, last))
    return ranges


def wire_address(section: ModbusSection, table: Table, printed: int) -> int:
    """The address on the wire: where it stands in the map, moved by the offset of the table."""
    offset = section.address_offset
    if isinstance(offset, int):
        return _unmoved(section, table, printed) + offset
    moves = {TABLE_BY_NAME[name.value]: by for name, by in offset.items()}
    return _unmoved(section, table, printed) + moves.get(table, 0)


def _unmoved(section: ModbusSection, table: Table, printed: int) -> int:
    """The address in the map: printed from 0, from 1, or as 30001 with the table's digit."""
    if section.address_base != "modicon":
        return printed - section.address_base
    digit, number = divmod(printed, 100_000 if printed >= 100_000 else 10_000)
    if _TABLE_BY_DIGIT.get(digit) != table:
        raise UnsupportedPointError("address", f"{printed} is no number of the table {table}")
    return number - 1
