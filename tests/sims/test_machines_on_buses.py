"""Machines through their registers: what is written acts, on the device and on its room."""

import json
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from campus_wire.config_file import load_yaml
from device_profiles.library import Library
from device_profiles.model import ModbusProfile
from edge_agent.config import EdgeConfig
from firmware_sims.build import World, build_world
from firmware_sims.device import ModbusDevice
from firmware_sims.edge_config import EdgeOptions, write_edge_configs
from firmware_sims.errors import SchoolError
from firmware_sims.from_profile import Choice
from firmware_sims.modbus.ascii_frame import make_frame as ascii_make
from firmware_sims.modbus.rtu_frame import make_frame as rtu_make
from tests.sims.client import connected, read_pdu
from tests.sims.edge_reader import read_device, simulated, write_point
from tests.sims.every_key import profile
from tests.sims.odd_models import INVERTER, controller, gateway, meter
from tests.sims.schools import described, device, plan, running, tcp_bus

LIBRARY = Library.builtin()
NIGHT = "2026-03-01T02:00:00"  # a Sunday: nobody is there, and nothing shines


def world(*devices: dict[str, Any], start: str = NIGHT) -> World:
    buses = [tcp_bus(one, bus_id=f"bus-{index}") for index, one in enumerate(devices)]
    return build_world(plan(described(*buses, start=start, compression=60.0)), LIBRARY, seed=3)


def write(made: ModbusDevice, name: str, value: float, *, now_s: float) -> None:
    """A command, as the product sends it."""
    model = LIBRARY.get(made.id)
    assert isinstance(model, ModbusProfile)
    write_point(model, made, name, value, now_s=now_s)


def number_of(model: str, name: str, word: str) -> float:
    """The number of the state that is called so."""
    found = LIBRARY.get(model)
    assert isinstance(found, ModbusProfile)
    point = found.find(name)
    assert point is not None
    [number] = [one for one, label in point.states.items() if word in label.en.lower()]
    return number


@pytest.mark.parametrize(
    ("model", "commands", "quantity"),
    [
        (
            "generic-thermostat",
            {"power": "on", "mode": "heat", "temperature_setpoint": 28},
            "temperature",
        ),
        (
            "onokom-air-md-vrf-mb-b",
            {"indoor_2_power": "on", "indoor_2_mode": "heat"},
            "temperature",
        ),
        (
            "haier-ycj-a002",
            {"power_on": "on", "mode": "heat", "temperature_setpoint": 28},
            "temperature",
        ),
        ("generic-lighting-controller", {"level_1": 100, "level_2": 100}, "light"),
        ("generic-ventilation", {"fan_stage": 3}, "power"),
    ],
)
def test_what_is_written_to_a_machine_acts_on_its_room(
    model: str, commands: dict[str, float | str], quantity: str
) -> None:
    idle, used = world(device(model, model)), world(device(model, model))
    numbers = {
        name: number_of(model, name, value) if isinstance(value, str) else value
        for name, value in commands.items()
    }
    for name, number in numbers.items():
        write(used.modbus[model], name, number, now_s=1.0)
    for made in (idle, used):
        made.areas["r1"].advance(120.0)

    before, after = (made.areas["r1"].quantity(quantity) for made in (idle, used))
    assert after > before + 0.5
    for name, number in numbers.items():
        assert used.modbus[model].shown[name] == number


def test_a_sunspec_inverter_shows_the_sun(tmp_path: Path) -> None:
    made = profile(
        [
            {"name": "w_sf", "hidden": True, "read": _register(16, block=[101, 103])},
            {
                "name": "active_power",
                "unit": "W",
                "read": _register(14, block=[101, 103], scale_factor="w_sf"),
            },
        ],
        section={"sunspec": {}},
        category="pv_inverter",
    )
    folder = tmp_path / "profiles"
    folder.mkdir()
    text = json.dumps(made.model_dump(mode="json", by_alias=True, exclude_defaults=True))
    (folder / "synthetic.yaml").write_text(text, encoding="utf-8")
    school = described(
        tcp_bus(device("pv-1", "synthetic")), start="2026-03-02T12:00:00", profiles="profiles"
    )
    built = build_world(plan(school, tmp_path), Library.builtin(folder), seed=3)
    built.modbus["pv-1"].refresh(10.0)

    read = read_device(made, built.modbus["pv-1"], now_s=10.0)
    power_w = read.values["active_power"]
    assert power_w is not None
    assert power_w > 5000
    assert power_w == built.modbus["pv-1"].shown["active_power"]


def _register(address: int, **more: Any) -> dict[str, Any]:
    return {"input_type": "holding", "address": address, "data_type": "int16", **more}


# --- the described school ----------------------------------------------------------------------


async def test_every_transport_of_a_school(tmp_path: Path) -> None:
    links: dict[str, dict[str, Any]] = {
        "tcp-1": {"transport": "tcp", "connections": "refuse"},
        "tcp-2": {"transport": "rtu_over_tcp"},
        "tcp-3": {"transport": "ascii_over_tcp"},
        "line-1": {"transport": "rtu", "baud_rate": 19_200, "pace": True, "echo": True},
        "line-2": {"transport": "ascii", "foreign_every_s": 5},
    }
    buses = [
        {"id": name, "modbus": link, "devices": [device(f"th-{name}", "xy-md02")]}
        for name, link in links.items()
    ]
    asked = read_pdu(4, 1, 2)
    async with running(plan(described(*buses)), tmp_path) as school:
        for name, make, begin in (
            ("tcp-2", rtu_make, b"\1\4\4"),
            ("tcp-3", ascii_make, b":010404"),
        ):
            async with connected(school.endpoints[name].port) as client:
                client.send(make(1, asked))
                assert (await client.everything()).startswith(begin)
        options = EdgeOptions(uplink={"broker": {"host": "127.0.0.1"}}, spool_folder=tmp_path)
        paths = write_edge_configs(school, tmp_path, options)
        written = YAML(typ="safe", pure=True).load(paths["test-1"])
        load_yaml(paths["test-1"], EdgeConfig)

    transports = {bus["id"]: bus["modbus"]["transport"] for bus in written["buses"]}
    assert transports == {name: link["transport"] for name, link in links.items()}


def test_variants_and_models_are_chosen_in_the_school(tmp_path: Path) -> None:
    folder = tmp_path / "profiles"
    folder.mkdir()
    for number, made in enumerate((gateway(), profile(INVERTER, section={"sunspec": {}}))):
        said = made.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        text = json.dumps({**said, "id": f"model-{number}"}, ensure_ascii=False)
        (folder / f"model-{number}.yaml").write_text(text, encoding="utf-8")
    library = Library.builtin(folder)

    def built(*devices: dict[str, Any]) -> World:
        school = described(tcp_bus(*devices), profiles="profiles")
        return build_world(plan(school, tmp_path), library, seed=3)

    there = built(
        device("base", "model-0"),
        device("new", "model-0", variant="new", values={"units_present": 2}),
        device("pv", "model-1", blocks=[101], identifies="server_id"),
    )
    assert "extra" not in there.modbus["base"].names
    assert "extra" in there.modbus["new"].names
    assert there.modbus["new"].shown["units_present"] == 2
    assert "indoor_3_room" not in there.modbus["new"].names
    assert "current_c" not in there.modbus["pv"].names
    assert there.modbus["pv"].respond(bytes.fromhex("2b0e0100"), 0.0).pdu.hex() == "ab01"
    assert there.modbus["pv"].respond(b"\x11", 0.0).pdu[0] == 0x11
    with pytest.raises(SchoolError, match="no newer"):
        built(device("odd", "model-0", variant="newer"))


def test_texts_are_in_the_truth_log(tmp_path: Path) -> None:
    made = simulated(gateway())
    answer = made.respond(read_pdu(3, 500, 4), 0.0)

    assert json.loads("{" + answer.texts + "}") == {"firmware": made.texts["firmware"]}
    assert answer.value_count == 0


# --- anything at all ---------------------------------------------------------------------------

ODD_ONES = [
    pytest.param(controller(), Choice(), id="controller"),
    pytest.param(meter(), Choice(), id="meter"),
    pytest.param(gateway(), Choice(("new",)), id="gateway"),
    pytest.param(profile(INVERTER, section={"sunspec": {}}), Choice(), id="inverter"),
]


@pytest.mark.parametrize(("made", "choice"), ODD_ONES)
@settings(max_examples=50)
@given(data=st.data())
def test_any_request_gets_an_answer_or_a_refusal(
    made: ModbusProfile, choice: Choice, data: st.DataObject
) -> None:
    """Writes of anything anywhere leave a device that still can be read whole."""
    simulated_device = simulated(made, choice)
    places = [(point.address, point.count) for point in simulated_device.points.values()]
    for _ in range(data.draw(st.integers(1, 4))):
        address, count = data.draw(st.sampled_from(places))
        words = data.draw(st.lists(st.integers(0, 0xFFFF), min_size=count, max_size=count))
        body = struct.pack(f">{count}H", *words)
        pdu = data.draw(
            st.sampled_from(
                [
                    struct.pack(">BHH", 6, address, words[0]),
                    struct.pack(">BHH", 5, address, words[0]),
                    struct.pack(">BHHB", 16, address, count, len(body)) + body,
                    data.draw(st.binary(min_size=1, max_size=20)),
                ]
            )
        )
        answer = simulated_device.respond(pdu, 0.0)
        refused = answer.pdu == bytes((pdu[0] | 0x80, answer.pdu[-1]))
        assert refused or answer.pdu[0] == pdu[0]
    for point in simulated_device.points.values():
        function = {"coil": 1, "discrete": 2, "holding": 3, "input": 4}[point.table]
        answer = simulated_device.respond(read_pdu(function, point.address, point.count), 0.0)
        json.loads("{" + answer.values + "}")
