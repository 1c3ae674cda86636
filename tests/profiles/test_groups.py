"""Groups: the same points many times, at their own addresses and under their own names."""

from __future__ import annotations

import pickle
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from device_profiles.model import ModbusProfile
from device_profiles.model_modbus import ModbusPoint
from tests.profiles import build
from tests.profiles.build import group

ROOM = {"zh": "室温", "en": "room temperature"}


def named(profile: ModbusProfile, name: str) -> ModbusPoint:
    point = profile.find(name)
    assert point is not None
    return point


def test_instances_are_numbered_and_lie_a_stride_apart() -> None:
    room = build.point("room_temperature", read=build.register(100, "int16")) | {"labels": ROOM}
    profile = build.model([], groups=[group([room], repeat={"count": 3, "stride": 50})])

    assert [point.name for point in profile.points] == [
        "indoor_1_room_temperature",
        "indoor_2_room_temperature",
        "indoor_3_room_temperature",
    ]
    assert [profile.read_location(point).address for point in profile.points] == [100, 150, 200]
    assert profile.points[1].labels.zh == "室内机 2 室温"
    assert profile.points[1].labels.en == "indoor unit 2 room temperature"


def test_names_stand_behind_with_the_style_suffix() -> None:
    voltage = build.point("voltage", read=build.register(0, "uint32"))
    names = ["l1", "l2", "l3"]
    phases = {"name": "phase", "style": "suffix", "points": [voltage]}
    profile = build.model([], groups=[phases | {"repeat": {"names": names, "stride": 2}}])

    assert [point.name for point in profile.points] == ["voltage_l1", "voltage_l2", "voltage_l3"]
    assert profile.points[2].labels.zh == "测试 L3"


def test_names_may_have_labels_of_their_own() -> None:
    voltage = build.point("voltage", read=build.register(0))
    labels = {"a": {"zh": "A相", "en": "phase A"}, "b": {"zh": "B相", "en": "phase B"}}
    phases = {"name": "phase", "points": [voltage], "repeat": {"names": labels, "stride": 1}}
    profile = build.model([], groups=[phases])

    assert profile.points[1].name == "phase_b_voltage"
    assert profile.points[1].labels.en == "phase B test"


def test_tables_may_have_strides_of_their_own() -> None:
    points = [
        build.point("on", read={"input_type": "coil", "address": 5}),
        build.point("power", read=build.register(1000)),
    ]
    repeat = {"count": 2, "first": 0, "stride": {"coil": 1, "holding": 100}}
    profile = build.model([], groups=[group(points, repeat=repeat)])

    places = {one.name: profile.read_location(one).address for one in profile.points}
    assert places == {
        "indoor_0_on": 5,
        "indoor_0_power": 1000,
        "indoor_1_on": 6,
        "indoor_1_power": 1100,
    }


@given(
    data_type=st.sampled_from(["uint16", "uint32", "uint64"]),
    first=st.integers(0, 15),
    stride=st.integers(1, 40),
    count=st.integers(1, 60),
)
def test_bits_run_on_through_their_registers(
    data_type: str, first: int, stride: int, count: int
) -> None:
    alarm = build.point("alarm", read=build.register(10, data_type, bit=first))
    repeat = {"count": count, "bit_stride": stride}
    profile = build.model([], groups=[group([alarm], repeat=repeat)])

    registers = {"uint16": 1, "uint32": 2, "uint64": 4}[data_type]
    for position, point in enumerate(profile.points):
        assert point.read is not None
        assert point.read.bit is not None
        values, rest = divmod(point.read.address - 10, registers)
        assert rest == 0
        bit = values * 16 * registers + point.read.bit
        assert bit == first + position * stride


def test_a_write_moves_along_and_its_own_address_too() -> None:
    points = [
        build.point(
            "mode",
            read=build.register(0),
            write={"function": 6, "minimum": 0, "maximum": 4},
        ),
        build.point(
            "setpoint",
            read=build.register(1),
            write={"function": 6, "address": 40, "minimum": 16, "maximum": 30},
        ),
    ]
    profile = build.model([], groups=[group(points, repeat={"count": 2, "stride": 50})])

    assert profile.write_location(named(profile, "indoor_2_mode")).address == 50
    assert profile.write_location(named(profile, "indoor_2_setpoint")).address == 90


def test_names_inside_mean_the_same_instance_first() -> None:
    points = [
        build.point("raw", hidden=True, read=build.register(0)),
        build.point("exponent", hidden=True, read=build.register(1, "int16")),
        build.point("scaled", read=build.register(2, scale_factor="exponent")),
        build.point("times", read=build.register(3, multiplier=["ratio", "raw"])),
        build.point("sum", compute={"sum": ["raw", {"point": "ratio", "scale": 2}]}),
        build.point(
            "limit",
            read=build.register(4),
            write={
                "function": 6,
                "minimum": 0,
                "maximum": 9,
                "read_back": "raw",
                "also_writes": ["times", "ratio"],
            },
        ),
    ]
    ratio = build.point("ratio", read=build.register(900))
    profile = build.model([ratio], groups=[group(points, repeat={"count": 2, "stride": 50})])

    scaled = named(profile, "indoor_2_scaled")
    times = named(profile, "indoor_2_times")
    total = named(profile, "indoor_2_sum")
    limit = named(profile, "indoor_2_limit")
    assert scaled.read is not None
    assert scaled.read.scale_factor == "indoor_2_exponent"
    assert times.read is not None
    assert times.read.multiplier == ("ratio", "indoor_2_raw")
    assert total.compute is not None
    assert total.compute.points == ("indoor_2_raw", "ratio")
    assert [term.scale for term in total.compute.terms] == [1, 2]
    assert limit.write is not None
    assert limit.write.read_back == "indoor_2_raw"
    assert limit.write.also_writes == ("indoor_2_times", "ratio")


def test_points_outside_may_name_those_of_an_instance() -> None:
    power = build.point("power", read=build.register(0))
    total = build.point("total", compute={"sum": ["indoor_1_power", "indoor_2_power"]})

    profile = build.model([total], groups=[group([power], repeat={"count": 2, "stride": 1})])

    assert named(profile, "total").compute is not None


@pytest.mark.parametrize(
    ("keys", "key", "said"),
    [
        ({"repeat": {"count": 2}}, "groups.0.repeat.stride", "missing"),
        (
            {"repeat": {"count": 2, "stride": {"coil": 1}}},
            "groups.0.points.0.read",
            "stride says nothing for the table holding",
        ),
        (
            {"repeat": {"count": 1001, "stride": 2}},
            "groups.0.repeat",
            "makes 2,002 points; a profile may hold 2,000",
        ),
        (
            {"repeat": {"count": 2, "stride": 40_000}},
            "groups.0.points.0.read.address",
            "indoor_2_x: 80000 lies outside the addresses 0 to 65535",
        ),
        (
            {"repeat": {"count": 2, "stride": 2}, "name": "i" * 60},
            "groups.0.points.1.name",
            f"{'i' * 60}_1_mode is no name: snake case, at most 64 characters",
        ),
        (
            {"repeat": {"count": 2, "stride": 2}, "labels": {"zh": "室", "en": "x" * 197}},
            "groups.0.points.0.labels",
            "is longer than 200 characters with the group's",
        ),
        (
            {"repeat": {"count": 2, "stride": 2}, "count_from": "unit"},
            "groups.0.count_from",
            "unit is no point of this profile",
        ),
        (
            {"repeat": {"count": 2, "stride": 2}, "present_from": "mod"},
            "groups.0.present_from",
            "mod is no point of this profile",
        ),
        (
            {"repeat": {"count": 2, "stride": 2}, "present_from": "there_{n}"},
            "groups.0.present_from",
            "there_1 is no point of this profile",
        ),
        (
            {"repeat": {"count": 2, "stride": 1}},
            "groups.0.points.0.read.address",
            "indoor_2_mode: shares some, but not all registers with indoor_1_mode",
        ),
    ],
)
def test_what_is_wrong_is_said_once_and_where_it_stands(
    keys: dict[str, Any], key: str, said: str
) -> None:
    points = [
        build.point("x", read=build.register(40_000 if "80000" in said else 10)),
        build.point("mode", read=build.register(1000, "uint32")),
    ]
    if "shares" in said:
        points.reverse()

    with pytest.raises(ValidationError) as caught:
        build.model([], groups=[group(points, **keys)])

    assert (key, said) in build.mistakes(caught.value)
    keys_told = [told for told, _ in build.mistakes(caught.value)]
    assert len(set(keys_told)) == len(keys_told)


@pytest.mark.parametrize(
    ("repeat", "key"),
    [
        ({}, "count"),
        ({"count": 2, "names": ["a"]}, "count"),
        ({"names": ["a"], "first": 2}, "first"),
        ({"names": ["a", "a"]}, "names.1"),
        ({"count": 2, "stride": 0}, "stride"),
        ({"count": 2, "stride": {"coil": 1, "holding": 0}}, "stride.holding"),
    ],
)
def test_a_repeat_makes_sense(repeat: dict[str, Any], key: str) -> None:
    x = build.point("x", read=build.register())

    with pytest.raises(ValidationError) as caught:
        build.model([], groups=[group([x], repeat=repeat)])

    assert [told for told, _ in build.mistakes(caught.value)] == [f"groups.0.repeat.{key}"]


def test_numbers_need_a_label() -> None:
    x = build.point("x", read=build.register())

    with pytest.raises(ValidationError) as caught:
        build.model([], groups=[{"name": "g", "points": [x], "repeat": {"count": 1}}])

    assert build.mistakes(caught.value)[0][0] == "groups.0.labels"


def test_instances_and_points_may_not_have_one_name() -> None:
    x = build.point("x", read=build.register(5))
    taken = build.point("indoor_2_x", read=build.register(90))

    with pytest.raises(ValidationError) as caught:
        build.model([taken], groups=[group([x], repeat={"count": 3, "stride": 1})])

    assert build.mistakes(caught.value) == [
        ("groups.0.points.0.name", "indoor_2_x: indoor_2_x is given twice")
    ]


def test_points_that_are_only_computed_need_no_stride() -> None:
    a = build.point("a", read=build.register(0))
    twice = build.point("twice", compute={"sum": ["a", "a"]})

    profile = build.model([a], groups=[group([twice], repeat={"count": 2})])

    assert len(profile.points) == 3


def large() -> ModbusProfile:
    points = [
        build.point(f"p{n}", read=build.register(n), write=write)
        for n in range(8)
        for write in [{"function": 6, "minimum": 0, "maximum": 9, "read_back": f"p{n}"}]
    ]
    return build.model([], groups=[group(points, repeat={"count": 64, "stride": 100})])


def test_a_profile_written_out_is_handed_over_whole() -> None:
    profile = large()

    taken = pickle.loads(pickle.dumps(profile))

    assert taken == profile
    assert taken.points == profile.points
    assert taken.find("indoor_64_p7") == profile.find("indoor_64_p7")


def test_a_large_profile_is_small_in_memory() -> None:
    data = pickle.dumps(large())
    pickle.loads(data)  # what is loaded once is not counted
    tracemalloc.start()
    taken = pickle.loads(data)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert len(taken.points) == 512
    # 512 points that are read and written
    assert held < 512 * 4_500


def test_a_sibling_is_meant() -> None:
    points = [
        build.point("exponent", hidden=True, read=build.register(0)),
        build.point("power", read=build.register(1, scale_factor="exponant")),
    ]

    with pytest.raises(ValidationError) as caught:
        build.model([], groups=[group(points, repeat={"count": 2, "stride": 5})])

    [mistake] = caught.value.errors()[0]["ctx"]["mistakes"]
    assert mistake["key"] == ["groups", 0, "points", 1, "read", "scale_factor"]
    assert mistake["suggestion"] == "exponent"
