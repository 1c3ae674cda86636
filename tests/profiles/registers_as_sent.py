"""Registers as a device sends them, encoded from the definitions, without the package's help."""

from __future__ import annotations

import struct

WHOLE_BYTES = {
    "int8l": 1,
    "int8h": 1,
    "uint8l": 1,
    "uint8h": 1,
    "int16": 2,
    "uint16": 2,
    "int24": 3,
    "uint24": 3,
    "int32": 4,
    "uint32": 4,
    "int48": 6,
    "uint48": 6,
    "int64": 8,
    "uint64": 8,
}
REGISTERS = {
    name: {1: 1, 2: 1, 3: 2, 4: 2, 6: 3, 8: 4}[size] for name, size in WHOLE_BYTES.items()
} | {"float16": 1, "float32": 2, "float64": 4}
SIGNED_CODINGS = ("twos_complement", "offset_binary", "sign_magnitude", "ones_complement")


def pattern_of(number: int, encoding: str, bits: int) -> int:
    """The bits of a number, by the textbook."""
    amount = f"{abs(number):0{bits - 1}b}"
    match encoding:
        case "unsigned" | "twos_complement":
            signed = encoding == "twos_complement"
            return int.from_bytes(number.to_bytes(bits // 8, "big", signed=signed), "big")
        case "offset_binary":
            return number + (1 << (bits - 1))
        case "sign_magnitude":
            return int(("1" if number < 0 else "0") + amount, 2)
        case "ones_complement":
            digits = "0" + amount
            turned = digits.translate(str.maketrans("01", "10"))
            return int(turned if number < 0 else digits, 2)
        case "bcd":
            return int("".join(f"{int(digit):04b}" for digit in str(number)), 2)
        case "mod10k":
            digits = str(number).zfill(bits // 16 * 4)
            groups = [int(digits[at : at + 4]) for at in range(0, len(digits), 4)]
            return int("".join(f"{group:016b}" for group in groups), 2)
    raise AssertionError(encoding)


def highest(encoding: str, bits: int) -> int:
    digits = {"bcd": bits // 4, "mod10k": bits // 16 * 4}.get(encoding)
    return int(10**digits) - 1 if digits else (1 << bits) - 1


def ordered(big: bytes, letters: str) -> list[int]:
    """Registers whose bytes, named A, B, C … from the highest, travel in the order of letters."""
    travelling = bytes(big[ord(letter) - ord("A")] for letter in letters)
    return [int.from_bytes(travelling[at : at + 2], "big") for at in range(0, len(travelling), 2)]


def registers_of(pattern: int, data_type: str, letters: str, *, beside: int = 0) -> list[int]:
    """Registers that hold a pattern; `beside` fills the bytes that do not belong to it."""
    size, count = WHOLE_BYTES[data_type], REGISTERS[data_type]
    own = pattern.to_bytes(size, "big")
    filler = bytes([beside]) * (2 * count - size)
    big = own + filler if data_type.endswith("8h") else filler + own
    return ordered(big, letters)


def float_registers(number: float, data_type: str, letters: str) -> list[int]:
    code = {"float16": "e", "float32": "f", "float64": "d"}[data_type]
    return ordered(struct.pack(f">{code}", number), letters)
