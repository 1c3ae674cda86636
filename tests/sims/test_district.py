"""Three schools at once: every category, polled by three edge agents, and commanded."""

import asyncio
import re
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import orjson
import pytest

from device_profiles.categories import CATEGORIES
from device_profiles.library import Library
from firmware_sims.control import Controller
from firmware_sims.district import DistrictFile, DistrictPlan, load_plan, plan_district
from firmware_sims.edge_config import EdgeOptions, write_edge_configs
from firmware_sims.errors import ControlError, SchoolError
from firmware_sims.faults import FaultKind
from firmware_sims.own_broker import OwnBroker
from firmware_sims.running_district import RunningDistrict
from firmware_sims.school_file import RtuLink
from firmware_sims.screen import category_counts, category_table
from tests.sims.edge_poller import hear_descriptions, polling
from tests.sims.schools import DEMO, ROOT, described, device, label, running_district, tcp_bus

DISTRICT = ROOT / "examples" / "district.yaml"
COMMANDS = [
    # LoRaWAN downlinks to ChirpStack and The Things Stack
    ("p-plug-1", "switch", 0.0),
    ("h-plug-1", "switch", 0.0),
    # devices that describe themselves
    ("m-trv-204", "temperature_setpoint", 19.5),
    ("p-lamp-1", "relay", 1.0),
    ("p-esp-1", "relay", 1.0),
    ("m-shelly-1", "relay", 1.0),
    ("m-shelly-9", "relay", 1.0),
    ("h-rack-1", "relay", 1.0),
]


def quick_plan(folder: Path) -> DistrictPlan:
    """The example, everything as often as every 3 s and without real byte times."""
    text = re.sub(r"interval_s: \d+", "interval_s: 3", DISTRICT.read_text(encoding="utf-8"))
    (folder / "district.yaml").write_text(text, encoding="utf-8")
    return load_plan(folder / "district.yaml")


async def until(condition: Any, timeout_s: float) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 - what it waits for comes by the network
            await asyncio.sleep(0.1)


# --- the example ---------------------------------------------------------------------------------


def test_the_example_has_every_category_on_every_kind_of_link() -> None:
    plan = load_plan(DISTRICT)
    library = Library.builtin()
    profiles = {entry.profile for entry in plan.devices()}
    categories = {library.get(one).category for one in profiles if not one.startswith("dialect:")}

    assert len(plan.schools) == 3
    assert len(list(plan.devices())) >= 300
    assert categories >= CATEGORIES.keys() - {"other"}
    links = [bus.entry.modbus for school in plan.schools for bus in school.buses]
    assert {link.transport for link in links} >= {"rtu", "ascii", "tcp", "rtu_over_tcp"}
    assert sum(isinstance(link, RtuLink) for link in links) >= 6
    dialects = {one.removeprefix("dialect:") for one in profiles if one.startswith("dialect:")}
    assert dialects == {"zigbee2mqtt", "homeassistant", "tasmota", "shelly", "sparkplug"}
    for entry in plan.devices():
        assert entry.name.zh
        assert entry.name.en


@pytest.mark.integration
@pytest.mark.timeout(180)
async def test_three_edge_agents_read_the_whole_district(tmp_path: Path) -> None:
    plan = quick_plan(tmp_path)
    async with running_district(plan, tmp_path) as district:
        paths = write_all(district, tmp_path / "edge")
        async with asyncio.timeout(45):
            await hear_descriptions(paths)
        async with AsyncExitStack() as stack:
            pollers = [await stack.enter_async_context(polling(path)) for path in paths]
            await until(lambda: all(not one.silent for one in pollers), 60)
            await asyncio.sleep(4)
            bad = {name: said for one in pollers for name, said in one.bad.items()}
            read = [name for one in pollers for name in one.readings.newest]
            waiting = [one.what for poller in pollers for one in poller.waiting]
            for name, point, value in COMMANDS:
                [poller] = [one for one in pollers if name in one.readings.newest]
                assert await poller.write(name, point, value) == "succeeded", name
                assert district.device(name).shown[point] == value

    assert waiting == []
    assert bad == {}
    assert sorted(read) == sorted(entry.id for entry in plan.devices())


def write_all(district: RunningDistrict, folder: Path) -> list[Path]:
    options = EdgeOptions({"broker": {"host": "127.0.0.1"}}, folder)
    return [
        path
        for school in district.schools
        for path in write_edge_configs(school, folder, options).values()
    ]


# --- small districts -----------------------------------------------------------------------------


def small(*names: str, sources: tuple[dict[str, Any], ...] = ()) -> dict[str, Any]:
    schools = []
    for name in names:
        school = described(tcp_bus(device(f"th-{name}", "xy-md02", area=f"r-{name}")), sources=())
        school["school"]["id"] = f"school-{name}"
        school["areas"] = [
            {"id": f"r-{name}", "kind": "classroom", "name": label(name)},
            {"id": f"store-{name}", "kind": "chemical_store", "name": label(name)},
        ]
        school["gateways"][0]["id"] = f"gateway-{name}"
        school["gateways"][0]["buses"][0]["id"] = f"bus-{name}"
        schools.append(school)
    schools[0]["gateways"][0]["mqtt_sources"] = list(sources)
    return {"district": {"id": "small", "name": label("small")}, "schools": schools}


def planned(data: dict[str, Any]) -> DistrictPlan:
    return plan_district(DistrictFile.model_validate_json(orjson.dumps(data)), ROOT)


def test_a_lone_school_is_a_district_of_one() -> None:
    plan = load_plan(DEMO)

    assert [school.file.school.id for school in plan.schools] == ["sunrise"]
    assert plan.title.id == "sunrise"


def test_what_orders_name_is_there_once() -> None:
    with pytest.raises(SchoolError) as caught:
        planned(small("a", "a"))

    for what in ("school school-a", "area r-a", "gateway gateway-a", "bus bus-a", "device th-a"):
        assert f"{what} is there in two schools" in str(caught.value)


def test_schools_have_the_districts_weather_unless_they_have_their_own() -> None:
    data = small("a", "b")
    data["outdoor"] = {"mean_c": -5}
    data["schools"][1]["outdoor"] = {"mean_c": 30}

    plan = planned(data)

    assert [school.file.outdoor.mean_c for school in plan.schools] == [-5, 30]


async def test_orders_go_to_the_school_that_has_the_device(tmp_path: Path) -> None:
    async with running_district(planned(small("a", "b")), tmp_path) as district:
        controller = Controller(district, lambda: None)

        def order(**given: Any) -> dict[str, Any]:
            return controller.carry_out(orjson.dumps(given))

        assert order(do="fault", device="th-b", kind="silence")["ok"]
        assert order(do="set", device="th-a", point="temperature", value=31)["ok"]
        assert order(do="area", area="r-b", control="lamp", value=1)["ok"]
        assert order(do="leak", area="store-b", ppm_per_s=3)["ppm_per_s"] == 3
        assert not order(do="clear", device="th-c")["ok"]
        state = order(do="state")
        assert state["devices"]["th-b"]["faults"] == ["silence"]
        assert state["devices"]["th-a"]["shown"]["temperature"] == 31
        assert state["ports"].keys() == {"bus-a", "bus-b"}
        assert order(do="clear", device="th-b")["ended"] == ["silence"]
        with pytest.raises(ControlError):
            district.begin_fault("th-x", FaultKind.LATE)
        with pytest.raises(ControlError):
            district.control_area("nowhere", "lamp", 1)
        assert category_counts(district.schools) == {
            "school-a": {"temperature_humidity": 1},
            "school-b": {"temperature_humidity": 1},
        }
        assert category_table(district).row_count == 2


# --- brokers -------------------------------------------------------------------------------------


def zigbee_source() -> dict[str, Any]:
    door = device("door-1", "z2m-door-contact", area="r-a", topic={"friendly_name": "door-1"})
    return {"id": "zigbee", "broker": "own", "devices": [door]}


@pytest.mark.integration
async def test_a_broker_of_the_runs_own_ends_with_it(tmp_path: Path) -> None:
    async with running_district(planned(small("a", sources=(zigbee_source(),))), tmp_path) as one:
        broker = one.brokers["school-a"]
        await until(lambda: one.truth.readings > 0, 15)
        assert one.schools[0].publishers[0].settings.port == broker.port

    with pytest.raises(OSError, match=r"refused|Connect call failed"):
        await asyncio.open_connection("127.0.0.1", broker.port)


async def test_without_mosquitto_the_remedy_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("firmware_sims.own_broker._SYSTEM_FOLDERS", ())
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(SchoolError, match="apt-get install mosquitto"):
        await OwnBroker().start()
    with pytest.raises(SchoolError, match="--broker HOST:PORT"):
        async with running_district(planned(small("a", sources=(zigbee_source(),))), tmp_path):
            pass
