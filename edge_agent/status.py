"""The gateway's retained status, and the last will."""

from __future__ import annotations

import platform
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version

from campus_wire.messages import ClockState, LinkState, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusFacts:
    """What a status says beside the state."""

    time_ns: int
    epoch: str
    catalog: str
    clock: ClockState
    spool_batches: int


class StatusMaker:
    """Makes statuses of one life of the agent.

    Args:
        gateway: its id.
        boot: the id of the machine's boot.
        facts: tells what holds now.
    """

    def __init__(self, gateway: str, *, boot: str, facts: Callable[[], StatusFacts]) -> None:
        self._gateway = gateway
        self._boot = boot
        self._facts = facts

    def status(self, state: LinkState) -> Status:
        """Return the status as of now."""
        facts = self._facts()
        return Status(
            gateway=self._gateway,
            state=state,
            time_ns=facts.time_ns,
            boot=self._boot,
            epoch=facts.epoch,
            catalog=facts.catalog,
            clock=facts.clock,
            versions=versions(),
            spool_batches=facts.spool_batches,
        )


@cache
def versions() -> dict[str, str]:
    """Return the versions of what runs here."""
    try:
        own = version("campus-iot")
    except PackageNotFoundError:  # run from a source tree without installing
        own = "unknown"
    return {"campus-iot": own, "python": platform.python_version(), "system": platform.release()}
