"""One bus: a serial line or a TCP endpoint, polled by one task that nothing on the bus can kill.

The task does one thing at a time: urgent requests first, then the device that the schedule names.
A device that fails makes values of bad quality, at its interval like any others.
"""

from __future__ import annotations

import asyncio
import logging
import math
import random
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Final

from campus_wire.quality import Quality
from campus_wire.supervise import Chance
from device_profiles.decoding import Columns
from edge_agent.inventory import ModbusDevice
from edge_agent.modbus.connection import KeptConnection, Requester
from edge_agent.modbus.errors import (
    DeviceBusyError,
    DeviceExceptionError,
    GarbledError,
    ModbusError,
    NotConnectedError,
)
from edge_agent.modbus.health import Change
from edge_agent.modbus.plan import Part, PolledDevice, ReadPlanner
from edge_agent.modbus.schedule import Entry, Schedule, stagger
from edge_agent.modbus.urgent import UrgentQueue
from edge_agent.modbus.writer import Writer, refusal
from edge_agent.ports import EdgeClock, SampleSink, WriteResult

_log: Final = logging.getLogger(__name__)

FIRST_POLLS_WITHIN_S: Final = 10.0
GRID_S: Final = 0.05
"""Polls begin on a grid that all buses share, so that one wake-up serves several of them: waking
costs more than a poll. Most intervals are multiples of it and stay on the grid."""
BUSY_DELAYS_S: Final = (0.05, 0.1, 0.2)
"""A device that asks to come again is asked so often more before its values are BUSY."""
NOT_MAPPED: Final = frozenset({2, 3})
"""Exceptions by which a device refuses to be read over a hole between its registers."""
_SILENT: Final = frozenset({Quality.NO_ANSWER, Quality.NOT_CONNECTED})


class ModbusBus:
    """A source of samples and an actuator.

    Samples carry the time of the last answer they were put together from, so that no value in a
    sample is younger than its time says.

    Args:
        bus_id: the id in the configuration.
        client: the connection.
        devices: the devices on the bus.
        sink: takes the samples.
        clock: stamps samples and runs the schedule.
        planner: shared by buses whose devices are alike.
        bridge_registers: reading runs over holes of up to so many registers.
        reopens: whether a connection on which nobody answers is made anew.
        chance: the source of jitter.
        sleep: waits; a test's own makes time pass.
    """

    def __init__(
        self,
        bus_id: str,
        client: Requester,
        devices: Iterable[ModbusDevice],
        *,
        sink: SampleSink,
        clock: EdgeClock,
        planner: ReadPlanner | None = None,
        bridge_registers: int = 0,
        reopens: bool = True,
        chance: Chance = random.random,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._id = bus_id
        self._client = client
        self._sink = sink
        self._clock = clock
        self._chance = chance
        self._sleep = sleep
        self._urgent = UrgentQueue(self._wake_up)
        self._waking: asyncio.Future[None] | None = None
        planner = planner or ReadPlanner()
        self._polled = {
            device.id: PolledDevice(device, planner, bridge_registers=bridge_registers)
            for device in devices
        }
        self._schedule = self._make_schedule()
        self._writer = Writer(self._urgent, on_reading=self._deliver_part, sleep=sleep)
        self._connection = KeptConnection(bus_id, client, reopens=reopens, chance=chance)

    @property
    def id(self) -> str:
        """The id in the configuration."""
        return self._id

    @property
    def missed_polls(self) -> int:
        """How many polls were left out because the bus was short of time."""
        return self._schedule.missed

    def _now_s(self) -> float:
        return self._clock.monotonic_ns() / 1e9

    def _make_schedule(self) -> Schedule[PolledDevice]:
        schedule: Schedule[PolledDevice] = Schedule()
        readable = [polled for polled in self._polled.values() if polled.parts]
        intervals = [polled.device.config.interval_s for polled in readable]
        start_s = self._now_s()
        within_s = min([FIRST_POLLS_WITHIN_S, *intervals])
        # Buses start at different moments too: many of them may have one device each.
        phase_s = within_s * self._chance()
        start_s = math.ceil(start_s / GRID_S) * GRID_S
        offsets_s = stagger(len(readable), within_s)
        for polled, interval_s, offset_s in zip(readable, intervals, offsets_s, strict=True):
            first_s = start_s + (phase_s + offset_s) % within_s // GRID_S * GRID_S
            schedule.add(Entry(polled, interval_s, polled.rank), first_due_s=first_s)
        return schedule

    # --- the task -------------------------------------------------------------------------------

    async def run(self) -> None:
        """Poll until cancelled."""
        try:
            while True:
                if not await self.step():
                    await self._rest()
        finally:
            self._urgent.close()
            self._client.close()

    async def step(self) -> bool:
        """Do what is most urgent now; False when nothing is due."""
        if self._urgent:
            await self._serve_urgent()
            return True
        entry = self._schedule.take(self._now_s())
        if entry is None:
            return False
        try:
            await self._poll(entry.item)
        finally:
            self._schedule.done(entry, self._now_s())
        return True

    async def _rest(self) -> None:
        due_s = self._schedule.next_due_s()
        loop = asyncio.get_running_loop()
        self._waking = loop.create_future()
        timer = None
        if due_s is not None:
            timer = loop.call_later(max(due_s - self._now_s(), 0.0), self._wake_up)
        try:
            await self._waking
        finally:
            self._waking = None
            if timer is not None:
                timer.cancel()

    def _wake_up(self) -> None:
        if self._waking is not None and not self._waking.done():
            self._waking.set_result(None)

    # --- urgent requests ------------------------------------------------------------------------

    async def _serve_urgent(self) -> None:
        while (job := self._urgent.take()) is not None:
            try:
                if not self._client.connected:
                    await self._connection.open()
                job.sent = True
                raw = await self._client.execute(job.request)
            except ModbusError as error:
                if not job.reply.done():
                    job.reply.set_exception(error)
            except asyncio.CancelledError:
                job.reply.cancel()
                raise
            else:
                if not job.reply.done():
                    job.reply.set_result(raw)

    async def write(
        self, device: str, point: str, value: float, *, timeout_s: float
    ) -> WriteResult:
        """Write one point ahead of waiting reads and read it back; see `Writer.write`."""
        polled = self._polled.get(device)
        if polled is None:
            return WriteResult("failed", reason="unknown_device")
        return await self._writer.write(polled, point, value, timeout_s=timeout_s)

    async def read(self, device: str, point: str, *, timeout_s: float) -> float | None:
        """Read one point ahead of waiting polls; None when there is no good value in time."""
        polled = self._polled.get(device)
        if polled is None:
            return None
        return await self._writer.read(polled, point, timeout_s=timeout_s)

    def refusal(self, device: str, point: str, value: float) -> str | None:
        """Return why the profile does not allow a write (a slug), or None."""
        polled = self._polled.get(device)
        return "unknown_device" if polled is None else refusal(polled, point, value)

    # --- polling --------------------------------------------------------------------------------

    async def _poll(self, polled: PolledDevice) -> None:
        if not polled.health.may_ask(self._now_s()):
            self._deliver(polled, polled.bad(polled.health.quality))
        elif not await self._connection.is_up(self._now_s()):
            self._deliver(polled, polled.bad(Quality.NOT_CONNECTED))
        else:
            await self._ask_all(polled)

    async def _ask_all(self, polled: PolledDevice) -> None:
        parts = polled.parts
        results: list[Columns | None] = [None] * len(parts)
        failure: ModbusError | None = None
        time_ns: int | None = None
        told: set[int] = set()
        now_s = self._now_s()
        for position in polled.in_order_of_trust():
            part = parts[position]
            if not part.health.may_ask(now_s):
                results[position] = part.bad(part.health.quality)
                continue
            if self._urgent:
                # What was read before a write must not look as if it were read after it.
                self._deliver_parts(polled, results, told, time_ns)
                await self._serve_urgent()
            try:
                results[position] = await self._ask(part)
            except DeviceExceptionError as error:
                results[position] = part.bad(error.quality)
                if error.quality in _SILENT:  # a gateway's word about a silent device
                    failure = error
                    break
                self._refused(polled, part, error)
            except ModbusError as error:
                failure = error
                if time_ns is not None and not isinstance(error, NotConnectedError):
                    part.health.failed(error.quality, now_s)
                break
            else:
                part.health.answered()
            time_ns = self._clock.now_ns()
        self._judge(polled, failure, answered=time_ns is not None)
        rest = failure.quality if failure is not None else Quality.NO_ANSWER
        columns = [
            part.bad(rest) if result is None else result
            for part, result in zip(parts, results, strict=True)
        ]
        if told:
            self._deliver_parts(polled, columns, told, time_ns)
        else:
            self._deliver(polled, columns, time_ns)

    async def _ask(self, part: Part) -> Columns:
        """Ask once; again when the device is busy, and once more when noise spoilt the answer."""
        spoilt = False
        delays_s = iter(BUSY_DELAYS_S)
        while True:
            try:
                return part.decode(await self._client.execute(part.request))
            except DeviceBusyError:
                delay_s = next(delays_s, None)
                if delay_s is None:
                    raise
                await self._sleep(delay_s)
                await self._serve_urgent()
            except GarbledError:
                if spoilt or not self._client.connected:
                    raise
                spoilt = True

    def _deliver(
        self, polled: PolledDevice, columns: Sequence[Columns], time_ns: int | None = None
    ) -> None:
        if time_ns is None:
            time_ns = self._clock.now_ns()
        for sample_class, sample in polled.samples(columns, time_ns):
            self._sink.accept((sample,), sample_class)

    def _deliver_parts(
        self,
        polled: PolledDevice,
        results: Sequence[Columns | None],
        told: set[int],
        time_ns: int | None,
    ) -> None:
        """Deliver the results that are there and not told yet, each part for itself."""
        for position, columns in enumerate(results):
            if columns is not None and position not in told:
                told.add(position)
                self._deliver_part(polled, polled.parts[position], columns, time_ns)

    def _deliver_part(
        self, polled: PolledDevice, part: Part, columns: Columns, time_ns: int | None = None
    ) -> None:
        if time_ns is None:
            time_ns = self._clock.now_ns()
        for sample_class, sample in polled.samples_of(part, columns, time_ns):
            self._sink.accept((sample,), sample_class)

    # --- health ---------------------------------------------------------------------------------

    def _judge(self, polled: PolledDevice, failure: ModbusError | None, *, answered: bool) -> None:
        name = polled.id
        if isinstance(failure, NotConnectedError):
            self._connection.say_down(failure)
        if answered:
            self._connection.proved_alive()
            if polled.health.answered() is Change.BACK:
                _log.info("%s on bus %s answers again", name, self._id)
            polled.seen = True
        elif failure is not None and not isinstance(failure, NotConnectedError):
            change = polled.health.failed(failure.quality, self._now_s())
            if change is Change.LOST:
                _log.warning("%s on bus %s is lost: %s", name, self._id, failure)
            self._connection.met_silence(failure)

    def _refused(self, polled: PolledDevice, part: Part, error: DeviceExceptionError) -> None:
        if isinstance(error, DeviceBusyError):
            part.health.failed(error.quality, self._now_s())
            return
        part.health.answered()
        if error.code in NOT_MAPPED and polled.stop_bridging():
            _log.info(
                "%s on bus %s does not let reads run over holes (%s)",
                *(polled.id, self._id, error),
            )
