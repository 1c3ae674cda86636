"""Modbus requests, made once per plan, and the strict check of their replies (pure).

Function codes and layouts: Modbus Application Protocol V1.1b3, sections 6.1 to 6.6, 6.11, 6.12.
A reply is good only if every byte that the request determines is as determined: function, byte
count and length when reading, the whole echo when writing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from struct import Struct
from typing import Final

from edge_agent.modbus.errors import GarbledError, device_exception

EXCEPTION_FLAG: Final = 0x80
EXCEPTION_PDU_BYTES: Final = 2
READ_BITS_MAX: Final = 2_000
READ_REGISTERS_MAX: Final = 125

_READS: Final = {"coil": 1, "discrete": 2, "holding": 3, "input": 4}
_COIL_ON: Final = 0xFF00
_HEAD: Final = Struct(">BHH")
_HEAD_AND_SIZE: Final = Struct(">BHHB")
_BIT_TABLES: Final = frozenset({"coil", "discrete"})

Unpack = Callable[[bytes], Sequence[int]]


@dataclass(frozen=True, slots=True)
class Request:
    """One request to one unit, and what a good reply to it looks like."""

    unit: int
    pdu: bytes
    reply_head: bytes
    """The first bytes of a good reply: function and byte count, or the echo."""
    reply_bytes: int
    """The length of a good reply's PDU."""
    unpack: Unpack
    """Turns a good reply's PDU into registers (0 to 65535) or bits (0 or 1)."""

    @property
    def function(self) -> int:
        """The function code."""
        return self.pdu[0]


def read_request(unit: int, table: str, *, address: int, count: int) -> Request:
    """Return the request for `count` registers or bits of a table from `address` on.

    Args:
        unit: 0 to 255.
        table: `coil`, `discrete`, `input` or `holding`.
        address: of the first, counted from 0.
        count: 1 to 2000 bits or 1 to 125 registers.

    Raises:
        ValueError: something lies outside what Modbus allows.
    """
    bits = table in _BIT_TABLES
    limit = READ_BITS_MAX if bits else READ_REGISTERS_MAX
    _check_range(unit, address, count, limit)
    function = _READS[table]
    data_bytes = (count + 7) // 8 if bits else 2 * count
    return Request(
        unit=unit,
        pdu=_HEAD.pack(function, address, count),
        reply_head=bytes([function, data_bytes]),
        reply_bytes=2 + data_bytes,
        unpack=_bits(count) if bits else _registers(count),
    )


def write_request(unit: int, function: int, *, address: int, values: Sequence[int]) -> Request:
    """Return the request that writes coils (5, 15) or holding registers (6, 16).

    Raises:
        ValueError: something lies outside what Modbus allows.
    """
    single = function in {5, 6}
    _check_range(unit, address, len(values), 1 if single else 123)
    if not all(0 <= value <= 0xFFFF for value in values):
        raise ValueError(f"a register holds 0 to 65535, not {list(values)}")
    pdu = _write_pdu(function, address, values)
    echo = pdu if single else pdu[:5]
    return Request(unit, pdu, reply_head=echo, reply_bytes=len(echo), unpack=_nothing)


def _write_pdu(function: int, address: int, values: Sequence[int]) -> bytes:
    match function:
        case 5:
            return _HEAD.pack(function, address, _COIL_ON if values[0] else 0)
        case 6:
            return _HEAD.pack(function, address, values[0])
        case 15:
            # The first coil is the lowest bit of the first byte (section 6.11).
            packed = sum(bool(value) << position for position, value in enumerate(values))
            data = packed.to_bytes((len(values) + 7) // 8, "little")
        case 16:
            data = Struct(f">{len(values)}H").pack(*values)
        case _:
            raise ValueError(f"{function} is no function that writes coils or registers")
    return _HEAD_AND_SIZE.pack(function, address, len(values), len(data)) + data


def unpack_reply(request: Request, pdu: bytes) -> Sequence[int]:
    """Return the registers or bits in a reply, empty for a write.

    Raises:
        DeviceExceptionError: it is an exception reply (DeviceBusyError for codes 5 and 6).
        GarbledError: it is anything but a good reply.
    """
    if len(pdu) == request.reply_bytes and pdu.startswith(request.reply_head):
        return request.unpack(pdu)
    if len(pdu) == EXCEPTION_PDU_BYTES and pdu[0] == request.function | EXCEPTION_FLAG:
        raise device_exception(pdu[1])
    raise GarbledError(
        f"expected {request.reply_bytes} bytes beginning {request.reply_head.hex(' ')},"
        f" got {len(pdu)} beginning {pdu[:5].hex(' ')}"
    )


def _check_range(unit: int, address: int, count: int, count_max: int) -> None:
    if not 0 <= unit <= 255:
        raise ValueError(f"a unit is 0 to 255, not {unit}")
    if not 1 <= count <= count_max:
        raise ValueError(f"one request carries 1 to {count_max}, not {count}")
    if not 0 <= address <= 0x10000 - count:
        raise ValueError(f"addresses end at 65535; {address} and {count} more run over it")


def _registers(count: int) -> Unpack:
    layout = Struct(f">{count}H")
    return lambda pdu: layout.unpack_from(pdu, 2)


def _bits(count: int) -> Unpack:
    def unpack(pdu: bytes) -> Sequence[int]:
        # The first bit is the lowest of the first byte (section 6.1).
        packed = int.from_bytes(pdu[2:], "little")
        return [packed >> position & 1 for position in range(count)]

    return unpack


def _nothing(_pdu: bytes) -> Sequence[int]:
    return ()
