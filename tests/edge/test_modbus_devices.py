"""The field side as it is built, against simulated devices on sockets and serial lines.

The simulators encode by their own code, so that what both sides agree on is Modbus.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest

from campus_wire.quality import Quality
from device_profiles.model import ModbusProfile
from edge_agent.config import BusConfig, EdgeConfig
from edge_agent.interlocks import Interlocks
from edge_agent.modbus.build import make_bus
from edge_agent.modbus.bus import ModbusBus
from edge_agent.ports import SampleObserver
from firmware_sims.device import DeviceParts, ModbusDevice
from firmware_sims.faults import DEFAULT_VALUES, WIRE_FAULTS, Fault, FaultKind
from firmware_sims.from_profile import register_points
from firmware_sims.modbus.serial import SerialLine
from firmware_sims.modbus.service import ServiceContext, UnitService
from firmware_sims.modbus.tcp import TcpEndpoint
from firmware_sims.truth import TruthLog
from tests.edge.fakes import (
    LIBRARY,
    NAME,
    RealClock,
    RecordingEvents,
    RecordingSink,
    modbus_device,
    site,
)

INTERVAL_S = 0.1
TRUTH = {"temperature": 21.5, "relative_humidity": 56.4}


def simulated(profile_id: str, unit: int, **initial: float) -> ModbusDevice:
    profile = LIBRARY.get(profile_id)
    assert isinstance(profile, ModbusProfile)
    parts = DeviceParts(points=register_points(profile), initial=initial)
    return ModbusDevice(f"{profile_id}-{unit}", unit, parts)


def service(*devices: ModbusDevice, framing: Any) -> UnitService:
    started_s = time.monotonic()
    context = ServiceContext(lambda: time.monotonic() - started_s, TruthLog(None))
    return UnitService(devices, context, framing=framing)


def site_of(*buses: dict[str, Any], **more: Any) -> EdgeConfig:
    plain = {
        "gateway": "gw-test",
        "school": {"id": "s1", "name": NAME},
        "areas": [{"id": "r1", "kind": "classroom", "name": NAME}],
        "uplink": {"broker": {"host": "127.0.0.1"}},
        "spool": {"path": "spool.db"},
        "buses": buses,
        **more,
    }
    return EdgeConfig.model_validate_json(orjson.dumps(plain))


class Watched(RecordingSink):
    """A sink that shows samples to observers too, as the pipeline does."""

    def __init__(self) -> None:
        super().__init__()
        self.observers: list[SampleObserver] = []

    def accept(self, samples: Any, sample_class: Any) -> None:
        super().accept(samples, sample_class)
        for observer in self.observers:
            observer.observe(samples)


@asynccontextmanager
async def running(config: EdgeConfig, sink: RecordingSink) -> AsyncIterator[dict[str, ModbusBus]]:
    inventory = site(config)
    buses = {
        bus.id: make_bus(bus, inventory.on_bus(bus.id), sink=sink, clock=RealClock())
        for bus in config.buses
    }
    tasks = [asyncio.create_task(bus.run()) for bus in buses.values()]
    try:
        yield buses
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)


def last_quality(sink: RecordingSink, device: int) -> int | None:
    samples = sink.of(device)
    return max(samples[-1].qualities) if samples else None


SILENT = {Quality.NO_ANSWER}
SPOILT = {Quality.GARBLED}
ANY = {Quality.GARBLED, Quality.NO_ANSWER, Quality.NOT_CONNECTED, Quality.WRONG_UNIT}
SOMETIMES = {Quality.GOOD, Quality.BUSY}  # it answers when asked often enough
EXPECTED = {
    "tcp": {
        FaultKind.SILENCE: SILENT,
        FaultKind.LATE: SILENT,
        FaultKind.EXCEPTION: {Quality.EXCEPTION},
        FaultKind.GARBAGE: ANY,
        FaultKind.BAD_CRC: ANY,
        FaultKind.WRONG_UNIT: {Quality.WRONG_UNIT},
        FaultKind.WRONG_TRANSACTION: SILENT,
        FaultKind.SHORT_FRAME: SILENT,
        FaultKind.BYTE_BY_BYTE: {Quality.GOOD},
        FaultKind.BUSY: SOMETIMES,
        FaultKind.NOT_READY: SOMETIMES,
        FaultKind.LENGTH_LIES: ANY,
        FaultKind.WRONG_FUNCTION: ANY,
        FaultKind.TWICE: ANY | {Quality.GOOD},
        FaultKind.SPLIT: {Quality.GOOD},
        FaultKind.ECHO: ANY | {Quality.GOOD},
        FaultKind.SAME_UNIT: {Quality.EXCEPTION, *SILENT},
        FaultKind.NOISE: ANY,
    },
    "rtu": {
        FaultKind.SILENCE: SILENT,
        FaultKind.LATE: SILENT,
        FaultKind.EXCEPTION: {Quality.EXCEPTION},
        FaultKind.GARBAGE: ANY,
        FaultKind.BAD_CRC: SPOILT,
        FaultKind.WRONG_UNIT: {Quality.WRONG_UNIT},
        FaultKind.WRONG_TRANSACTION: SPOILT,
        FaultKind.SHORT_FRAME: SPOILT,
        FaultKind.BYTE_BY_BYTE: {Quality.GOOD},
        FaultKind.BUSY: SOMETIMES,
        FaultKind.NOT_READY: SOMETIMES,
        FaultKind.LENGTH_LIES: ANY,
        FaultKind.WRONG_FUNCTION: ANY,
        FaultKind.TWICE: ANY | {Quality.GOOD},
        FaultKind.SPLIT: {Quality.GOOD},
        FaultKind.ECHO: ANY | {Quality.GOOD},
        FaultKind.SAME_UNIT: ANY,
        FaultKind.NOISE: {Quality.GOOD},
    },
}


def bus_on(number: int, link: dict[str, Any]) -> dict[str, Any]:
    device = modbus_device(f"th-{number}", "xy-md02", unit=1, interval_s=INTERVAL_S)
    return {"id": f"bus-{number}", "modbus": {**link, "timeout_s": 0.2}, "devices": [device]}


@pytest.mark.parametrize("transport", ["tcp", "rtu"])
async def test_every_fault_on_the_wire_is_a_quality_and_passes(
    transport: str, tmp_path: Path
) -> None:
    """One device and bus for each fault, all at once."""
    kinds = sorted(WIRE_FAULTS)
    devices = [simulated("xy-md02", 1, **TRUTH) for _ in kinds]
    sink = RecordingSink()
    async with AsyncExitStack() as stack:
        links: list[dict[str, Any]] = []
        for number, device in enumerate(devices):
            served = service(device, framing=transport)
            if transport == "tcp":
                endpoint = TcpEndpoint(served, host="127.0.0.1")
                await endpoint.start()
                stack.push_async_callback(endpoint.stop)
                links.append({"transport": "tcp", "host": "127.0.0.1", "port": endpoint.port})
            else:
                path = tmp_path / f"line-{number}"
                line = SerialLine(served, link=path)
                await line.start()
                stack.push_async_callback(line.stop)
                links.append({"transport": "rtu", "port": str(path), "baud_rate": 115_200})
        config = site_of(*(bus_on(number, link) for number, link in enumerate(links)))
        every = range(len(kinds))
        async with running(config, sink):
            await until(lambda: all(last_quality(sink, at) == Quality.GOOD for at in every))
            for kind, device in zip(kinds, devices, strict=True):
                device.begin_fault(Fault(kind, DEFAULT_VALUES.get(kind, 0.0)))
            before = [len(sink.of(at)) for at in every]
            await until(lambda: all(len(sink.of(at)) > before[at] + 3 for at in every))
            during = {kind: last_quality(sink, at) for at, kind in enumerate(kinds)}
            for device in devices:
                device.end_fault()
            await until(lambda: all(last_quality(sink, at) == Quality.GOOD for at in every))

    expected = EXPECTED[transport]
    assert {kind: seen for kind, seen in during.items() if seen not in expected[kind]} == {}
    good = {sample.values for _, sample in sink.samples if not any(sample.qualities)}
    assert good == {tuple(TRUTH.values())}


async def listening(device: ModbusDevice) -> TcpEndpoint:
    endpoint = TcpEndpoint(service(device, framing="tcp"), host="127.0.0.1")
    await endpoint.start()
    return endpoint


def tcp_bus(bus_id: str, port: int, *devices: dict[str, Any]) -> dict[str, Any]:
    modbus = {"transport": "tcp", "host": "127.0.0.1", "port": port, "timeout_s": 0.3}
    return {"id": bus_id, "modbus": modbus, "devices": devices}


async def test_a_gas_detector_switches_a_fan_on_another_bus() -> None:
    gas = simulated("elt-mb-350u-c", 1, co=3)
    relay = simulated("waveshare-modbus-rtu-relay-8ch", 1)
    lab, cabinet = await listening(gas), await listening(relay)
    config = site_of(
        tcp_bus("lab", lab.port, modbus_device("gas", "elt-mb-350u-c", unit=1, interval_s=0.1)),
        tcp_bus(
            "cabinet",
            cabinet.port,
            modbus_device("relay", "waveshare-modbus-rtu-relay-8ch", unit=1, interval_s=5.0),
        ),
        interlocks=[
            {
                "id": "co-fan",
                "when": {"device": "gas", "point": "co", "at_or_above": 25, "lost_after_s": 60},
                "then": {"device": "relay", "point": "relay_3", "value": 1},
                "otherwise": {"value": 0},
                "on_sensor_lost": "act",
            }
        ],
    )
    sink = Watched()
    events = RecordingEvents()
    async with running(config, sink) as buses:
        interlocks = Interlocks(
            config.interlocks, site(config), actuators=buses, clock=RealClock(), events=events
        )
        sink.observers.append(interlocks)
        task = asyncio.create_task(interlocks.run())
        await until(lambda: last_quality(sink, 0) == Quality.GOOD)
        assert relay.shown["relay_3"] == 0
        gas.hold("co", 40)
        await until(lambda: "interlock_written" in events.kinds)
        assert relay.shown["relay_3"] == 1
        gas.hold("co", 2)
        await until(lambda: events.kinds.count("interlock_written") == 2)
        assert relay.shown["relay_3"] == 0
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    await lab.stop()
    await cabinet.stop()

    assert events.kinds[0] == "interlock_tripped"


async def test_writes_to_an_air_conditioner_are_read_back() -> None:
    ac = simulated("haier-ycj-a002", 7, temperature_setpoint=26)
    endpoint = await listening(ac)
    config = site_of(
        tcp_bus("bus", endpoint.port, modbus_device("ac", "haier-ycj-a002", unit=7, interval_s=60))
    )
    async with running(config, RecordingSink()) as buses:
        setpoint = await buses["bus"].write("ac", "temperature_setpoint", 24, timeout_s=5)
        power = await buses["bus"].write("ac", "power_on", 1, timeout_s=5)
        hot = await buses["bus"].write("ac", "temperature_setpoint", 31, timeout_s=5)
    await endpoint.stop()

    assert (setpoint.outcome, setpoint.value_read) == ("succeeded", 24)
    assert (power.outcome, power.value_read) == ("succeeded", 1)
    assert (hot.outcome, hot.reason) == ("failed", "above_maximum")
    assert (ac.shown["temperature_setpoint"], ac.shown["power_on"]) == (24, 1)


def test_a_bus_of_the_configuration_gets_the_connection_it_says() -> None:
    serial = BusConfig.model_validate(
        {
            "id": "line",
            "modbus": {
                "transport": "rtu",
                "port": "/dev/ttyS9",
                "baud_rate": 19_200,
                "parity": "E",
                "pause_s": 0.2,
            },
            "devices": (),
        }
    )
    bus = make_bus(serial, [], sink=RecordingSink(), clock=RealClock())

    assert bus.id == "line"
    assert "/dev/ttyS9" in bus._client.link.place  # type: ignore[attr-defined]
