"""Requests and answers without their envelope: function code and data.

Source: Modbus Application Protocol Specification V1.1b3, section 6 (functions 1..6, 15 and 16) and
section 7 (exception codes).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from firmware_sims.registers import BIT_TABLES, Table, pack_bits, unpack_bits

ILLEGAL_FUNCTION = 1
ILLEGAL_ADDRESS = 2
ILLEGAL_VALUE = 3
DEVICE_FAILURE = 4
ACKNOWLEDGE = 5
DEVICE_BUSY = 6
GATEWAY_TARGET_SILENT = 11

READ_BITS_MAX = 2000
READ_REGISTERS_MAX = 125
WRITE_BITS_MAX = 1968
WRITE_REGISTERS_MAX = 123

_TABLES: dict[int, Table] = {
    1: "coil",
    2: "discrete",
    3: "holding",
    4: "input",
    5: "coil",
    6: "holding",
    15: "coil",
    16: "holding",
}
_READ_MAX = {1: READ_BITS_MAX, 2: READ_BITS_MAX, 3: READ_REGISTERS_MAX, 4: READ_REGISTERS_MAX}
_COIL_ON, _COIL_OFF = 0xFF00, 0x0000
_COIL_DATA = {_COIL_ON: b"\1", _COIL_OFF: b"\0"}


class RefusedError(Exception):
    """The device answers with an exception code; never leaves this package."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Request:
    """One request, checked as far as that needs no device.

    Args:
        data: what to write, as the tables hold it: register bytes, or one byte a bit. For function
            5 with another word than on and off, that word's two bytes.
    """

    function: int
    table: Table
    address: int
    count: int
    data: bytes = b""

    @property
    def end(self) -> int:
        """The address after the last."""
        return self.address + self.count

    @property
    def is_odd_coil(self) -> bool:
        """Whether function 5 sends a word of the maker's own."""
        return self.function == 5 and len(self.data) == 2

    @property
    def is_read(self) -> bool:
        """Whether nothing is changed."""
        return self.function in _READ_MAX

    @property
    def is_register_read(self) -> bool:
        """Whether registers, not bits, are read."""
        return self.function in (3, 4)


def parse_request(pdu: bytes) -> Request:
    """Read a request.

    Raises:
        RefusedError: with the exception code that the specification asks for.
    """
    function = pdu[0]
    table = _TABLES.get(function)
    if table is None:
        raise RefusedError(ILLEGAL_FUNCTION)
    if len(pdu) < 5 or (function < 15 and len(pdu) != 5):
        raise RefusedError(ILLEGAL_VALUE)
    address, word = struct.unpack_from(">HH", pdu, 1)
    if function in _READ_MAX:
        request = Request(function, table, address, _count(word, _READ_MAX[function]))
    elif function == 5:
        request = Request(function, table, address, 1, _COIL_DATA.get(word, pdu[3:5]))
    elif function == 6:
        request = Request(function, table, address, 1, pdu[3:5])
    else:
        request = _parse_multiple(pdu, table, address, word)
    if request.end > 0x10000:
        raise RefusedError(ILLEGAL_ADDRESS)
    return request


def _parse_multiple(pdu: bytes, table: Table, address: int, word: int) -> Request:
    bits = table in BIT_TABLES
    count = _count(word, WRITE_BITS_MAX if bits else WRITE_REGISTERS_MAX)
    size = (count + 7) // 8 if bits else 2 * count
    if len(pdu) != 6 + size or pdu[5] != size:
        raise RefusedError(ILLEGAL_VALUE)
    data = unpack_bits(pdu[6:], count) if bits else pdu[6:]
    return Request(pdu[0], table, address, count, data)


def _count(word: int, most: int) -> int:
    if not 1 <= word <= most:
        raise RefusedError(ILLEGAL_VALUE)
    return word


def read_pdu(request: Request, data: bytes) -> bytes:
    """The answer to a reading request; `data` as the tables hold it."""
    payload = pack_bits(data) if request.table in BIT_TABLES else data
    return bytes((request.function, len(payload))) + payload


def write_pdu(request: Request) -> bytes:
    """The answer to a writing request: an echo of address and value, or of address and count."""
    if request.function == 5 and not request.is_odd_coil:
        word = _COIL_ON if request.data[0] else _COIL_OFF
    elif request.function in (5, 6):
        word = int.from_bytes(request.data, "big")
    else:
        word = request.count
    return struct.pack(">BHH", request.function, request.address, word)


def exception_pdu(function: int, code: int) -> bytes:
    """The answer that refuses (section 7)."""
    return bytes((function | 0x80, code))
