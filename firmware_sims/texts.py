"""Texts in registers: two characters in one, or one in either half, in the makers' encodings."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

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
    def _room(self) -> int:
        return 2 * self.length if self.layout == "two_per_register" else self.length

    def shown(self, text: str) -> str:
        """What of a text fits, in whole characters."""
        kept = self._encoded(text).decode(self.charset)
        return kept.rstrip("\0 ")

    def _encoded(self, text: str) -> bytes:
        encoded = b""
        for character in text:
            more = character.encode(self.charset, errors="replace")
            if len(encoded) + len(more) > self._room:
                break
            encoded += more
        return encoded

    def to_bytes(self, text: str) -> bytes:
        """The registers, filled up with zeros."""
        encoded = self._encoded(text).ljust(self._room, b"\0")
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
