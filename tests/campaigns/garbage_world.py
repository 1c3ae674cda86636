"""What is true on the lines of the garbage campaign, by code that the product has no part in.

Every register holds a number of its own, made of unit, table and address, so that a value taken
from another place or another unit is a wrong one.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass, field
from typing import Any, Final

UNITS: Final = (1, 2, 17, 247)
COILS_AT: Final = 0x0300
"""Here a request for 17 to 24 coils looks like a reply to it, but for the data."""
_LAYOUTS: Final = {"h": ">H", "s": ">h", "u": ">I", "l": ">i"}
"""Of values in holding registers."""
TABLES: Final = {1: "coil", 2: "discrete", 3: "holding", 4: "input"}


def _point(name: str, table: str, address: int, data_type: str) -> dict[str, Any]:
    return {
        "name": name,
        "unit": "",
        "labels": {"zh": "数", "en": "number"},
        "read": {"input_type": table, "address": address, "data_type": data_type},
    }


def profile_document() -> dict[str, Any]:
    """A device of registers and bits in every table."""
    points = [
        *(_point(f"h{at}", "holding", at, "uint16") for at in range(10)),
        *(_point(f"s{at}", "holding", at, "int16") for at in range(10, 14)),
        *(_point(f"u{at}", "holding", at, "uint32") for at in range(20, 28, 2)),
        *(_point(f"l{at}", "holding", at, "int32") for at in range(28, 32, 2)),
        *(_point(f"i{at}", "input", at, "uint16") for at in range(20)),
        *(_point(f"c{at}", "coil", COILS_AT + at, "bool") for at in range(20)),
        *(_point(f"d{at}", "discrete", at, "bool") for at in range(8)),
    ]
    return {
        "id": "garbage-probe",
        "vendor": "none",
        "model": "garbage probe",
        "category": "temperature_humidity",
        "labels": {"zh": "测试", "en": "garbage probe"},
        "evidence": "datasheet",
        "sources": [{"ref": "https://modbus.org/specs.php", "kind": "made up for this campaign"}],
        "protocol": "modbus",
        "modbus": {"address_base": 0},
        "points": points,
    }


def truth_of(unit: int, name: str) -> float:
    """Return the value of a point."""
    kind, at = name[0], int(name[1:])
    if kind in _LAYOUTS:
        layout = struct.Struct(_LAYOUTS[kind])
        return int(layout.unpack(_words(unit, at, layout.size // 2))[0])
    if kind == "i":
        return word(unit, "input", at)
    if kind == "c":
        return bit(unit, "coil", COILS_AT + at)
    return bit(unit, "discrete", at)


def _words(unit: int, at: int, count: int) -> bytes:
    return b"".join(word(unit, "holding", at + one).to_bytes(2, "big") for one in range(count))


def word(unit: int, table: str, address: int) -> int:
    """Return what a register holds."""
    digest = hashlib.sha256(f"{unit} {table} {address}".encode()).digest()
    return int.from_bytes(digest[:2], "big")


def bit(unit: int, table: str, address: int) -> int:
    """Return what a coil or input holds."""
    return word(unit, table, address) & 1


@dataclass
class Devices:
    """All units: they answer, and remember the writes they acted on."""

    acted: list[tuple[int, bytes]] = field(default_factory=list)

    def answer(self, unit: int, pdu: bytes) -> bytes:
        """Return the reply's PDU; a write is done."""
        function = pdu[0]
        address, count = struct.unpack(">HH", pdu[1:5])
        if function in {3, 4}:
            table = TABLES[function]
            words = [word(unit, table, address + one) for one in range(count)]
            return struct.pack(f">BB{count}H", function, 2 * count, *words)
        if function in {1, 2}:
            table = TABLES[function]
            packed = sum(bit(unit, table, address + one) << one for one in range(count))
            size = (count + 7) // 8
            return bytes([function, size]) + packed.to_bytes(size, "little")
        self.acted.append((unit, pdu))
        return pdu[:5]
