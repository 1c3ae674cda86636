"""Described schools: repetition, references, and what devices show in them."""

import json
from pathlib import Path
from typing import Any

import pytest

from campus_wire.config_file import ConfigFileError
from device_profiles.library import Library
from firmware_sims.build import World, build_world
from firmware_sims.errors import SchoolError
from firmware_sims.repeat import expand
from firmware_sims.school import load_school
from firmware_sims.school_file import ModbusDeviceEntry
from tests.sims.client import read_pdu
from tests.sims.schools import DEMO, described, device, plan, tcp_bus

LIBRARY = Library.builtin()


def world(data: dict[str, Any], seed: int = 1) -> World:
    return build_world(plan(data), LIBRARY, seed=seed)


def test_the_shipped_school_has_ten_kinds_and_at_least_sixty_devices() -> None:
    school = load_school(DEMO)
    devices = list(school.devices())
    built = build_world(school, LIBRARY, seed=school.file.seed)

    assert len(devices) >= 60
    assert len({entry.profile for entry in devices}) == 10
    assert len(school.file.gateways) == 2
    assert {bus.entry.modbus.transport for bus in school.buses} == {"tcp", "rtu"}
    assert len(built.modbus) + len(built.mqtt) == len(devices)


def entry(**more: Any) -> ModbusDeviceEntry:
    data = device("th-{room}", "xy-md02", "r{room}", **more)
    return ModbusDeviceEntry.model_validate_json(json.dumps(data))


def test_an_entry_is_repeated_over_a_list() -> None:
    rooms = expand([entry(repeat={"room": [101, "b2"]})])

    assert [one.id for one in rooms] == ["th-101", "th-b2"]
    assert [one.area for one in rooms] == ["r101", "rb2"]
    assert [one.name.zh for one in rooms] == ["th-101", "th-b2"]


def test_two_lists_make_every_combination_and_n_counts() -> None:
    repeated = entry(repeat={"room": [1, 2], "side": ["l", "r"]})
    named = repeated.model_copy(update={"id": "th-{room}-{side}-{n}"})

    assert [one.id for one in expand([named])] == ["th-1-l-1", "th-1-r-2", "th-2-l-3", "th-2-r-4"]


def test_a_bus_is_repeated_with_its_devices() -> None:
    inner = device("d-{room}-{n}", "pzem-016", repeat={"n1": [1, 2]})
    bus = {**tcp_bus(inner, bus_id="meter-{room}", port=9000), "repeat": {"room": [7, 8]}}
    buses = plan(described(bus)).buses

    assert [one.entry.id for one in buses] == ["meter-7", "meter-8"]
    assert [[d.id for d in one.devices] for one in buses] == [
        ["d-7-1", "d-7-2"],
        ["d-8-1", "d-8-2"],
    ]
    assert [getattr(one.entry.modbus, "port", None) for one in buses] == [9000, 9001]


def test_units_without_an_id_take_the_free_ones() -> None:
    devices = [
        device("a", "xy-md02"),
        device("b", "xy-md02", unit_id=1),
        device("c", "xy-md02"),
    ]
    [bus] = plan(described(tcp_bus(*devices))).buses

    assert [one.unit_id for one in bus.devices] == [2, 1, 3]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(
            described(tcp_bus(device("a", "xy-md02", "r2"))), "area r2 is not there", id="area"
        ),
        pytest.param(
            described(tcp_bus(device("a", "xy-md02"), device("a", "xy-md02"))),
            "device a is there twice",
            id="device twice",
        ),
        pytest.param(
            described(tcp_bus(device("a-{room}", "xy-md02"))), "not filled", id="place left"
        ),
        pytest.param(
            described(
                tcp_bus(device("a", "xy-md02", unit_id=3), device("b", "xy-md02", unit_id=3))
            ),
            "two devices have one unit_id",
            id="unit twice",
        ),
        pytest.param(
            described(
                tcp_bus(device("a", "xy-md02")),
                faults=[{"device": "b", "kind": "silence", "at_s": 1}],
            ),
            "faults: device b is not there",
            id="fault",
        ),
    ],
)
def test_references_are_checked(data: dict[str, Any], message: str) -> None:
    with pytest.raises(SchoolError, match=message):
        plan(data)


@pytest.mark.parametrize(
    ("entry_data", "message"),
    [
        pytest.param(device("a", "xy-md03"), "no profile 'xy-md03'", id="profile"),
        pytest.param(device("a", "z2m-door-contact"), "speaks mqtt", id="protocol"),
        pytest.param(device("a", "xy-md02", values={"co2": 1}), "no point co2", id="point"),
        pytest.param(
            device("a", "xy-md02", follows={"temperature": "gas"}), "the area has", id="quantity"
        ),
        pytest.param(
            device("a", "xy-md02", follows={"temperature": "x.co2"}), "no area x", id="other area"
        ),
        pytest.param(
            device("a", "waveshare-modbus-rtu-relay-8ch", drives={"relay_1": "r1.wind"}),
            "the area has",
            id="control",
        ),
    ],
)
def test_devices_are_checked_against_profiles_and_areas(
    entry_data: dict[str, Any], message: str
) -> None:
    with pytest.raises(SchoolError, match=message):
        world(described(tcp_bus(entry_data)))


def test_a_mistake_in_the_file_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "school.yaml"
    path.write_text(DEMO.read_text(encoding="utf-8").replace("compression:", "compresion:"))

    with pytest.raises(ConfigFileError, match=r"school.yaml:5: compresion.*compression"):
        load_school(path)


def test_a_relay_drives_the_fan_of_another_area() -> None:
    relay = device("relay-1", "waveshare-modbus-rtu-relay-8ch", drives={"relay_1": "store-1.fan"})
    built = world(described(tcp_bus(relay)))
    relay_1 = built.modbus["relay-1"]

    relay_1.respond(bytes.fromhex("050000ff00"), 1.0)
    assert built.areas["store-1"].quantity("fan") == 1
    relay_1.respond(bytes.fromhex("0500000000"), 2.0)
    assert built.areas["store-1"].quantity("fan") == 0


def test_all_relays_at_once() -> None:
    relay = device("relay-1", "waveshare-modbus-rtu-relay-8ch", drives={"relay_1": "store-1.fan"})
    built = world(described(tcp_bus(relay)))
    relay_1 = built.modbus["relay-1"]

    answer = relay_1.respond(bytes.fromhex("0500ffff00"), 1.0)

    assert relay_1.respond(read_pdu(1, 0, 8), 1.0).pdu.hex() == "0101ff"
    assert built.areas["store-1"].quantity("fan") == 1
    assert answer.written is not None
    assert answer.written["relay_8"] == 1


def test_a_written_air_conditioner_warms_its_room() -> None:
    data = described(
        tcp_bus(device("ac", "haier-ycj-a002"), device("th", "xy-md02")),
        compression=60,
        start="2026-03-02T00:00:00",
    )
    built, idle = world(data), world(data)
    ac = built.modbus["ac"]
    for request in ("050000ff00", "060000001c", "0600010002"):  # on, 28 °C, heating
        assert ac.respond(bytes.fromhex(request), 0.0).pdu == bytes.fromhex(request)

    for one in (built, idle):
        one.modbus["th"].refresh(60.0)
    warm, cold = (one.modbus["th"].shown["temperature"] for one in (built, idle))
    assert warm is not None
    assert cold is not None
    assert warm > cold + 3


def shows(seed: int) -> list[dict[str, float | None]]:
    built = build_world(load_school(DEMO), LIBRARY, seed=seed)
    seen = []
    for now_s in (0.0, 3.3, 60.0):
        for one in built.modbus.values():
            one.refresh(now_s)
            seen.append(dict(one.shown))
        for sensor in built.mqtt.values():
            seen += [dict(message.shown) for message in sensor.messages(now_s, 0)]
    return seen


def test_a_seed_decides_every_number() -> None:
    assert shows(3) == shows(3)
    assert shows(3) != shows(4)


def test_values_and_sequence_points() -> None:
    meter = device(
        "m", "pzem-016", values={"voltage": 231.5}, sequence_point="active_energy", unit_id=1
    )
    built = world(described(tcp_bus(meter)))
    one = built.modbus["m"]

    for expected in (1, 2, 3):
        one.respond(read_pdu(4, 0, 9), float(expected))
        assert (one.shown["voltage"], one.shown["active_energy"]) == (231.5, expected)


def test_rooms_are_shaped_by_the_file() -> None:
    data = described(tcp_bus(device("th", "xy-md02")))
    data["areas"][1]["physics"] = {"seats": 50, "initial_c": 5}
    assert world(data).areas["r1"].quantity("temperature") == 5

    data["areas"][1]["physics"] = {"windows": 3}
    with pytest.raises(SchoolError, match="no windows"):
        world(data)


def test_a_store_is_shaped_too() -> None:
    data = described(tcp_bus(device("gas", "copeland-c-series", "store-1")))
    data["areas"][2]["physics"] = {"background_ppm": 7, "volume_m3": 50}
    built = world(data)
    built.modbus["gas"].refresh(0.0)

    assert built.modbus["gas"].shown["concentration"] == pytest.approx(7, abs=1)
