"""Two pseudo-terminals joined by socat: a serial line without a serial port."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from tests.support.process import Server


class SerialPair(Server):
    """A null modem: what is written to one end is read from the other.

    Args:
        directory: Where the two links to the terminals are made.

    Attributes:
        gateway_port: The end for the one who asks (the edge agent).
        device_port: The end for the ones who answer (simulated devices).
    """

    program: ClassVar[str] = "socat"
    package: ClassVar[str] = "socat"

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.gateway_port = directory / "gateway"
        self.device_port = directory / "device"
        self._held_open: list[int] = []

    def start(self, *, timeout_s: float = 30.0) -> None:
        """Make the line, and hold both ends open.

        A pseudo-terminal hangs up when its last user closes it, and socat with it. A real port
        can be closed and opened again, so one user always stays.
        """
        super().start(timeout_s=timeout_s)
        self._held_open = [
            os.open(port, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
            for port in (self.gateway_port, self.device_port)
        ]

    def _forget(self) -> None:
        super()._forget()
        while self._held_open:
            os.close(self._held_open.pop())

    def _prepare(self) -> None:
        for link in (self.gateway_port, self.device_port):
            link.unlink(missing_ok=True)

    def _arguments(self) -> Sequence[str]:
        return [f"pty,raw,echo=0,link={port}" for port in (self.gateway_port, self.device_port)]

    def _is_ready(self) -> bool:
        return self.gateway_port.exists() and self.device_port.exists()
