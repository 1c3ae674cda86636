"""How a Modbus device as a whole wants to be asked."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from campus_wire.config_model import ConfigModel, mistake_at
from device_profiles.model_location import AddressOffset
from device_profiles.model_modbus import (
    ADDRESS_MAX,
    ADDRESS_NEEDED,
    READ_BITS_MAX,
    READ_REGISTERS_MAX,
    Defaults,
    InputType,
    Location,
    ModbusRead,
    ModbusWrite,
    PrintedAddress,
    Table,
)
from device_profiles.model_upkeep import Heartbeat, Page, RawWrite, SetupStep, SunSpec, Watchdog

# The leading digit of numbers such as 40001 names the table.
_MODICON_DIGITS: Final = {0: Table.COIL, 1: Table.DISCRETE, 3: Table.INPUT, 4: Table.HOLDING}
_MODICON_LEADING: Final = {table: digit for digit, table in _MODICON_DIGITS.items()}

UtcOffset = Annotated[str, Field(pattern=r"^[+-](0[0-9]|1[0-4]):[0-5][0-9]$")]
"""Hours and minutes ahead of UTC: `+08:00`."""


class ModbusLink(ConfigModel):
    """How the device comes from the factory; the configuration of a bus decides."""

    baud_rate: int = Field(9600, ge=300, le=1_000_000)
    data_bits: Literal[7, 8] = 8
    parity: Literal["N", "E", "O"] = "N"
    stop_bits: Literal[1, 2] = 1
    unit_id: int = Field(1, ge=0, le=255)


class ForbiddenRange(ConfigModel):
    """Addresses that must never be part of a request, both included."""

    input_type: InputType
    first: PrintedAddress
    last: PrintedAddress

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.last < self.first:
            raise mistake_at(("last",), "lies before first")
        return self


class ModbusSection(ConfigModel):
    """How the device as a whole wants to be asked."""

    address_base: Literal[0, 1, "modicon"]
    """0: printed addresses are those on the wire. 1: they are one higher. `modicon`: numbers such
    as 40001, whose first digit names the table (30001 is input register 0 on the wire)."""
    address_offset: AddressOffset = 0
    """Added to every address on the wire, for devices that are one of several behind one unit. The
    configuration of a device may say its own."""
    byte_order: Literal["ABCD", "CDAB", "BADC", "DCBA"] = "ABCD"
    """Of all values, written for two registers; a single register takes its part (BA for BADC)."""
    text_encoding: Literal["ascii", "utf-8", "gb18030", "utf-16-be"] = "ascii"
    """Of the strings the device holds."""
    utc_offset: UtcOffset = "+08:00"
    """Of the clock in the device, for values of the type `datetime`."""
    link: ModbusLink = ModbusLink()
    max_word_registers_per_request: int = Field(READ_REGISTERS_MAX, ge=1, le=READ_REGISTERS_MAX)
    max_bit_registers_per_request: int = Field(READ_BITS_MAX, ge=1, le=READ_BITS_MAX)
    one_request_per_field: bool = False
    """For devices that answer only for one whole value at a time."""
    forbidden: tuple[ForbiddenRange, ...] = Field((), max_length=256)
    pause_after_connect_s: float = Field(0.0, ge=0, le=60)
    pause_between_requests_s: float = Field(0.0, ge=0, le=60)
    response_timeout_s: float | None = Field(None, gt=0, le=60)
    """How long this model may take to answer, where that is longer than the bus allows."""
    close_connection_after_poll: bool = False
    """For devices that keep a connection to themselves: it is closed after each reading."""
    unlock: tuple[RawWrite, ...] = Field((), max_length=16)
    """Written before each command to a point whose `write` says `unlock`."""
    setup: tuple[SetupStep, ...] = Field((), max_length=64)
    """Done in this order when the device first answers, and again each time it is back."""
    heartbeat: Heartbeat | None = None
    """Written all the time, so that the device knows that somebody is there."""
    page: Page | None = None
    """The register that chooses what the others show; points name theirs as `page`."""
    watchdog: Watchdog | None = None
    """What the device does by itself when nobody speaks to it any more."""
    sunspec: SunSpec | None = None
    """For devices whose map is a chain of SunSpec models; points name theirs as `block`."""

    def wire_address(self, table: Table, printed: int) -> int:
        """Return the address on the wire of one printed in the manual.

        Raises:
            ValueError: it lies outside the table, or names another one.
        """
        address = printed - self.address_base if self.address_base != "modicon" else None
        if address is None:
            digits = 5 if printed >= 100_000 else 4
            leading, number = divmod(printed, 10**digits)
            if _MODICON_DIGITS.get(leading) is not table:
                raise ValueError(f"{printed} is no number of the table {table}")
            address = number - 1
        address += self.offset_of(table)
        if not 0 <= address <= ADDRESS_MAX:
            raise ValueError(f"{printed} lies outside the addresses 0 to {ADDRESS_MAX}")
        return address

    def offset_of(self, table: Table) -> int:
        """Return what is added to the addresses of a table."""
        offset = self.address_offset
        return offset.get(table, 0) if isinstance(offset, dict) else offset

    def printed_address(self, table: Table, address: int) -> int:
        """Return how the manual would print an address on the wire.

        Raises:
            ValueError: a coil from 9999 on, where addresses are numbers whose first digit is 0.
        """
        address -= self.offset_of(table)
        if self.address_base == "modicon":
            number = _MODICON_LEADING[table] * 100_000 + address + 1
            if number < 100_000 and number > 9_999:
                raise ValueError(f"the coil {address} has no such number")
            return number
        return address + self.address_base

    def is_forbidden(self, table: Table, first: int, last: int) -> bool:
        """Say whether any address from `first` to `last` on the wire must not be asked for."""
        return any(
            one.input_type is table
            and self.wire_address(table, one.first) <= last
            and self.wire_address(table, one.last) >= first
            for one in self.forbidden
        )

    @cached_property
    def defaults(self) -> Defaults:
        """What holds for every value that says nothing else."""
        return Defaults(self.byte_order, self.text_encoding, self.utc_offset_s)

    @property
    def utc_offset_s(self) -> int:
        """How far the device's clock is ahead of UTC, in seconds."""
        sign = -1 if self.utc_offset[0] == "-" else 1
        hours, minutes = self.utc_offset[1:].split(":")
        return sign * (int(hours) * 3600 + int(minutes) * 60)

    def read_location(self, read: ModbusRead) -> Location:
        """Return where `read` finds its value.

        Raises:
            ValueError: the address lies outside its table.
        """
        return read.location(self.wire_address(read.input_type, read.address), self.defaults)

    def write_location(self, write: ModbusWrite, read: ModbusRead | None) -> Location:
        """Return where `write` puts its value, taking from `read` what it leaves out.

        Raises:
            ValueError: neither says the address or the type.
        """
        printed = write.address
        if printed is None and read is not None:
            printed = read.address
        if printed is None:
            raise ValueError(ADDRESS_NEEDED)
        return write.location(self.wire_address(write.table, printed), read, self.defaults)
