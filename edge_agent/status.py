"""The gateway's retained status, and the last will."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from campus_wire.messages import ClockState, LinkState, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusFacts:
    """What a status says beside the state."""

    time_ns: int
    epoch: str
    catalog: str
    clock: ClockState
    spool_batches: int
    overloaded: Mapping[str, float]
    """Buses that cannot keep up, and which part of their time polls ask for."""


class StatusMaker:
    """Makes statuses of one life of the agent.

    Args:
        gateway: its id.
        boot: the id of the machine's boot.
        versions: what runs here.
        facts: tells what holds now.
    """

    def __init__(
        self,
        gateway: str,
        *,
        boot: str,
        versions: Mapping[str, str],
        facts: Callable[[], StatusFacts],
    ) -> None:
        self._gateway = gateway
        self._boot = boot
        self._versions = dict(versions)
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
            versions=self._versions,
            spool_batches=facts.spool_batches,
            overloaded=dict(facts.overloaded) or None,
        )
