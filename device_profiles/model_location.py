"""The tables of a Modbus device, and places in them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Final

from pydantic import BeforeValidator, Discriminator, Field, Tag, WithJsonSchema

from device_profiles.encodings import Encoding
from device_profiles.model_values import TextEncoding
from device_profiles.registers import DataType, Kind, bit_width, expand_pattern, kind
from device_profiles.registers import register_count as registers_of

ADDRESS_MAX: Final = 65_535
ADDRESS_NEEDED: Final = "is needed, with data_type, where there is no read"


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
_TABLE_WORDS: Final = ["coil", "discrete_input", "discrete", "input", "holding"]


def _table(value: object) -> object:
    # Home Assistant's word for the table that Telegraf calls `discrete`
    return "discrete" if value == "discrete_input" else value


def one_or_mapping(value: object) -> str:
    """Return which of the two forms is meant: one number, or one for each table."""
    return "mapping" if isinstance(value, dict) else "one"


InputType = Annotated[
    Table, BeforeValidator(_table), WithJsonSchema({"enum": _TABLE_WORDS, "type": "string"})
]
PrintedAddress = Annotated[int, Field(ge=0, le=499_999)]
"""As the manual prints it; `address_base` says how it becomes the address on the wire."""
Offset = Annotated[int, Field(ge=-ADDRESS_MAX, le=ADDRESS_MAX)]
AddressOffset = Annotated[
    Annotated[Offset, Tag("one")]
    | Annotated[dict[InputType, Offset], Field(min_length=1, max_length=4), Tag("mapping")],
    Discriminator(one_or_mapping),
]
"""How much is added to the addresses of all tables, or to those of each."""
Letters = Annotated[str, Field(pattern=r"^[A-H]{2,8}$")]


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
    """Letters, as many as the value has bytes; those of one register for a text or a date; empty
    for a table of bits."""
    scale: float
    """`value = raw * scale + offset`."""
    offset: float
    bit: int | None = None
    bit_count: int = 1
    encoding: Encoding | None = None
    """None: unsigned, two's complement, or a floating-point number, as the type says."""
    page: int | None = None
    """What must be selected before."""

    @property
    def width(self) -> int:
        """How many bits the number has: those taken out, or all of the type."""
        if self.bit is not None:
            return self.bit_count
        if kind(self.data_type) is Kind.SPAN:
            return 16 * self.count
        return bit_width(self.data_type)


@dataclass(frozen=True, slots=True)
class Defaults:
    """What the section of a device says for every value that says nothing else."""

    byte_order: str
    """Letters for two registers."""
    text_encoding: TextEncoding = "ascii"
    utc_offset_s: int = 28_800
    """How far the device's own clock is ahead of UTC."""

    def letters(self, data_type: DataType, given: str | None) -> str:
        """Return the order of a value in registers, as many letters as it has bytes.

        Texts and dates take only the order within each register from the section's.
        """
        return given or expand_pattern(self.byte_order, registers_of(data_type))
