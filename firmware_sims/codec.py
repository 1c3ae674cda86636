"""Numbers to registers and back, written apart from the product's decoder.

A simulator that shared the decoder's code would share its mistakes, and every end-to-end test would
pass. So this encoder works the other way round: it makes the big-endian bytes of a number and
permutes them by a string of letters, where the edge reads registers by type tables.

Byte orders are letters, A the most significant byte, in the order of the wire: `ABCD` is what the
Modbus Application Protocol Specification V1.1b3 (section 4.2) calls big-endian, `CDAB` has its
words swapped, `BADC` the bytes in each word, `DCBA` both.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Literal

Kind = Literal["uint", "int", "float", "bool", "bits"]

_FLOAT_FORMATS = {16: ">e", 32: ">f", 64: ">d"}


@dataclass(frozen=True)
class Encoding:
    """How a number stands in registers.

    Args:
        kind: `bits` is a range of bits in a `width`-bit unsigned number; `bool` is a coil, a
            discrete input, or a register that holds 0 or 1.
        width: bits in all, a multiple of 16 (1 for `bool` in a bit table).
        order: letters from A, one per byte, in the order of the wire.
        scale, offset: number = raw * scale + offset.
        bit_offset, bit_width: only for `bits`; 0 is the least significant bit.
        invalid: the raw number that says "no reading", if the device has one.
    """

    kind: Kind = "uint"
    width: int = 16
    order: str = "AB"
    scale: float = 1.0
    offset: float = 0.0
    bit_offset: int = 0
    bit_width: int = 1
    invalid: int | None = None

    def __post_init__(self) -> None:
        if sorted(self.order) != [chr(65 + i) for i in range(self.byte_count)]:
            raise ValueError(f"order {self.order!r} does not name each of {self.byte_count} bytes")
        if self.kind == "float" and self.width not in _FLOAT_FORMATS:
            raise ValueError(f"no float of {self.width} bits")

    @property
    def byte_count(self) -> int:
        """Bytes on the wire."""
        return max(2, self.width // 8)

    @property
    def register_count(self) -> int:
        """Registers of two bytes."""
        return self.byte_count // 2

    @cached_property
    def _places(self) -> tuple[int, ...]:
        return tuple(ord(letter) - 65 for letter in self.order)

    @cached_property
    def _is_plain(self) -> bool:
        return self._places == tuple(range(self.byte_count))

    @cached_property
    def _decimals(self) -> int:
        """Digits after the point that a scaled whole number can show."""
        exponents = (Decimal(repr(x)).normalize().as_tuple().exponent for x in self._steps)
        return max(0, *(-exponent for exponent in exponents if isinstance(exponent, int)))

    @property
    def _steps(self) -> tuple[float, float]:
        return (self.scale, self.offset)

    @cached_property
    def _limits(self) -> tuple[int, int]:
        if self.kind == "bool":
            return (0, 1)
        if self.kind == "bits":
            return (0, (1 << self.bit_width) - 1)
        if self.kind == "int":
            return (-(1 << (self.width - 1)), (1 << (self.width - 1)) - 1)
        return (0, (1 << self.width) - 1)

    def raw(self, number: float) -> int:
        """The nearest whole number the device can hold; only for kinds other than `float`."""
        low, high = self._limits
        return min(high, max(low, round((number - self.offset) / self.scale)))

    def shown(self, number: float) -> float:
        """The number that a reader without mistakes gets when the device holds `number`."""
        if self.kind == "float":
            scaled = (number - self.offset) / self.scale
            return _as_float(scaled, self.width) * self.scale + self.offset
        return self.number(self.raw(number))

    def number(self, raw: int) -> float:
        """The number that a raw whole number stands for."""
        return round(raw * self.scale + self.offset, self._decimals)

    def to_bytes(self, number: float) -> bytes:
        """The bytes on the wire; not for `bits`, which share registers (see `merge_bits`)."""
        if self.kind == "float":
            scaled = (number - self.offset) / self.scale
            plain = struct.pack(_FLOAT_FORMATS[self.width], scaled)
        else:
            plain = self.raw_to_plain(self.raw(number))
        return self.permuted(plain)

    def raw_to_plain(self, raw: int) -> bytes:
        """Two's complement, most significant byte first."""
        return (raw & ((1 << (8 * self.byte_count)) - 1)).to_bytes(self.byte_count, "big")

    def permuted(self, plain: bytes) -> bytes:
        """Bytes A, B, C… put in the order of the wire."""
        if self._is_plain:
            return plain
        return bytes(plain[place] for place in self._places)

    @property
    def has_marker(self) -> bool:
        """Whether a reader can tell that there is no reading."""
        return self.kind == "float" or self.invalid is not None

    def invalid_bytes(self) -> bytes:
        """What the device shows when it has no reading: its marker, or NaN.

        A device without a marker shows its lowest signed or highest unsigned number, as broken
        sensors do; only a range check can tell.
        """
        if self.kind == "float":
            return self.permuted(struct.pack(_FLOAT_FORMATS[self.width], math.nan))
        low, high = self._limits
        extreme = low if self.kind == "int" else high
        return self.permuted(self.raw_to_plain(extreme if self.invalid is None else self.invalid))

    def merge_bits(self, number: float, current: bytes) -> bytes:
        """The register with this range of bits replaced."""
        word = int.from_bytes(self._restored(current), "big")
        mask = ((1 << self.bit_width) - 1) << self.bit_offset
        word = (word & ~mask) | (self.raw(number) << self.bit_offset)
        return self.permuted(self.raw_to_plain(word))

    def from_bytes(self, wire: bytes) -> float:
        """The number that was written by a client."""
        plain = self._restored(wire)
        if self.kind == "float":
            (number,) = struct.unpack(_FLOAT_FORMATS[self.width], plain)
            return float(number) * self.scale + self.offset
        raw = int.from_bytes(plain, "big", signed=self.kind == "int")
        if self.kind == "bits":
            raw = (raw >> self.bit_offset) & ((1 << self.bit_width) - 1)
        return self.number(raw)

    def _restored(self, wire: bytes) -> bytes:
        if self._is_plain:
            return wire
        plain = bytearray(len(wire))
        for position, place in enumerate(self._places):
            plain[place] = wire[position]
        return bytes(plain)


def _as_float(number: float, width: int) -> float:
    (result,) = struct.unpack(_FLOAT_FORMATS[width], struct.pack(_FLOAT_FORMATS[width], number))
    return float(result)
