"""A whole school in this process: schedule, orders, truth log and the edge's configuration."""

import asyncio
import json
import stat
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from campus_wire.config_file import load_yaml
from edge_agent.config import EdgeConfig
from firmware_sims.control import Controller, ControlServer, send_order
from firmware_sims.edge_config import EdgeOptions, write_edge_configs
from firmware_sims.errors import ControlError
from firmware_sims.running import RunningSchool
from firmware_sims.school import load_school
from tests.sims.client import connected, read_pdu
from tests.sims.schools import DEMO, described, device, plan, running, tcp_bus

GAS_READ = read_pdu(4, 101, 1)
SMALL = described(
    tcp_bus(
        device("gas-1", "copeland-c-series", "store-1"),
        device("relay-1", "waveshare-modbus-rtu-relay-8ch", "store-1", drives={"relay_1": "fan"}),
        device("th-1", "xy-md02"),
    )
)


async def gas_ppm(school: RunningSchool) -> int:
    async with connected(school.endpoints["tcp-1"].port) as client:
        return int.from_bytes((await client.ask(1, GAS_READ))[2:], "big")


async def until(condition: Any, timeout_s: float = 10.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not await condition():  # noqa: ASYNC110 - asks the device each time
            await asyncio.sleep(0.05)


def orders(school: RunningSchool) -> Controller:
    return Controller(school, lambda: None)


def give(controller: Controller, **order: Any) -> dict[str, Any]:
    return controller.carry_out(json.dumps(order).encode())


async def test_a_leak_ordered_live_rises_and_the_fan_brings_it_down(tmp_path: Path) -> None:
    async with running(plan(SMALL), tmp_path, truth=tmp_path / "truth.jsonl") as school:
        assert await gas_ppm(school) < 5
        assert give(orders(school), do="leak", area="store-1", ppm_per_s=60, for_s=1.0)["ok"]

        async def above() -> bool:
            return await gas_ppm(school) > 25

        await until(above)
        async with connected(school.endpoints["tcp-1"].port) as client:
            await client.ask(2, bytes.fromhex("050000ff00"))

        async def falls() -> bool:
            first = await gas_ppm(school)
            await asyncio.sleep(0.5)
            return await gas_ppm(school) < first

        await until(falls)

    lines = [json.loads(line) for line in (tmp_path / "truth.jsonl").read_text().splitlines()]
    changes = [line["change"] for line in lines if "change" in line]
    assert changes == [{"gas_leak": 60, "active": True}, {"gas_leak": 0, "active": False}]
    assert [line["written"] for line in lines if "written" in line] == [{"relay_1": 1}]
    shown = [line["values"]["concentration"] for line in lines if line["device"] == "gas-1"]
    assert max(shown) > 25


async def test_faults_and_leaks_by_schedule(tmp_path: Path) -> None:
    data = {
        **SMALL,
        "faults": [{"device": "th-1", "kind": "stuck", "at_s": 0.1, "for_s": 0.2}],
        "leaks": [{"area": "store-1", "at_s": 0.1, "for_s": 0.2, "ppm_per_s": 9}],
    }
    truth = tmp_path / "truth.jsonl"
    async with running(plan(data), tmp_path, truth=truth) as school:
        await asyncio.sleep(0.15)
        assert school.device("th-1").faults.active() == ["stuck"]
        await asyncio.sleep(0.3)
        assert school.device("th-1").faults.active() == []

    changes = [json.loads(line) for line in truth.read_text().splitlines() if "change" in line]
    assert sorted((one["device"], one["change"]["active"]) for one in changes) == [
        ("store-1", False),
        ("store-1", True),
        ("th-1", False),
        ("th-1", True),
    ]


@pytest.mark.parametrize("number_fault", ["stuck", "drift", "invalid"])
async def test_faults_of_numbers(tmp_path: Path, number_fault: str) -> None:
    async with (
        running(plan(SMALL), tmp_path) as school,
        connected(school.endpoints["tcp-1"].port) as client,
    ):
        read = read_pdu(4, 1, 1)
        before = await client.ask(3, read)
        order = {"do": "fault", "device": "th-1", "kind": number_fault, "value": 50.0}
        assert give(orders(school), **order)["ok"]
        await asyncio.sleep(0.4)
        during = await client.ask(3, read)
        shown = school.device("th-1").shown["temperature"]
        give(orders(school), do="clear", device="th-1")
        await asyncio.sleep(0.2)
        after = await client.ask(3, read)

    number = {
        key: int.from_bytes(value[2:]) / 10
        for key, value in {"before": before, "during": during, "after": after}.items()
    }
    if number_fault == "stuck":
        assert during == before
    elif number_fault == "drift":
        assert number["during"] > number["before"] + 10
    else:
        # this sensor has no marker, so it shows the end of its scale
        assert (during[2:], shown) == (b"\x80\x00", -3276.8)
    assert number["after"] == pytest.approx(number["before"], abs=1)


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        ({"do": "leak", "area": "r1"}, "area"),
        ({"do": "fault", "device": "nobody", "kind": "silence"}, "device"),
        ({"do": "fault", "device": "th-1", "kind": "flood"}, "fault"),
        ({"do": "fault", "device": "th-1", "kind": "stuck", "point": "x"}, "point"),
        ({"do": "fault", "device": "th-1", "kind": "sleepy"}, "malformed"),
        ({"do": "set", "device": "th-1", "point": "x", "value": 1}, "point"),
        ({"do": "area", "area": "r1", "control": "x", "value": 1}, "area"),
        ({"do": "state", "device": "nobody"}, "device"),
        ({"do": "dance"}, "malformed"),
        ({"do": "leak", "area": "store-1", "ppm_per_s": -1}, "malformed"),
        ({"do": "stop", "now": True}, "malformed"),
    ],
)
async def test_orders_that_cannot_be_carried_out(
    tmp_path: Path, order: dict[str, Any], reason: str
) -> None:
    async with running(plan(SMALL), tmp_path) as school:
        answer = give(orders(school), **order)

    assert (answer["ok"], answer["reason"]) == (False, reason)
    assert answer["message"]


async def test_an_order_is_json(tmp_path: Path) -> None:
    async with running(plan(SMALL), tmp_path) as school:
        for line in (b"", b"{", b"[]", b"\xff", b"null"):
            assert orders(school).carry_out(line)["reason"] == "malformed"


async def test_points_and_areas_are_set_live(tmp_path: Path) -> None:
    async with running(plan(SMALL), tmp_path) as school:
        give(orders(school), do="set", device="gas-1", point="full_scale", value=500)
        give(orders(school), do="area", area="r1", control="leak", value=1)
        state = give(orders(school), do="state")

        assert state["devices"]["gas-1"]["shown"]["full_scale"] == 500
        assert school.world.areas["r1"].quantity("leak") == 1
        assert state["ports"] == {"tcp-1": school.endpoints["tcp-1"].port}
        assert give(orders(school), do="state", device="th-1")["devices"].keys() == {"th-1"}


async def test_a_living_point_is_held_and_let_go(tmp_path: Path) -> None:
    async with running(plan(SMALL), tmp_path) as school:
        give(orders(school), do="set", device="gas-1", point="concentration", value=40)
        await asyncio.sleep(0.3)
        assert await gas_ppm(school) == 40
        give(orders(school), do="set", device="gas-1", point="concentration", value=None)
        assert await gas_ppm(school) < 5


async def test_a_fault_that_a_device_cannot_have_is_refused_at_the_start(tmp_path: Path) -> None:
    data = {**SMALL, "faults": [{"device": "th-1", "kind": "flood", "at_s": 1}]}

    with pytest.raises(ControlError, match="cannot have the fault flood"):
        async with running(plan(data), tmp_path):
            pass


async def test_orders_by_the_loopback_port_need_the_token(tmp_path: Path) -> None:
    path = tmp_path / "control.json"
    stopped = asyncio.Event()
    async with running(plan(SMALL), tmp_path) as school:
        server = ControlServer(Controller(school, stopped.set), path)
        await server.start()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert (await send_order(path, {"do": "state"}))["ok"]

        contact = json.loads(path.read_text())
        path.write_text(json.dumps({**contact, "token": "guess"}))
        assert (await send_order(path, {"do": "stop"}))["reason"] == "token"
        assert not stopped.is_set()

        path.write_text(json.dumps(contact))
        assert (await send_order(path, {"do": "stop"}))["ok"]
        assert stopped.is_set()
        await server.stop()
    assert not path.exists()


async def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    async with running(plan(SMALL), tmp_path) as school:
        port = school.endpoints["tcp-1"].port
        other = plan(described(tcp_bus(device("th-1", "xy-md02"), port=port)))
        with pytest.raises(Exception, match="bus tcp-1: cannot be opened"):
            async with running(other, tmp_path):
                pass


async def test_the_edge_takes_the_configuration_made_for_it(tmp_path: Path) -> None:
    school_plan = load_school(DEMO)
    async with running(school_plan, tmp_path) as school:
        options = EdgeOptions({"broker": {"host": "127.0.0.1", "port": 1883}}, tmp_path)
        paths = write_edge_configs(school, tmp_path / "edge", options)
        ports = {name: one.port for name, one in school.endpoints.items()}

    assert paths.keys() == {"sunrise-class", "sunrise-lab"}
    configs = [load_yaml(path, EdgeConfig) for path in paths.values()]
    buses = [bus for config in configs for bus in config.buses]
    devices = [one.id for bus in buses for one in bus.devices]
    devices += [one.id for c in configs for source in c.mqtt_sources for one in source.devices]
    assert sorted(devices) == sorted(entry.id for entry in school_plan.devices())
    assert ports == {bus.id: bus.modbus.port for bus in buses if bus.modbus.transport == "tcp"}
    for config in configs:
        areas = {area.id: area for area in config.areas}
        assert all(area.parent is None or area.parent in areas for area in config.areas)
        assert all(one.area in areas for bus in config.buses for one in bus.devices)
    assert [one.id for one in configs[1].interlocks] == ["nh3-fan"]
    assert "朝阳小学" in paths["sunrise-lab"].read_text(encoding="utf-8")
    assert YAML(typ="safe").load(paths["sunrise-lab"])["gateway"] == "sunrise-lab"
