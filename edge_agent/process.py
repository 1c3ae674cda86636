"""Runs the agent in this process until a signal ends it."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Coroutine
from typing import Final

from campus_wire.errors import CampusError
from campus_wire.logs import set_up_logging
from edge_agent.app import run_agent
from edge_agent.handover import Handover, take_over

EXIT_FAILURE: Final = 1


def run(handover: Handover) -> None:
    """Run the agent until SIGTERM or Ctrl-C.

    Raises:
        CampusError: it cannot start, or cannot go on.
    """
    set_up_logging(handover.log_format, level=handover.log_level, gateway=handover.config.gateway)
    _run(_until_signal(handover))


async def _until_signal(handover: Handover) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await run_agent(handover, stop)


def _run(work: Coroutine[None, None, None]) -> None:
    try:
        import uvloop  # noqa: PLC0415
    except ImportError:  # not on every platform
        asyncio.run(work)
    else:
        uvloop.run(work)


def take_over_and_run(number: int) -> None:
    """Run what was handed over; an expected error ends in its message, not a traceback.

    Args:
        number: of the open file with the `Handover`.
    """
    try:
        run(take_over(number))
    except CampusError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        sys.exit(EXIT_FAILURE)
