"""Waits that end on time: event loops round theirs up to whole milliseconds.

On a serial line of 115,200 baud the silence between frames is 1.75 ms and a whole request 12 ms. A
timer of the kernel's own (timerfd_create(2)) wakes the loop as any file does.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
from functools import cache
from typing import Final

_CLOCK_MONOTONIC: Final = 1


class _Interval(ctypes.Structure):
    """`struct itimerspec`: how often again, and when first; here once."""

    _fields_ = (
        ("again_s", ctypes.c_long),
        ("again_ns", ctypes.c_long),
        ("first_s", ctypes.c_long),
        ("first_ns", ctypes.c_long),
    )


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


class FineTimer:
    """One timer for one who waits at a time. Where the system has none, the loop's own serve."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._waiter: asyncio.Future[None] | None = None
        self._fd = -1
        try:
            self._fd = _libc().timerfd_create(_CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC)
        except AttributeError:  # not Linux
            return
        if self._fd >= 0:
            self._loop.add_reader(self._fd, self._expired)

    async def wait(self, seconds: float) -> None:
        """Wait so long."""
        nanoseconds = int(seconds * 1e9)
        if nanoseconds <= 0:
            return
        once = _Interval(0, 0, *divmod(nanoseconds, 1_000_000_000))
        if self._fd < 0 or _libc().timerfd_settime(self._fd, 0, ctypes.byref(once), None):
            await asyncio.sleep(seconds)
            return
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _expired(self) -> None:
        try:
            os.read(self._fd, 8)
        except BlockingIOError:  # set anew meanwhile
            return
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def close(self) -> None:
        """Give the timer back; whoever waits goes on."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            self._loop.remove_reader(fd)
            os.close(fd)
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
