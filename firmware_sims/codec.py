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

from firmware_sims.conversions import Conversion
from firmware_sims.patterns import Form, pattern_limits, pattern_of, raw_of_pattern

Kind = Literal["uint", "int", "float", "bool", "bits"]

_FLOAT_FORMATS = {16: ">e", 32: ">f", 64: ">d"}
_FLOAT_MAX = {16: 65_504.0, 32: 3.402_823_466_385_288_6e38, 64: math.inf}
_FORMS: dict[Kind, Form] = {"int": "twos_complement"}


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
        invalid: the raw word that says "no reading", if the device has one.
        form: how the raw number stands in its bits; None: two's complement for `int`, else plain.
        part: shift and width of the bits that the number takes of the word, for values that are
            narrower than their registers (half a register, 24 bits of 32).
        conversion: what the raw number stands for, in place of `scale` and `offset`.
        invalid_number: for floats: the number before scaling that says "no reading".
    """

    kind: Kind = "uint"
    width: int = 16
    order: str = "AB"
    scale: float = 1.0
    offset: float = 0.0
    bit_offset: int = 0
    bit_width: int = 1
    invalid: int | None = None
    form: Form | None = None
    part: tuple[int, int] | None = None
    conversion: Conversion | None = None
    invalid_number: float | None = None

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
    def field(self) -> tuple[int, int]:
        """Shift and width of the bits that hold the number."""
        if self.kind == "bits":
            return self.bit_offset, self.bit_width
        return self.part or (0, self.width)

    @cached_property
    def shares_registers(self) -> bool:
        """Whether other points may stand in the rest of the registers."""
        return self.kind == "bits" or self.part is not None

    @cached_property
    def actual_form(self) -> Form:
        """The form with its default filled in."""
        return self.form or _FORMS.get(self.kind, "plain")

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
        return pattern_limits(self.actual_form, self.field[1])

    def raw(self, number: float) -> int:
        """The nearest whole number the device can hold; only for kinds other than `float`."""
        low, high = self._limits
        if self.conversion is not None:
            return int(self.conversion.raw(number, low, high, whole=True))
        return min(high, max(low, round((number - self.offset) / self.scale)))

    def shown(self, number: float) -> float:
        """The number that a reader without mistakes gets when the device holds `number`."""
        if self.kind == "float":
            shown = self._of_float(_as_float(self._float_raw(number), self.width))
        else:
            shown = self.number(self.raw(number))
        assert shown is not None, "what stands for a number is a number"
        return shown

    def number(self, raw: int) -> float:
        """The number that a raw whole number stands for; NaN for none."""
        if self.conversion is not None:
            number = self.conversion.number(raw)
            return math.nan if number is None else float(number)
        return round(raw * self.scale + self.offset, self._decimals)

    def _float_raw(self, number: float) -> float:
        most = _FLOAT_MAX[self.width]
        if self.conversion is None:
            raw = (number - self.offset) / self.scale
        else:
            raw = self.conversion.raw(number, -1e6, 1e6, whole=False)
        return max(-most, min(most, raw))

    def _of_float(self, raw: float) -> float:
        if self.conversion is None:
            return raw * self.scale + self.offset
        number = self.conversion.number(raw)
        return math.nan if number is None else number

    def to_bytes(self, number: float) -> bytes:
        """The bytes on the wire; not where registers are shared (see `merge_bits`)."""
        if self.kind == "float":
            plain = struct.pack(_FLOAT_FORMATS[self.width], self._float_raw(number))
        else:
            plain = self.raw_to_plain(self._pattern(self.raw(number)))
        return self.permuted(plain)

    def _pattern(self, raw: int) -> int:
        return raw if self.kind == "bool" else pattern_of(raw, self.actual_form, self.field[1])

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

    def invalid_bytes(self, current: bytes = b"") -> bytes:
        """What the device shows when it has no reading: its marker, or NaN.

        A device without a marker shows its lowest signed or highest unsigned number, as broken
        sensors do; only a range check can tell. `current` is what the registers hold, for numbers
        that share them.
        """
        if self.kind == "float":
            return self.permuted(self._invalid_float())
        if self.invalid is not None:
            return self.permuted(self.raw_to_plain(self.invalid))
        low, high = self._limits
        extreme = self._pattern(low if low < 0 else high)
        if self.shares_registers:
            return self._merged(extreme, current)
        return self.permuted(self.raw_to_plain(extreme))

    def _invalid_float(self) -> bytes:
        if self.invalid is not None:
            return self.raw_to_plain(self.invalid)
        number = math.nan if self.invalid_number is None else self.invalid_number
        return struct.pack(_FLOAT_FORMATS[self.width], number)

    def merge_bits(self, number: float, current: bytes) -> bytes:
        """The registers with this number's bits replaced."""
        return self._merged(self._pattern(self.raw(number)), current)

    def _merged(self, pattern: int, current: bytes) -> bytes:
        shift, width = self.field
        word = int.from_bytes(self._restored(current), "big")
        mask = ((1 << width) - 1) << shift
        return self.permuted(self.raw_to_plain((word & ~mask) | ((pattern << shift) & mask)))

    def from_bytes(self, wire: bytes) -> float:
        """The number that was written by a client; NaN where the bytes stand for none."""
        plain = self._restored(wire)
        if self.kind == "float":
            (number,) = struct.unpack(_FLOAT_FORMATS[self.width], plain)
            return self._of_float(float(number))
        word = int.from_bytes(plain, "big")
        if self.kind == "bool":
            return self.number(word)
        shift, width = self.field
        raw = raw_of_pattern((word >> shift) & ((1 << width) - 1), self.actual_form, width)
        return math.nan if raw is None else self.number(raw)

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
