"""Where points stand: SunSpec models, pages, groups and variants; both sides find the same."""

from typing import Any

import pytest

from firmware_sims.from_profile import Choice
from tests.sims.edge_reader import (
    assert_read_right,
    simulated,
    write_point,
)
from tests.sims.every_key import profile
from tests.sims.odd_models import HOLDING, INVERTER, gateway, holding


@pytest.mark.parametrize("markers", [[40_000, 50_000, 0], [50_000], [0]])
def test_sunspec(markers: list[int]) -> None:
    section = {"sunspec": {"input_type": HOLDING, "marker_addresses": markers}}
    made = profile(INVERTER, section=section)
    device = simulated(made, a_sf=-2)
    for name, number in {"current": 12.5, "current_c": 3.25, "of_the_maker": 7.5}.items():
        device.hold(name, number)

    read = assert_read_right(made, device)
    assert read.texts["maker"] == "Nobody"
    assert {"current_c", "of_the_maker", "limit"} <= read.readings.keys()
    write_point(read.profile, device, "limit", 80)
    assert device.shown["limit"] == 80


def test_sunspec_models_that_are_not_there() -> None:
    made = profile(INVERTER, section={"sunspec": {"marker_addresses": [40_000]}})
    device = simulated(made, Choice(blocks=(101,)), a_sf=-1, current=3)

    read = assert_read_right(made, device)
    assert read.readings.keys() == {"a_sf", "current"}


def test_pages() -> None:
    points: list[dict[str, Any]] = [{"name": "common", "read": holding(50)}]
    points += [
        {"name": f"page_{page}_{address}", "read": holding(address, page=page)}
        for page in (0, 1, 3)
        for address in (10, 11, 90)
    ]
    write = {"function": 6, "minimum": 0, "maximum": 9}
    points.append({"name": "setting", "read": holding(12, page=3), "write": write})
    made = profile(points, section={"page": {"function": 6, "address": 99}})
    device = simulated(made)
    for index, name in enumerate(device.points):
        if not name.startswith("@"):
            device.hold(name, index)

    read = assert_read_right(made, device)
    assert len(set(read.values.values())) == len(points)
    write_point(made, device, "setting", 7)
    assert assert_read_right(made, device).values["setting"] == 7


@pytest.mark.parametrize(
    "variants", [(), ("fahrenheit",), ("new",), ("fahrenheit", "new"), ("old",)], ids="-".join
)
@pytest.mark.parametrize("count", [0, 3, 6])
def test_groups_and_variants(variants: tuple[str, ...], count: int) -> None:
    made = gateway()
    device = simulated(made, Choice(variants, counts={"units_present": count}))
    for index, (name, point) in enumerate(device.points.items()):
        if not (point.is_text or name in ("units_present", "temperature_unit")):
            device.hold(name, index % 2 if name.endswith(("_on", "_open")) else index % 19 / 2)

    read = assert_read_right(made, device)
    rooms = [name for name in read.readings if name.endswith("_room")]
    assert len(rooms) == count
    assert ("extra" in read.readings) == ("new" in variants)
    assert ("indoor_1_on" in read.readings) == (count > 0 and "old" not in variants)
    assert {f"door_{n}_open" for n in range(1, 21)} <= read.readings.keys()


def test_instances_stand_where_strides_put_them() -> None:
    device = simulated(gateway(), Choice(counts={"units_present": 6}))
    places = {name: (point.table, point.address) for name, point in device.points.items()}

    assert places["indoor_3_room"] == ("holding", 30)
    assert places["indoor_4_on"] == ("coil", 9)
    assert places["voltage_l3"] == ("input", 104)
    assert places["door_16_open"] == ("input", 300)
    assert places["door_17_open"] == ("input", 301)
