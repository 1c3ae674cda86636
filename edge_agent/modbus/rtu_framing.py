"""Modbus RTU frames (Modbus over Serial Line V1.02, section 2.5.1), also over TCP (pure).

Replies carry no mark of their request, so a frame passes only if unit, function, byte count or
echoed fields, length and CRC are all as the request determines. Whatever else is on the line
(noise, the echo of the request, frames of other devices and masters, broadcasts) is skipped over.

What chance a wrong frame has, when its bytes are random: a reply to a read must match in unit,
function, byte count (24 bits) and CRC (16 bits), so 2^-40 at each of the places where it could
begin. A good reply of which more than 16 bits in a row are spoilt passes with the 2^-16 of the CRC;
three wrong bits anywhere, and any run of up to 16, are always found.
"""

from __future__ import annotations

from typing import Final

from edge_agent.modbus.crc import crc_of
from edge_agent.modbus.echo import Echo
from edge_agent.modbus.errors import GarbledError, ModbusError, NoAnswerError, WrongUnitError
from edge_agent.modbus.requests import (
    BROADCAST,
    EXCEPTION_FLAG,
    EXCEPTION_PDU_BYTES,
    READ_FUNCTIONS,
    Request,
)

_OVERHEAD_BYTES: Final = 3
_BUFFER_BYTES_MAX: Final = 1_024
"""Four of the longest frames: on a line that others use too, the oldest bytes are forgotten."""
_KEPT_BYTES: Final = 512
_SHORT_REQUEST_BYTES: Final = 8
"""Of a read, or of writing one coil or register."""
_FRAME_BYTES_MAX: Final = 256


class RtuFraming:
    """One line's frames.

    Args:
        echo: what is known of the line's echo.
    """

    in_step = True
    gap_max_s = float("inf")
    """Replies may come in pieces: computers, USB adapters and networks pause as they like."""

    def __init__(self, echo: Echo | None = None) -> None:
        self._echo = echo if echo is not None else Echo()
        self._request: Request | None = None
        self._sent = self._good = self._refused = b""
        self._frame_bytes = 0
        self._echo_came = False
        self._heard_bytes = 0
        self._buffer = bytearray()

    def begin(self, request: Request) -> bytes:
        """Return the bytes to send. What had arrived before is forgotten."""
        self._buffer.clear()
        self._request = request
        self._echo_came = False
        self._heard_bytes = 0
        head = bytes([request.unit])
        self._good = head + request.reply_head
        self._refused = head + bytes([request.function | EXCEPTION_FLAG])
        self._frame_bytes = request.reply_bytes + _OVERHEAD_BYTES
        frame = head + request.pdu
        self._sent = frame + crc_of(frame)
        return self._sent

    def receive(self, data: bytes) -> bytes | None:
        """Take what arrived; see `Framing.receive`."""
        request = self._request
        if request is None:
            return None
        buffer = self._buffer
        buffer += data
        self._heard_bytes += len(data)
        if len(buffer) > _BUFFER_BYTES_MAX:
            del buffer[:-_KEPT_BYTES]
        self._take_echo()
        reply = self._find_good(request) or self._find(
            self._refused, EXCEPTION_PDU_BYTES + _OVERHEAD_BYTES
        )
        if reply is None:
            return None
        if self._echo_came:
            self._echo.came()
        elif self._heard_bytes == len(reply) + _OVERHEAD_BYTES:
            self._echo.stayed_away()
        self._request = None
        return reply

    # --- the echo -------------------------------------------------------------------------------

    def _take_echo(self) -> None:
        """Remove the first frame that is as the request, unless it is the reply."""
        if self._echo_came or (self._echo.heard is False and self._may_be_repeated()):
            return
        start = self._buffer.find(self._sent)
        if start < 0:
            return
        # No reply comes before its request has been on the line.
        del self._buffer[: start + len(self._sent)]
        self._echo_came = True
        if not self._may_be_repeated():
            self._echo.came()

    def _may_be_repeated(self) -> bool:
        """Say whether a good reply can be the same as the request.

        So it is when one coil or register is written, and by chance when 17 to 24 bits are read
        at an address from 0x0300 to 0x03FF.
        """
        return len(self._sent) == self._frame_bytes and self._sent.startswith(self._good)

    def _may_be_echo(self, frame: bytes) -> bool:
        """Say whether what looks like a reply may be (the begin of) the echo."""
        return (
            not self._echo_came and self._echo.heard is not False and self._sent.startswith(frame)
        )

    # --- the reply ------------------------------------------------------------------------------

    def _find_good(self, request: Request) -> bytes | None:
        if request.measure is None:
            return self._find(self._good, self._frame_bytes)
        start = self._buffer.find(self._good)
        while start >= 0:
            pdu_bytes = request.measure(bytes(self._buffer[start + 1 :]))
            found = self._frame(start, pdu_bytes + _OVERHEAD_BYTES) if pdu_bytes else None
            if found is not None:
                return found
            start = self._buffer.find(self._good, start + 1)
        return None

    def _find(self, head: bytes, frame_bytes: int) -> bytes | None:
        start = self._buffer.find(head)
        while start >= 0 and start + frame_bytes <= len(self._buffer):
            found = self._frame(start, frame_bytes)
            if found is not None:
                return found
            start = self._buffer.find(head, start + 1)
        return None

    def _frame(self, start: int, frame_bytes: int) -> bytes | None:
        """Return the PDU of a frame that is in the buffer as a whole, sound and meant for us."""
        frame = bytes(self._buffer[start : start + frame_bytes])
        if len(frame) < frame_bytes or not _crc_holds(frame):
            return None
        if self._may_be_echo(frame) or (start and self._answers_another(start)):
            return None
        return frame[1:-2]

    def _answers_another(self, start: int) -> bool:
        """Say whether right before it another master asked this unit with this function."""
        asked = bytes(self._buffer[max(0, start - _SHORT_REQUEST_BYTES) : start])
        return (
            len(asked) == _SHORT_REQUEST_BYTES and asked[:2] == self._sent[:2] and _crc_holds(asked)
        )

    # --- without a reply ------------------------------------------------------------------------

    def pause(self) -> None:
        """Nothing: a CRC tells the frame from its surroundings."""

    def give_up(self) -> ModbusError:
        """End the request; say whether there was silence, noise or another unit."""
        request, self._request = self._request, None
        heard = bytes(self._buffer)
        units, noise = _split(heard)
        if request is None or not (noise or units - {BROADCAST}):
            return silence_error(echo_came=self._echo_came, wanted=self._echo.heard is True)
        others = units - {BROADCAST, request.unit}
        if others and not noise:
            return WrongUnitError(f"asked unit {request.unit}, unit {min(others)} answered")
        return GarbledError(f"no good frame in {len(heard)} bytes: {heard[:8].hex(' ')}")

    def confuses(self, overdue: Request, request: Request) -> bool:
        """Say whether both are reads of one unit by one function, of different places."""
        return same_shape(overdue, request)

    def exchange_bytes(self, request: Request) -> int:
        """Return the length of request and good reply with unit and CRC."""
        return 2 * _OVERHEAD_BYTES + len(request.pdu) + request.reply_bytes


def same_shape(overdue: Request, request: Request) -> bool:
    """Say whether, without a number on it, a reply to one read could be one to the other.

    An exception reply says no more than unit and function, so these two decide. Replies to writes
    repeat address and value, and tell themselves apart.
    """
    return (
        request.function in READ_FUNCTIONS
        and overdue.unit == request.unit
        and overdue.function == request.function
        and overdue.pdu != request.pdu
    )


def silence_error(*, echo_came: bool, wanted: bool) -> NoAnswerError:
    """Return the error for a request that nobody answered, with what the echo tells."""
    if echo_came:
        return NoAnswerError("no answer in time; only what was sent came back")
    if wanted:
        return NoAnswerError("no answer in time, not even the line's echo")
    return NoAnswerError("no answer in time")


def _split(heard: bytes) -> tuple[set[int], bytes]:
    """Return the units of the sound frames that the bytes begin with, and what follows them."""
    units: set[int] = set()
    while True:
        lengths = range(_OVERHEAD_BYTES + 1, min(len(heard), _FRAME_BYTES_MAX) + 1)
        length = next((one for one in lengths if _crc_holds(heard[:one])), None)
        if length is None:
            return units, heard
        units.add(heard[0])
        heard = heard[length:]


def _crc_holds(frame: bytes) -> bool:
    return crc_of(frame[:-2]) == frame[-2:]
