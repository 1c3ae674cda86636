"""The running agent: `campus edge run` becomes this program once it has checked its configuration.

    python -m edge_agent.runtime NUMBER

NUMBER is that of the open file with the `Handover`. Nothing that only checking needs is imported
from here; `tests/edge/test_memory.py` says what that comes to.
"""

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
    await run_agent(handover.config, handover.inventory, stop)


def _run(work: Coroutine[None, None, None]) -> None:
    try:
        import uvloop  # noqa: PLC0415
    except ImportError:  # not on every platform
        asyncio.run(work)
    else:
        uvloop.run(work)


def main() -> None:
    """Take over and run; an expected error ends in its message, not a traceback."""
    try:
        run(take_over(int(sys.argv[1])))
    except CampusError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        sys.exit(EXIT_FAILURE)


if __name__ == "__main__":
    main()
