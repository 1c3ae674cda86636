"""Where and how a point is read from a Modbus device."""

from __future__ import annotations

from typing import Final, Literal, Self

from pydantic import Field, model_validator

from campus_wire.config_model import ConfigModel, mistake_at
from campus_wire.ids import PointName
from device_profiles.encodings import Encoding
from device_profiles.model_location import Defaults, InputType, Letters, Location, PrintedAddress
from device_profiles.model_numbers import Finite, Scale
from device_profiles.model_values import (
    SPAN_REGISTERS_MAX,
    Blocks,
    CurvePoints,
    DateField,
    Names,
    NanNumbers,
    NanValues,
    Page,
    Polynomial,
    RawValues,
    Text,
    check_curve,
    check_fields,
)
from device_profiles.registers import (
    DataType,
    Kind,
    bit_width,
    check_letters,
    kind,
    register_count,
)

Key = tuple[str | int, ...]


class ModbusRead(ConfigModel):
    """Where and how a point is read: `value = raw * scale + offset`."""

    input_type: InputType
    """`coil`, `discrete_input`, `input` or `holding`."""
    address: PrintedAddress
    data_type: DataType | None = None
    """Needed for registers; `bool` for coils and discrete inputs, `uint16` where bits are taken."""
    byte_order: Letters | None = None
    """Letters, as many as the value has bytes (`CDAB`); the section's order when left out. `AB` or
    `BA` for texts and dates."""
    encoding: Encoding | None = None
    """How a whole number is written as bits, where it is not as the type says."""
    scale: Scale = 1.0
    offset: Finite = 0.0
    bit: int | None = Field(None, ge=0, le=63)
    """The lowest bit taken out of the value, counted from the least significant one as 0."""
    bit_count: int = Field(1, ge=1, le=64)
    bit_signed: bool = False
    """The bits taken are a number in two's complement."""
    nan_value: NanValues = ()
    """Raw values, as unsigned numbers or signed ones, by which the device says it has no value."""
    nan_number: NanNumbers = ()
    """The same as the numbers they stand for, before scaling (`999999.0`)."""
    values: RawValues = Field(default_factory=dict)
    """What raw numbers mean; such a number is not scaled."""
    other_values: Finite | Literal["scaled"] | None = None
    """What raw numbers mean that `values` does not name: this number, or what scaling makes of
    them; UNDECODABLE when left out."""
    polynomial: Polynomial | None = None
    """`value = c0 + c1 * raw + c2 * raw² + …`, in the place of scale and offset."""
    curve: CurvePoints | None = None
    """`[raw, value]`, straight lines between them; outside is OUT_OF_RANGE."""
    scale_factor: PointName | None = None
    """The point whose value n means times 10 to the n (SunSpec)."""
    multiplier: Names = ()
    """Points whose values multiply this one (ratio of a current transformer)."""
    divisor: Names = ()
    """Points whose values divide this one."""
    length: int | None = Field(None, ge=1, le=SPAN_REGISTERS_MAX)
    """Registers of a text or a date."""
    text: Text | None = None
    decimal: Literal["point", "comma"] | None = None
    """A text is a number, `0023.5`: which sign stands before the decimals."""
    fields: tuple[DateField, ...] = Field((), max_length=7)
    """The parts of a date; the value is in Unix seconds."""
    block: Blocks = ()
    """SunSpec models, of which the first present holds the point; `address` counts from the
    register of its id."""
    page: Page | None = None
    """What must be selected before, as `modbus.page` says."""
    overlaps: bool = False
    """Sharing some but not all registers with another point is meant, and no slip."""

    @property
    def raw_type(self) -> DataType:
        """The type with defaults filled in."""
        if self.data_type is not None:
            return self.data_type
        return DataType.BOOL if self.input_type.holds_bits else DataType.UINT16

    @property
    def registers(self) -> int:
        """How many registers the value takes, or bits in a table of bits."""
        return self.length or register_count(self.raw_type)

    @property
    def is_text(self) -> bool:
        """Whether it is a text, not a number."""
        return self.data_type is DataType.STRING and self.decimal is None

    @property
    def factors(self) -> tuple[str, ...]:
        """The points by which the value decoded here is still to be multiplied or divided."""
        first = (self.scale_factor,) if self.scale_factor is not None else ()
        return (*first, *self.multiplier, *self.divisor)

    def location(self, address: int, defaults: Defaults) -> Location:
        """Return where the value is found, given its address on the wire."""
        letters = ""
        if not self.input_type.holds_bits:
            letters = defaults.letters(self.raw_type, self.byte_order)
        return Location(
            table=self.input_type,
            address=address,
            count=self.registers,
            data_type=self.raw_type,
            byte_order=letters,
            scale=self.scale,
            offset=self.offset,
            bit=self.bit,
            bit_count=self.bit_count,
            encoding=Encoding.TWOS_COMPLEMENT if self.bit_signed else self.encoding,
            page=self.page,
        )

    @model_validator(mode="after")
    def _fits_its_table(self) -> Self:
        if self.input_type.holds_bits:
            _check_bit_table(self)
        elif kind(self.raw_type) is Kind.SPAN:
            _check_span(self)
        else:
            _check_numbers(self)
        _check_meaning(self)
        return self


_REGISTERS_ONLY: Final = (
    "encoding",
    "bit",
    "bit_count",
    "bit_signed",
    "byte_order",
    "nan_number",
    "polynomial",
    "curve",
    "length",
    "text",
    "decimal",
    "fields",
)
_WHOLE_NUMBERS_ONLY: Final = (
    "encoding",
    "bit",
    "bit_count",
    "bit_signed",
    "values",
    "other_values",
)
_NUMBERS_ONLY: Final = (
    *_WHOLE_NUMBERS_ONLY,
    "nan_number",
    "polynomial",
    "curve",
    "scale",
    "offset",
    "scale_factor",
    "multiplier",
    "divisor",
)


def _check_bit_table(read: ModbusRead) -> None:
    message = f"the table {read.input_type} holds single bits"
    if read.data_type not in (None, DataType.BOOL):
        raise mistake_at(("data_type",), message)
    for key in _REGISTERS_ONLY:
        if key in read.model_fields_set:
            raise mistake_at((key,), message)
    _check_values(read.values, 1)


def _check_span(read: ModbusRead) -> None:
    is_string = read.data_type is DataType.STRING
    unfit = ("fields", "nan_value") if is_string else ("text", "decimal")
    numeric = _NUMBERS_ONLY if read.decimal is None or not is_string else _WHOLE_NUMBERS_ONLY
    for key in (*numeric, *unfit):
        if key in read.model_fields_set:
            remedy = "decimal says that it is a number" if is_string and key == "scale" else ""
            raise mistake_at((key,), f"does not belong to a {read.raw_type}", remedy=remedy)
    if read.length is None:
        raise mistake_at(("length",), "missing", remedy="how many registers does it take?")
    check_order(read.raw_type, read.byte_order)
    if not is_string:
        check_fields(read.fields, read.length)
    _check_patterns_fit(read)


def _check_numbers(read: ModbusRead) -> None:
    for key in ("length", "text", "decimal", "fields"):
        if key in read.model_fields_set:
            remedy = "length, text and decimal belong to string, length and fields to datetime"
            raise mistake_at((key,), f"does not belong to {read.raw_type}", remedy=remedy)
    if read.data_type is None and read.bit is None:
        raise mistake_at(("data_type",), "missing", remedy="for example uint16")
    check_bits(read.data_type, read.bit, read.bit_count)
    check_order(read.raw_type, read.byte_order)
    check_encoding(read.raw_type, read.encoding, has_bits=read.bit is not None)
    if read.bit_signed and read.bit is None:
        raise mistake_at(("bit_signed",), "needs bit, the lowest bit taken")
    if read.bit_signed and read.encoding is not None:
        raise mistake_at(("bit_signed",), f"the bits are {read.encoding} already")
    _check_patterns_fit(read)
    if read.values and kind(read.raw_type) is Kind.FLOAT:
        raise mistake_at(("values",), f"raw numbers of a {read.raw_type} cannot be named")
    width = read.bit_count if read.bit is not None else bit_width(read.raw_type)
    _check_values(read.values, width)


def _check_patterns_fit(read: ModbusRead) -> None:
    count = read.registers
    width = 16 * count if kind(read.raw_type) is Kind.SPAN else bit_width(read.raw_type)
    for value in read.nan_value:
        check_pattern(value, width, key=("nan_value",))


def _check_meaning(read: ModbusRead) -> None:
    if read.other_values is not None and not read.values:
        raise mistake_at(("other_values",), "needs values")
    if read.polynomial is not None and read.curve is not None:
        raise mistake_at(("curve",), "polynomial is given, too")
    if read.polynomial is not None or read.curve is not None:
        for key in ("scale", "offset"):
            if key in read.model_fields_set:
                other = "curve" if read.polynomial is None else "polynomial"
                raise mistake_at((key,), f"{other} stands in its place")
    if read.polynomial is not None and not any(read.polynomial[1:]):
        raise mistake_at(("polynomial",), "does not depend on the register")
    if read.curve is not None:
        check_curve(read.curve)
    for key in ("multiplier", "divisor"):
        if read.scale_factor in getattr(read, key):
            raise mistake_at((key,), f"{read.scale_factor} is the scale factor already")


def check_bits(
    data_type: DataType | None, bit: int | None, bit_count: int | None, *, under: Key = ()
) -> None:
    """Raise a mistake where bits are not within their type."""
    if bit is None:
        if data_type is DataType.BOOL:
            remedy = "give bit, or data_type: uint16"
            raise mistake_at((*under, "data_type"), "which bit of the register?", remedy=remedy)
        if bit_count not in (None, 1):
            raise mistake_at((*under, "bit_count"), "needs bit, the lowest bit taken")
        return
    if data_type is not None and kind(data_type) is not Kind.UNSIGNED:
        raise mistake_at((*under, "data_type"), "bits are taken from unsigned integers")
    width = bit_width(data_type or DataType.UINT16)
    last = bit + (bit_count or 1) - 1
    if last >= width:
        raise mistake_at((*under, "bit"), f"bits {bit} to {last} are not in {width} bits")


def check_order(data_type: DataType, letters: str | None, *, under: Key = ()) -> None:
    """Raise a mistake where letters are no order of the type's bytes."""
    wrong = "" if letters is None else check_letters(letters, register_count(data_type))
    if wrong:
        raise mistake_at((*under, "byte_order"), wrong)


def check_encoding(
    data_type: DataType, encoding: Encoding | None, *, has_bits: bool, under: Key = ()
) -> None:
    """Raise a mistake where a coding does not go with its type."""
    if encoding is None:
        return
    key, family = (*under, "encoding"), kind(data_type)
    if family not in (Kind.SIGNED, Kind.UNSIGNED):
        raise mistake_at(key, f"{data_type} has no other encoding")
    if encoding is Encoding.MOD10K and (has_bits or bit_width(data_type) % 16):
        raise mistake_at(key, "mod10k numbers are whole registers")
    if has_bits:
        return
    if encoding.is_signed and family is Kind.UNSIGNED:
        remedy = f"data_type: {data_type[1:]}"
        raise mistake_at(key, f"{encoding} numbers have a sign", remedy=remedy)
    if not encoding.is_signed and family is Kind.SIGNED:
        remedy = f"data_type: u{data_type}"
        raise mistake_at(key, f"{encoding} numbers have no sign", remedy=remedy)


def check_pattern(value: int, width: int, *, key: Key) -> None:
    """Raise a mistake where a raw number, unsigned or signed, is not of so many bits."""
    if not -(1 << (width - 1)) <= value < 1 << width:
        raise mistake_at(key, f"{value} does not fit in {_bits(width)}")


def _bits(width: int) -> str:
    return f"{width} bits" if width > 1 else "one bit"


def _check_values(values: dict[int, float], width: int) -> None:
    seen: dict[int, int] = {}
    for value in values:
        check_pattern(value, width, key=("values", value))
        first = seen.setdefault(value % (1 << width), value)
        if first != value:
            raise mistake_at(("values", value), f"is {first} in {_bits(width)}, given already")
