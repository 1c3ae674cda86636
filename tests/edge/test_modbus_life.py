"""The whole life of devices on real sockets and serial lines: got to know, set up, read, written.

Simulated devices of the library and of made-up profiles answer with their own encoders.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from device_profiles.model import ModbusProfile
from edge_agent.inventory import build_inventory
from edge_agent.modbus.build import make_bus
from edge_agent.modbus.bus import ModbusBus
from firmware_sims.device import ModbusDevice
from firmware_sims.from_profile import Choice
from firmware_sims.modbus.serial import SerialLine
from firmware_sims.modbus.tcp import TcpEndpoint
from tests.edge.fakes import LIBRARY, RealClock, RecordingEvents, RecordingSink, modbus_device
from tests.edge.simulated_rig import Profiles
from tests.edge.test_modbus_devices import service, site_of, until
from tests.profiles.build import model, point, register
from tests.sims.edge_reader import simulated

TRANSPORTS = ["tcp", "rtu"]
Newest = dict[str, tuple[float | None, int]]


def library(name: str) -> ModbusProfile:
    profile = LIBRARY.get(name)
    assert isinstance(profile, ModbusProfile)
    return profile


class Field:
    """One device behind a real connection, and what the edge tells of it."""

    def __init__(self, device: ModbusDevice) -> None:
        self.device = device
        self.sink = RecordingSink()
        self.events = RecordingEvents()
        self.bus: ModbusBus | None = None
        self.names: dict[int, str] = {}

    @property
    def newest(self) -> Newest:
        newest: Newest = {}
        for sample in self.sink.of(0):
            rows = zip(sample.points, sample.values, sample.qualities, strict=True)
            newest |= {self.names[index]: (value, quality) for index, value, quality in rows}
        return newest

    def is_right(self, *names: str) -> bool:
        """Whether these points were told as the device shows them."""
        newest = self.newest
        shown = self.device.shown
        return all(
            name in newest
            and newest[name][0] is not None
            and newest[name][0] == pytest.approx(shown[name], abs=1e-6)
            for name in names
        )

    async def write(self, name: str, value: float) -> str:
        assert self.bus is not None
        return (await self.bus.write("device", name, value, timeout_s=3.0)).outcome


@asynccontextmanager
async def field(
    profile: ModbusProfile, device: ModbusDevice, transport: str, folder: Path, **more: Any
) -> AsyncIterator[Field]:
    """Run a bus with the device on it."""
    made = Field(device)
    async with AsyncExitStack() as stack:
        served = service(device, framing=transport)
        link: dict[str, Any]
        if transport == "tcp":
            endpoint = TcpEndpoint(served, host="127.0.0.1")
            await endpoint.start()
            stack.push_async_callback(endpoint.stop)
            link = {"transport": "tcp", "host": "127.0.0.1", "port": endpoint.port}
        else:
            line = SerialLine(served, link=folder / "line")
            await line.start()
            stack.push_async_callback(line.stop)
            link = {"transport": "rtu", "port": str(folder / "line"), "baud_rate": 115_200}
        link["timeout_s"] = 0.5
        config = site_of(
            {
                "id": "bus",
                "modbus": link,
                "devices": [modbus_device("device", "tested", unit=1, interval_s=0.2, **more)],
            }
        )
        inventory = build_inventory(config, Profiles(tested=profile))
        [found] = inventory.on_bus("bus")
        made.names = {index: name for name, index in found.point_indices.items()}
        made.bus = make_bus(
            config.buses[0],
            [found],
            sink=made.sink,
            clock=RealClock(),
            events=made.events,
        )
        task = asyncio.create_task(made.bus.run())
        try:
            yield made
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@pytest.mark.integration
@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_gateway_of_sixty_four_indoor_units(transport: str, tmp_path: Path) -> None:
    profile = library("onokom-air-md-vrf-mb-b")
    device = simulated(profile, Choice(counts={"unit_count": 64}))
    for unit in range(1, 65):
        device.hold(f"indoor_{unit}_external_temperature", 18 + unit % 8)
    async with field(profile, device, transport, tmp_path) as made:
        rooms = [f"indoor_{unit}_external_temperature" for unit in range(1, 65)]
        await until(lambda: made.is_right("unit_count", *rooms))
        assert await made.write("indoor_64_mode", 2) == "succeeded"
        assert device.shown["indoor_64_mode"] == 2


@pytest.mark.integration
@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("variants", [(), ("imperial",)])
async def test_a_sensor_that_says_which_units_it_speaks(
    transport: str, variants: tuple[str, ...], tmp_path: Path
) -> None:
    profile = library("ss-aerasgard-rftm-lq-ps-co2")
    device = simulated(profile, Choice(variants))
    device.hold("temperature", 20.0)
    async with field(profile, device, transport, tmp_path) as made:
        await until(lambda: "temperature" in made.newest)
        value = made.newest["temperature"][0]
        assert value == pytest.approx(20.0, abs=0.06)


@pytest.mark.integration
@pytest.mark.parametrize("name", ["danfoss-ekc-202b", "danfoss-fc51", "system-sensor-faast"])
async def test_devices_of_the_library(name: str, tmp_path: Path) -> None:
    profile = library(name)
    device = simulated(profile)
    asks = [one.address for one in (step.raw for step in profile.modbus.setup) if one is not None]
    async with field(profile, device, "rtu", tmp_path) as made:
        numbers = [one.name for one in profile.points if one.is_readable and not one.is_text]
        told = [name for name in numbers if device.shown[name] is not None]
        await until(lambda: made.newest.keys() >= set(told))
        good = [name for name in told if made.newest[name][0] is not None]
        assert len(good) >= len(told) // 2
        assert made.is_right(*good)
        await until(lambda: made.events.kinds.count("device_setup") == len(asks))


def inverter() -> ModbusProfile:
    return model(
        [
            point("maker", read=register(2, "string", length=16, block=1), interval_s="once"),
            point(
                "power",
                unit="W",
                read=register(14, "int16", block=[101, 103], scale_factor="power_sf"),
            ),
            point(
                "power_sf",
                hidden=True,
                interval_s="once",
                read=register(15, "int16", block=[101, 103]),
            ),
            point("energy", unit="kWh", compute={"sum": ["mwh", {"point": "kwh"}]}),
            point("mwh", hidden=True, read=register(16, block=[101, 103], scale=1000)),
            point("kwh", hidden=True, read=register(20, block=[101, 103])),
            point(
                "limit",
                unit="%",
                read=register(5, block=123),
                write={"function": 6, "minimum": 0, "maximum": 100, "unlock": True},
            ),
        ],
        sunspec={"marker_addresses": [40000, 50000, 0]},
        unlock=[{"function": 6, "address": 300, "value": 0xBEEF}],
        heartbeat={"function": 6, "address": 301, "values": [1, 0], "every_s": 0.1},
        watchdog={"timeout_s": 60, "kept_by": "heartbeat"},
    )


@pytest.mark.integration
@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_an_inverter_of_models_factors_and_a_lock(transport: str, tmp_path: Path) -> None:
    profile = inverter()
    device = simulated(profile, Choice(blocks=(103, 123)), power_sf=2)
    device.hold("power", 12_300)
    device.hold("mwh", 4000)
    device.hold("kwh", 321)
    async with field(profile, device, transport, tmp_path) as made:
        await until(lambda: made.newest.get("power") == (12_300, 0))
        await until(lambda: made.newest.get("energy") == (4321, 0))
        await until(lambda: made.events.kinds == ["text"])
        assert made.events.events[0].attributes == {"point": "maker", "text": "nobody"}
        assert await made.write("limit", 40) == "succeeded"
        assert device.shown["limit"] == 40


@pytest.mark.integration
async def test_a_device_that_comes_back_as_another_variant(tmp_path: Path) -> None:
    profile = library("ss-aerasgard-rftm-lq-ps-co2")
    device = simulated(profile)
    device.hold("temperature", 20.0)
    async with field(profile, device, "tcp", tmp_path) as made:
        await until(lambda: made.is_right("temperature"))
        device.hold("unit_system", 1)
        device.hold("temperature", 68.0)  # what its register holds stays in its own unit
        await until(lambda: made.newest["unit_system"] == (1, 0))
        mark = len(made.sink.samples)
        await until(lambda: len(made.sink.samples) > mark + 3)
        told = [value for value, _ in series(made, "temperature") if value is not None]
        assert {round(value, 1) for value in told} == {20.0}


def series(made: Field, name: str) -> list[tuple[float | None, int]]:
    [index] = [index for index, one in made.names.items() if one == name]
    return [
        (sample.values[sample.points.index(index)], sample.qualities[sample.points.index(index)])
        for sample in made.sink.of(0)
        if index in sample.points
    ]


Condition = Callable[[], bool]


@pytest.mark.integration
async def test_a_device_that_wants_its_connection_closed(tmp_path: Path) -> None:
    """A second master can come in between two polls."""
    profile = model([point("x", read=register(0))], close_connection_after_poll=True)
    device = simulated(profile, x=7)
    async with field(profile, device, "tcp", tmp_path) as made:
        await until(lambda: made.newest.get("x") == (7, 0))
        await until(lambda: len(made.sink.samples) > 5)
        assert all(not any(sample.qualities) for sample in made.sink.of(0))
