"""Which framing a link of the configuration has."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from edge_agent.config import SerialModbus, TcpModbus
from edge_agent.modbus.echo import Echo
from edge_agent.modbus.framing import Framing, MbapFraming, RtuFraming


def framing_of(link: SerialModbus | TcpModbus) -> Callable[[], Framing]:
    """Return what makes the framing of each new connection.

    What is known of a line's echo is kept from one connection to the next.
    """
    if link.transport == "tcp":
        return MbapFraming
    echo = Echo(link.echo)
    if link.transport in {"ascii", "ascii_over_tcp"}:
        # Few lines speak it, so that only those load it.
        from edge_agent.modbus.ascii_framing import AsciiFraming  # noqa: PLC0415

        return partial(AsciiFraming, echo)
    return partial(RtuFraming, echo)
