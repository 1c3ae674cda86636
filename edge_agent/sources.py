"""The buses and local brokers of a configuration: made, run, changed while they run.

What a gateway does not have is not imported: its libraries would cost memory for nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING, Protocol

from campus_wire.limits import ATTRIBUTES_MAX
from edge_agent.config import BusConfig, EdgeConfig, MqttSourceConfig
from edge_agent.inventory import Inventory
from edge_agent.ports import Actuator, DatedSink, EdgeClock, EventSink, MaySet, SampleSink, Source
from edge_agent.reload_plan import ReloadPlan

if TYPE_CHECKING:
    from edge_agent.dialect_watch import OnDescribed
    from edge_agent.modbus.bus import ModbusBus
    from edge_agent.modbus.learned_store import LearnedStore
    from edge_agent.modbus.plan import ReadPlanner
    from edge_agent.mqtt_source import MqttSource


class SourceAndActuator(Source, Actuator, Protocol):
    """Reads and writes."""


class Sources:
    """All sources of the gateway.

    Args:
        config: what they are connected to.
        inventory: the devices on them.
        sink: takes what they read.
        clock: stamps samples.
        dated: takes what devices dated themselves.
        events: takes what sources have to say beside samples.
        may_set: whether interlocks let a point be set up.
        on_described: called when devices on a local broker have described themselves; without it
            they are not listened for.
    """

    def __init__(
        self,
        config: EdgeConfig,
        inventory: Inventory,
        *,
        sink: SampleSink,
        clock: EdgeClock,
        dated: DatedSink | None = None,
        events: EventSink | None = None,
        may_set: MaySet | None = None,
        on_described: OnDescribed | None = None,
    ) -> None:
        self._config = config
        self._inventory = inventory
        self._sink = sink
        self._dated = dated
        self._clock = clock
        self._events = events
        self._may_set = may_set
        self._on_described = on_described
        self._planner: ReadPlanner | None = None
        self._store: LearnedStore | None = None
        self._group: asyncio.TaskGroup | None = None
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._buses: dict[str, ModbusBus] = {}
        self._brokers: dict[str, MqttSource] = {}
        self.by_id: dict[str, SourceAndActuator] = {}
        """The same mapping for life: who acts by it sees what is added and taken away."""
        self._make([bus.id for bus in config.buses])
        self._make([source.id for source in config.mqtt_sources])

    def __len__(self) -> int:
        return len(self.by_id)

    def overloaded(self) -> dict[str, float]:
        """Return the buses that cannot keep up, and which part of their time polls ask for."""
        slow = [bus for bus in self._buses.values() if bus.is_overloaded]
        return {bus.id: round(bus.load, 2) for bus in slow[:ATTRIBUTES_MAX]}

    def _make(self, wanted: Iterable[str]) -> None:
        names = set(wanted)
        for bus in self._config.buses:
            if bus.id in names:
                self.by_id[bus.id] = self._buses[bus.id] = self._bus(bus)
        for local in self._config.mqtt_sources:
            if local.id in names:
                self.by_id[local.id] = self._brokers[local.id] = self._broker(local)

    def _bus(self, bus: BusConfig) -> ModbusBus:
        from edge_agent.modbus.build import make_bus  # noqa: PLC0415
        from edge_agent.modbus.learned_store import LearnedStore, path_beside  # noqa: PLC0415
        from edge_agent.modbus.plan import ReadPlanner  # noqa: PLC0415

        self._planner = self._planner or ReadPlanner()
        self._store = self._store or LearnedStore(path_beside(self._config.spool.path))
        return make_bus(
            bus,
            self._inventory.on_bus(bus.id),
            sink=self._sink,
            clock=self._clock,
            planner=self._planner,
            store=self._store,
            events=self._events,
            may_set=self._may_set,
        )

    def _broker(self, local: MqttSourceConfig) -> MqttSource:
        from edge_agent.mqtt_source import MqttSource  # noqa: PLC0415

        listeners = self._inventory.on_mqtt_source(local.id)
        return MqttSource(
            local,
            listeners,
            sink=self._sink,
            clock=self._clock,
            dated=self._dated,
            events=self._events,
        )

    # --- life ----------------------------------------------------------------------------------

    def start(self, group: asyncio.TaskGroup) -> None:
        """Run all sources in this group, those of later configurations too."""
        self._group = group
        self._run(self.by_id)

    def _run(self, names: Iterable[str]) -> None:
        assert self._group is not None, "the agent runs"
        for name in names:
            source = self.by_id[name]
            self._tasks[name] = self._group.create_task(source.run(), name=f"source {name}")
            self._watch(name)

    def _watch(self, name: str) -> None:
        """Listen for devices that describe themselves, where the configuration asks for it."""
        wanted = next((one for one in self._config.mqtt_sources if one.id == name), None)
        if wanted is None or not wanted.dialects or self._on_described is None:
            return
        from edge_agent.dialect_store import descriptions_path  # noqa: PLC0415
        from edge_agent.dialect_watch import DialectWatch  # noqa: PLC0415

        watch = DialectWatch(
            name,
            wanted.broker,
            wanted.dialects,
            path=descriptions_path(self._config.spool.path, name),
            on_described=self._on_described,
        )
        assert self._group is not None, "the agent runs"
        task = self._group.create_task(watch.run(), name=f"descriptions {name}")
        self._tasks[_watcher(name)] = task

    async def end(self, names: Iterable[str] | None = None) -> None:
        """End some sources, or all; afterwards they give no more samples."""
        asked = list(self._tasks if names is None else names)
        chosen = [*asked, *map(_watcher, asked)]
        await end_tasks([self._tasks.pop(name) for name in chosen if name in self._tasks])

    # --- another configuration -----------------------------------------------------------------

    def change(self, config: EdgeConfig, inventory: Inventory, plan: ReloadPlan) -> None:
        """Go on with another configuration, within one turn of the loop.

        Those of `plan.ended` have ended before; those of `plan.begun` run after `begin`.
        """
        self._config = config
        self._inventory = inventory
        for name in plan.ended:
            for table in (self.by_id, self._buses, self._brokers):
                table.pop(name, None)
        for name, bus in self._buses.items():
            change = bus.rebind if name in plan.kept else bus.replan
            change(inventory.on_bus(name))
        for name, broker in self._brokers.items():
            broker.rebind(inventory.on_mqtt_source(name))
        self._make(plan.begun)

    def begin(self, plan: ReloadPlan) -> None:
        """Run the sources that `change` has made."""
        self._run(plan.begun)


def _watcher(name: str) -> str:
    return f"{name} descriptions"


async def end_tasks(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancel tasks and wait for them."""
    ending = list(tasks)
    for task in ending:
        task.cancel()
    await asyncio.gather(*ending, return_exceptions=True)
