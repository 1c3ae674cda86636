"""Wires the agent's parts together and runs them until it is told to stop.

Order of the end: sources stop reading; open batches go to the spool and, as far as the link allows,
to the controller; the spool closes; the status says `stopping`; the connection ends.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import time
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final

from campus_wire.catalog import encode_catalog
from campus_wire.messages import Event
from campus_wire.session import MqttSession
from campus_wire.topics import Down, down
from edge_agent.batcher import Batcher
from edge_agent.clock import Clock, ClockChange, guess_origin_ns, keep_looking
from edge_agent.clock_source import WallClock, boot_id, wall_clock
from edge_agent.commands import Commands
from edge_agent.config import EdgeConfig
from edge_agent.control import Control
from edge_agent.errors import ReloadRefusedError, SpoolError
from edge_agent.fallback import Fallback
from edge_agent.handover import Handover
from edge_agent.interlocks import Interlocks
from edge_agent.inventory import Inventory
from edge_agent.keys import KeyFileError, read_command_key
from edge_agent.pipeline import Pipeline
from edge_agent.reload_plan import ReloadPlan, needs_restart, plan_reload, sharing
from edge_agent.reloading import Reloader
from edge_agent.sources import Sources, end_tasks
from edge_agent.spool.records import SpoolLimits
from edge_agent.spool.store import SpoolStore
from edge_agent.spool.writer import Spool
from edge_agent.status import StatusFacts, StatusMaker
from edge_agent.uplink import Uplink

_log: Final = logging.getLogger(__name__)

_DRAIN_S: Final = 1.0
_MB: Final = 1024 * 1024


async def run_agent(
    handover: Handover,
    stop: asyncio.Event,
    *,
    reloads: asyncio.Event | None = None,
    wall: WallClock | None = None,
) -> None:
    """Run one agent until `stop` is set.

    Args:
        handover: what was checked and joined.
        stop: ends it in order.
        reloads: set by whoever wants the configuration to be read again.
        wall: the wall clock; by default the one that the configuration names.

    Raises:
        KeyFileError: the command key cannot be read.
        SpoolLockedError: another agent has the spool open.
    """
    wall = wall_clock(handover.config.clock.source) if wall is None else wall
    async with ready_agent(handover, wall, reloads=reloads) as agent:
        gc.collect()
        gc.freeze()  # what is here now lives as long as the process
        await agent.run(stop, wall)


@asynccontextmanager
async def ready_agent(
    handover: Handover, wall: WallClock, *, reloads: asyncio.Event | None = None
) -> AsyncIterator[EdgeAgent]:
    """Yield an agent whose spool is open and whose clock has been looked at; see `run_agent`."""
    config, catalog = handover.config, handover.inventory.catalog
    key = read_command_key(config.uplink.command_key_file)
    boot = boot_id()
    spool = await _open_spool(config, boot, wall)
    try:
        clock = await _start_clock(config, spool, boot=boot, wall=wall)
        await spool.put_catalog(catalog.revision, encode_catalog(catalog))
        yield EdgeAgent(handover, spool=spool, clock=clock, key=key, reloads=reloads)
    finally:
        await spool.close()


async def _open_spool(config: EdgeConfig, boot: str, wall: WallClock) -> Spool:
    limits = SpoolLimits(
        max_bytes=config.spool.max_mb * _MB,
        disk_reserve_bytes=config.spool.disk_reserve_mb * _MB,
        hold_ns=round(config.clock.unsynced_hold_s * 1e9),
    )
    run = str(uuid.uuid4())
    spool = Spool(
        lambda: SpoolStore(
            config.spool.path,
            limits=limits,
            boot=boot,
            run=run,
            wall_ns=lambda: wall.read().wall_ns,
            monotonic_ns=time.monotonic_ns,
        )
    )
    await spool.start()
    return spool


async def _start_clock(config: EdgeConfig, spool: Spool, *, boot: str, wall: WallClock) -> Clock:
    reading = wall.read()
    origin_ns = await spool.begin_boot(
        lambda last_time_ns: guess_origin_ns(
            wall_ns=reading.wall_ns, monotonic_ns=reading.monotonic_ns, last_time_ns=last_time_ns
        )
    )
    clock = Clock(
        boot=boot,
        origin_ns=origin_ns,
        monotonic_ns=time.monotonic_ns,
        holdover_s=config.clock.holdover_s,
    )
    if clock.look(reading) is not None:
        await spool.set_true_origin(clock.origin_ns)
    else:
        _log.warning("the clock is not synced yet: samples are marked until it is")
    return clock


class EdgeAgent:
    """The parts of a running agent.

    Args:
        handover: what it does, and with which devices.
        spool: open.
        clock: has looked at the wall clock once.
        key: what commands are signed with, or None.
        reloads: set by whoever wants the configuration to be read again.
    """

    def __init__(
        self,
        handover: Handover,
        *,
        spool: Spool,
        clock: Clock,
        key: bytes | None,
        reloads: asyncio.Event | None = None,
    ) -> None:
        self._config = config = handover.config
        self._inventory = inventory = handover.inventory
        self.reloads = reloads if reloads is not None else asyncio.Event()
        self._spool = spool
        self._clock = clock
        self._batcher = Batcher(
            spool, clock, catalog=inventory.catalog.revision, devices=len(inventory.devices)
        )
        spool.when_idle(self._batcher.flush_safety)
        self.pipeline = Pipeline(self._batcher, inventory.devices, monotonic_ns=clock.monotonic_ns)
        self._sources = Sources(
            config,
            inventory,
            sink=self.pipeline,
            clock=clock,
            dated=self.pipeline,
            events=spool,
            may_set=self._may_set,
            on_described=self._on_described,
        )
        actuators = self._sources.by_id
        self._interlocks = Interlocks(
            config.interlocks, inventory, actuators=actuators, clock=clock, events=spool
        )
        self.pipeline.show_to(self._interlocks)
        self._commands = Commands(
            config.gateway,
            key,
            inventory=inventory,
            actuators=actuators,
            interlocks=self._interlocks,
            ledger=spool,
            events=spool,
            clock=clock,
        )
        self._fallback = Fallback(
            config.fallback,
            inventory,
            actuators=actuators,
            interlocks=self._interlocks,
            clock=clock,
            events=spool,
        )
        self._reloader = Reloader(
            handover.path, self.apply, requests=self.reloads, say=self._say_event
        )
        self._control = Control(config.spool.path, self._reloader.ask)
        self._uplink = Uplink(
            config.uplink,
            catalog=inventory.catalog,
            spool=spool,
            status=self._status_maker(handover.versions),
            monotonic_ns=clock.monotonic_ns,
            on_command=self._on_command,
        )
        self._session = self._make_session()
        self._uplink.use(self._session)

    def _status_maker(self, versions: Mapping[str, str]) -> StatusMaker:
        return StatusMaker(
            self._config.gateway, boot=self._clock.boot, versions=versions, facts=self._facts
        )

    def _make_session(self) -> MqttSession:
        gateway = self._config.gateway
        broker = self._config.uplink.broker
        if broker.client_id is None:
            # So that a new connection takes over a half-open old one, whose will would come late.
            broker = broker.model_copy(update={"client_id": gateway})
        return MqttSession(
            broker,
            subscriptions=[(down(gateway, kind), 1) for kind in Down],
            will=self._uplink.will,
            on_message=self._on_message,
            on_up=self._uplink.on_up,
            on_down=self._uplink.on_down,
            on_stop=self._uplink.on_stop,
        )

    def _facts(self) -> StatusFacts:
        return StatusFacts(
            time_ns=self._clock.now_ns(),
            epoch=self._spool.epoch,
            catalog=self._inventory.catalog.revision,
            clock=self._clock.stamp.state,
            spool_batches=self._spool.counts.batches,
            overloaded=self._sources.overloaded(),
        )

    async def _on_message(self, topic: str, payload: bytes, retained: bool) -> None:  # noqa: FBT001
        if not retained:
            self._fallback.heard()
        await self._uplink.on_message(topic, payload, retained)

    async def _on_command(self, payload: bytes, retained: bool) -> None:  # noqa: FBT001
        await self._commands.on_message(payload, retained=retained)

    # --- life ----------------------------------------------------------------------------------

    async def run(self, stop: asyncio.Event, wall: WallClock) -> None:
        """Run until `stop` is set, then end in order."""
        async with asyncio.TaskGroup() as group:
            spool = group.create_task(self._spool.run(), name="spool")
            session = group.create_task(self._session.run(), name="session")
            uplink = group.create_task(self._uplink.run(), name="uplink")
            clock = group.create_task(self._watch_clock(wall), name="clock")
            acting = [
                group.create_task(self._interlocks.run(), name="interlocks"),
                group.create_task(self._commands.run(), name="commands"),
                group.create_task(self._fallback.run(), name="fallback"),
            ]
            self._sources.start(group)
            changing = [
                group.create_task(self._reloader.run(), name="reloads"),
                group.create_task(self._control.run(), name="control"),
            ]
            self._say_started()
            await stop.wait()
            _log.info("stopping")
            await end_tasks([*changing, *acting])
            await self._sources.end()
            self._batcher.flush()
            await self._spool.settled()
            await self._uplink.drain(_DRAIN_S)
            await end_tasks([clock, uplink])
            await self._spool.close()
            await end_tasks([session, spool])
        _log.info("stopped; %d batches wait in the spool", self._spool.counts.batches)

    def _say_started(self) -> None:
        _log.info(
            "gateway %s runs: %d devices on %d sources, epoch %s, %d batches in the spool",
            self._config.gateway,
            len(self._inventory.devices),
            len(self._sources),
            self._spool.epoch,
            self._spool.counts.batches,
        )

    async def _watch_clock(self, wall: WallClock) -> None:
        changes: asyncio.Queue[ClockChange] = asyncio.Queue(maxsize=100)
        looking = asyncio.create_task(
            keep_looking(self._clock, wall, on_change=changes.put_nowait), name="look at the clock"
        )
        try:
            while True:
                await self._clock_changed(await changes.get())
        finally:
            looking.cancel()

    async def _clock_changed(self, change: ClockChange) -> None:
        self._batcher.flush()
        if change is not ClockChange.LOST:
            await self._spool.set_true_origin(self._clock.origin_ns)
        self._say_event(f"clock_{change}", {"boot": self._clock.boot})
        await self._uplink.refresh_status()

    def _say_event(self, kind: str, facts: Mapping[str, str | int]) -> None:
        self._spool.post(
            Event(
                id=str(uuid.uuid4()),
                time_ns=self._clock.now_ns(),
                kind=kind,
                attributes=dict(facts),
            )
        )

    # --- another configuration -----------------------------------------------------------------

    def _may_set(self, device: str, point: str, value: float) -> bool:
        """Say whether interlocks let a point be set up as its profile asks for."""
        interlocks = self._interlocks
        return interlocks.is_checked(device, point) and not interlocks.forbids(device, point, value)

    async def _on_described(self) -> None:
        """Read the configuration again: devices on a local broker have described themselves."""
        self.reloads.set()

    async def apply(self, handover: Handover) -> ReloadPlan:
        """Go on with another configuration; sources whose connection stays lose no sample.

        Raises:
            ReloadRefusedError: nothing has changed; it says why.
        """
        fixed = needs_restart(self._config, handover.config)
        if fixed:
            raise ReloadRefusedError(
                "needs_restart",
                f"{', '.join(fixed)} cannot change while the agent runs: restart it",
            )
        before, after = self._inventory, sharing(handover.inventory, self._inventory)
        plan = plan_reload((self._config, before), (handover.config, after))
        catalog = after.catalog
        try:
            key = read_command_key(handover.config.uplink.command_key_file)
            # Before any batch speaks of it; that of the batches still open must not go yet.
            await self._spool.put_catalog(
                catalog.revision, encode_catalog(catalog), in_use=before.catalog.revision
            )
        except (KeyFileError, SpoolError) as error:
            raise ReloadRefusedError(error.reason, str(error)) from error
        await self._sources.end(plan.ended)
        self._change(handover.config, after, plan, key)
        self._sources.begin(plan)
        await self._uplink.announce()
        del before, handover
        gc.unfreeze()  # what went away with the old configuration may go
        gc.collect()
        gc.freeze()
        return plan

    def _change(
        self, config: EdgeConfig, inventory: Inventory, plan: ReloadPlan, key: bytes | None
    ) -> None:
        """Change over within one turn of the loop: no sample of a source comes in between."""
        places = {device.id: device.index for device in self._inventory.devices}
        was = [places.get(device.id) for device in inventory.devices]
        self._batcher.rebind(inventory.catalog.revision, was)
        self.pipeline.use(inventory.devices)
        self._config, self._inventory = config, inventory
        self._sources.change(config, inventory, plan)
        self._interlocks.rebind(config.interlocks, inventory)
        self._commands.rebind(key, inventory)
        self._fallback.rebind(config.fallback, inventory)
        self._uplink.rebind(inventory.catalog)
