"""Writes: once, then read back until the device shows the value or time is up."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from device_profiles.decoding import Columns
from device_profiles.errors import WriteRefusedError
from device_profiles.model_modbus import ModbusPoint
from device_profiles.write_request import WriteRequest
from device_profiles.writing import (
    ReadBack,
    allowed_write,
    plan_read_back,
    plan_write,
    write_factors,
)
from edge_agent.modbus.errors import (
    ACKNOWLEDGE,
    GATEWAY_PATH_UNAVAILABLE,
    DeviceBusyError,
    DeviceExceptionError,
    ModbusError,
    NotConfirmedError,
)
from edge_agent.modbus.plan import Part
from edge_agent.modbus.point_reading import Ask, read_factors, read_point
from edge_agent.modbus.polled import PolledDevice
from edge_agent.modbus.urgent import UrgentJob, UrgentQueue
from edge_agent.modbus.writes import Execute, Pages, carry_out
from edge_agent.ports import WriteResult

RETRY_DELAYS_S: Final = (0.02, 0.05, 0.1, 0.2)
"""Between tries of a busy device, and between read-backs that show the old value; the last
repeats."""

_DID_NOT_ACT: Final = frozenset({1, 2, 3, 7, 8, GATEWAY_PATH_UNAVAILABLE})
"""Exceptions that come before acting. After code 4 or 11 only reading back can tell."""

Sleep = Callable[[float], Awaitable[None]]
OnReading = Callable[[PolledDevice, Part, Columns], None]
"""Takes what a request of the writer's own showed: a reading like any other."""


@dataclass(slots=True)
class _Progress:
    """How far a write has come, so that running out of time can be told apart."""

    job: UrgentJob | None = None
    """The write on its way, None while it certainly has not acted."""
    value_read: float | None = None
    reason: str = "timeout"
    is_confirmed: bool = True
    """Whether what must follow the write was done, where the profile asks for something."""

    def shown(self, value: float) -> WriteResult:
        """Return the result of a write whose value the device shows."""
        if self.is_confirmed:
            return WriteResult("succeeded", value)
        # it may be lost again, as the device was not made to keep it
        return WriteResult("unknown", value, NotConfirmedError.slug)

    def out_of_time(self) -> WriteResult:
        if self.job is None or not self.job.sent:
            return WriteResult("failed", reason=self.reason)
        if self.value_read is not None:
            return WriteResult("failed", self.value_read, "read_back_differs")
        return WriteResult("unknown", reason=self.reason)


class Writer:
    """Puts writes and their read-backs into a bus's urgent queue.

    Args:
        queue: where urgent work goes.
        execute: sends a request to a device.
        pages: what is known of the pages that devices show.
        on_reading: takes what read-backs show.
        sleep: waits.
    """

    def __init__(
        self,
        queue: UrgentQueue,
        *,
        execute: Execute,
        pages: Pages,
        on_reading: OnReading,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._queue = queue
        self._execute = execute
        self._pages = pages
        self._on_reading = on_reading
        self._sleep = sleep

    async def write(
        self, polled: PolledDevice, point: str, value: float, *, timeout_s: float
    ) -> WriteResult:
        """Write one point and read it back.

        The write is sent once: only a device that says it is busy, and so did nothing, is asked
        again. Without an answer the read-back tells whether it acted. A device that has given no
        value since the start is read first, and not written to when it does not answer.
        """
        reason = refusal(polled, point, value)
        if reason is not None:
            return WriteResult("failed", reason=reason)
        found = polled.profile.find(point)
        after_s = found.write.read_back_after_s if found and found.write else 0.0
        progress = _Progress()
        try:
            async with asyncio.timeout(timeout_s + after_s):
                return await self._write(polled, point, value, progress)
        except TimeoutError:
            return progress.out_of_time()

    async def _write(
        self, polled: PolledDevice, name: str, value: float, progress: _Progress
    ) -> WriteResult:
        reason = await self._hear(polled)
        if reason is not None:
            return WriteResult("failed", reason=reason)
        profile = polled.profile
        point = profile.find(name)
        if point is None:  # this device has turned out not to have it
            return WriteResult("failed", reason="unknown_point")
        try:
            known = await self._factors(polled, point)
            plan = plan_write(profile, point, value, known=known)
        except (WriteRefusedError, ModbusError) as error:
            return WriteResult("failed", reason=error.reason)
        reason = await self._send(polled, plan, progress)
        if reason is not None:
            return WriteResult("failed", reason=reason)
        shown = plan_read_back(profile, point, known=known)
        if shown is None:
            reason = "no_read_back" if progress.is_confirmed else NotConfirmedError.slug
            return WriteResult("unknown", reason=reason)
        await self._sleep(shown.after_s)
        return await self._read_back(polled, shown, value, progress)

    async def _factors(self, polled: PolledDevice, point: ModbusPoint) -> Mapping[str, float]:
        """Return the values that turn this point's into raw numbers. Raises ModbusError."""
        names = write_factors(point)
        return await read_factors(polled, names, self._asking(polled)) if names else {}

    async def _hear(self, polled: PolledDevice) -> str | None:
        """Make sure the device has answered since the start; return why it must not be written."""
        if not polled.is_known:  # what a number means to it depends on what it is
            return "no_valid_reading"
        if not polled.seen and polled.parts:
            try:
                await self._ask(polled, polled.parts[0])
            except ModbusError:
                return "no_valid_reading"
            polled.seen = True
        return None

    async def _send(
        self, polled: PolledDevice, plan: WriteRequest, progress: _Progress
    ) -> str | None:
        """Send the write; return why it certainly did not act, None when it did or may have."""

        async def work(job: UrgentJob) -> Sequence[int]:
            return await carry_out(
                polled, plan, pages=self._pages, execute=self._execute, on_acting=job.act
            )

        attempt = 0
        while True:
            job = progress.job = self._queue.put(work)
            try:
                await job.reply
            except ModbusError as error:
                progress.reason = error.reason
                if isinstance(error, DeviceBusyError) and error.code != ACKNOWLEDGE:
                    progress.job = None
                    await self._sleep(_delay_s(attempt))
                    attempt += 1
                    continue
                if isinstance(error, NotConfirmedError):
                    progress.is_confirmed = False
                    return None
                refused = isinstance(error, DeviceExceptionError) and error.code in _DID_NOT_ACT
                return error.reason if refused or not job.sent else None
            return None

    async def _read_back(
        self, polled: PolledDevice, shown: ReadBack, value: float, progress: _Progress
    ) -> WriteResult:
        point = polled.profile.find(shown.point)
        assert point is not None, "profiles name only points they have"
        ask = self._asking(polled)
        attempt = 0
        now_s = asyncio.get_running_loop().time
        while True:
            tried_s, pause_s = now_s(), _delay_s(attempt)
            try:
                read = (await read_point(polled, point, ask)).value
            except ModbusError as error:
                progress.reason = error.reason
                # A silent device must not take more than half of a line that others share.
                pause_s = max(pause_s, now_s() - tried_s)
            else:
                progress.value_read = read
                if read is not None and abs(read - value) <= shown.tolerance:
                    return progress.shown(read)
            await self._sleep(pause_s)
            attempt += 1

    async def read(self, polled: PolledDevice, point: str, *, timeout_s: float) -> float | None:
        """Read one point; None when there is no good value in time."""
        found = polled.profile.find(point)
        if found is None or not found.is_readable or not polled.is_known:
            return None
        try:
            async with asyncio.timeout(timeout_s):
                return (await read_point(polled, found, self._asking(polled))).value
        except (ModbusError, TimeoutError):
            return None

    def _asking(self, polled: PolledDevice) -> Ask:
        async def ask(part: Part) -> Columns:
            return await self._ask(polled, part)

        return ask

    async def _ask(self, polled: PolledDevice, part: Part) -> Columns:
        async def work(job: UrgentJob) -> Sequence[int]:
            del job
            await self._pages.select(polled, part.page, self._execute)
            return await self._execute(polled, part.request)

        columns = part.decode(await self._queue.put(work).reply)
        self._on_reading(polled, part, columns)
        return columns


def refusal(polled: PolledDevice, point: str, value: float) -> str | None:
    """Return why the profile does not allow a write (a slug), or None."""
    found = polled.profile.find(point)
    if found is None:
        return "unknown_point"
    try:
        if write_factors(found) or not polled.profile.is_plain:
            allowed_write(polled.profile, found, value)  # more is known when it is written
        else:
            plan_write(polled.profile, found, value)
    except WriteRefusedError as error:
        return error.reason
    return None


def _delay_s(attempt: int) -> float:
    return RETRY_DELAYS_S[min(attempt, len(RETRY_DELAYS_S) - 1)]
