"""Requests that do not wait for their turn: writes, and reading back what was written."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from edge_agent.modbus.errors import DeviceBusyError, NotConnectedError
from edge_agent.modbus.requests import Request

QUEUE_MAX: Final = 64
"""More urgent requests than this are refused: whoever asks hears so at once and may ask again."""


class UrgentJob:
    """One urgent request. `sent` says whether the device may have seen it."""

    __slots__ = ("reply", "request", "sent")

    def __init__(self, request: Request, reply: asyncio.Future[Sequence[int]]) -> None:
        self.request = request
        self.reply = reply
        self.sent = False


class UrgentQueue:
    """First in, first out; bounded.

    Args:
        wake: called when a request was added.
    """

    def __init__(self, wake: Callable[[], None]) -> None:
        self._jobs: deque[UrgentJob] = deque()
        self._wake = wake
        self._open = True

    def __len__(self) -> int:
        return len(self._jobs)

    def put(self, request: Request) -> UrgentJob:
        """Add a request; its reply or `ModbusError` comes by `UrgentJob.reply`."""
        job = UrgentJob(request, asyncio.get_running_loop().create_future())
        if not self._open:
            job.reply.set_exception(NotConnectedError("the bus has ended"))
        elif len(self._jobs) >= QUEUE_MAX:
            job.reply.set_exception(DeviceBusyError(6, place="the gateway's own queue"))
        else:
            self._jobs.append(job)
            self._wake()
        return job

    def take(self) -> UrgentJob | None:
        """Return the next request that somebody still waits for."""
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
