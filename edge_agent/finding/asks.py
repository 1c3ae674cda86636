"""The requests that finding sends: those that only read (pure).

Sources: Modbus Application Protocol V1.1b3, sections 6.1 to 6.4 (reads), 6.13 (17, report server
id) and 6.21 (43/14, read device identification).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from device_profiles.model_modbus import Table

READ_IDENTIFICATION: Final = 43
REPORT_SERVER_ID: Final = 17
READ_ONLY_FUNCTIONS: Final = frozenset({1, 2, 3, 4, REPORT_SERVER_ID, READ_IDENTIFICATION})
MEI_IDENTIFICATION: Final = 14
BASIC, REGULAR = 1, 2
"""Which objects of the identification: vendor, product code, revision; or names and address too."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One request to one unit. Nothing but reading can be put in one."""

    unit: int
    pdu: bytes

    def __post_init__(self) -> None:
        """Refuse everything that a device might act upon."""
        encapsulated = self.function == READ_IDENTIFICATION
        if self.function not in READ_ONLY_FUNCTIONS or (
            encapsulated and self.pdu[1] != MEI_IDENTIFICATION
        ):
            raise ValueError(f"{self.pdu.hex(' ')} is no request that only reads")

    @property
    def function(self) -> int:
        """The function code."""
        return self.pdu[0]

    @property
    def reply_bytes(self) -> int:
        """How long the PDU of its answer is, about: to know how long it may take."""
        if self.function in (1, 2, 3, 4):
            count = int.from_bytes(self.pdu[3:5], "big")
            return 2 + ((count + 7) // 8 if self.function < 3 else 2 * count)
        return 60


def read_ask(unit: int, table: Table, address: int, count: int = 1) -> Ask:
    """Return the request for registers or bits; addresses as on the wire."""
    return Ask(unit, struct.pack(">BHH", table.read_function, address, count))


def identification_ask(unit: int, level: int = BASIC, object_id: int = 0) -> Ask:
    """Return the request for the device's identification, from an object on."""
    return Ask(unit, bytes([READ_IDENTIFICATION, MEI_IDENTIFICATION, level, object_id]))


def server_id_ask(unit: int) -> Ask:
    """Return the request for the device's own description of itself (serial lines)."""
    return Ask(unit, bytes([REPORT_SERVER_ID]))
