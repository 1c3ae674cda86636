"""Numbers and texts as the bytes of a frame."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Literal

from device_profiles.model_codec import CodecValue
from firmware_sims.mqtt.meaning import Raw
from firmware_sims.patterns import Form, pattern_limits, pattern_of, raw_of_pattern

_FLOATS = {"float16": ">e", "float32": ">f", "float64": ">d"}
_BITS = {"bool": 8, "float16": 16, "float32": 32, "float64": 64}


def width_of(data_type: str) -> int:
    """Bits of a type of number; 0 for texts."""
    if data_type in _BITS:
        return _BITS[data_type]
    digits = data_type.removeprefix("u").removeprefix("int")
    return int(digits) if digits.isdecimal() else 0


@dataclass(frozen=True)
class Packing:
    """How one value stands in its bytes; the byte order of those without their own is given.

    Args:
        value: what the profile says of it.
        order: of the codec.
    """

    value: CodecValue
    order: Literal["little", "big"]

    @property
    def is_text(self) -> bool:
        """Whether it is a text, an identifier or digits."""
        return self.value.data_type in ("string", "hex", "digits")

    @property
    def size(self) -> int:
        """Bytes; 0 where the text decides."""
        return width_of(self.value.data_type) // 8 or self.value.length or 0

    @property
    def _taken(self) -> tuple[int, int]:
        """The lowest bit and how many."""
        if self.value.bit is None:
            return 0, width_of(self.value.data_type)
        return self.value.bit, self.value.bit_count

    @property
    def mask(self) -> int:
        """The bits of the value among those of its bytes."""
        low, count = self._taken
        return ((1 << count) - 1) << low

    @property
    def _form(self) -> Form:
        value = self.value
        is_signed = value.bit_signed if value.bit is not None else value.data_type.startswith("i")
        form: Form = value.encoding or ("twos_complement" if is_signed else "plain")
        return form

    def pattern(self, given: Raw) -> int:
        """The bits that show a number, in their place; None is no reading."""
        value = self.value
        low, count = self._taken
        if given is None and value.nan_value:
            return _bits(int(value.nan_value[0]), count) << low
        if value.data_type in _FLOATS:
            number = float("nan") if given is None else (_float(given) - value.offset) / value.scale
            return int.from_bytes(struct.pack(_FLOATS[value.data_type], number))
        lowest, highest = pattern_limits(self._form, count)
        raw = highest if given is None else round((_float(given) - value.offset) / value.scale)
        return pattern_of(max(lowest, min(raw, highest)), self._form, count) << low

    def shown(self, word: int) -> Raw:
        """What a reader makes of all the bits; None is no reading."""
        value = self.value
        if value.data_type in _FLOATS:
            data = word.to_bytes(self.size)
            number = struct.unpack(_FLOATS[value.data_type], data)[0]
            return None if number != number else number * value.scale + value.offset  # noqa: PLR0124
        low, count = self._taken
        raw = raw_of_pattern(word >> low & ((1 << count) - 1), self._form, count)
        if raw is None or raw in value.nan_value:
            return None
        return round(raw * value.scale + value.offset, 9)

    def ordered(self, word: int) -> bytes:
        """All the bits as bytes, in the order that the profile says."""
        big = word.to_bytes(self.size)
        order = self.value.byte_order or self.order
        if order == "little":
            return big[::-1]
        return big if order == "big" else bytes(big[ord(letter) - 65] for letter in order)

    def word(self, data: bytes) -> int:
        """The bits that stand in bytes: the way back."""
        order = self.value.byte_order or self.order
        if order in ("little", "big"):
            return int.from_bytes(data, "little" if order == "little" else "big")
        places = dict(zip(order, data, strict=True))
        return int.from_bytes(bytes(places[letter] for letter in sorted(order)))

    def text_of(self, data: bytes) -> str:
        """The text that bytes show."""
        if self.value.data_type == "string":
            return data.rstrip(b"\0 ").decode(errors="replace")
        if self.value.data_type == "hex":
            return data.hex().upper()
        return "".join(f"{byte:02d}" for byte in data)

    def text_bytes(self, given: Raw) -> bytes:
        """A text's bytes."""
        text = "" if given is None else str(given)
        size = self.value.length
        if self.value.data_type == "string":
            data = text.encode()
            return data if size is None else data[:size].ljust(size, b"\0")
        if size is not None:
            text = text[: 2 * size].rjust(2 * size, "0")
        return bytes.fromhex(text) if self.value.data_type == "hex" else _digits(text)


def _digits(text: str) -> bytes:
    """Two decimals a byte."""
    return bytes(int(text[at : at + 2]) for at in range(0, len(text), 2))


def _bits(number: int, count: int) -> int:
    return number % (1 << count)


def _float(raw: Raw) -> float:
    return float(raw) if isinstance(raw, bool | int | float) else float(str(raw))
