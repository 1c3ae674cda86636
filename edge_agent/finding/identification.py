"""What devices say of themselves: functions 43/14 and 17, and SunSpec's common model (pure).

Sources: Modbus Application Protocol V1.1b3, sections 6.13 and 6.21; SunSpec Device Information
Model Specification, common model 1 (texts of 16, 16, 8, 8 and 16 registers after id and length).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

OBJECT_NAMES: Final = {
    0: "vendor_name",
    1: "product_code",
    2: "revision",
    3: "vendor_url",
    4: "product_name",
    5: "model_name",
    6: "user_application_name",
}
SUNSPEC_MARKER: Final = (0x5375, 0x6E53)
"""`SunS`."""
COMMON_MODEL: Final = 1
COMMON_REGISTERS: Final = 66
_COMMON_TEXTS: Final = (
    ("sunspec_manufacturer", 0, 16),
    ("sunspec_model", 16, 16),
    ("sunspec_options", 32, 8),
    ("sunspec_version", 40, 8),
    ("sunspec_serial_number", 48, 16),
)
_TELLING: Final = (
    "vendor_name",
    "product_code",
    "product_name",
    "model_name",
    "vendor_url",
    "server_id",
    "sunspec_manufacturer",
    "sunspec_model",
)


@dataclass(slots=True)
class Identity:
    """What a device says of itself, by what it calls it."""

    texts: dict[str, str] = field(default_factory=dict)

    @property
    def telling(self) -> list[str]:
        """The texts that name a maker or a model."""
        return [self.texts[name] for name in _TELLING if name in self.texts]

    @property
    def title(self) -> str:
        """One line for a person; empty when it said nothing."""
        names = ("vendor_name", "product_name", "model_name", "product_code", "revision")
        parts = [self.texts[name] for name in names if name in self.texts]
        if not parts:
            parts = [
                self.texts[name]
                for name in ("sunspec_manufacturer", "sunspec_model", "server_id")
                if name in self.texts
            ]
        return " ".join(dict.fromkeys(parts))


def parse_identification(pdu: bytes) -> tuple[dict[str, str], int | None]:
    """Return the objects of an answer to 43/14, and the next object to ask for, if more follow.

    An answer cut short gives what is whole of it.
    """
    if len(pdu) < 7:
        return {}, None
    texts: dict[str, str] = {}
    at = 7
    for _ in range(pdu[6]):
        if len(pdu) < at + 2 or len(pdu) < at + 2 + pdu[at + 1]:
            break
        name = OBJECT_NAMES.get(pdu[at], f"object_{pdu[at]}")
        text = readable(pdu[at + 2 : at + 2 + pdu[at + 1]])
        if text:
            texts[name] = text
        at += 2 + pdu[at + 1]
    return texts, pdu[5] if pdu[4] == 0xFF else None


def parse_server_id(pdu: bytes) -> dict[str, str]:
    """Return the readable text of an answer to function 17; its layout is the maker's own."""
    text = readable(pdu[2 : 2 + pdu[1]]) if len(pdu) > 2 else ""
    return {"server_id": text} if len(text) >= 3 else {}


def parse_common_model(words: Sequence[int]) -> dict[str, str]:
    """Return the texts of SunSpec's common model, from the register after its length on."""
    data = b"".join(word.to_bytes(2, "big") for word in words)
    texts = {}
    for name, first, count in _COMMON_TEXTS:
        text = readable(data[2 * first : 2 * (first + count)])
        if text:
            texts[name] = text
    return texts


def readable(data: bytes) -> str:
    """Return the longest run of printable characters, without padding."""
    for encoding in ("utf-8", "gb18030"):
        try:
            text = data.strip(b"\0 \xff").decode(encoding)
        except UnicodeDecodeError:
            continue
        if text.isprintable():
            return text.strip()
    runs = "".join(chr(one) if 32 <= one < 127 else "\n" for one in data).split("\n")
    return max(runs, key=len, default="").strip()
