"""How a request becomes bytes and bytes become its reply: the contract, and MBAP (TCP).

A framing serves one connection and one request at a time. It lets nothing pass but the reply to the
request under way: what was asked for earlier and comes late is dropped, never taken for the answer.
"""

from __future__ import annotations

from struct import Struct
from typing import Final, Protocol

from edge_agent.modbus.errors import GarbledError, ModbusError, NoAnswerError, WrongUnitError
from edge_agent.modbus.requests import Request
from edge_agent.modbus.rtu_framing import RtuFraming

__all__ = ["Framing", "MbapFraming", "RtuFraming"]

_MBAP: Final = Struct(">HHHB")
_MBAP_BYTES: Final = 7
_UNIT_AND_PDU_BYTES_MAX: Final = 254


class Framing(Protocol):
    """One framing of one connection."""

    gap_max_s: float
    """A longer pause within a frame ends it: then `pause` is called."""

    @property
    def in_step(self) -> bool:
        """Whether the next byte can begin a frame; otherwise only a new connection is sure to."""

    def begin(self, request: Request) -> bytes:
        """Return the bytes to send; from now on only its reply passes."""

    def receive(self, data: bytes) -> bytes | None:
        """Take what arrived; return the reply's PDU once it is complete.

        Raises:
            WrongUnitError: the request was answered by another unit.
            GarbledError: the stream makes no sense any more; the connection must be closed.
        """

    def pause(self) -> None:
        """Forget the frame that has begun: it was silent for too long."""

    def give_up(self) -> ModbusError:
        """End the request that had no reply in time, and say what there was instead."""

    def confuses(self, overdue: Request, request: Request) -> bool:
        """Say whether a late reply to the one could pass for a reply to the other."""

    def exchange_bytes(self, request: Request) -> int:
        """Return how many characters request and good reply take as they travel."""


class MbapFraming:
    """Modbus TCP (Modbus Messaging on TCP/IP Implementation Guide V1.0b, section 3.1.3)."""

    gap_max_s = float("inf")

    def __init__(self) -> None:
        self.stale_replies = 0
        self._transaction = 0
        self._request: Request | None = None
        self._buffer = b""

    @property
    def in_step(self) -> bool:
        """Whether all frames so far were whole: a wrong length would swallow what follows."""
        return not self._buffer

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

    def pause(self) -> None:
        """Nothing: TCP keeps order and loses nothing."""

    def give_up(self) -> ModbusError:
        """End the request; its late reply will be known by its transaction id."""
        self._request = None
        return NoAnswerError("no answer in time")

    def confuses(self, overdue: Request, request: Request) -> bool:
        """Never: replies carry the number of their request."""
        del overdue, request
        return False

    def exchange_bytes(self, request: Request) -> int:
        """Return the length of request and good reply with their headers."""
        return 2 * _MBAP_BYTES + len(request.pdu) + request.reply_bytes
