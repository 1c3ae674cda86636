"""How a request becomes bytes and bytes become its reply: MBAP (TCP) and RTU (pure, but stateful).

A framing serves one connection and one request at a time. It lets nothing pass but the reply to the
request under way: what was asked for earlier and comes late is dropped, never taken for the answer.
"""

from __future__ import annotations

from struct import Struct
from typing import Final, Protocol

from edge_agent.modbus.crc import crc_of
from edge_agent.modbus.errors import GarbledError, ModbusError, NoAnswerError, WrongUnitError
from edge_agent.modbus.requests import EXCEPTION_FLAG, EXCEPTION_PDU_BYTES, Request

_MBAP: Final = Struct(">HHHB")
_MBAP_BYTES: Final = 7
_UNIT_AND_PDU_BYTES_MAX: Final = 254
_RTU_OVERHEAD_BYTES: Final = 3
_RTU_BUFFER_BYTES_MAX: Final = 1_024
"""Four of the longest frames; a line that babbles more than this before a reply is garbled."""


class Framing(Protocol):
    """One framing of one connection."""

    def begin(self, request: Request) -> bytes:
        """Return the bytes to send; from now on only its reply passes."""

    def receive(self, data: bytes) -> bytes | None:
        """Take what arrived; return the reply's PDU once it is complete.

        Raises:
            WrongUnitError: the request was answered by another unit.
            GarbledError: the stream makes no sense any more; the connection must be closed.
        """

    def give_up(self) -> ModbusError:
        """End the request that had no reply in time, and say what there was instead."""

    def reply_bytes(self, request: Request) -> int:
        """Return the length of a good reply as it travels."""


class MbapFraming:
    """Modbus TCP (Modbus Messaging on TCP/IP Implementation Guide V1.0b, section 3.1.3)."""

    def __init__(self) -> None:
        self.stale_replies = 0
        self._transaction = 0
        self._request: Request | None = None
        self._buffer = b""

    def begin(self, request: Request) -> bytes:
        """Return the bytes to send, under a transaction id of their own."""
        self._transaction = self._transaction % 0xFFFF + 1
        self._request = request
        size = len(request.pdu) + 1
        return _MBAP.pack(self._transaction, 0, size, request.unit) + request.pdu

    def receive(self, data: bytes) -> bytes | None:
        """Take what arrived; see `Framing.receive`."""
        buffer = self._buffer + data if self._buffer else data
        reply: bytes | None = None
        try:
            while len(buffer) >= _MBAP_BYTES:
                transaction, protocol, size, unit = _MBAP.unpack_from(buffer)
                if protocol or not 2 <= size <= _UNIT_AND_PDU_BYTES_MAX:
                    raise GarbledError(f"no Modbus header: {buffer[:_MBAP_BYTES].hex(' ')}")
                end = _MBAP_BYTES - 1 + size
                if len(buffer) < end:
                    break
                pdu, buffer = buffer[_MBAP_BYTES:end], buffer[end:]
                if self._answers(transaction, unit):
                    reply = pdu
        finally:
            self._buffer = buffer
        return reply

    def _answers(self, transaction: int, unit: int) -> bool:
        request = self._request
        if request is None or transaction != self._transaction:
            self.stale_replies += 1
            return False
        self._request = None
        if unit != request.unit:
            raise WrongUnitError(f"asked unit {request.unit}, unit {unit} answered")
        return True

    def give_up(self) -> ModbusError:
        """End the request; its late reply will be known by its transaction id."""
        self._request = None
        return NoAnswerError("no answer in time")

    def reply_bytes(self, request: Request) -> int:
        """Return the length of a good reply with its header."""
        return _MBAP_BYTES + request.reply_bytes


class RtuFraming:
    """Modbus RTU (Modbus over Serial Line V1.02, section 2.5.1), also for RTU over TCP.

    Replies carry no mark of their request, so a frame passes only if unit, function, byte count or
    echo, length and CRC are all as the request determines. Noise and echoes around it are skipped.
    """

    def __init__(self) -> None:
        self._request: Request | None = None
        self._good = self._refused = b""
        self._buffer = bytearray()

    def begin(self, request: Request) -> bytes:
        """Return the bytes to send. What had arrived before is forgotten."""
        self._buffer.clear()
        self._request = request
        head = bytes([request.unit])
        self._good = head + request.reply_head
        self._refused = head + bytes([request.function | EXCEPTION_FLAG])
        return _with_crc(head + request.pdu)

    def receive(self, data: bytes) -> bytes | None:
        """Take what arrived; see `Framing.receive`."""
        request = self._request
        if request is None:
            return None
        self._buffer += data
        if len(self._buffer) > _RTU_BUFFER_BYTES_MAX:
            raise GarbledError("the line babbles")
        reply = self._find(self._good, request.reply_bytes) or self._find(
            self._refused, EXCEPTION_PDU_BYTES
        )
        if reply is not None:
            self._request = None
        return reply

    def _find(self, head: bytes, pdu_bytes: int) -> bytes | None:
        frame_bytes = pdu_bytes + _RTU_OVERHEAD_BYTES
        start = self._buffer.find(head)
        while start >= 0 and start + frame_bytes <= len(self._buffer):
            frame = bytes(self._buffer[start : start + frame_bytes])
            if _crc_holds(frame):
                return frame[1:-2]
            start = self._buffer.find(head, start + 1)
        return None

    def give_up(self) -> ModbusError:
        """End the request; say whether there was silence, noise or another unit."""
        request, self._request = self._request, None
        frame = bytes(self._buffer)
        if request is None or not frame:
            return NoAnswerError("no answer in time")
        if len(frame) > _RTU_OVERHEAD_BYTES and _crc_holds(frame) and frame[0] != request.unit:
            return WrongUnitError(f"asked unit {request.unit}, unit {frame[0]} answered")
        return GarbledError(f"no good frame in {len(frame)} bytes: {frame[:8].hex(' ')}")

    def reply_bytes(self, request: Request) -> int:
        """Return the length of a good reply with unit and CRC."""
        return request.reply_bytes + _RTU_OVERHEAD_BYTES


def _with_crc(frame: bytes) -> bytes:
    return frame + crc_of(frame)


def _crc_holds(frame: bytes) -> bool:
    return crc_of(frame[:-2]) == frame[-2:]
