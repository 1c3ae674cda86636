"""Acks on their way to gateways: merged per gateway, so that a busy one gets one for many batches.

An ack that is lost costs nothing but a repeated batch, which is then acked again. So they travel
with QoS 0, and those that find no connection are dropped.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, TypeVar

from campus_wire.errors import LinkDownError
from campus_wire.limits import ACK_RANGES_MAX
from campus_wire.messages import Ack, Range, Refusal, encode
from campus_wire.topics import Down, down
from controller.dedupe import Intervals

_log: Final = logging.getLogger(__name__)
NO_EPOCH: Final = "00000000-0000-0000-0000-000000000000"
"""For acks of messages of a gateway whose epoch is not known yet."""

Publish = Callable[[str, bytes], Awaitable[None]]
T = TypeVar("T")


@dataclass(slots=True)
class _Draft:
    stored: Intervals = field(default_factory=Intervals)
    refused: list[Refusal] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    wants_catalog: str | None = None


class AckSender:
    """Collects what can be acked and publishes it.

    Args:
        publish: Sends one payload to one topic with QoS 0.
        clock_ns: The wall clock.
        pause_s: Time between two acks of one gateway, so that they can merge.
    """

    def __init__(
        self, publish: Publish, *, clock_ns: Callable[[], int], pause_s: float = 0.02
    ) -> None:
        self._publish = publish
        self._clock_ns = clock_ns
        self._pause_s = pause_s
        self._drafts: dict[tuple[str, str], _Draft] = {}
        self._filled = asyncio.Event()

    def stored(self, gateway: str, epoch: str, intervals: Iterable[tuple[int, int]]) -> None:
        """Ack samples that are durable."""
        draft = self._draft(gateway, epoch)
        for first, last in intervals:
            draft.stored.add(first, last)

    def refused(
        self, gateway: str, epoch: str, intervals: Iterable[tuple[int, int]], reason: str
    ) -> None:
        """Ack samples that will never be stored."""
        draft = self._draft(gateway, epoch)
        draft.refused += [Refusal(first=a, last=b, reason=reason) for a, b in intervals]

    def messages(self, gateway: str, epoch: str | None, ids: Iterable[str]) -> None:
        """Ack events and receipts."""
        self._draft(gateway, epoch or NO_EPOCH).messages += ids

    def wants_catalog(self, gateway: str, epoch: str, revision: str) -> None:
        """Ask for a catalog."""
        self._draft(gateway, epoch).wants_catalog = revision

    async def run(self) -> None:
        """Publish for ever."""
        while True:
            await self._filled.wait()
            await self.flush()
            await asyncio.sleep(self._pause_s)

    async def flush(self) -> None:
        """Publish what there is."""
        drafts, self._drafts = self._drafts, {}
        self._filled.clear()
        now_ns = self._clock_ns()
        try:
            for (gateway, epoch), draft in drafts.items():
                for ack in _acks(draft, epoch, now_ns):
                    await self._publish(down(gateway, Down.ACK), encode(ack))
        except LinkDownError as error:
            _log.debug("acks dropped, batches will come again: %s", error)

    def _draft(self, gateway: str, epoch: str) -> _Draft:
        self._filled.set()
        draft = self._drafts.get((gateway, epoch))
        if draft is None:
            draft = self._drafts[gateway, epoch] = _Draft()
        return draft


def _acks(draft: _Draft, epoch: str, now_ns: int) -> Iterable[Ack]:
    stored = iter([Range.model_construct(first=a, last=b) for a, b in draft.stored])
    refused, messages = iter(draft.refused), iter(draft.messages)
    wants = draft.wants_catalog
    while True:
        ack = Ack(
            epoch=epoch,
            stored=_some(stored),
            refused=_some(refused),
            messages=_some(messages),
            wants_catalog=wants,
            time_ns=now_ns,
        )
        if not (ack.stored or ack.refused or ack.messages or ack.wants_catalog):
            return
        yield ack
        wants = None


def _some(items: Iterable[T]) -> tuple[T, ...]:
    return tuple(islice(items, ACK_RANGES_MAX))
