"""Bad replies of a Modbus TCP device, by name: what it sends in answer to one read of a register.

57005 (0xDEAD) is the number that none of them may ever bring into a sample.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Final

from tests.support.modbus_script import CLOSE, Send, mbap, registers

POISON: Final = 0xDEAD
_READ_INPUT: Final = 4
TIMEOUT_S: Final = 0.2

Reply = Callable[[bytes, Send], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class ModbusCase:
    """One bad reply."""

    name: str
    reply: Reply

    @property
    def repeats(self) -> int:
        """How often the agent asks again before it believes in it: a busy device gets more time."""
        return 6 if self.name in {"exception 5", "exception 6"} else 2


def _bytes(make: Callable[[bytes], bytes]) -> Reply:
    async def reply(request: bytes, send: Send) -> None:
        send(make(request))

    return reply


def _pdu(pdu: bytes) -> Reply:
    return _bytes(lambda request: mbap(request, pdu))


def _poison(function: int = _READ_INPUT) -> bytes:
    return registers(POISON, function=function)


def _with_length(request: bytes, length: int, pdu: bytes) -> bytes:
    return request[:2] + b"\0\0" + length.to_bytes(2, "big") + request[6:7] + pdu


def _exceptions() -> Iterator[tuple[str, Reply]]:
    for code in (0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 0x55, 0xFF):
        yield f"exception {code}", _pdu(bytes([_READ_INPUT | 0x80, code]))
    yield "exception of another function", _pdu(b"\x83\x02")
    yield "exception without a code", _pdu(b"\x84")
    yield "exception with a tail", _pdu(b"\x84\x02\x02\x02")


def _contents() -> Iterator[tuple[str, Reply]]:
    dead = POISON.to_bytes(2, "big")
    yield "empty", _pdu(b"")
    yield "function alone", _pdu(b"\x04")
    yield "another function", _pdu(_poison(function=3))
    yield "function 0", _pdu(b"\0\2" + dead)
    yield "a coil's answer", _pdu(b"\x01\x01\xff")
    yield "no registers", _pdu(b"\x04\x00")
    yield "one byte of a register", _pdu(b"\x04\x01" + dead[:1])
    yield "three bytes", _pdu(b"\x04\x03" + dead + b"\0")
    yield "two registers for one", _pdu(b"\x04\x04" + dead + dead)
    yield "125 registers for one", _pdu(b"\x04\xfa" + dead * 125)
    yield "count above the bytes", _pdu(b"\x04\x04" + dead)
    yield "count below the bytes", _pdu(b"\x04\x02" + dead + dead)
    yield "count 255", _pdu(b"\x04\xff" + dead)
    yield "an echo", _bytes(lambda request: request)
    yield "an echo of a write", _pdu(b"\x06\x00\x65" + dead)


def _envelopes() -> Iterator[tuple[str, Reply]]:
    pdu = _poison()
    yield "another transaction", _bytes(lambda r: mbap(r, pdu, tid=(r[0] << 8 | r[1]) ^ 0x5555))
    yield (
        "the transaction before",
        _bytes(lambda r: mbap(r, pdu, tid=((r[0] << 8 | r[1]) - 1) % 65536)),
    )
    yield "another unit", _bytes(lambda r: mbap(r, pdu, unit=r[6] + 1))
    yield "unit 0", _bytes(lambda r: mbap(r, pdu, unit=0))
    yield "unit 255", _bytes(lambda r: mbap(r, pdu, unit=255))
    yield "another protocol", _bytes(lambda r: r[:2] + b"\0\1" + mbap(r, pdu)[4:])
    for length in (0, 1, 2, 254, 255, 256, 65535):
        yield f"length {length}", _bytes(lambda r, n=length: _with_length(r, n, pdu))  # type: ignore[misc]
    yield "length one short", _bytes(lambda r: _with_length(r, len(pdu), pdu))
    yield "length one long", _bytes(lambda r: _with_length(r, len(pdu) + 2, pdu))
    yield "twice the same transaction of old", _bytes(lambda r: mbap(r, pdu, tid=1) * 2)


def _streams() -> Iterator[tuple[str, Reply]]:
    yield "one NUL", _bytes(lambda _: b"\0")
    yield "NULs", _bytes(lambda _: b"\0" * 300)
    yield "ones", _bytes(lambda _: b"\xff" * 300)
    yield "text", _bytes(lambda _: b"login: ")
    yield "HTTP", _bytes(lambda _: b"HTTP/1.1 400 Bad Request\r\n\r\n")
    yield "TLS", _bytes(lambda _: b"\x15\x03\x01\x00\x02\x02\x46")
    yield "an RTU frame", _bytes(lambda r: r[6:7] + _poison() + b"\x12\x34")
    yield "64 KiB", _bytes(lambda _: b"\xde\xad" * 32_768)
    yield "half a frame", _bytes(lambda r: mbap(r, _poison())[:8])
    yield "silence", _silence
    yield "closed", _bytes(lambda _: CLOSE)
    yield "half a frame and closed", _half_and_closed
    yield "too late", _late


async def _silence(_request: bytes, _send: Send) -> None:
    """Say nothing."""


async def _half_and_closed(request: bytes, send: Send) -> None:
    send(mbap(request, _poison())[:8])
    await asyncio.sleep(0.01)
    send(CLOSE)


async def _late(request: bytes, send: Send) -> None:
    await asyncio.sleep(TIMEOUT_S * 1.5)
    send(mbap(request, _poison()))


MODBUS_CASES: Final[tuple[ModbusCase, ...]] = tuple(
    ModbusCase(name, reply)
    for some in (_exceptions(), _contents(), _envelopes(), _streams())
    for name, reply in some
)
