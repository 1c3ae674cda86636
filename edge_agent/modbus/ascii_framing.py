"""Modbus ASCII frames (Modbus over Serial Line V1.02, section 2.5.2), also over TCP (pure).

A frame is a colon, two hexadecimal digits for each byte of unit, PDU and checksum, and CR LF;
within it the line may pause for up to a second. The rest is as with RTU: only what is exactly as
the request determines passes, everything else on the line is skipped over.

The checksum has only 8 bits: of frames of which two or more characters are spoilt, and that are
still hexadecimal, one in 256 passes, unless parity finds them (7E1, 7O1: `links.check_parity`).
Where there is a choice, RTU is the better one.
"""

from __future__ import annotations

from binascii import Error as HexError
from binascii import unhexlify
from typing import Final

from edge_agent.modbus.echo import Echo
from edge_agent.modbus.errors import GarbledError, ModbusError, WrongUnitError
from edge_agent.modbus.requests import (
    BROADCAST,
    EXCEPTION_FLAG,
    EXCEPTION_PDU_BYTES,
    Request,
    good_length,
)
from edge_agent.modbus.rtu_framing import same_shape, silence_error

_BEGIN: Final = b":"
_END: Final = b"\r\n"
_GAP_MAX_S: Final = 1.0
_BUFFER_BYTES_MAX: Final = 1_024
_KEPT_BYTES: Final = 520
"""The longest frame has 513 characters."""
_OVERHEAD_BYTES: Final = 2
_OVERHEAD_CHARACTERS: Final = 3
_SHORT_REQUEST_BYTES: Final = 6


class AsciiFraming:
    """One line's frames.

    Args:
        echo: what is known of the line's echo.
    """

    in_step = True
    gap_max_s = _GAP_MAX_S

    def __init__(self, echo: Echo | None = None) -> None:
        self._echo = echo if echo is not None else Echo()
        self._request: Request | None = None
        self._sent = b""
        self._before = b""
        self._echo_came = False
        self._frames = self._broadcasts = 0
        self._spoilt = b""
        self._wrong_unit: int | None = None
        self._buffer = bytearray()

    def begin(self, request: Request) -> bytes:
        """Return the bytes to send. What had arrived before is forgotten."""
        self._buffer.clear()
        self._request = request
        self._echo_came = False
        self._before = self._spoilt = b""
        self._frames = self._broadcasts = 0
        self._wrong_unit = None
        self._sent = bytes([request.unit]) + request.pdu
        text = (self._sent + lrc_of(self._sent)).hex().upper()
        return _BEGIN + text.encode("ascii") + _END

    def receive(self, data: bytes) -> bytes | None:
        """Take what arrived; see `Framing.receive`."""
        request = self._request
        if request is None:
            return None
        buffer = self._buffer
        buffer += data
        while (end := buffer.find(_END)) >= 0:
            line = bytes(buffer[:end])
            del buffer[: end + len(_END)]
            reply = self._take(line, request)
            if reply is not None:
                return self._passed(reply)
        if len(buffer) > _BUFFER_BYTES_MAX:
            del buffer[:-_KEPT_BYTES]
        return None

    def _passed(self, reply: bytes) -> bytes:
        if self._echo_came:
            self._echo.came()
        elif self._frames == 1 and not self._spoilt:
            self._echo.stayed_away()
        self._request = None
        return reply

    def _take(self, line: bytes, request: Request) -> bytes | None:
        """Return the PDU if this line is the reply."""
        frame = _decoded(line)
        if frame is None:
            self._spoilt = self._spoilt or line[:16]
            return None
        self._frames += 1
        before, self._before = self._before, frame
        if frame[0] == BROADCAST != request.unit:
            self._broadcasts += 1
            return None
        if frame == self._sent and self._is_echo(request):
            self._before = b""
            return None
        if frame[0] != request.unit:
            self._wrong_unit = frame[0]
            return None
        if len(before) == _SHORT_REQUEST_BYTES and before[:2] == self._sent[:2]:
            return None  # another master asked for it
        pdu = frame[1:]
        return pdu if _answers(pdu, request) else None

    def _is_echo(self, request: Request) -> bool:
        """Say whether a frame that is as the request is its echo, not its reply."""
        may_be_reply = _answers(request.pdu, request)
        if self._echo_came or (may_be_reply and self._echo.heard is False):
            return False
        self._echo_came = True
        if not may_be_reply:
            self._echo.came()
        return True

    def pause(self) -> None:
        """Forget the frame that has begun."""
        if self._buffer:
            self._spoilt = self._spoilt or bytes(self._buffer[:16])
            self._buffer.clear()

    def give_up(self) -> ModbusError:
        """End the request; say whether there was silence, noise or another unit."""
        request, self._request = self._request, None
        rest = self._spoilt or bytes(self._buffer[:16])
        others = self._frames - self._echo_came - self._broadcasts
        if request is None or (not rest and not others):
            return silence_error(echo_came=self._echo_came, wanted=self._echo.heard is True)
        if self._wrong_unit is not None and not rest:
            return WrongUnitError(f"asked unit {request.unit}, unit {self._wrong_unit} answered")
        return GarbledError(f"no good frame among what was heard: {rest!r}")

    def confuses(self, overdue: Request, request: Request) -> bool:
        """Say whether both are reads of one unit by one function, of different places."""
        return same_shape(overdue, request)

    def exchange_bytes(self, request: Request) -> int:
        """Return how many characters request and good reply take."""
        payload = len(request.pdu) + request.reply_bytes + 2 * _OVERHEAD_BYTES
        return 2 * payload + 2 * _OVERHEAD_CHARACTERS


def lrc_of(frame: bytes) -> bytes:
    """Return the byte that follows a frame: the negative of its sum (section 6.2.1).

    >>> lrc_of(bytes.fromhex("f7031389000a")).hex()
    '60'
    """
    return (-sum(frame) & 0xFF).to_bytes(1, "big")


def _decoded(line: bytes) -> bytes | None:
    """Return unit and PDU of a line without its CR LF, None if it is no sound frame."""
    try:
        frame = unhexlify(line[line.rindex(_BEGIN) + 1 :])
    except (HexError, ValueError):
        return None
    if len(frame) <= _OVERHEAD_BYTES or sum(frame) & 0xFF:
        return None
    return frame[:-1]


def _answers(pdu: bytes, request: Request) -> bool:
    if pdu.startswith(request.reply_head):
        return len(pdu) == good_length(request, pdu)
    return len(pdu) == EXCEPTION_PDU_BYTES and pdu[0] == request.function | EXCEPTION_FLAG
