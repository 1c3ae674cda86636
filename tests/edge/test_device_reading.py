"""Reading a device once, of any form of its model, with all that its points are made of."""

import pytest

from campus_wire.quality import Quality
from device_profiles.model import ModbusProfile
from edge_agent.device_reading import PointReading, read_once
from edge_agent.modbus.client import ModbusClient
from edge_agent.modbus.framing import MbapFraming
from edge_agent.modbus.links import TcpLink
from firmware_sims.device import ModbusDevice
from firmware_sims.from_profile import Choice
from firmware_sims.modbus.tcp import TcpEndpoint
from tests.edge.simulated_rig import library
from tests.edge.test_modbus_devices import service
from tests.edge.test_modbus_life import inverter
from tests.sims.edge_reader import simulated


async def read(
    profile: ModbusProfile, device: ModbusDevice | None, *names: str
) -> dict[str, PointReading]:
    served = service(*([] if device is None else [device]), framing="tcp")
    endpoint = TcpEndpoint(served, host="127.0.0.1")
    await endpoint.start()
    link = TcpLink("127.0.0.1", endpoint.port)
    client = ModbusClient(link, MbapFraming, timeout_s=0.3)
    points = [point for point in profile.points if point.is_readable]
    chosen = [point for point in points if not names or point.name in names]
    try:
        readings = await read_once(client, profile, chosen, unit_id=1)
    finally:
        client.close()
        await endpoint.stop()
    return {one.point: one for one in readings}


@pytest.mark.integration
async def test_an_inverter_is_walked_and_its_values_are_put_together() -> None:
    profile = inverter()
    device = simulated(profile, Choice(blocks=(103,)), power_sf=2)
    device.hold("power", 12_300)
    device.hold("mwh", 4000)
    device.hold("kwh", 321)
    found = await read(profile, device, "power", "energy", "limit", "maker")

    assert found.keys() == {"power", "energy", "maker"}  # it has no such model as that of `limit`
    assert found["maker"].text == "nobody"
    assert (found["power"].value, found["power"].quality) == (12_300, 0)
    assert found["power"].raw == (123,)
    assert found["energy"].value == 4321


@pytest.mark.integration
async def test_a_sensor_is_read_in_the_units_that_it_says() -> None:
    profile = library("ss-aerasgard-rftm-lq-ps-co2")
    device = simulated(profile, Choice(("imperial",)))
    device.hold("temperature", 20.0)
    value = (await read(profile, device))["temperature"].value

    assert value == pytest.approx(20.0, abs=0.06)


@pytest.mark.integration
async def test_a_device_that_does_not_answer_is_bad_with_the_reason() -> None:
    found = await read(library("ss-aerasgard-rftm-lq-ps-co2"), None, "temperature", "humidity")

    assert {one.quality for one in found.values()} <= {Quality.NO_ANSWER, Quality.NOT_CONNECTED}
    assert all(one.problem for one in found.values())
