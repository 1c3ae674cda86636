"""Runs the agent in this process until a signal ends it."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import Coroutine
from typing import Final

from campus_wire.errors import CampusError
from campus_wire.logs import set_up_logging
from edge_agent.app import run_agent
from edge_agent.handover import Handover, take_over

EXIT_FAILURE: Final = 1
BUSY_POLLS_PER_S: Final = 100.0
"""From here on uvloop is worth its 2 MB: below, the whole agent is busy for 1 % of the time."""

_log: Final = logging.getLogger(__name__)


def run(handover: Handover) -> None:
    """Run the agent until SIGTERM or Ctrl-C; SIGHUP lets it read its configuration again.

    Raises:
        CampusError: it cannot start, or cannot go on.
    """
    set_up_logging(handover.log_format, level=handover.log_level, gateway=handover.config.gateway)
    _run(_until_signal(handover), is_busy=_is_busy(handover))


async def _until_signal(handover: Handover) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    reloads = asyncio.Event()
    loop.add_signal_handler(signal.SIGHUP, reloads.set)
    await run_agent(handover, stop, reloads=reloads)


def _run(work: Coroutine[None, None, None], *, is_busy: bool) -> None:
    if is_busy:
        try:
            import uvloop  # noqa: PLC0415
        except ImportError:  # not on every platform
            _log.debug("there is no uvloop: asyncio's own event loop serves, with more work")
        else:
            uvloop.run(work)
            return
    asyncio.run(work)


def _is_busy(handover: Handover) -> bool:
    devices = handover.inventory.modbus
    return sum(1 / device.config.interval_s for device in devices) >= BUSY_POLLS_PER_S


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
