"""A running agent on simulated devices over TCP, whose configuration changes while it runs."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from campus_wire.batch import decode_batch
from campus_wire.catalog import decode_catalog
from device_profiles.model import ModbusProfile
from edge_agent.app import EdgeAgent, ready_agent
from edge_agent.clock_source import wall_clock
from edge_agent.config import EdgeConfig
from edge_agent.handover import Handover
from edge_agent.inventory import build_inventory
from edge_agent.spool.records import Rank
from firmware_sims.device import DeviceParts, ModbusDevice
from firmware_sims.from_profile import register_points
from firmware_sims.modbus.service import ServiceContext, UnitService
from firmware_sims.modbus.tcp import TcpEndpoint
from firmware_sims.truth import TruthLog
from tests.edge.fakes import LIBRARY, NAME, modbus_device
from tests.edge.kit import open_store

PROFILE = "xy-md02"
UNITS = range(1, 7)


def device_id(bus: int, unit: int) -> str:
    return f"th-{bus}-{unit}"


def truth_of(bus: int, unit: int) -> tuple[float, float]:
    """What a device says: no two say the same."""
    return 10.0 + bus + unit / 10, 40.0 + 10 * bus + unit


class Told(NamedTuple):
    """One sample as it lies in the spool, read by the catalog that its batch names."""

    device: str
    time_ns: int
    values: tuple[float | None, ...]
    points: tuple[str, ...]
    is_good: bool


@dataclass
class Site:
    """Three endpoints of six units each, and the folder of the agent."""

    folder: Path
    broker_port: int
    truth: TruthLog
    endpoints: list[TcpEndpoint] = field(default_factory=list)

    def handover(self, *buses: Sequence[dict[str, Any]], **more: Any) -> Handover:
        """What the agent gets; `buses` are the devices of each bus."""
        config = EdgeConfig.model_validate_json(orjson.dumps(self.plain(*buses, **more)))
        return Handover(config, build_inventory(config, LIBRARY), {"campus-iot": "1"})

    def plain(self, *buses: Sequence[dict[str, Any]], **more: Any) -> dict[str, Any]:
        return {
            "gateway": "gw-test",
            "school": {"id": "s1", "name": NAME},
            "areas": [{"id": "r1", "kind": "classroom", "name": NAME}],
            "uplink": {"broker": {"host": "127.0.0.1", "port": self.broker_port}},
            "spool": {"path": str(self.folder / "spool.db"), "max_mb": 8, "disk_reserve_mb": 0},
            "clock": {"source": "system"},
            "buses": [
                {
                    "id": f"bus-{number}",
                    "modbus": {
                        "transport": "tcp",
                        "host": "127.0.0.1",
                        "port": self.endpoints[number].port,
                        "timeout_s": 2,
                    },
                    "devices": list(devices),
                }
                for number, devices in enumerate(buses)
            ],
            **more,
        }

    def answers(self) -> Counter[str]:
        """How often each device answered with values."""
        self.truth.flush()
        answered: Counter[str] = Counter()
        for line in (self.folder / "truth.jsonl").read_text(encoding="utf-8").splitlines():
            entry = json.loads(line)
            answered[entry["device"]] += "values" in entry
        return answered

    def told(self) -> list[Told]:
        """All samples in the spool, after the agent has ended."""
        store = open_store(self.folder / "spool.db")
        try:
            return [
                one
                for rank in Rank
                for batch in store.backlog(rank, after=0, limit=100_000)
                for one in _told(batch.payload, store.catalog(batch.catalog))
            ]
        finally:
            store.close()


def _told(payload: bytes, catalog_payload: bytes | None) -> list[Told]:
    assert catalog_payload is not None, "a batch without its catalog"
    batch = decode_batch(payload)
    revision, catalog = decode_catalog(catalog_payload)
    assert revision == batch.catalog
    found = []
    for block in batch.blocks:
        names = tuple(catalog.points[point].name for point in block.points)
        for row, device in enumerate(block.devices):
            values = tuple(column[row] for column in block.columns)
            found.append(
                Told(
                    catalog.devices[device].id,
                    block.times_ns[row],
                    values,
                    names,
                    all(value is not None for value in values),
                )
            )
    return found


def sensor(bus: int, unit: int, interval_s: float = 0.1, **more: Any) -> dict[str, Any]:
    return modbus_device(device_id(bus, unit), PROFILE, unit=unit, interval_s=interval_s, **more)


def _simulated(bus: int, unit: int) -> ModbusDevice:
    profile = LIBRARY.get(PROFILE)
    assert isinstance(profile, ModbusProfile)
    temperature, humidity = truth_of(bus, unit)
    parts = DeviceParts(
        points=register_points(profile),
        initial={"temperature": temperature, "relative_humidity": humidity},
    )
    return ModbusDevice(device_id(bus, unit), unit, parts)


@asynccontextmanager
async def a_site(folder: Path, broker_port: int, *, buses: int = 3) -> AsyncIterator[Site]:
    truth = TruthLog(folder / "truth.jsonl")
    site = Site(folder, broker_port, truth)
    context = ServiceContext(lambda: 0.0, truth)
    try:
        for bus in range(buses):
            served = UnitService([_simulated(bus, unit) for unit in UNITS], context, framing="tcp")
            endpoint = TcpEndpoint(served, host="127.0.0.1")
            await endpoint.start()
            site.endpoints.append(endpoint)
        yield site
    finally:
        for endpoint in site.endpoints:
            await endpoint.stop()
        truth.close()


@asynccontextmanager
async def running(handover: Handover) -> AsyncIterator[EdgeAgent]:
    """Run an agent; its end is in order, so that all it read is in the spool."""
    wall = wall_clock("system")
    stop = asyncio.Event()
    async with ready_agent(handover, wall) as agent:
        task = asyncio.create_task(agent.run(stop, wall))
        try:
            yield agent
        finally:
            stop.set()
            await task


def counted(told: Sequence[Told]) -> Mapping[str, int]:
    return Counter(one.device for one in told)
