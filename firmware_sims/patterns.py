"""Whole numbers as patterns of bits: complements, offsets, and decimal digits in binary.

Decimal forms: BCD keeps one digit in four bits (IEC 60870-5-4 and most meters' manuals); mod-10k
keeps four digits in a register, most significant register first (Schneider ION and Power Meter
manuals, "INT32 MOD10").
"""

from __future__ import annotations

from typing import Literal

Form = Literal[
    "plain",
    "twos_complement",
    "offset_binary",
    "sign_magnitude",
    "ones_complement",
    "bcd",
    "mod10k",
]


def pattern_limits(form: Form, width: int) -> tuple[int, int]:
    """The lowest and highest number of a form in so many bits."""
    half = 1 << (width - 1)
    highest = {"plain": 2 * half, "bcd": 10 ** (width // 4), "mod10k": 10_000 ** (width // 16)}
    if form in highest:
        return 0, highest[form] - 1
    lowest = -half if form in ("twos_complement", "offset_binary") else 1 - half
    return lowest, half - 1


def pattern_of(number: int, form: Form, width: int) -> int:
    """The bits of a number that lies within the form's limits."""
    top = 1 << width
    match form:
        case "offset_binary":
            pattern = number + top // 2
        case "bcd":
            pattern = int(str(number), 16)
        case "mod10k":
            pattern = sum(part << 16 * index for index, part in enumerate(_parts(number)))
        case "sign_magnitude" if number < 0:
            pattern = top // 2 - number
        case "ones_complement" if number < 0:
            pattern = top - 1 + number
        case _:
            pattern = number % top
    return pattern


def _parts(number: int) -> list[int]:
    """Four decimal digits each, the least significant first."""
    parts = []
    while number:
        number, part = divmod(number, 10_000)
        parts.append(part)
    return parts


def raw_of_pattern(pattern: int, form: Form, width: int) -> int | None:
    """The number that bits stand for; None where a decimal digit is none."""
    top = 1 << width
    half = top // 2
    number: int | None = pattern
    match form:
        case "offset_binary":
            number = pattern - half
        case "bcd":
            digits = f"{pattern:x}"
            number = int(digits) if digits.isdecimal() else None
        case "mod10k":
            parts = [(pattern >> shift) & 0xFFFF for shift in range(0, width, 16)]
            whole = sum(part * int(10_000**index) for index, part in enumerate(parts))
            number = whole if max(parts) <= 9999 else None
        case "sign_magnitude" if pattern >= half:
            number = half - pattern
        case "ones_complement" if pattern >= half:
            number = pattern - (top - 1)
        case "twos_complement" if pattern >= half:
            number = pattern - top
    return number
