"""What carries the bytes: a TCP connection or a serial line."""

from __future__ import annotations

import asyncio
import os
import socket
import termios
from dataclasses import dataclass
from typing import Final, Literal, Protocol

from edge_agent.modbus.errors import NotConnectedError

Parity = Literal["N", "E", "O"]

LIBRARY_ERRORS: Final = (OSError, EOFError, ValueError, termios.error)
"""All that opening or using a link may raise; pyserial's derive from OSError or ValueError."""

_FIXED_SILENCE_FROM_BAUD: Final = 19_200
_FIXED_SILENCE_S: Final = 0.00175
_PSEUDO_TERMINALS: Final = "/dev/pts/"


class Link(Protocol):
    """One way to a bus."""

    @property
    def place(self) -> str:
        """What to call it in a message."""

    @property
    def character_s(self) -> float:
        """How long one character takes on the wire; 0 where that does not matter."""

    @property
    def silence_s(self) -> float:
        """How long the line must be silent between frames; 0 where that does not matter."""

    async def open(self, receiver: asyncio.Protocol) -> asyncio.Transport:
        """Connect. Raises one of `LIBRARY_ERRORS`."""


@dataclass(frozen=True, slots=True)
class TcpLink:
    """A TCP endpoint."""

    host: str
    port: int = 502

    @property
    def place(self) -> str:
        """The endpoint."""
        return f"{self.host}:{self.port}"

    @property
    def character_s(self) -> float:
        """Nothing to speak of."""
        return 0.0

    @property
    def silence_s(self) -> float:
        """None."""
        return 0.0

    async def open(self, receiver: asyncio.Protocol) -> asyncio.Transport:
        """Connect, without delay for small segments and with keep-alive probes."""
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_connection(lambda: receiver, self.host, self.port)
        endpoint = transport.get_extra_info("socket")
        endpoint.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        endpoint.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return transport


@dataclass(frozen=True, slots=True)
class SerialLink:
    """A serial port, held alone."""

    port: str
    baud_rate: int = 9_600
    parity: Parity = "N"
    stop_bits: int = 1
    data_bits: int = 8

    @property
    def place(self) -> str:
        """The port."""
        return self.port

    @property
    def character_s(self) -> float:
        """A start bit, data bits, parity and stop bits."""
        return (1 + self.data_bits + (self.parity != "N") + self.stop_bits) / self.baud_rate

    @property
    def silence_s(self) -> float:
        """3.5 characters, 1.75 ms above 19,200 baud (Modbus over Serial Line V1.02, 2.5.1.1)."""
        if self.baud_rate > _FIXED_SILENCE_FROM_BAUD:
            return _FIXED_SILENCE_S
        return 3.5 * self.character_s

    async def open(self, receiver: asyncio.Protocol) -> asyncio.Transport:
        """Open the port."""
        # A gateway without serial lines does without pymodbus and its memory. Of all its modules
        # this one raises nothing but what pyserial and the system do.
        from pymodbus.transport.serialtransport import create_serial_connection  # noqa: PLC0415

        has_bits = not _is_pseudo_terminal(self.port)
        loop = asyncio.get_running_loop()
        transport, _ = await create_serial_connection(
            loop,
            lambda: receiver,
            self.port,
            baudrate=self.baud_rate,
            bytesize=self.data_bits if has_bits else 8,
            parity=self.parity if has_bits else "N",
            stopbits=self.stop_bits if has_bits else 1,
            timeout=0,
        )
        if has_bits and self.data_bits == 7 and self.parity != "N":
            check_parity(transport.sync_serial.fileno())  # type: ignore[attr-defined]
        await asyncio.sleep(0)  # the port is read from only after a turn of the loop
        return transport


def _is_pseudo_terminal(port: str) -> bool:
    """Say whether it carries bytes without bits to set, as those of simulators and socat do."""
    return os.path.realpath(port).startswith(_PSEUDO_TERMINALS)


def check_parity(descriptor: int) -> None:
    """Let the kernel drop characters whose parity is wrong: nobody else looks at it (termios(3)).

    The checksum of ASCII is weak and needs that help; a CRC does not, and there the spoilt bytes
    tell a person more than silence does.
    """
    attributes = termios.tcgetattr(descriptor)
    attributes[0] |= termios.INPCK | termios.IGNPAR
    termios.tcsetattr(descriptor, termios.TCSANOW, attributes)


def not_connected(link: Link, cause: BaseException | None) -> NotConnectedError:
    """Return the error for a link that could not be opened, or broke."""
    what = str(cause) or type(cause).__name__ if cause is not None else "the other end closed"
    return NotConnectedError(what, place=link.place)
