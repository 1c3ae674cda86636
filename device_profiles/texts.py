"""Texts out of registers: serial numbers, firmware versions, names.

A register holds two bytes of a text, or one in its low or high half. What pads a text (NUL, space,
FF) is cut off at both ends, what stands behind a NUL is left from an older text, and control
characters are dropped, so that a text can be shown as it is.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import Final, Literal

from campus_wire.limits import TEXT_CHARS_MAX
from device_profiles.model_values import Form, TextEncoding

_PADDING: Final = b"\x00\x20\xff"
_PADDING_CHARS: Final = "\x00 \uffff\ufffe"
_PLAIN_SPACES: Final = {0x00A0: " ", 0x3000: " "}

_PARTS: Final[dict[Form, slice]] = {
    "two_per_register": slice(0, 2),
    "high_byte": slice(0, 1),
    "low_byte": slice(1, 2),
}

Mark = Literal["point", "comma"]

_NUMBERS: Final[dict[Mark, re.Pattern[str]]] = {
    "point": re.compile(r"([+-]?) *([0-9]+\.?[0-9]*|\.[0-9]+)(E[+-]?[0-9]{1,3})?", re.IGNORECASE),
    "comma": re.compile(r"([+-]?) *([0-9]+,?[0-9]*|,[0-9]+)(E[+-]?[0-9]{1,3})?", re.IGNORECASE),
}
"""A sign, blanks behind it, digits, the sign before the decimals, and a power of ten."""

Decode = Callable[[Sequence[int]], str]


def text_decoder(form: Form, encoding: TextEncoding, *, low_byte_first: bool = False) -> Decode:
    """Return what turns registers (0 to 65535) into their text.

    What is no text in that encoding becomes U+FFFD, so that it is seen.

    Args:
        form: how many bytes of the text a register holds, and where.
        encoding: of the bytes; UTF-16 has a whole character in each register, or one byte of it.
        low_byte_first: the first of two bytes stands in the low half.
    """
    order: Literal["little", "big"] = "little" if low_byte_first else "big"
    # with the bytes swapped, the halves are, too
    part = _PARTS[form]

    def decode(registers: Sequence[int]) -> str:
        data = b"".join([word.to_bytes(2, order)[part] for word in registers])
        return printable(data, encoding)

    return decode


def printable(data: bytes, encoding: TextEncoding) -> str:
    """Return the text of some bytes without padding and control characters."""
    # two bytes a character: NUL pads only in pairs, and a text may end in half a character
    is_wide = encoding == "utf-16-be"
    data = data[: len(data) // 2 * 2] if is_wide else data.strip(_PADDING)
    text = data.decode(encoding, "replace").strip(_PADDING_CHARS)
    text = text.partition("\x00")[0]
    kept = "".join(filter(str.isprintable, text.translate(_PLAIN_SPACES)))
    return kept.strip()[:TEXT_CHARS_MAX]


def number_in(text: str, mark: Mark) -> float | None:
    """Return the number that a text is as a whole, `+ 0023.5`; None where it is none.

    Args:
        text: without blanks around it.
        mark: which sign stands before the decimals; the other one is none in a number.
    """
    found = _NUMBERS[mark].fullmatch(text)
    if found is None:
        return None
    sign, digits, power = found.groups()
    number = float(f"{sign}{digits.replace(',', '.')}{power or ''}")
    return number if math.isfinite(number) else None
