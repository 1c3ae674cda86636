"""How whole numbers are written as bits, beside plain binary.

Each coding is a pair of functions between a pattern of bits (an unsigned number) and the number it
stands for. A pattern that stands for none, such as the BCD digit A, gives None.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Final


class Encoding(StrEnum):
    """Codings of whole numbers."""

    TWOS_COMPLEMENT = "twos_complement"
    OFFSET_BINARY = "offset_binary"
    """The lowest number is all zeros; 0 is the highest bit alone."""
    SIGN_MAGNITUDE = "sign_magnitude"
    """The highest bit is the sign, the others are the amount."""
    ONES_COMPLEMENT = "ones_complement"
    """A negative number has all bits of its amount turned over."""
    BCD = "bcd"
    """One decimal digit in each four bits."""
    MOD10K = "mod10k"
    """Each register is four decimal digits, 0 to 9999, the most significant register first."""

    @property
    def is_signed(self) -> bool:
        """Whether negative numbers can be written."""
        return self not in (Encoding.BCD, Encoding.MOD10K)


Decode = Callable[[int], int | None]

_GROUP: Final = 10_000


def decoder(encoding: Encoding, bits: int) -> Decode:
    """Return what turns a pattern of so many bits into its number, or None where it has none."""
    top, full = 1 << (bits - 1), (1 << bits) - 1
    match encoding:
        case Encoding.TWOS_COMPLEMENT:
            return lambda pattern: pattern - (full + 1) if pattern & top else pattern
        case Encoding.OFFSET_BINARY:
            return lambda pattern: pattern - top
        case Encoding.SIGN_MAGNITUDE:
            return lambda pattern: top - pattern if pattern & top else pattern
        case Encoding.ONES_COMPLEMENT:
            return lambda pattern: pattern - full if pattern & top else pattern
        case Encoding.BCD:
            return _from_bcd
        case Encoding.MOD10K:
            return _from_mod10k


def encode(encoding: Encoding, bits: int, number: int) -> int | None:
    """Return the pattern of so many bits that stands for a number, or None where none does."""
    low, high = number_range(encoding, bits)
    if not low <= number <= high:
        return None
    top, full = 1 << (bits - 1), (1 << bits) - 1
    patterns = {
        Encoding.TWOS_COMPLEMENT: number & full,
        Encoding.OFFSET_BINARY: number + top,
        Encoding.SIGN_MAGNITUDE: number if number >= 0 else top - number,
        Encoding.ONES_COMPLEMENT: number if number >= 0 else full + number,
    }
    if encoding in patterns:
        return patterns[encoding]
    return int(str(number), 16) if encoding is Encoding.BCD else _to_mod10k(number)


def number_range(encoding: Encoding, bits: int) -> tuple[int, int]:
    """Return the lowest and highest number that so many bits can stand for."""
    top = 1 << (bits - 1)
    match encoding:
        case Encoding.TWOS_COMPLEMENT | Encoding.OFFSET_BINARY:
            return -top, top - 1
        case Encoding.SIGN_MAGNITUDE | Encoding.ONES_COMPLEMENT:
            return 1 - top, top - 1
        case Encoding.BCD:
            # bits that are no whole digit hold the lower part of one
            digits, rest = divmod(bits, 4)
            return 0, min((1 << rest) - 1, 9) * 10**digits + 10**digits - 1
        case Encoding.MOD10K:
            return 0, int(_GROUP ** (bits // 16)) - 1


def _from_bcd(pattern: int) -> int | None:
    # the digits of a BCD number are those of its hexadecimal form
    text = f"{pattern:x}"
    return int(text) if text.isdecimal() else None


def _from_mod10k(pattern: int) -> int | None:
    number, weight = 0, 1
    while pattern:
        pattern, group = pattern >> 16, pattern & 0xFFFF
        if group >= _GROUP:
            return None
        number += group * weight
        weight *= _GROUP
    return number


def _to_mod10k(number: int) -> int:
    pattern, shift = 0, 0
    while number:
        number, group = divmod(number, _GROUP)
        pattern |= group << shift
        shift += 16
    return pattern
