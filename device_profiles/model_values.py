"""The parts of `read` and `write` that say what the bits of a register mean."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Final, Literal, Self

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from campus_wire.config_model import ConfigModel, mistake_at
from campus_wire.ids import POINT_PATTERN, PointName
from device_profiles.encodings import Encoding
from device_profiles.model_numbers import Finite

TextEncoding = Literal["ascii", "utf-8", "gb18030", "utf-16-be"]
Form = Literal["two_per_register", "low_byte", "high_byte"]
Part = Literal["year", "month", "day", "hour", "minute", "second", "millisecond"]

SPAN_REGISTERS_MAX: Final = 125
PARTS_NEEDED: Final = ("year", "month", "day")


def _as_tuple(value: object) -> object:
    if isinstance(value, list):
        return tuple(value)
    plain = isinstance(value, int | float | str) and not isinstance(value, bool)
    return (value,) if plain else value


def _one_or_more(item: dict[str, object]) -> WithJsonSchema:
    return WithJsonSchema({"anyOf": [item, {"type": "array", "items": item, "maxItems": 16}]})


_NUMBER: Final[dict[str, object]] = {"type": "number"}
_INTEGER: Final[dict[str, object]] = {"type": "integer"}
_MODEL: Final[dict[str, object]] = {"type": "integer", "minimum": 1, "maximum": 65_535}
_NAME: Final[dict[str, object]] = {"type": "string", "pattern": POINT_PATTERN}

NanValues = Annotated[
    tuple[int, ...],
    BeforeValidator(_as_tuple),
    Field(max_length=16),
    _one_or_more(_INTEGER),
]
NanNumbers = Annotated[
    tuple[Finite, ...],
    BeforeValidator(_as_tuple),
    Field(max_length=16),
    _one_or_more(_NUMBER),
]
Names = Annotated[
    tuple[PointName, ...], BeforeValidator(_as_tuple), Field(max_length=16), _one_or_more(_NAME)
]
Block = Annotated[int, Field(ge=1, le=65_535)]
Blocks = Annotated[
    tuple[Block, ...], BeforeValidator(_as_tuple), Field(max_length=16), _one_or_more(_MODEL)
]
Page = Annotated[int, Field(ge=0, le=65_535)]
Polynomial = Annotated[tuple[Finite, ...], Field(min_length=2, max_length=8)]
CurvePoint = Annotated[tuple[Finite, ...], Field(min_length=2, max_length=2)]
CurvePoints = Annotated[tuple[CurvePoint, ...], Field(min_length=2, max_length=64)]
RawValues = Annotated[dict[int, Finite], Field(max_length=256)]
"""Raw numbers, as unsigned numbers or signed ones, and what each of them means."""
RawWords = Annotated[dict[int, Annotated[int, Field(ge=0, lt=1 << 64)]], Field(max_length=256)]
"""Numbers that may be written, and the raw number of each."""


class Text(ConfigModel):
    """How a text lies in its registers."""

    form: Form = "two_per_register"
    """`low_byte` and `high_byte`: one character, or one byte of it, in each register."""
    encoding: TextEncoding | None = None
    """The section's `text_encoding` when left out."""


class DateField(ConfigModel):
    """Where one part of a date or time lies, counted within the registers of the point."""

    part: Part
    register_: int = Field(alias="register", ge=0, lt=SPAN_REGISTERS_MAX)
    """0 is the first register of the point."""
    half: Literal["high", "low"] | None = None
    """The whole register when left out."""
    bit: int | None = Field(None, ge=0, le=15)
    """The lowest bit taken, counted within the register or its half."""
    bit_count: int | None = Field(None, ge=1, le=16)
    plus: int = Field(0, ge=-10_000, le=10_000)
    """Added to the number: 2000 for years of two digits."""
    encoding: Literal[Encoding.BCD] | None = None

    @property
    def bits(self) -> tuple[int, int]:
        """The lowest bit within the register, and how many bits there are."""
        base, width = (8 if self.half == "high" else 0), (16 if self.half is None else 8)
        if self.bit is None:
            return base, width
        return base + self.bit, self.bit_count or 1

    @model_validator(mode="after")
    def _bits_fit(self) -> Self:
        if self.bit is None:
            if self.bit_count is not None:
                raise mistake_at(("bit_count",), "needs bit, the lowest bit taken")
            return self
        width = 16 if self.half is None else 8
        last = self.bit + (self.bit_count or 1) - 1
        if last >= width:
            raise mistake_at(("bit",), f"bits {self.bit} to {last} are not in {width} bits")
        return self


def check_curve(points: CurvePoints) -> None:
    """Raise a mistake at the first point whose raw number is not above the one before it."""
    for index, ((before, _), (raw, _)) in enumerate(pairwise(points), start=1):
        if raw <= before:
            raise mistake_at(("curve", index), "raw numbers must rise from point to point")


def check_fields(fields: tuple[DateField, ...], length: int) -> None:
    """Raise a mistake where the parts of a date do not make one."""
    seen: set[str] = set()
    for index, field in enumerate(fields):
        if field.part in seen:
            raise mistake_at(("fields", index, "part"), f"{field.part} is given twice")
        seen.add(field.part)
        if field.register_ >= length:
            message = f"{field.register_} is not in {length} registers, counted from 0"
            raise mistake_at(("fields", index, "register"), message)
    missing = [part for part in PARTS_NEEDED if part not in seen]
    if missing:
        raise mistake_at(("fields",), f"no {', '.join(missing)}")
