"""The agent's side and simulated devices on every kind of line: framing, echo, others on it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from campus_wire.quality import Quality
from edge_agent.modbus.bus import ModbusBus
from firmware_sims.faults import Fault, FaultKind
from firmware_sims.modbus.serial import Foreign, SerialLine
from firmware_sims.modbus.tcp import TcpEndpoint
from tests.edge.fakes import RecordingSink, modbus_device
from tests.edge.test_modbus_devices import (
    TRUTH,
    last_quality,
    running,
    service,
    simulated,
    site_of,
    until,
)

RELAY = "waveshare-modbus-rtu-relay-8ch"
# framing, echo, others on the line, what the configuration says of the echo
LINES = [
    ("rtu", False, False, None),
    ("rtu", False, True, False),
    ("rtu", True, True, None),
    ("rtu", True, False, True),
    ("ascii", False, True, None),
    ("ascii", True, False, None),
    ("ascii", True, True, True),
]


@asynccontextmanager
async def a_line(
    folder: Path, framing: Any, *, echo: bool, foreign: bool, said: bool | None
) -> AsyncIterator[tuple[dict[str, ModbusBus], RecordingSink, Any]]:
    """A sensor and a relay on one pseudo-terminal, and the bus that reads them."""
    relay = simulated(RELAY, 2)
    served = service(simulated("xy-md02", 1, **TRUTH), relay, framing=framing)
    line = SerialLine(
        served,
        link=folder / "line",
        framing=framing,
        echo=echo,
        foreign=Foreign(0.03) if foreign else None,
    )
    await line.start()
    modbus: dict[str, Any] = {
        "transport": framing,
        "port": str(folder / "line"),
        "baud_rate": 115_200,
        "timeout_s": 0.3,
    }
    if said is not None:
        modbus["echo"] = said
    devices = [
        modbus_device("th", "xy-md02", unit=1, interval_s=0.1),
        modbus_device("relay", RELAY, unit=2, interval_s=0.2),
    ]
    sink = RecordingSink()
    config = site_of({"id": "bus", "modbus": modbus, "devices": devices})
    try:
        async with running(config, sink) as buses:
            yield buses, sink, relay
    finally:
        await line.stop()


@pytest.mark.parametrize(("framing", "echo", "foreign", "said"), LINES)
async def test_values_and_writes(
    framing: str, echo: bool, foreign: bool, said: bool | None, tmp_path: Path
) -> None:
    async with a_line(tmp_path, framing, echo=echo, foreign=foreign, said=said) as (
        buses,
        sink,
        relay,
    ):
        await until(lambda: last_quality(sink, 0) == Quality.GOOD)
        on = await buses["bus"].write("relay", "relay_1", 1, timeout_s=5)
        assert (on.outcome, on.value_read, relay.shown["relay_1"]) == ("succeeded", 1, 1)
        relay.begin_fault(Fault(FaultKind.SILENCE, 0.0))
        off = await buses["bus"].write("relay", "relay_1", 0, timeout_s=0.8)
        assert off.outcome != "succeeded"
        assert relay.shown["relay_1"] == 1
        seen = len(sink.of(0))
        await until(lambda: len(sink.of(0)) > seen + 3)

    good = {sample.values for sample in sink.of(0) if not any(sample.qualities)}
    assert good == {tuple(TRUTH.values())}


@pytest.mark.parametrize("framing", ["tcp", "rtu", "ascii"])
async def test_an_endpoint_that_takes_one_connection(framing: Any) -> None:
    served = service(
        simulated("xy-md02", 1, **TRUTH), simulated("xy-md02", 2, **TRUTH), framing=framing
    )
    endpoint = TcpEndpoint(served, host="127.0.0.1", framing=framing, policy="refuse")
    await endpoint.start()
    transport = "tcp" if framing == "tcp" else f"{framing}_over_tcp"
    modbus = {"transport": transport, "host": "127.0.0.1", "port": endpoint.port, "timeout_s": 0.5}
    devices = [modbus_device(f"th-{unit}", "xy-md02", unit=unit, interval_s=0.1) for unit in (1, 2)]
    sink = RecordingSink()
    async with running(site_of({"id": "bus", "modbus": modbus, "devices": devices}), sink):
        await until(lambda: len(sink.of(0)) > 3 and len(sink.of(1)) > 3)
    await endpoint.stop()

    assert {tuple(sample.qualities) for _, sample in sink.samples} == {(0, 0)}


async def test_a_gateway_that_speaks_for_a_silent_unit_costs_the_others_nothing() -> None:
    """Exceptions 10 and 11 are a gateway's word: the unit behind it is silent, not the gateway."""
    silent = simulated("xy-md02", 2, **TRUTH)
    served = service(simulated("xy-md02", 1, **TRUTH), silent, framing="tcp")
    endpoint = TcpEndpoint(served, host="127.0.0.1")
    await endpoint.start()
    modbus = {"transport": "tcp", "host": "127.0.0.1", "port": endpoint.port, "timeout_s": 0.5}
    devices = [modbus_device(f"th-{unit}", "xy-md02", unit=unit, interval_s=0.1) for unit in (1, 2)]
    sink = RecordingSink()
    qualities = []
    async with running(site_of({"id": "bus", "modbus": modbus, "devices": devices}), sink):
        for code in (10, 11):
            silent.begin_fault(Fault(FaultKind.EXCEPTION, code))
            await until(lambda: last_quality(sink, 1) not in {None, Quality.GOOD})
            qualities.append(last_quality(sink, 1))
            seen = len(sink.of(0))
            await until(lambda: len(sink.of(0)) > seen + 3)  # noqa: B023
            silent.end_fault()
            await until(lambda: last_quality(sink, 1) == Quality.GOOD)
        await asyncio.sleep(0)
    await endpoint.stop()

    assert qualities == [Quality.NOT_CONNECTED, Quality.NO_ANSWER]
    assert {tuple(sample.qualities) for sample in sink.of(0)} == {(0, 0)}
