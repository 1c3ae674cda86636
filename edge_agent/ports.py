"""What the parts of the agent ask of each other: Protocols and the small types between them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from campus_wire.batch import Sample
from campus_wire.catalog import SampleClass
from campus_wire.messages import Event, Receipt


@dataclass(frozen=True, slots=True)
class WriteResult:
    """How a write ended: `unknown` when it may have acted and nobody can tell."""

    outcome: Literal["succeeded", "failed", "unknown"]
    value_read: float | None = None
    reason: str = ""
    """A slug, empty after success."""


class SampleSink(Protocol):
    """Takes what the sources read."""

    def accept(self, samples: Sequence[Sample], sample_class: SampleClass) -> None:
        """Take samples, each time from `Clock.now_ns`. Never blocks, never raises for bad data."""


class DatedSink(Protocol):
    """Takes samples with times of their own, which may lie before those of other samples."""

    def accept_dated(
        self, samples: Sequence[Sample], sample_class: SampleClass, *, is_fresh: bool
    ) -> None:
        """Take samples that devices dated; interlocks see them only where they are fresh.

        Two samples of one device and time are one: only the later is kept.
        """


class SampleObserver(Protocol):
    """Sees every sample at once, before it is batched: the interlocks."""

    def observe(self, samples: Sequence[Sample]) -> None:
        """Look at samples. Never blocks; what has to be written is written by another task."""


class Actuator(Protocol):
    """Every bus, and the MQTT source."""

    async def write(
        self, device: str, point: str, value: float, *, timeout_s: float
    ) -> WriteResult:
        """Write one point ahead of waiting reads and read it back. Raises nothing but cancel."""

    async def read(self, device: str, point: str, *, timeout_s: float) -> float | None:
        """Read one point ahead of waiting polls; None when there is no good value in time."""

    def refusal(self, device: str, point: str, value: float) -> str | None:
        """Return why the profile does not allow a write (a slug), or None."""


MaySet = Callable[[str, str, float], bool]
"""Says whether interlocks let a device's point be given a value that its profile asks for."""


class Source(Protocol):
    """A bus or a local broker."""

    @property
    def id(self) -> str:
        """The id it has in the configuration."""

    async def run(self) -> None:
        """Read until cancelled. A device's failure is a quality of its values, no error."""


class EdgeClock(Protocol):
    """Time as the agent stamps it."""

    @property
    def is_synced(self) -> bool:
        """Whether the time can be trusted."""

    def now_ns(self) -> int:
        """Wall time in whole ms, as ns; goes on by the monotonic clock between syncs."""

    def monotonic_ns(self) -> int:
        """Time since some moment, never stepped; for intervals and deadlines."""


class EventSink(Protocol):
    """Where events go on their way to the controller."""

    def post(self, event: Event) -> None:
        """Keep the event until the controller has it. Never blocks."""


class CommandLedger(Protocol):
    """Which commands were executed: on disk, so that none acts twice across restarts."""

    async def claim(self, command_id: str, expires_ns: int) -> bool:
        """Note on disk that the command is about to act.

        False when it was claimed before, or when that cannot be written: do not act then.
        """

    async def finish(self, command_id: str, receipt: Receipt) -> None:
        """Note the end of a claimed command and keep its receipt until the controller has it."""

    async def reply(self, receipt: Receipt) -> None:
        """Keep the receipt of a command that was never claimed (rejected, expired)."""

    async def unfinished(self) -> tuple[str, ...]:
        """Ids claimed before this start and never finished: their outcome is unknown."""

    async def repeat_receipt(self, command_id: str) -> bool:
        """Send the receipt of a finished command once more; False when there is none."""
