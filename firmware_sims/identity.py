"""What a device says about itself: Read Device Identification and Report Server ID.

Source: Modbus Application Protocol Specification V1.1b3, sections 6.21 (function 43, type 14) and
6.13 (function 17). The form of a server id is the maker's own; here it is a byte, the run
indicator and a text, as most have it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

READ_IDENTIFICATION = 43
REPORT_SERVER_ID = 17
_IDENTIFICATION_TYPE = 14
_REGULAR_AND_SINGLE = 0x82
_BASIC_IDS = (0, 1, 2)
_RUNNING = 0xFF
PDU_MAX = 253

ILLEGAL_FUNCTION = 1
ILLEGAL_ADDRESS = 2
ILLEGAL_VALUE = 3


class IdentityRefusedError(Exception):
    """The device refuses with this exception code."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a device is.

    Args:
        vendor, model, firmware: objects 0, 1 and 2.
        name: what people call it (objects 4 and 5).
        functions: which of the two functions it knows.
        pdu_max: longest answer; a small one makes the device answer in parts.
    """

    vendor: str
    model: str
    firmware: str = "1.0"
    name: str = ""
    functions: frozenset[int] = frozenset({READ_IDENTIFICATION, REPORT_SERVER_ID})
    pdu_max: int = PDU_MAX

    @property
    def objects(self) -> dict[int, bytes]:
        """The objects by id."""
        texts = {
            0: self.vendor,
            1: self.model,
            2: self.firmware,
            4: self.name or self.model,
            5: self.model,
        }
        return {number: _text(text) for number, text in texts.items()}

    def answer(self, request_pdu: bytes, unit_id: int) -> bytes:
        """The answer to one of the two functions.

        Raises:
            IdentityRefusedError: the device does not know the function, or not this object.
        """
        function = request_pdu[0]
        if function not in self.functions:
            raise IdentityRefusedError(ILLEGAL_FUNCTION)
        if function == REPORT_SERVER_ID:
            if len(request_pdu) != 1:
                raise IdentityRefusedError(ILLEGAL_VALUE)
            data = bytes((unit_id, _RUNNING)) + _text(f"{self.vendor} {self.model}")
            return bytes((function, len(data))) + data
        return self._identification(request_pdu)

    def _identification(self, request_pdu: bytes) -> bytes:
        if len(request_pdu) != 4 or request_pdu[1] != _IDENTIFICATION_TYPE:
            raise IdentityRefusedError(ILLEGAL_FUNCTION)
        code, first = request_pdu[2], request_pdu[3]
        if code == 4:
            if first not in self.objects:
                raise IdentityRefusedError(ILLEGAL_ADDRESS)
            return self._part(request_pdu, [first])
        if code not in (1, 2, 3):
            raise IdentityRefusedError(ILLEGAL_VALUE)
        ids = list(_BASIC_IDS) if code == 1 else list(self.objects)
        # an object that is not there makes the device begin anew (section 6.21)
        return self._part(request_pdu, ids[ids.index(first) :] if first in ids else ids)

    def _part(self, request_pdu: bytes, ids: Sequence[int]) -> bytes:
        """As many objects as one answer holds, and where the next begins."""
        objects = self.objects
        body = b""
        sent = 0
        for number in ids:
            more = bytes((number, len(objects[number]))) + objects[number]
            if body and 7 + len(body) + len(more) > self.pdu_max:
                break
            body += more
            sent += 1
        follows = (0xFF, ids[sent]) if sent < len(ids) else (0, 0)
        head = bytes((*request_pdu[:3], _REGULAR_AND_SINGLE, *follows, sent))
        return head + body


def _text(text: str) -> bytes:
    """ASCII, as the specification wants it, short enough for one answer."""
    return text.encode("ascii", errors="replace")[:64]
