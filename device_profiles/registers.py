"""Data types of registers and the order of their bytes.

A byte order is written as the letters of the bytes in the order they travel, A being the most
significant: ABCD is big-endian as Modbus has it, CDAB swaps the words, BADC the bytes in each word,
DCBA both. Letters are used because prose ("big-endian byte swap") means different things to
different makers.
"""

from __future__ import annotations

import re
import string
from enum import StrEnum
from typing import Final, NamedTuple

from campus_wire.suggest import suggest


class DataType(StrEnum):
    """How the bits of one value are meant.

    `int8l` and `int8h` are the low and the high half of one register (Telegraf's words), 24 bits
    are the low ones of two registers, 48 bits take three.
    """

    BOOL = "bool"
    INT8L = "int8l"
    INT8H = "int8h"
    UINT8L = "uint8l"
    UINT8H = "uint8h"
    INT16 = "int16"
    UINT16 = "uint16"
    INT24 = "int24"
    UINT24 = "uint24"
    INT32 = "int32"
    UINT32 = "uint32"
    INT48 = "int48"
    UINT48 = "uint48"
    INT64 = "int64"
    UINT64 = "uint64"
    FLOAT16 = "float16"
    FLOAT32 = "float32"
    FLOAT64 = "float64"
    STRING = "string"
    DATETIME = "datetime"


class Kind(StrEnum):
    """Families of data types."""

    BIT = "bit"
    UNSIGNED = "unsigned"
    SIGNED = "signed"
    FLOAT = "float"
    SPAN = "span"
    """A span of registers whose length the profile says: texts and dates."""


class _Traits(NamedTuple):
    registers: int
    letters: str
    """Which bytes of the registers count, the most significant being A."""
    kind: Kind
    struct_code: str = ""
    """The format character of `struct`, where it has one."""


def _integers(registers: int, letters: str, codes: str = "  ") -> tuple[_Traits, _Traits]:
    signed = _Traits(registers, letters, Kind.SIGNED, codes[0].strip())
    return signed, _Traits(registers, letters, Kind.UNSIGNED, codes[1].strip())


_I8L, _U8L = _integers(1, "B", "bB")
_I8H, _U8H = _integers(1, "A", "bB")
_I16, _U16 = _integers(1, "AB", "hH")
_I24, _U24 = _integers(2, "BCD")
_I32, _U32 = _integers(2, "ABCD", "iI")
_I48, _U48 = _integers(3, "ABCDEF")
_I64, _U64 = _integers(4, "ABCDEFGH", "qQ")

_TRAITS: Final[dict[DataType, _Traits]] = {
    DataType.BOOL: _Traits(1, "", Kind.BIT),
    DataType.INT8L: _I8L,
    DataType.INT8H: _I8H,
    DataType.UINT8L: _U8L,
    DataType.UINT8H: _U8H,
    DataType.INT16: _I16,
    DataType.UINT16: _U16,
    DataType.INT24: _I24,
    DataType.UINT24: _U24,
    DataType.INT32: _I32,
    DataType.UINT32: _U32,
    DataType.INT48: _I48,
    DataType.UINT48: _U48,
    DataType.INT64: _I64,
    DataType.UINT64: _U64,
    DataType.FLOAT16: _Traits(1, "AB", Kind.FLOAT, "e"),
    DataType.FLOAT32: _Traits(2, "ABCD", Kind.FLOAT, "f"),
    DataType.FLOAT64: _Traits(4, "ABCDEFGH", Kind.FLOAT, "d"),
    DataType.STRING: _Traits(1, "AB", Kind.SPAN),
    DataType.DATETIME: _Traits(1, "AB", Kind.SPAN),
}

PATTERNS: Final = ("ABCD", "CDAB", "BADC", "DCBA")
"""Byte orders of a whole device, by their form for two registers."""

_LETTERS: Final = re.compile(r"[A-H]{2,8}")


def register_count(data_type: DataType) -> int:
    """Return how many registers a value takes (a boolean is a bit of one).

    A text or a date takes as many as its `length` says; its order is that of one register.
    """
    return _TRAITS[data_type].registers


def kind(data_type: DataType) -> Kind:
    """Return the family of a type."""
    return _TRAITS[data_type].kind


def bit_width(data_type: DataType) -> int:
    """Return how many bits a number of this type has (a boolean: 1)."""
    return 8 * len(_TRAITS[data_type].letters) or 1


def struct_code(data_type: DataType) -> str:
    """Return the format character of `struct` for a register type; empty where it has none."""
    return _TRAITS[data_type].struct_code


def is_float(data_type: DataType) -> bool:
    """Say whether values are floating-point numbers."""
    return _TRAITS[data_type].kind is Kind.FLOAT


def integer_range(data_type: DataType) -> tuple[int, int]:
    """Return the lowest and highest integer of an integer type in its usual coding."""
    bits = bit_width(data_type)
    if _TRAITS[data_type].kind is Kind.SIGNED:
        return -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    return 0, (1 << bits) - 1


def expand_pattern(pattern: str, registers: int) -> str:
    """Return the letters of a device's byte order for a value of so many registers.

    >>> expand_pattern("CDAB", 4), expand_pattern("BADC", 1)
    ('GHEFCDAB', 'BA')
    """
    letters = string.ascii_uppercase[: 2 * registers]
    words = [letters[i : i + 2] for i in range(0, len(letters), 2)]
    if pattern in ("CDAB", "DCBA"):
        words.reverse()
    if pattern in ("BADC", "DCBA"):
        words = [word[::-1] for word in words]
    return "".join(words)


def check_letters(letters: str, registers: int) -> str:
    """Return why `letters` is no byte order of so many registers, or an empty text."""
    expected = string.ascii_uppercase[: 2 * registers]
    if not _LETTERS.fullmatch(letters) or sorted(letters) != list(expected):
        usual = [expand_pattern(pattern, registers) for pattern in PATTERNS]
        hint = suggest(letters, usual)
        text = f"must hold each of {expected} once, such as {' or '.join(dict.fromkeys(usual))}"
        return f"{text}; did you mean {hint}?" if hint else text
    return ""


def positions(letters: str) -> tuple[int, ...]:
    """Return where each byte stands, the most significant first: CDAB gives (2, 3, 0, 1)."""
    return tuple(letters.index(letter) for letter in sorted(letters))


def value_positions(data_type: DataType, letters: str) -> tuple[int, ...]:
    """Return where the bytes that make a number stand, the most significant first.

    >>> value_positions(DataType.UINT8H, "BA"), value_positions(DataType.UINT24, "ABCD")
    ((1,), (1, 2, 3))
    """
    return tuple(letters.index(letter) for letter in _TRAITS[data_type].letters)


def to_bytes(registers: list[int]) -> bytes:
    """Return registers as they travel, each high byte first (Modbus Application Protocol §4.2)."""
    return b"".join(register.to_bytes(2, "big") for register in registers)
