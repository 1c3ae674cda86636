"""Where a point lives in a Modbus device, and how it is written there.

Limits are those of the Modbus Application Protocol V1.1b3, §6.
"""

from __future__ import annotations

from typing import Final, Literal, Self

from pydantic import Field, model_validator

from campus_wire.config_model import mistake_at
from device_profiles.curves import Curve
from device_profiles.encodings import Encoding, number_range
from device_profiles.model_location import (
    ADDRESS_MAX,
    ADDRESS_NEEDED,
    Defaults,
    InputType,
    Letters,
    Location,
    PrintedAddress,
    Table,
)
from device_profiles.model_numbers import Finite, Scale
from device_profiles.model_point import Point, WriteLimits
from device_profiles.model_read import (
    ModbusRead,
    check_bits,
    check_encoding,
    check_order,
    check_pattern,
)
from device_profiles.model_upkeep import RawWrite
from device_profiles.model_values import Blocks, Page, RawWords
from device_profiles.registers import DataType, Kind, bit_width, integer_range, kind, register_count
from device_profiles.scaling import Linear

__all__ = [
    "ADDRESS_MAX",
    "ADDRESS_NEEDED",
    "READ_BITS_MAX",
    "READ_REGISTERS_MAX",
    "Defaults",
    "InputType",
    "Letters",
    "Location",
    "ModbusPoint",
    "ModbusRead",
    "ModbusWrite",
    "PrintedAddress",
    "Scale",
    "Table",
]

READ_REGISTERS_MAX: Final = 125
READ_BITS_MAX: Final = 2000

_WRITE_TABLES: Final = {5: Table.COIL, 15: Table.COIL, 6: Table.HOLDING, 16: Table.HOLDING}


class ModbusWrite(WriteLimits):
    """How a point is written. Address and coding are those of `read` where left out."""

    function: Literal[5, 6, 15, 16]
    address: PrintedAddress | None = None
    data_type: DataType | None = None
    byte_order: Letters | None = None
    encoding: Encoding | None = None
    scale: Scale | None = None
    offset: Finite | None = None
    bit: int | None = Field(None, ge=0, le=63)
    """The lowest bit written, counted from the least significant one as 0."""
    bit_count: int | None = Field(None, ge=1, le=64)
    rest: Literal["keep"] | int | None = None
    """What becomes of the bits beside: they are read first and written as they are, or they are
    those of this number."""
    values: RawWords = Field(default_factory=dict)
    """The raw number to write for a value; such a value is not scaled. For function 5 the word that
    travels (0x5500), where it is neither FF00 for 1 nor 0000 for 0."""
    unlock: bool = False
    """The writes of `modbus.unlock` come first."""
    then: tuple[RawWrite, ...] = Field((), max_length=16)
    """What makes the device take the value, or keep it: written right after it."""
    block: Blocks = ()
    """As in `read`, for a point that has none."""
    page: Page | None = None
    """What must be selected before, as `modbus.page` says."""

    @property
    def table(self) -> Table:
        """The table the function code writes to."""
        return _WRITE_TABLES[self.function]

    @property
    def scales_itself(self) -> bool:
        """Whether it says how values become raw numbers, and does not take that from `read`."""
        return self.scale is not None or self.offset is not None

    def location(self, address: int, read: ModbusRead | None, defaults: Defaults) -> Location:
        """Return where the value is put, given its address on the wire.

        Raises:
            ValueError: neither this nor `read` says the type.
        """
        data_type = self.data_type
        if self.table.holds_bits:
            data_type = DataType.BOOL
        elif data_type is None and read is not None:
            data_type = read.raw_type
        elif data_type is None and self.bit is not None:
            data_type = DataType.UINT16
        if data_type is None:
            raise ValueError(ADDRESS_NEEDED)
        bit, bit_count, encoding = self._bits(read)
        return Location(
            table=self.table,
            address=address,
            count=register_count(data_type),
            data_type=data_type,
            byte_order=self._letters(data_type, read, defaults),
            scale=_first(self.scale, None if read is None else read.scale, 1.0),
            offset=_first(self.offset, None if read is None else read.offset, 0.0),
            bit=bit,
            bit_count=bit_count,
            encoding=encoding,
            page=self._page(read),
        )

    def _letters(self, data_type: DataType, read: ModbusRead | None, defaults: Defaults) -> str:
        if self.table.holds_bits:
            return ""
        given = self.byte_order
        if given is None and read is not None and read.raw_type is data_type:
            given = read.byte_order
        return defaults.letters(data_type, given)

    def _bits(self, read: ModbusRead | None) -> tuple[int | None, int, Encoding | None]:
        """Return the lowest bit, the number of bits and their coding."""
        if self.bit is not None or read is None or self.table.holds_bits:
            return self.bit, self.bit_count or 1, self.encoding
        encoding = Encoding.TWOS_COMPLEMENT if read.bit_signed else read.encoding
        if self.encoding is not None or self.data_type is not None:
            encoding = self.encoding
        if self.address is None:
            return read.bit, read.bit_count, encoding
        # bits of one register say nothing about another one
        return None, 1, None if read.bit is not None else encoding

    def _page(self, read: ModbusRead | None) -> int | None:
        if self.page is None and self.address is None and read is not None:
            return read.page
        return self.page


def _first(given: float | None, inherited: float | None, default: float) -> float:
    if given is not None:
        return given
    return default if inherited is None else inherited


class ModbusPoint(Point):
    """A point of a Modbus device."""

    read: ModbusRead | None = None
    write: ModbusWrite | None = None

    @model_validator(mode="after")
    def _fits_its_registers(self) -> Self:
        write, read = self.write, self.read
        if read is not None and self.counter is not None:
            _check_counter(read, self.counter.wraps_at)
        if write is None:
            return self
        try:
            place = write.location(0, read, Defaults("ABCD"))
        except ValueError:
            return self  # the profile says so, with the address
        if read is not None and not write.scales_itself:
            _check_inverse(read)
        if write.table.holds_bits:
            _check_coil(write)
        else:
            _check_register(write, place)
        return self


Under = tuple[str | int, ...]
_WRITE: Final[Under] = ("write",)
_REGISTERS_ONLY: Final = ("data_type", "byte_order", "encoding", "bit", "bit_count", "rest")


def _check_counter(read: ModbusRead, wraps_at: float) -> None:
    if read.factors or read.values or read.polynomial is not None or read.curve is not None:
        return
    place = read.location(0, Defaults("ABCD"))
    if kind(place.data_type) not in (Kind.SIGNED, Kind.UNSIGNED):
        return
    highest = integer_range(place.data_type)[1] if place.bit is None else (1 << place.width) - 1
    if place.encoding is not None:
        highest = number_range(place.encoding, place.width)[1]
    largest = Linear.of(place.scale, place.offset).of_int(highest + 1)
    if wraps_at > largest:
        message = f"the registers never show more than {largest:.15g}"
        raise mistake_at(("counter", "wraps_at"), message)


def _check_inverse(read: ModbusRead) -> None:
    remedy = "give scale and offset here"
    if read.polynomial is not None and any(read.polynomial[2:]):
        raise mistake_at(_WRITE, "the polynomial of read cannot be turned round", remedy=remedy)
    if read.curve is not None and not Curve.of(read.curve).can_be_turned_round:
        raise mistake_at(_WRITE, "the curve of read cannot be turned round", remedy=remedy)


def _check_coil(write: ModbusWrite) -> None:
    for key in _REGISTERS_ONLY:
        if getattr(write, key) not in (None, DataType.BOOL):
            message = f"function {write.function} writes single bits"
            raise mistake_at((*_WRITE, key), message)
    width = 16 if write.function == 5 else 1
    for value, raw in write.values.items():
        check_pattern(raw, width, key=(*_WRITE, "values", value))


def _check_register(write: ModbusWrite, place: Location) -> None:
    if kind(place.data_type) is Kind.SPAN:
        raise mistake_at(_WRITE, f"a {place.data_type} cannot be written", remedy="give data_type")
    check_bits(place.data_type, place.bit, place.bit_count, under=_WRITE)
    check_order(place.data_type, write.byte_order, under=_WRITE)
    has_bits = place.bit is not None
    check_encoding(place.data_type, place.encoding, has_bits=has_bits, under=_WRITE)
    if write.values and kind(place.data_type) is Kind.FLOAT:
        message = f"raw numbers of a {place.data_type} cannot be named"
        raise mistake_at((*_WRITE, "values"), message)
    for value, raw in write.values.items():
        check_pattern(raw, place.width, key=(*_WRITE, "values", value))
    key = (*_WRITE, "rest")
    if place.width == 16 * place.count:
        if write.rest is not None:
            raise mistake_at(key, "there are no other bits; it needs bit")
    elif write.rest is None and (has_bits or bit_width(place.data_type) == 8):
        remedy = "keep reads them first, a number is what they are set to"
        raise mistake_at(key, "what becomes of the register's other bits?", remedy=remedy)
    elif isinstance(write.rest, int):
        check_pattern(write.rest, 16 * place.count, key=key)
