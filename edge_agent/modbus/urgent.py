"""Work that does not wait for its turn: writes, and reading back what was written."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from edge_agent.modbus.errors import DeviceBusyError, NotConnectedError

QUEUE_MAX: Final = 64
"""More urgent requests than this are refused: whoever asks hears so at once and may ask again."""


Work = Callable[["UrgentJob"], Awaitable[Sequence[int]]]
"""Sends requests, one after the other with nothing in between; raises `ModbusError`."""


class UrgentJob:
    """One thing to do. `sent` says whether the device may have acted on it."""

    __slots__ = ("reply", "sent", "work")

    def __init__(self, work: Work, reply: asyncio.Future[Sequence[int]]) -> None:
        self.work = work
        self.reply = reply
        self.sent = False

    def act(self) -> None:
        """Note that the request that acts is being sent."""
        self.sent = True


class UrgentQueue:
    """First in, first out; bounded.

    Args:
        wake: called when something was added.
    """

    def __init__(self, wake: Callable[[], None]) -> None:
        self._jobs: deque[UrgentJob] = deque()
        self._wake = wake
        self._open = True

    def __len__(self) -> int:
        return len(self._jobs)

    def put(self, work: Work) -> UrgentJob:
        """Add work; its last reply or `ModbusError` comes by `UrgentJob.reply`."""
        job = UrgentJob(work, asyncio.get_running_loop().create_future())
        if not self._open:
            job.reply.set_exception(NotConnectedError("the bus has ended"))
        elif len(self._jobs) >= QUEUE_MAX:
            job.reply.set_exception(DeviceBusyError(6, place="the gateway's own queue"))
        else:
            self._jobs.append(job)
            self._wake()
        return job

    def take(self) -> UrgentJob | None:
        """Return the next that somebody still waits for."""
        while self._jobs:
            job = self._jobs.popleft()
            if not job.reply.done():
                return job
        return None

    def close(self) -> None:
        """Refuse what waits and whatever comes."""
        self._open = False
        while (job := self.take()) is not None:
            job.reply.set_exception(NotConnectedError("the bus has ended"))
