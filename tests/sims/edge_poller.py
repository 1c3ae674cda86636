"""An edge agent's sources in this process: what they have read of every point."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from campus_wire.batch import Sample
from campus_wire.catalog import SampleClass
from campus_wire.messages import Event
from edge_agent.config_check import LoadedConfig, load_config
from edge_agent.dialect_store import descriptions_path
from edge_agent.dialect_watch import DialectWatch
from edge_agent.inventory import build_inventory
from edge_agent.sources import Sources
from tests.edge.fakes import RealClock

Said = tuple[float | None, int]


class Readings:
    """The newest value and quality of every point; takes samples of all kinds, and events."""

    def __init__(self, names: dict[int, str], points: dict[int, dict[int, str]]) -> None:
        self.newest: dict[str, dict[str, Said]] = {name: {} for name in names.values()}
        self.events: list[Event] = []
        self._names = names
        self._points = points

    def accept(self, samples: Sequence[Sample], _class: SampleClass) -> None:
        for sample in samples:
            points = self._points[sample.device]
            rows = zip(sample.points, sample.values, sample.qualities, strict=True)
            for index, value, quality in rows:
                self.newest[self._names[sample.device]][points[index]] = (value, quality)

    def accept_dated(
        self, samples: Sequence[Sample], sample_class: SampleClass, *, is_fresh: bool
    ) -> None:
        if is_fresh:
            self.accept(samples, sample_class)

    def post(self, event: Event) -> None:
        self.events.append(event)

    def good(self, device: str) -> dict[str, float | None]:
        return {
            name: value for name, (value, quality) in self.newest[device].items() if quality == 0
        }

    def bad(self, device: str) -> dict[str, Said]:
        return {name: said for name, said in self.newest[device].items() if said[1] != 0}


class Poller:
    """The sources of one `edge.yaml`."""

    def __init__(self, loaded: LoadedConfig) -> None:
        self.inventory = build_inventory(loaded.config, loaded.library)
        self.waiting = loaded.waiting
        devices = self.inventory.devices
        self.readings = Readings(
            {device.index: device.id for device in devices},
            {
                device.index: {index: name for name, index in device.point_indices.items()}
                for device in devices
            },
        )
        self.sources = Sources(
            loaded.config,
            self.inventory,
            sink=self.readings,
            clock=RealClock(),
            dated=self.readings,
            events=self.readings,
            may_set=lambda *_: True,
        )

    @property
    def silent(self) -> list[str]:
        """Devices of which nothing was heard."""
        return [name for name, said in self.readings.newest.items() if not said]

    @property
    def bad(self) -> dict[str, dict[str, Said]]:
        """Points that are not good, of devices that have any."""
        found = {name: self.readings.bad(name) for name in self.readings.newest}
        return {name: said for name, said in found.items() if said}

    async def write(self, device: str, point: str, value: float) -> str:
        """Write a point by the source that reads it; return how it ended."""
        config = self.inventory.device(device)
        assert config is not None
        result = await self.sources.by_id[config.source].write(device, point, value, timeout_s=15.0)
        return result.outcome


async def hear_descriptions(paths: Sequence[Path]) -> None:
    """Listen until every device has described itself, as the agent does, but without its pauses."""
    async with asyncio.TaskGroup() as group:
        tasks = []
        for path in paths:
            config = (await asyncio.to_thread(load_config, path)).config
            for source in config.mqtt_sources:
                if source.dialects:
                    watch = DialectWatch(
                        source.id,
                        source.broker,
                        source.dialects,
                        path=descriptions_path(config.spool.path, source.id),
                        on_described=_nothing,
                        settle_s=0.2,
                        lift_s=0.5,
                    )
                    tasks.append(group.create_task(watch.run()))
        for path in paths:
            while (await asyncio.to_thread(load_config, path)).waiting:  # noqa: ASYNC110
                await asyncio.sleep(0.5)  # what it waits for is in files
        for task in tasks:
            task.cancel()


async def _nothing() -> None:
    """The configuration is read again afterwards."""


@asynccontextmanager
async def polling(path: Path) -> AsyncIterator[Poller]:
    """Read everything that a configuration names until the end of the block."""
    poller = Poller(await asyncio.to_thread(load_config, path))
    async with asyncio.TaskGroup() as group:
        poller.sources.start(group)
        try:
            yield poller
        finally:
            await poller.sources.end()
