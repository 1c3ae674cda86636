"""From what a profile says of a value to how it stands in registers, worked out anew.

Nothing of the product's own conversion is used: of the profile's models only the words of the file
are read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import cast

from device_profiles.model_modbus import ModbusRead, ModbusWrite
from firmware_sims.codec import Encoding, Kind
from firmware_sims.conversions import Conversion, Curve, Polynomial, Scaled, ValueMap
from firmware_sims.errors import UnsupportedPointError
from firmware_sims.moments import MomentField, MomentForm
from firmware_sims.patterns import Form as Pattern
from firmware_sims.patterns import raw_of_pattern
from firmware_sims.registers import BIT_TABLES, Form, Table
from firmware_sims.texts import NumberTextForm, TextForm, TextLayout


@dataclass(frozen=True, slots=True)
class Habits:
    """What a device does with every value that says nothing else.

    Args:
        byte_order: letters for two registers.
        charset: of texts.
        utc_offset: of its clock, `+08:00`.
    """

    byte_order: str = "ABCD"
    charset: str = "ascii"
    utc_offset: str = "+08:00"

    @property
    def utc_offset_s(self) -> int:
        """How far its clock is ahead of UTC."""
        sign, hours, minutes = re.fullmatch(r"([+-])(\d\d):?(\d\d)", self.utc_offset).groups()  # type: ignore[union-attr]
        seconds = int(hours) * 3600 + int(minutes) * 60
        return -seconds if sign == "-" else seconds


@dataclass(frozen=True, slots=True)
class _Shape:
    """Kind, bits of the registers, and which of these the number takes (shift, width)."""

    kind: Kind
    width: int
    part: tuple[int, int] | None = None


_SHAPES: dict[str, _Shape] = {
    "bool": _Shape("bool", 16),
    "int8l": _Shape("int", 16, (0, 8)),
    "int8h": _Shape("int", 16, (8, 8)),
    "uint8l": _Shape("uint", 16, (0, 8)),
    "uint8h": _Shape("uint", 16, (8, 8)),
    "int16": _Shape("int", 16),
    "uint16": _Shape("uint", 16),
    "int24": _Shape("int", 32, (0, 24)),
    "uint24": _Shape("uint", 32, (0, 24)),
    "int32": _Shape("int", 32),
    "uint32": _Shape("uint", 32),
    "int48": _Shape("int", 48),
    "uint48": _Shape("uint", 48),
    "int64": _Shape("int", 64),
    "uint64": _Shape("uint", 64),
    "float16": _Shape("float", 16),
    "float32": _Shape("float", 32),
    "float64": _Shape("float", 64),
}


def read_form(read: ModbusRead, table: Table, habits: Habits) -> Form:
    """How a readable value stands in its table.

    Raises:
        UnsupportedPointError: its type is not known here.
    """
    data_type = read.raw_type.value
    if data_type == "string":
        form = _text_form(read, habits)
        if read.decimal is None:
            return form
        conversion = _scaling(read) or Scaled(read.scale, read.offset)
        return NumberTextForm(form, conversion, "," if read.decimal == "comma" else ".")
    if data_type == "datetime":
        return _moment_form(read, habits)
    shape = _shape(data_type)
    pattern = _pattern(read.encoding)
    kind = shape.kind
    bit = read.bit
    if bit is not None:
        kind = "bits"
        # bits are counted in the number of the type, which may be a part of its registers
        bit += shape.part[0] if shape.part else 0
        pattern = "twos_complement" if read.bit_signed else pattern
    width = read.bit_count if kind == "bits" else (shape.part or (0, shape.width))[1]
    actual: Pattern = pattern or ("twos_complement" if kind == "int" else "plain")
    return Encoding(
        kind,
        shape.width,
        order=_order(read.byte_order, habits, shape.width, table),
        scale=read.scale,
        offset=read.offset,
        bit_offset=bit or 0,
        bit_width=read.bit_count,
        invalid=_marker(read, shape),
        form=pattern,
        part=shape.part,
        conversion=_conversion(read, actual, 1 if table in BIT_TABLES else width),
        invalid_number=read.nan_number[0] if read.nan_number else None,
    )


def _shape(data_type: str) -> _Shape:
    shape = _SHAPES.get(data_type)
    if shape is None:
        raise UnsupportedPointError("data_type", f"no simulator knows the type {data_type}")
    return shape


def _marker(read: ModbusRead, shape: _Shape) -> int | None:
    """The whole word that says "no reading"."""
    if not read.nan_value:
        return None
    marker = read.nan_value[0]
    if shape.part is None:
        return marker
    shift, width = shape.part
    return (marker % (1 << width)) << shift


def _scaling(read: ModbusRead) -> Conversion | None:
    if read.polynomial is not None:
        return Polynomial(read.polynomial)
    if read.curve is not None:
        return Curve([(pair[0], pair[1]) for pair in read.curve])
    return None


def _conversion(read: ModbusRead, form: Pattern, width: int) -> Conversion | None:
    scaling = _scaling(read)
    if not read.values:
        return scaling
    by_raw: dict[int, float] = {}
    for given, number in read.values.items():
        raw = raw_of_pattern(given % (1 << width), form, width)
        if raw is not None:
            by_raw[raw] = number
    if read.other_values == "scaled":
        return ValueMap(by_raw, otherwise=scaling or Scaled(read.scale, read.offset))
    return ValueMap(by_raw, other=read.other_values)


def _text_form(read: ModbusRead, habits: Habits) -> TextForm:
    text = read.text
    layout: TextLayout = "two_per_register" if text is None else text.form
    charset = (text.encoding if text is not None else None) or habits.charset
    return TextForm(
        read.length or 1, charset, layout, _order(read.byte_order, habits, 16, "holding")
    )


def _moment_form(read: ModbusRead, habits: Habits) -> MomentForm:
    fields = []
    for one in read.fields:
        shift, width = (8, 8) if one.half == "high" else (0, 8 if one.half == "low" else 16)
        if one.bit is not None:
            shift, width = shift + one.bit, one.bit_count or 1
        form: Pattern = "plain" if one.encoding is None else "bcd"
        fields.append(MomentField(one.part, one.register_, shift, width, one.plus, form))
    swapped = _order(read.byte_order, habits, 16, "holding") == "BA"
    return MomentForm(read.length or 1, fields, habits.utc_offset_s, swapped)


def write_form(write: ModbusWrite, read: ModbusRead | None, table: Table, habits: Habits) -> Form:
    """How a written value comes; what `write` leaves out is as it is read.

    Raises:
        UnsupportedPointError: its type is not known here.
    """
    if table in BIT_TABLES:
        return _coil_form(write, read)
    type_ = write.data_type or (read.raw_type if read is not None else None)
    shape = _shape("uint16" if type_ is None else type_.value)
    same_type = read is not None and type_ is read.raw_type
    order = write.byte_order or (read.byte_order if read is not None and same_type else None)
    bit, bit_count, pattern = _written_bits(write, read)
    shift = shape.part[0] if shape.part else 0
    kind: Kind = shape.kind if bit is None else "bits"
    width = (shape.part or (0, shape.width))[1] if bit is None else bit_count
    actual: Pattern = pattern or ("twos_complement" if kind == "int" else "plain")
    return Encoding(
        kind,
        shape.width,
        order=_order(order, habits, shape.width, table),
        scale=_either(write.scale, read.scale if read else 1.0),
        offset=_either(write.offset, read.offset if read else 0.0),
        bit_offset=shift + (bit or 0),
        bit_width=bit_count,
        form=pattern,
        part=shape.part,
        conversion=_written_conversion(write, read, actual, width),
    )


def _coil_form(write: ModbusWrite, read: ModbusRead | None) -> Encoding:
    conversion: Conversion | None = None
    if write.values and write.function == 15:
        conversion = ValueMap({raw: float(number) for number, raw in write.values.items()})
    elif not write.values and read is not None and read.values and table_is_bits(read):
        conversion = _conversion(read, "plain", 1)
    return Encoding(
        "bool",
        16,
        scale=_either(write.scale, read.scale if read else 1.0),
        offset=_either(write.offset, read.offset if read else 0.0),
        conversion=conversion,
    )


def table_is_bits(read: ModbusRead) -> bool:
    """Whether it is read from a table of bits."""
    return read.input_type.value in BIT_TABLES


def _either(given: float | None, inherited: float) -> float:
    return inherited if given is None else given


def _written_bits(
    write: ModbusWrite, read: ModbusRead | None
) -> tuple[int | None, int, Pattern | None]:
    """The lowest bit, how many, and their form."""
    pattern = _pattern(write.encoding)
    if write.bit is not None or read is None:
        return write.bit, write.bit_count or 1, pattern
    if write.address is None and write.data_type is None:
        inherited: Pattern | None = (
            "twos_complement" if read.bit_signed else _pattern(read.encoding)
        )
        return read.bit, read.bit_count, pattern or inherited
    # of a register of its own nothing is known from the bits of another one
    if pattern is None and write.data_type is None and read.bit is None:
        pattern = _pattern(read.encoding)
    return None, 1, pattern


def _pattern(encoding: object) -> Pattern | None:
    return None if encoding is None else cast("Pattern", str(encoding))


def _written_conversion(
    write: ModbusWrite, read: ModbusRead | None, form: Pattern, width: int
) -> Conversion | None:
    scales_itself = write.scale is not None or write.offset is not None
    inherited: Conversion | None = None
    if read is not None and not scales_itself:
        inherited = _scaling(read)
        if not write.values and read.values:
            inherited = _conversion(read, form, width)
    if not write.values:
        return inherited
    scale = _either(write.scale, read.scale if read else 1.0)
    offset = _either(write.offset, read.offset if read else 0.0)
    by_raw = {}
    for number, given in write.values.items():
        raw = raw_of_pattern(given % (1 << width), form, width)
        if raw is not None:
            by_raw[raw] = float(number)
    return ValueMap(by_raw, otherwise=inherited or Scaled(scale, offset))


def _order(given: str | None, habits: Habits, width: int, table: Table) -> str:
    """The letters of a value's bytes on the wire."""
    if table in BIT_TABLES or width < 16:
        return "AB"
    if given is not None:
        return given
    letters = [chr(65 + index) for index in range(width // 8)]
    words = [letters[index : index + 2] for index in range(0, len(letters), 2)]
    if habits.byte_order in ("BADC", "DCBA"):
        words = [word[::-1] for word in words]
    if habits.byte_order in ("CDAB", "DCBA"):
        words = words[::-1]
    return "".join(letter for word in words for letter in word)
