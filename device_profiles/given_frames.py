"""Modbus frames as manuals print them: RTU, ASCII or TCP, in hexadecimal (pure).

Source: Modbus Application Protocol V1.1b3, section 6; MODBUS over Serial Line V1.02, sections 2.5.1
and 2.5.2; Modbus Messaging on TCP/IP V1.0b, section 3.1.3.
"""

from __future__ import annotations

import re
import string
import struct
from dataclasses import dataclass
from typing import Final

from device_profiles.errors import GivenDataError
from device_profiles.model_modbus import Table

_TABLES: Final = {1: Table.COIL, 2: Table.DISCRETE, 3: Table.HOLDING, 4: Table.INPUT}
_MBAP_BYTES: Final = 7


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request asked for."""

    unit_id: int | None
    table: Table
    address: int
    """On the wire."""
    count: int


@dataclass(frozen=True, slots=True)
class GivenFrame:
    """A frame without its envelope."""

    unit_id: int | None
    pdu: bytes
    envelope: str
    """`rtu`, `ascii`, `tcp`, or `none` where no checksum was printed."""


def parse_frame(text: str) -> GivenFrame:
    """Return the frame in a text such as `01 04 02 01 31 79 74`.

    Raises:
        GivenDataError: it is no frame (reason `frame`), or its checksum is wrong (`checksum`).
    """
    stripped = text.strip()
    if stripped.startswith(":"):
        return _ascii(stripped)
    data = _bytes(stripped)
    if len(data) > _MBAP_BYTES and data[2:4] == b"\0\0":
        size = int.from_bytes(data[4:6], "big")
        if size == len(data) - 6:
            return GivenFrame(data[6], data[_MBAP_BYTES:], "tcp")
    if len(data) >= 4 and _crc16(data[:-2]) == data[-2:]:
        return GivenFrame(data[0], data[1:-2], "rtu")
    raise GivenDataError(
        "checksum",
        f"the last two bytes of {data.hex(' ')} are not its CRC ({_crc16(data[:-2]).hex(' ')})",
        remedy="check every byte; frames are RTU (with CRC), ASCII (from the colon on) or TCP",
    )


def parse_request(text: str) -> Asked:
    """Return what a printed request asks for; its CRC may be left out.

    Raises:
        GivenDataError: it is no request that reads (reasons `frame`, `request`).
    """
    data = b"" if text.strip().startswith(":") else _bytes(text)
    unit_id: int | None
    if len(data) == 6:
        unit_id, pdu = data[0], data[1:]
    else:
        frame = parse_frame(text)
        unit_id, pdu = frame.unit_id, frame.pdu
    if len(pdu) != 5 or pdu[0] not in _TABLES:
        message = "is no request with function code 1, 2, 3 or 4"
        raise GivenDataError("request", message, remedy="such as 01 04 00 01 00 01 60 0A")
    function, address, count = struct.unpack(">BHH", pdu)
    return Asked(unit_id, _TABLES[function], address, count)


def contents(frame: GivenFrame, asked: Asked) -> list[int]:
    """Return the registers or bits that a reply carries.

    Raises:
        GivenDataError: it does not answer that request (reason `request`), or refuses it
            (`exception`).
    """
    pdu = frame.pdu
    function = asked.table.read_function
    if pdu and pdu[0] == function | 0x80:
        code = pdu[1] if len(pdu) > 1 else 0
        raise GivenDataError("exception", f"the device refuses: exception code {code}")
    bits = asked.table.holds_bits
    size = (asked.count + 7) // 8 if bits else 2 * asked.count
    if len(pdu) < 2 or pdu[0] != function or pdu[1] != size or len(pdu) != 2 + size:
        message = f"expected function {function} and {size} bytes of data, got {pdu.hex(' ')}"
        raise GivenDataError("request", message, remedy="is this the answer to that request?")
    data = pdu[2:]
    if bits:
        packed = int.from_bytes(data, "little")
        return [packed >> at & 1 for at in range(asked.count)]
    return list(struct.unpack(f">{asked.count}H", data))


def hex_bytes(text: str) -> bytes:
    """Return the bytes of hexadecimal text with blanks, commas, colons or 0x between them.

    Raises:
        GivenDataError: it is none (reason `frame`).
    """
    return _bytes(text)


def _bytes(text: str) -> bytes:
    digits = re.sub(r"0x|[\s,:\-]", "", text, flags=re.IGNORECASE)
    if not digits or len(digits) % 2 or any(one not in string.hexdigits for one in digits):
        raise GivenDataError("frame", f"{text[:60]!r} is no row of hexadecimal bytes")
    return bytes.fromhex(digits)


def _ascii(text: str) -> GivenFrame:
    data = _bytes(text[1:].strip())
    if len(data) < 3 or sum(data) & 0xFF:
        raise GivenDataError("checksum", f"the LRC of {text} is wrong, or bytes are missing")
    return GivenFrame(data[0], data[1:-1], "ascii")


def _crc16(data: bytes) -> bytes:
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return crc.to_bytes(2, "little")
