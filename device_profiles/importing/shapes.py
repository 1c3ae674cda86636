"""What several sources share: struct formats, orders, defaults of data types (pure)."""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple

from device_profiles.registers import DataType, expand_pattern, register_count

_CODES: Final = {
    "h": "int16",
    "H": "uint16",
    "i": "int32",
    "I": "uint32",
    "l": "int32",
    "L": "uint32",
    "q": "int64",
    "Q": "uint64",
    "e": "float16",
    "f": "float32",
    "d": "float64",
}
_STRUCT: Final = re.compile(r"([<>!=@]?)((?:\d*[a-zA-Z?])+)")
_ITEM: Final = re.compile(r"(\d*)([a-zA-Z?])")


class Item(NamedTuple):
    """One value of a struct format."""

    data_type: str
    registers: int
    length: int | None = None
    """Registers of a string."""


class Layout(NamedTuple):
    """A struct format as registers."""

    pattern: str
    """ABCD, or DCBA for little-endian bytes."""
    items: tuple[Item, ...]
    is_native: bool
    """It does not say its byte order."""


def parse_struct(text: str) -> Layout:
    """Return the values of a format of Python's struct module.

    Raises:
        ValueError: it holds something that is no whole register.
    """
    match = _STRUCT.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is no format of Python's struct module")
    order = match[1]
    items: list[Item] = []
    for count, code in _ITEM.findall(match[2]):
        if code == "s":
            size = int(count or 1)
            items.append(Item("string", (size + 1) // 2, (size + 1) // 2))
            continue
        data_type = _CODES.get(code)
        if data_type is None:
            raise ValueError(f"{code!r} in {text!r} is no whole register")
        registers = register_count(DataType(data_type))
        items += [Item(data_type, registers)] * int(count or 1)
    pattern = "ABCD" if order in (">", "!") else "DCBA"
    return Layout(pattern, tuple(items), order in ("", "@", "="))


def with_order(read: dict[str, Any], pattern: str) -> dict[str, Any]:
    """Return a reading with an order's letters, where they are not the usual ones.

    The order is the whole device's in four letters, or the value's own in as many as it has bytes.
    """
    if pattern == "ABCD" or read.get("data_type") in (None, "bool"):
        return read
    if read["data_type"] == "string":
        return {**read, "byte_order": "BA"} if pattern in ("BADC", "DCBA") else read
    registers = register_count(DataType(read["data_type"]))
    own = len(pattern) == 2 * registers
    letters = pattern if own else expand_pattern(pattern, registers)
    return read if letters == expand_pattern("ABCD", registers) else {**read, "byte_order": letters}


def seconds(text: object) -> float | None:
    """Return a duration such as `100ms` or `1s` in seconds; None for none."""
    match = re.fullmatch(r"\s*([0-9.]+)\s*(ms|s|us|m)\s*", str(text or ""))
    if match is None:
        return None
    return float(match[1]) * {"us": 1e-6, "ms": 0.001, "s": 1.0, "m": 60.0}[match[2]]
