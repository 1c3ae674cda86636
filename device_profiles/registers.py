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
    """How the bits of one value are meant."""

    BOOL = "bool"
    INT16 = "int16"
    UINT16 = "uint16"
    INT32 = "int32"
    UINT32 = "uint32"
    INT64 = "int64"
    UINT64 = "uint64"
    FLOAT32 = "float32"
    FLOAT64 = "float64"


class _Traits(NamedTuple):
    registers: int
    struct_code: str
    signed: bool
    is_float: bool


_TRAITS: Final[dict[DataType, _Traits]] = {
    DataType.INT16: _Traits(1, "h", signed=True, is_float=False),
    DataType.UINT16: _Traits(1, "H", signed=False, is_float=False),
    DataType.INT32: _Traits(2, "i", signed=True, is_float=False),
    DataType.UINT32: _Traits(2, "I", signed=False, is_float=False),
    DataType.INT64: _Traits(4, "q", signed=True, is_float=False),
    DataType.UINT64: _Traits(4, "Q", signed=False, is_float=False),
    DataType.FLOAT32: _Traits(2, "f", signed=True, is_float=True),
    DataType.FLOAT64: _Traits(4, "d", signed=True, is_float=True),
}

PATTERNS: Final = ("ABCD", "CDAB", "BADC", "DCBA")
"""Byte orders of a whole device, by their form for two registers."""

_LETTERS: Final = re.compile(r"[A-H]{2,8}")


def register_count(data_type: DataType) -> int:
    """Return how many registers a value takes (a boolean is a bit of one)."""
    return 1 if data_type is DataType.BOOL else _TRAITS[data_type].registers


def struct_code(data_type: DataType) -> str:
    """Return the format character of `struct` for a register type."""
    return _TRAITS[data_type].struct_code


def is_float(data_type: DataType) -> bool:
    """Say whether values are floating-point numbers."""
    return data_type is not DataType.BOOL and _TRAITS[data_type].is_float


def integer_range(data_type: DataType) -> tuple[int, int]:
    """Return the lowest and highest integer of an integer type."""
    if data_type is DataType.BOOL:
        return 0, 1
    traits = _TRAITS[data_type]
    bits = 16 * traits.registers
    return (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if traits.signed else (0, (1 << bits) - 1)


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


def to_bytes(registers: list[int]) -> bytes:
    """Return registers as they travel, each high byte first (Modbus Application Protocol §4.2)."""
    return b"".join(register.to_bytes(2, "big") for register in registers)
