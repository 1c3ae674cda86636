"""One bus: a serial line or a TCP endpoint, polled by one task that nothing on the bus can kill.

The task does one thing at a time: urgent requests first, then the device that the schedule names.
A device that fails makes values of bad quality, at its interval like any others.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from campus_wire.supervise import Chance
from device_profiles.model import ModbusProfile
from device_profiles.reading import TextReading
from edge_agent.inventory import ModbusDevice
from edge_agent.modbus.asking import Asker
from edge_agent.modbus.connection import KeptConnection, Requester
from edge_agent.modbus.errors import ModbusError
from edge_agent.modbus.learned_store import LearnedStore
from edge_agent.modbus.overload import OverloadNotice
from edge_agent.modbus.plan import ReadPlanner
from edge_agent.modbus.polled import PolledDevice, ReadGroup
from edge_agent.modbus.polling import Chore, Poll, Poller, Upkeep
from edge_agent.modbus.schedule import Entry, Schedule, stagger
from edge_agent.modbus.texts import TextTeller
from edge_agent.modbus.turnaround import LineCost, Turnaround
from edge_agent.modbus.urgent import UrgentQueue
from edge_agent.modbus.writer import Sleep, Writer, refusal
from edge_agent.modbus.writes import Pages
from edge_agent.ports import EdgeClock, EventSink, MaySet, SampleSink, WriteResult

if TYPE_CHECKING:
    from edge_agent.modbus.unknown import Fit

FIRST_POLLS_WITHIN_S: Final = 10.0
GRID_S: Final = 0.05
"""Polls begin on a grid that all buses share, so that one wake-up serves several of them: waking
costs more than a poll. Most intervals are multiples of it and stay on the grid."""
ONCE_AGAIN_S: Final = 10.0
"""What is read once and was not answered is asked for again after this long at least."""
BUSY_WITHIN: Final = 0.8
"""A device that asks to come again must be ready within this part of its interval."""
NEIGHBOUR_S: Final = 0.5
"""Who answers again may have been switched on with others: they are asked, so far apart."""
NEIGHBOURS_EVERY_S: Final = 60.0


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
        store: keeps what devices were found to refuse.
        events: takes word of an overloaded bus.
        line: what is known of the line's speed.
        timeout_s: how long any device may take to answer, as the client has it.
        bridge_registers: reading runs over holes of up to so many registers; None: as far as is
            measured to pay.
        upkeep: what all devices need beside their polls; None: what their profiles say.
        may_set: whether interlocks let a point be set up; None: there are none.
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
        store: LearnedStore | None = None,
        events: EventSink | None = None,
        line: LineCost | None = None,
        timeout_s: float = 1.0,
        bridge_registers: int | None = 0,
        upkeep: Upkeep | None = None,
        may_set: MaySet | None = None,
        reopens: bool = True,
        chance: Chance = random.random,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._id = bus_id
        self._client = client
        self._clock = clock
        self._chance = chance
        self._planner = planner or ReadPlanner()
        self._store = store or LearnedStore()
        self._line = line or LineCost()
        self._timeout_s = timeout_s
        self._bridge = bridge_registers
        self._upkeep = upkeep
        self._events = events
        self._may_set = may_set
        self._urgent = UrgentQueue(self._wake_up)
        self._waking: asyncio.Future[None] | None = None
        self._connection = KeptConnection(bus_id, client, reopens=reopens, chance=chance)
        self._overload = OverloadNotice(bus_id, clock, events)
        self._neighbours_s = -math.inf
        self._pages = Pages(self._connection)
        self._texts = TextTeller(clock, events)
        asker = Asker(
            bus_id,
            client,
            clock=clock,
            store=self._store,
            urgent=self._urgent.__len__,
            serve_urgent=self._serve_urgent,
            pages=self._pages,
            on_texts=self._heard_texts,
        )
        self._poller = Poller(
            bus_id,
            asker,
            self._connection,
            sink=sink,
            clock=clock,
            on_return=self._returned,
        )
        self._writer = Writer(
            self._urgent,
            execute=asker.execute,
            pages=self._pages,
            on_reading=self._poller.deliver_part,
            sleep=sleep,
        )
        self._schedule: Schedule[ReadGroup | Chore] = Schedule()
        self._polled: dict[str, PolledDevice] = {}
        self._entries: dict[str, tuple[Entry[ReadGroup | Chore], ...]] = {}
        self._add([self._make(device) for device in devices])

    @property
    def id(self) -> str:
        """The id in the configuration."""
        return self._id

    @property
    def missed_polls(self) -> int:
        """How many polls were left out because the bus was short of time."""
        return self._schedule.missed

    @property
    def load(self) -> float:
        """Which part of its time the intervals ask for; above 1 they stretch."""
        return self._schedule.load

    @property
    def is_overloaded(self) -> bool:
        """Whether it was said, and not taken back, that the bus cannot keep up."""
        return self._overload.is_said

    @property
    def stretches(self) -> tuple[float, float, float]:
        """By how much the intervals of safety, normal and slow devices are stretched now."""
        return self._schedule.stretches

    def _now_s(self) -> float:
        return self._clock.monotonic_ns() / 1e9

    # --- devices --------------------------------------------------------------------------------

    def _make(self, device: ModbusDevice) -> PolledDevice:
        turnaround = Turnaround(self._line, fixed=self._bridge)
        # what a map refuses says nothing of the same map at other addresses
        offset = device.profile.modbus.address_offset
        identity = f"{device.profile.id}@{offset}" if offset else device.profile.id
        learned = self._store.learned(device.id, identity)
        polled = PolledDevice(device, self._planner, turnaround=turnaround, learned=learned)
        polled.allow_time(self._timeout_s)
        if self._upkeep is not None or polled.needs_upkeep:
            polled.is_tended = True
            self._poller.upkeep = self._upkeep = self._upkeep or self._make_upkeep()
        return polled

    def _make_upkeep(self) -> Upkeep:
        from edge_agent.modbus.upkeep import DeviceUpkeep  # noqa: PLC0415

        return DeviceUpkeep(
            clock=self._clock,
            events=self._events,
            pages=self._pages,
            read_by=self.read_by,
            may_set=self._may_set,
        )

    def _add(self, devices: Sequence[PolledDevice]) -> None:
        """Put devices on the schedule, their first polls spread over their shortest interval."""
        self._polled |= {polled.id: polled for polled in devices}
        readable = [polled for polled in devices if polled.groups]
        if not readable:
            return
        shortest_s = min(polled.device.config.interval_s for polled in readable)
        within_s = min(FIRST_POLLS_WITHIN_S, shortest_s)
        # Buses start at different moments too: many of them may have one device each.
        phase_s = within_s * self._chance()
        start_s = math.ceil(self._now_s() / GRID_S) * GRID_S
        for polled, offset_s in zip(readable, stagger(len(readable), within_s), strict=True):
            first_s = start_s + (phase_s + offset_s) % within_s // GRID_S * GRID_S
            self._put_on_schedule(polled, first_s)

    def _put_on_schedule(self, polled: PolledDevice, first_s: float) -> None:
        items: list[ReadGroup | Chore] = [*polled.groups]
        if self._upkeep is not None and polled.is_tended:
            items += self._upkeep.chores(polled)
        entries = tuple(Entry(item, item.interval_s, item.rank) for item in items)
        self._entries[polled.id] = entries
        for entry in entries:
            self._schedule.add(entry, first_due_s=first_s)

    def _take_off_schedule(self, polled: PolledDevice) -> None:
        for entry in self._entries.pop(polled.id, ()):
            self._schedule.remove(entry)

    def replan(self, devices: Iterable[ModbusDevice]) -> None:
        """Have these devices from now on; those that stay as they are miss no sample by it.

        All devices get the places in the catalog that they have in `devices`, as by `rebind`. What
        is just being read of one that was changed or removed is dropped.
        """
        wanted = {device.id: device for device in devices}
        for name, polled in list(self._polled.items()):
            device = wanted.get(name)
            if device is not None and polled.reads_like(device):
                polled.rebind(device)
                continue
            polled.gone = True
            self._take_off_schedule(polled)
            self._poller.lost -= polled.health.is_lost
            self._texts.forget(name)
            del self._polled[name]
        new = [device for device in wanted.values() if device.id not in self._polled]
        self._add([self._make(device) for device in new])
        self._wake_up()

    def rebind(self, devices: Iterable[ModbusDevice]) -> None:
        """Give the same devices other places in the catalog; the very next sample carries them."""
        for device in devices:
            self._polled[device.id].rebind(device)

    def read_by(self, polled: PolledDevice, profile: ModbusProfile, fit: Fit | None = None) -> None:
        """Read a device by another form of its profile, beginning now."""
        self._take_off_schedule(polled)
        polled.use_profile(profile, fit)
        polled.allow_time(self._timeout_s)
        self._put_on_schedule(polled, self._now_s())

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
        started_s = self._now_s()
        entry = self._schedule.take(started_s)
        if entry is None:
            return False
        if isinstance(entry.item, Chore):
            await self._do(entry, entry.item, started_s)
        else:
            await self._poll(entry, entry.item, started_s)
        self._overload.look(self.stretches, load=self.load, now_s=self._now_s())
        return True

    async def _poll(
        self, entry: Entry[ReadGroup | Chore], group: ReadGroup, started_s: float
    ) -> None:
        poll: Poll | None = entry.pending
        try:
            if poll is None:
                deadline_s = entry.due_s + BUSY_WITHIN * entry.interval_s
                poll = await self._poller.poll(group, deadline_s=deadline_s)
            else:
                await self._poller.resume(poll)
        finally:
            now_s = self._now_s()
            took_s = now_s - started_s
            if poll is not None and poll.until_s is not None:
                entry.pending = poll
                self._schedule.later(entry, poll.until_s, cost_s=took_s)
            else:
                # Time-outs are bounded by back-off, and no measure of what is asked of the bus.
                usual = poll is not None and poll.answered
                self._schedule.done(entry, now_s, cost_s=took_s if usual else None)
        is_once = entry.interval_s == math.inf or not group.parts  # a device not known yet
        if is_once and poll.until_s is None and not poll.is_complete:
            usual_s = group.polled.device.config.interval_s if group.parts else 0.0
            self._schedule.hasten(entry, now_s + max(ONCE_AGAIN_S, usual_s))

    async def _do(self, entry: Entry[ReadGroup | Chore], chore: Chore, started_s: float) -> None:
        again_s: float | None = None
        try:
            again_s = await self._poller.do(chore)
        finally:
            now_s = self._now_s()
            if again_s is None:
                self._schedule.done(entry, now_s, cost_s=now_s - started_s)
            else:
                entry.pending = chore
                self._schedule.later(entry, now_s + again_s, cost_s=now_s - started_s)

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

    def _heard_texts(self, polled: PolledDevice, texts: Sequence[TextReading]) -> None:
        if polled.fit is not None:
            polled.fit.look_at_texts(texts)
        if not polled.gone:
            self._texts.tell(polled.device, texts)

    def _returned(self, polled: PolledDevice) -> None:
        """Read again what is read once, and ask others that fell silent with this one."""
        now_s = self._now_s()
        for entry in self._entries.get(polled.id, ()):
            if entry.interval_s == math.inf:
                self._schedule.hasten(entry, now_s)
        if now_s < self._neighbours_s + NEIGHBOURS_EVERY_S:
            return
        self._neighbours_s = now_s
        lost = [other for other in self._polled.values() if other.health.is_lost]
        for position, other in enumerate(lost, start=1):
            other.health.hasten(now_s + position * NEIGHBOUR_S)

    # --- urgent requests ------------------------------------------------------------------------

    async def _serve_urgent(self) -> None:
        while (job := self._urgent.take()) is not None:
            try:
                if not self._client.connected:
                    await self._connection.open()
                raw = await job.work(job)
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
