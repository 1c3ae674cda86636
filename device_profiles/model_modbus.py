"""Where a point lives in a Modbus device, and how the device wants to be asked.

Limits are those of the Modbus Application Protocol V1.1b3, §6.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from campus_wire.config_model import ConfigModel, mistake_at
from device_profiles.model_point import Finite, Point, WriteLimits
from device_profiles.registers import DataType, check_letters, expand_pattern, register_count

READ_REGISTERS_MAX: Final = 125
READ_BITS_MAX: Final = 2000
ADDRESS_MAX: Final = 65_535


class Table(StrEnum):
    """The four tables of a Modbus device."""

    COIL = "coil"
    DISCRETE = "discrete"
    INPUT = "input"
    HOLDING = "holding"

    @property
    def holds_bits(self) -> bool:
        """Whether an element is one bit, not a 16-bit register."""
        return self in (Table.COIL, Table.DISCRETE)

    @property
    def read_function(self) -> int:
        """The function code that reads the table."""
        return _READ_FUNCTIONS[self]


_READ_FUNCTIONS: Final = {Table.COIL: 1, Table.DISCRETE: 2, Table.HOLDING: 3, Table.INPUT: 4}

# The leading digit of numbers such as 40001 names the table.
_MODICON_DIGITS: Final = {0: Table.COIL, 1: Table.DISCRETE, 3: Table.INPUT, 4: Table.HOLDING}
_WRITE_TABLES: Final = {5: Table.COIL, 15: Table.COIL, 6: Table.HOLDING, 16: Table.HOLDING}


def _table(value: object) -> object:
    # Home Assistant's word for the table that Telegraf calls `discrete`
    return "discrete" if value == "discrete_input" else value


def _as_tuple(value: object) -> object:
    if isinstance(value, list):
        return tuple(value)
    return (value,) if isinstance(value, int) and not isinstance(value, bool) else value


def _not_zero(scale: float) -> float:
    if scale == 0:
        raise ValueError("must not be 0")
    return scale


_TABLE_WORDS: Final = ["coil", "discrete_input", "discrete", "input", "holding"]

InputType = Annotated[
    Table, BeforeValidator(_table), WithJsonSchema({"enum": _TABLE_WORDS, "type": "string"})
]
PrintedAddress = Annotated[int, Field(ge=0, le=499_999)]
"""As the manual prints it; `address_base` says how it becomes the address on the wire."""
Scale = Annotated[Finite, AfterValidator(_not_zero)]
Letters = Annotated[str, Field(pattern=r"^[A-H]{2,8}$")]
_ONE_OR_MORE_NUMBERS: Final = {
    "anyOf": [
        {"type": "integer"},
        {"type": "array", "items": {"type": "integer"}, "maxItems": 16},
    ]
}
NanValues = Annotated[
    tuple[int, ...],
    BeforeValidator(_as_tuple),
    Field(max_length=16),
    WithJsonSchema(_ONE_OR_MORE_NUMBERS),
]


@dataclass(frozen=True, slots=True)
class Location:
    """Where a value lives and how it is coded, with every default filled in."""

    table: Table
    address: int
    """As it travels on the wire: 0 to 65535."""
    count: int
    """Registers, or bits in a table of bits."""
    data_type: DataType
    byte_order: str
    """Letters, as many as the value has bytes; empty for a table of bits."""
    scale: float
    """`value = raw * scale + offset`."""
    offset: float
    bit: int | None = None
    bit_count: int = 1


class ModbusRead(ConfigModel):
    """Where and how a point is read: `value = raw * scale + offset`."""

    input_type: InputType
    """`coil`, `discrete_input`, `input` or `holding`."""
    address: PrintedAddress
    data_type: DataType | None = None
    """Needed for registers; `bool` for coils and discrete inputs, `uint16` where bits are taken."""
    byte_order: Letters | None = None
    """Letters, as many as the value has bytes (`CDAB`); the section's order when left out."""
    scale: Scale = 1.0
    offset: Finite = 0.0
    bit: int | None = Field(None, ge=0, le=63)
    """The lowest bit taken out of the value, counted from the least significant one as 0."""
    bit_count: int = Field(1, ge=1, le=32)
    nan_value: NanValues = ()
    """Raw values, as unsigned numbers or signed ones, by which the device says it has no value."""

    @property
    def raw_type(self) -> DataType:
        """The type with defaults filled in."""
        if self.data_type is not None:
            return self.data_type
        return DataType.BOOL if self.input_type.holds_bits else DataType.UINT16

    @model_validator(mode="after")
    def _fits_its_table(self) -> Self:
        if self.input_type.holds_bits:
            _check_bit_table(self)
            return self
        _check_register_type(self.data_type, self.bit, self.bit_count)
        _check_order(self.raw_type, self.byte_order)
        size = 16 * register_count(self.raw_type)
        for value in self.nan_value:
            if not -(1 << (size - 1)) <= value < 1 << size:
                raise mistake_at(("nan_value",), f"{value} does not fit in {size} bits")
        return self


def _check_bit_table(read: ModbusRead) -> None:
    given = {
        "data_type": read.data_type not in (None, DataType.BOOL),
        "bit": read.bit is not None,
        "byte_order": read.byte_order is not None,
    }
    for key, wrong in given.items():
        if wrong:
            raise mistake_at((key,), f"the table {read.input_type} holds single bits")


def _check_register_type(data_type: DataType | None, bit: int | None, bit_count: int) -> None:
    if bit is None:
        if data_type is None:
            raise mistake_at(("data_type",), "missing", remedy="for example uint16")
        if data_type is DataType.BOOL:
            remedy = "give bit, or data_type: uint16"
            raise mistake_at(("data_type",), "which bit of the register?", remedy=remedy)
        if bit_count != 1:
            raise mistake_at(("bit_count",), "needs bit, the lowest bit taken")
        return
    if data_type is not None and not data_type.startswith("uint"):
        raise mistake_at(("data_type",), "bits are taken from unsigned integers")
    width = 16 * register_count(data_type or DataType.UINT16)
    if bit + bit_count > width:
        raise mistake_at(("bit",), f"bits {bit} to {bit + bit_count - 1} are not in {width} bits")


def _check_order(data_type: DataType, letters: str | None) -> None:
    wrong = "" if letters is None else check_letters(letters, register_count(data_type))
    if wrong:
        raise mistake_at(("byte_order",), wrong)


class ModbusWrite(WriteLimits):
    """How a point is written. Address and coding are those of `read` where left out."""

    function: Literal[5, 6, 15, 16]
    address: PrintedAddress | None = None
    data_type: DataType | None = None
    byte_order: Letters | None = None
    scale: Scale | None = None
    offset: Finite | None = None

    @property
    def table(self) -> Table:
        """The table the function code writes to."""
        return _WRITE_TABLES[self.function]


class ModbusPoint(Point):
    """A point of a Modbus device."""

    read: ModbusRead | None = None
    write: ModbusWrite | None = None


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
    byte_order: Literal["ABCD", "CDAB", "BADC", "DCBA"] = "ABCD"
    """Of all values, written for two registers; a single register takes its part (BA for BADC)."""
    link: ModbusLink = ModbusLink()
    max_word_registers_per_request: int = Field(READ_REGISTERS_MAX, ge=1, le=READ_REGISTERS_MAX)
    max_bit_registers_per_request: int = Field(READ_BITS_MAX, ge=1, le=READ_BITS_MAX)
    one_request_per_field: bool = False
    """For devices that answer only for one whole value at a time."""
    forbidden: tuple[ForbiddenRange, ...] = Field((), max_length=256)
    pause_after_connect_s: float = Field(0.0, ge=0, le=60)
    pause_between_requests_s: float = Field(0.0, ge=0, le=60)

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
        if not 0 <= address <= ADDRESS_MAX:
            raise ValueError(f"{printed} lies outside the addresses 0 to {ADDRESS_MAX}")
        return address

    def is_forbidden(self, table: Table, first: int, last: int) -> bool:
        """Say whether any address from `first` to `last` on the wire must not be asked for."""
        return any(
            one.input_type is table
            and self.wire_address(table, one.first) <= last
            and self.wire_address(table, one.last) >= first
            for one in self.forbidden
        )

    def read_location(self, read: ModbusRead) -> Location:
        """Return where `read` finds its value."""
        return Location(
            table=read.input_type,
            address=self.wire_address(read.input_type, read.address),
            count=register_count(read.raw_type),
            data_type=read.raw_type,
            byte_order=self._letters(read.input_type, read.raw_type, read.byte_order),
            scale=read.scale,
            offset=read.offset,
            bit=read.bit,
            bit_count=read.bit_count,
        )

    def write_location(self, write: ModbusWrite, read: ModbusRead | None) -> Location:
        """Return where `write` puts its value, taking from `read` what it leaves out.

        Raises:
            ValueError: neither says the address or the type.
        """
        table = write.table
        printed, data_type, letters = write.address, write.data_type, write.byte_order
        scale, offset = write.scale, write.offset
        if read is not None:
            printed = read.address if printed is None else printed
            data_type = read.raw_type if data_type is None else data_type
            letters = read.byte_order if letters is None else letters
            scale = read.scale if scale is None else scale
            offset = read.offset if offset is None else offset
        if table.holds_bits:
            data_type = DataType.BOOL
        if data_type is None or printed is None:
            raise ValueError("is needed, with data_type, where there is no read")
        return Location(
            table=table,
            address=self.wire_address(table, printed),
            count=register_count(data_type),
            data_type=data_type,
            byte_order=self._letters(table, data_type, letters),
            scale=1.0 if scale is None else scale,
            offset=0.0 if offset is None else offset,
        )

    def _letters(self, table: Table, data_type: DataType, given: str | None) -> str:
        if table.holds_bits:
            return ""
        return given or expand_pattern(self.byte_order, register_count(data_type))
