"""Modbus requests, made once per plan, and the strict check of their replies (pure).

Function codes and layouts: Modbus Application Protocol V1.1b3, sections 6.1 to 6.6, 6.11 to 6.13
and 6.21.
A reply is good only if every byte that the request determines is as determined: function, byte
count and length when reading, the whole echo when writing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from struct import Struct
from typing import Final

from edge_agent.modbus.errors import GarbledError, device_exception

BROADCAST: Final = 0
"""What a master tells all units of a serial line at once; nobody answers."""
EXCEPTION_FLAG: Final = 0x80
EXCEPTION_PDU_BYTES: Final = 2
READ_BITS_MAX: Final = 2_000
READ_REGISTERS_MAX: Final = 125

_READS: Final = {"coil": 1, "discrete": 2, "holding": 3, "input": 4}
READ_FUNCTIONS: Final = frozenset(_READS.values())
_COIL_ON: Final = 0xFF00
_HEAD: Final = Struct(">BHH")
_HEAD_AND_SIZE: Final = Struct(">BHHB")
_BIT_TABLES: Final = frozenset({"coil", "discrete"})

REPLY_PDU_BYTES_MAX: Final = 253
_SERVER_ID: Final = 17
_ENCAPSULATED: Final = 43
_DEVICE_IDENTIFICATION: Final = 14
_IDENTIFICATION_HEAD_BYTES: Final = 7

Unpack = Callable[[bytes], Sequence[int]]
Measure = Callable[[bytes], int | None]
"""From the first bytes of a reply's PDU to the length of the whole; None while they are too few."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request to one unit, and what a good reply to it looks like."""

    unit: int
    pdu: bytes
    reply_head: bytes
    """The first bytes of a good reply: function and byte count, or the echo."""
    reply_bytes: int
    """The length of a good reply's PDU; the longest possible where only the reply tells."""
    unpack: Unpack
    """Turns a good reply's PDU into registers (0 to 65535) or bits (0 or 1)."""
    measure: Measure | None = None
    """Tells the length of a reply that the request does not determine."""

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

    Args:
        unit: 0 to 255.
        function: 5, 6, 15 or 16.
        address: of the first, counted from 0.
        values: registers, or coils as 0 and 1. With function 5 any other number is the word that is
            sent, for devices that give words of their own a meaning.

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
            return _HEAD.pack(function, address, _COIL_ON if values[0] == 1 else values[0])
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


def server_id_request(unit: int) -> Request:
    """Return the request for what a serial device says of itself (function 17).

    Its reply is unpacked into the bytes of the PDU.
    """
    return Request(
        unit=unit,
        pdu=bytes([_SERVER_ID]),
        reply_head=bytes([_SERVER_ID]),
        reply_bytes=REPLY_PDU_BYTES_MAX,
        unpack=tuple,
        measure=lambda pdu: 2 + pdu[1] if len(pdu) > 1 else None,
    )


def identification_request(unit: int, *, code: int = 1, object_id: int = 0) -> Request:
    """Return the request for vendor, product and version as texts (function 43, type 14).

    Its reply is unpacked into the bytes of the PDU.

    Args:
        unit: 0 to 255.
        code: 1 basic, 2 regular, 3 extended, 4 one object alone.
        object_id: the first object, or the one.
    """
    head = bytes([_ENCAPSULATED, _DEVICE_IDENTIFICATION, code])
    return Request(
        unit=unit,
        pdu=head + bytes([object_id]),
        reply_head=head,
        reply_bytes=REPLY_PDU_BYTES_MAX,
        unpack=tuple,
        measure=_identification_length,
    )


def _identification_length(pdu: bytes) -> int | None:
    """Walk the objects, each with its id, its length and its text (section 6.21)."""
    if len(pdu) < _IDENTIFICATION_HEAD_BYTES:
        return None
    end = _IDENTIFICATION_HEAD_BYTES
    for _ in range(pdu[_IDENTIFICATION_HEAD_BYTES - 1]):
        if len(pdu) < end + 2:
            return None
        end += 2 + pdu[end + 1]
    return end


def good_length(request: Request, pdu: bytes) -> int | None:
    """Return how long a good reply that begins so must be; None while nobody can tell."""
    return request.reply_bytes if request.measure is None else request.measure(pdu)


def unpack_reply(request: Request, pdu: bytes) -> Sequence[int]:
    """Return the registers or bits in a reply, empty for a write.

    Raises:
        DeviceExceptionError: it is an exception reply (DeviceBusyError for codes 5 and 6).
        GarbledError: it is anything but a good reply.
    """
    if pdu.startswith(request.reply_head) and len(pdu) == good_length(request, pdu):
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
