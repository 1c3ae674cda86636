"""What of profiles becomes catalog: labels, flags and counters, and what does not."""

from __future__ import annotations

from typing import Any

import orjson

from campus_wire.catalog import Flag
from device_profiles.model import ModbusProfile
from edge_agent.config import EdgeConfig
from edge_agent.inventory import Inventory, build_inventory
from tests.profiles import build

NAME = {"zh": "电表", "en": "meter"}
POINTS = [
    build.point("ratio", hidden=True, read=build.register(0)),
    build.point(
        "serial",
        read={"input_type": "holding", "address": 10, "data_type": "string", "length": 4},
    ),
    build.point("energy", unit="kWh", counter={"wraps_at": 1000}, read=build.register(1)),
    build.point("alarms", flags={3: {"zh": "过热", "en": "hot"}, 0: NAME}, read=build.register(2)),
    build.point("kind", read=build.register(3)),
]
VARIANTS = [
    {
        "name": "with_humidity",
        "when": {"point": "kind", "equals": 1},
        "add": [build.point("humidity", unit="%RH", read=build.register(4))],
        "remove": ["alarms"],
    }
]


class OneProfile:
    def __init__(self, profile: ModbusProfile) -> None:
        self._profile = profile

    def get(self, id_: str, /) -> ModbusProfile:
        assert id_ == self._profile.id
        return self._profile


def inventory(points: list[str] | None = None, *others: dict[str, Any]) -> Inventory:
    device: dict[str, Any] = {
        "id": "d-1",
        "name": NAME,
        "profile": "made-up",
        "area": "r",
        "unit_id": 1,
        "interval_s": 2.0,
    }
    if points is not None:
        device["points"] = points
    config = {
        "gateway": "gw-1",
        "school": {"id": "s", "name": NAME},
        "areas": [{"id": "r", "kind": "classroom", "name": NAME}],
        "uplink": {"broker": {"host": "127.0.0.1"}},
        "spool": {"path": "spool.db"},
        "clock": {"source": "system"},
        "buses": [
            {
                "id": "b",
                "modbus": {"transport": "tcp", "host": "127.0.0.1"},
                "devices": [device, *({**device, **other} for other in others)],
            }
        ],
    }
    profile = build.model(POINTS, variants=VARIANTS)
    checked = EdgeConfig.model_validate_json(orjson.dumps(config))
    return build_inventory(checked, OneProfile(profile))


def test_helpers_and_texts_are_no_part_of_the_catalog() -> None:
    made = inventory()

    assert [point.name for point in made.catalog.points] == ["energy", "alarms", "kind", "humidity"]
    [device] = made.modbus
    assert [point.name for point in device.points] == ["energy", "alarms", "kind", "humidity"]
    assert [point.name for point in device.texts] == ["serial"]
    assert device.profile.find("ratio") is not None


def test_only_the_points_a_device_uses_are_in_it() -> None:
    made = inventory(["energy", "serial", "ratio"])

    [device] = made.modbus
    assert [point.name for point in made.catalog.points] == ["energy"]
    assert [point.name for point in device.texts] == ["serial"]


def test_counters_and_flags_are_told() -> None:
    energy, alarms, *_ = inventory().catalog.points

    assert energy.wraps_at == 1000
    assert energy.flags == ()
    assert [flag.bit for flag in alarms.flags] == [0, 3]
    assert alarms.flags[1] == Flag.model_validate({"bit": 3, "label": {"zh": "过热", "en": "hot"}})


def test_devices_at_the_same_addresses_share_their_profile() -> None:
    made = inventory(
        None,
        {"id": "d-2", "address_offset": 100},
        {"id": "d-3", "address_offset": {"holding": 200}},
        {"id": "d-4", "address_offset": 100},
    )
    first, second, third, fourth = made.modbus

    assert fourth.profile is second.profile
    places = [one.profile.read_location(one.profile.points[0]).address for one in (first, third)]
    assert places[1] == places[0] + 200
    # the same points at other addresses are one in the catalog
    assert second.point_indices == first.point_indices
