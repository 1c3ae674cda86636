from __future__ import annotations

from typing import Any

import pytest

from device_profiles.model import ModbusProfile
from device_profiles.model_location import Table
from device_profiles.planning import plan_reads
from device_profiles.shifting import ShiftError, shifted
from device_profiles.writing import plan_write
from tests.profiles import build


def device(**section: Any) -> ModbusProfile:
    limits = {"function": 6, "minimum": 0, "maximum": 9}
    return build.modbus(
        [
            build.point("level", read=build.register(40_011), write=limits),
            build.point(
                "flow", read={"input_type": "input", "address": 30_001, "data_type": "int16"}
            ),
        ],
        **{"address_base": "modicon", **section},
    )


def addresses(profile: ModbusProfile) -> dict[str, int]:
    return {str(one.table): one.address for one in plan_reads(profile, profile.points)}


def test_all_addresses_are_moved_for_reads_writes_and_what_is_forbidden() -> None:
    forbidden = [{"input_type": "holding", "first": 40_100, "last": 40_110}]
    moved = shifted(device(forbidden=forbidden), 20_000)

    assert addresses(moved) == {"holding": 20_010, "input": 20_000}
    assert plan_write(moved, moved.points[0], 3).address == 20_010
    assert moved.modbus.is_forbidden(Table.HOLDING, 20_099, 20_099)
    assert not moved.modbus.is_forbidden(Table.HOLDING, 99, 99)
    assert moved.modbus.printed_address(Table.HOLDING, 20_010) == 400_011


def test_each_table_may_be_moved_by_its_own() -> None:
    assert addresses(shifted(device(), {Table.HOLDING: -10})) == {"holding": 0, "input": 0}


def test_the_profile_may_say_it_and_the_installation_has_the_last_word() -> None:
    placed = device(address_offset={"holding": 100, "input": 5})

    assert addresses(placed) == {"holding": 110, "input": 5}
    assert addresses(shifted(placed, 7)) == {"holding": 17, "input": 7}


@pytest.mark.parametrize("offset", [-11, 65_526, -1])
def test_no_address_may_leave_its_table(offset: int) -> None:
    with pytest.raises(ShiftError, match="lies outside the addresses"):
        shifted(device(), offset)


def test_what_is_written_besides_may_not_leave_its_table() -> None:
    raw = {"function": 6, "address": 42_000, "value": 1}
    with pytest.raises(ShiftError, match="lies outside"):
        shifted(device(unlock=[raw]), 64_000)


def test_a_device_that_tells_its_addresses_is_not_moved() -> None:
    points = [build.point("power", read=build.register(2, block=101))]
    with pytest.raises(ShiftError, match="SunSpec"):
        shifted(build.modbus(points, sunspec={}), 100)


def test_groups_and_variants_move_along() -> None:
    profile = build.model(
        [build.point("kind", read=build.register(3))],
        groups=[
            {
                "name": "unit",
                "labels": build.LABELS,
                "repeat": {"count": 2, "stride": 10},
                "points": [build.point("on", read=build.register(20))],
            }
        ],
        variants=[
            {
                "name": "more",
                "when": {"point": "kind", "equals": 1},
                "add": [build.point("humidity", read=build.register(4))],
            }
        ],
    )
    moved = shifted(profile, 1000)
    places = {point.name: moved.read_location(point).address for point in moved.points}

    assert places == {"kind": 1003, "unit_1_on": 1020, "unit_2_on": 1030, "humidity": 1004}
