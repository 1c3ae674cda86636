"""Texts in registers: two characters in one, or one in either half, in the makers' encodings."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Literal

from firmware_sims.conversions import Conversion

TextLayout = Literal["two_per_register", "low_byte", "high_byte"]


@dataclass(frozen=True)
class TextForm:
    """How a text stands in registers.

    Args:
        length: registers.
        charset: `ascii`, `utf-8`, `gb18030` or `utf-16-be`.
        layout: where the bytes of the text go in each register.
        order: `AB`, or `BA` where the second byte of each register comes first; longer letters
            name the bytes of so many registers and repeat.
    """

    length: int
    charset: str = "ascii"
    layout: TextLayout = "two_per_register"
    order: str = "AB"

    @property
    def register_count(self) -> int:
        """Registers of two bytes."""
        return self.length

    @cached_property
    def room(self) -> int:
        """Bytes of text that fit."""
        return 2 * self.length if self.layout == "two_per_register" else self.length

    def shown(self, text: str) -> str:
        """What of a text fits, in whole characters."""
        kept = self._encoded(text).decode(self.charset)
        return kept.rstrip("\0 ")

    def _encoded(self, text: str) -> bytes:
        encoded = b""
        for character in text:
            more = character.encode(self.charset, errors="replace")
            if len(encoded) + len(more) > self.room:
                break
            encoded += more
        return encoded

    def to_bytes(self, text: str) -> bytes:
        """The registers, filled up with zeros."""
        encoded = self._encoded(text).ljust(self.room, b"\0")
        if self.layout == "low_byte":
            encoded = b"".join(bytes((0, byte)) for byte in encoded)
        elif self.layout == "high_byte":
            encoded = b"".join(bytes((byte, 0)) for byte in encoded)
        return self._ordered(encoded)

    def _ordered(self, plain: bytes) -> bytes:
        size = len(self.order)
        places = [ord(letter) - 65 for letter in self.order]
        if places == sorted(places):
            return plain
        blocks = (plain[at : at + size] for at in range(0, len(plain), size))
        return b"".join(
            bytes(block[place] for place in places) if len(block) == size else block
            for block in blocks
        )

    def text_of(self, wire: bytes) -> str:
        """The text that registers hold, without what fills them up."""
        plain = self._restored(wire)
        if self.layout != "two_per_register":
            plain = plain[1 if self.layout == "low_byte" else 0 :: 2]
        return plain.decode(self.charset, errors="replace").strip("\0 ")

    def _restored(self, wire: bytes) -> bytes:
        restored = bytearray(wire)
        for position in range(len(wire)):
            start = position - position % len(self.order)
            if start + len(self.order) <= len(wire):
                place = ord(self.order[position - start]) - 65
                restored[start + place] = wire[position]
        return bytes(restored)


@dataclass(frozen=True)
class NumberTextForm:
    """How a number stands in registers as text, filled up with zeros before it.

    Args:
        text: the form of the text.
        conversion: from the number in the text to the one it stands for.
        mark: before the decimals.
    """

    text: TextForm
    conversion: Conversion
    mark: str = "."

    @property
    def register_count(self) -> int:
        """Registers of two bytes."""
        return self.text.register_count

    @cached_property
    def _characters(self) -> int:
        return self.text.room // (2 if self.text.charset == "utf-16-be" else 1)

    def shown(self, number: float) -> float:
        """The number that a reader without mistakes gets."""
        return self.from_bytes(self.to_bytes(number))

    def to_bytes(self, number: float) -> bytes:
        """The registers: as many decimals as fit, at most six, and no exponent."""
        most, least = 10**self._characters - 1, 1 - 10 ** (self._characters - 1)
        raw = self.conversion.raw(number, least, most, whole=False)
        exact = max(Decimal(least), min(Decimal(most), Decimal(repr(float(raw)))))
        for decimals in range(6, -1, -1):
            written = f"{exact:.{decimals}f}"
            if decimals == 0 or len(written) <= self._characters:
                break
        return self.text.to_bytes(written.replace(".", self.mark).zfill(self._characters))

    def blank(self) -> bytes:
        """The registers of a device that has no reading."""
        return self.text.to_bytes(" " * self._characters)

    def from_bytes(self, wire: bytes) -> float:
        """The number that registers show; NaN where they show none."""
        try:
            raw = float(self.text.text_of(wire).replace(self.mark, "."))
        except ValueError:
            return math.nan
        number = self.conversion.number(raw)
        return math.nan if number is None else number
