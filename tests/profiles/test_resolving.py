"""From a model's profile to a device's: what to ask, what follows, and SunSpec chains that lie."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_profiles.library import load_profile
from device_profiles.model import ModbusProfile
from device_profiles.model_location import Table
from device_profiles.model_upkeep import SunSpec
from device_profiles.planning import plan_reads
from device_profiles.references import inputs_of
from device_profiles.resolving import Facts, Introduction, introduction, resolve
from device_profiles.sunspec_walk import Block, SunSpecWalk, WalkEnd
from tests.profiles import build

MARKER = [0x5375, 0x6E53]


def names(profile: ModbusProfile) -> list[str]:
    return [point.name for point in profile.points]


def test_a_plain_profile_is_its_own() -> None:
    profile = build.one()

    assert profile.is_plain
    assert introduction(profile) is None
    assert resolve(profile, Facts(numbers={"x": 3})) is profile


# --- counts --------------------------------------------------------------------------------------


def counted() -> ModbusProfile:
    room = build.point("room", read=build.register(100))
    group = {
        "name": "indoor",
        "labels": build.LABELS,
        "repeat": {"count": 4, "stride": 10, "first": 0},
        "points": [room],
        "count_from": "present",
    }
    total = build.point("all", compute={"sum": ["indoor_0_room", "indoor_3_room"]})
    on = build.point(
        "on",
        read=build.register(5),
        write={
            "function": 6,
            "minimum": 0,
            "maximum": 1,
            "read_back": "indoor_2_room",
            "also_writes": ["indoor_0_room", "indoor_3_room"],
        },
    )
    return build.model([build.point("present", read=build.register(0)), total, on], groups=[group])


def test_instances_beyond_the_count_are_absent_and_so_is_what_needs_them() -> None:
    profile = counted()

    assert introduction(profile) == Introduction(("present",), walks_sunspec=False)
    two = resolve(profile, Facts(numbers={"present": 2}))

    assert names(two) == ["present", "on", "indoor_0_room", "indoor_1_room"]
    on = two.find("on")
    assert on is not None
    assert on.write is not None
    assert (on.write.read_back, on.write.also_writes) == (None, ("indoor_0_room",))
    assert two.is_plain


@pytest.mark.parametrize(("count", "left"), [(0, 0), (-1, 0), (3.5, 4), (4, 4), (99, 4)])
def test_a_count_may_be_any_number(count: float, left: int) -> None:
    resolved = resolve(counted(), Facts(numbers={"present": count}))

    assert sum(name.startswith("indoor") for name in names(resolved)) == left


def test_all_instances_stay_where_the_device_did_not_say() -> None:
    assert sum(name.startswith("indoor") for name in names(resolve(counted(), Facts()))) == 4


def test_what_tells_of_an_instance_may_stand_elsewhere() -> None:
    connected = build.point("connected", hidden=True, read=build.register(1, bit=0))
    connection = {
        "name": "connection",
        "style": "suffix",
        "labels": build.LABELS,
        "repeat": {"count": 3, "bit_stride": 1},
        "points": [connected],
    }
    group = {
        "name": "indoor",
        "labels": build.LABELS,
        "repeat": {"count": 3, "stride": 10},
        "points": [build.point("on", read=build.register(100, bit=0))],
        "present_from": "connected_{n}",
    }
    profile = build.model([], groups=[connection, group])

    resolved = resolve(profile, Facts(numbers={"connected_1": 0, "connected_3": 0}))

    assert names(resolved) == ["connected_1", "connected_2", "connected_3", "indoor_2_on"]
    asked = introduction(profile)
    assert asked is not None
    assert asked.points == ("connected_1", "connected_2", "connected_3")


def test_instances_that_are_not_there_are_absent_but_for_what_says_so() -> None:
    connected = build.point("connected", hidden=True, read=build.register(1, bit=0))
    room = build.point("room", read=build.register(100))
    group = {
        "name": "indoor",
        "labels": build.LABELS,
        "repeat": {"count": 3, "stride": 10, "bit_stride": 1},
        "points": [connected, room],
        "present_from": "connected",
    }
    profile = build.model([], groups=[group])

    asked = introduction(profile)
    assert asked is not None
    assert asked.points == tuple(f"indoor_{n}_connected" for n in (1, 2, 3))
    said = {"indoor_1_connected": 1.0, "indoor_2_connected": 0.0}
    resolved = resolve(profile, Facts(numbers=said))

    assert [name for name in names(resolved) if name.endswith("room")] == [
        "indoor_1_room",
        "indoor_3_room",
    ]
    assert "indoor_2_connected" in names(resolved)
    connections = [resolved.find(f"indoor_{n}_connected") for n in (1, 2, 3)]
    assert [one.read.bit for one in connections if one and one.read] == [0, 1, 2]
    assert {one.read.address for one in connections if one and one.read} == {1}


# --- sharing -------------------------------------------------------------------------------------


def test_devices_alike_share_a_profile() -> None:
    profile = counted()

    first = resolve(profile, Facts(numbers={"present": 2, "else": 1.0}))
    second = resolve(profile, Facts(numbers={"present": 2, "else": 2.0}))
    third = resolve(profile, Facts(numbers={"present": 3}))

    assert first is second
    assert third is not first
    assert first.find("indoor_1_room") is profile.find("indoor_1_room")


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("device_profiles.resolving.RESOLVED_MAX", 3)
    profile = counted()

    for count in range(10):
        resolve(profile, Facts(numbers={"present": count / 4}))

    assert len(vars(profile)["_resolved"]) <= 3


def test_a_handed_over_profile_resolves_alike() -> None:
    profile = counted()
    resolve(profile, Facts(numbers={"present": 1}))
    taken = pickle.loads(pickle.dumps(profile))

    resolved = resolve(taken, Facts(numbers={"present": 2}))

    assert names(resolved) == names(resolve(profile, Facts(numbers={"present": 2})))
    assert pickle.loads(pickle.dumps(resolved)).points == resolved.points


# --- SunSpec -------------------------------------------------------------------------------------


def sunspec(base: Any = 0) -> ModbusProfile:
    points = [
        build.point("current", read=build.register(2, block=[101, 103], scale_factor="a_sf")),
        build.point("a_sf", hidden=True, read=build.register(6, "int16", block=[101, 103])),
        build.point("phases", read=build.register(40, block=103)),
        build.point(
            "limit",
            read=build.register(5, block=123),
            write={"function": 6, "minimum": 0, "maximum": 100},
        ),
        build.point("plain", read=build.register(400_001 if base == "modicon" else 7)),
    ]
    return build.model(points, sunspec={}, address_base=base)


@pytest.mark.parametrize("base", [0, 1, "modicon"])
def test_points_of_models_get_addresses_of_the_device(base: Any) -> None:
    profile = sunspec(base)
    blocks = {1: Block(40_002, 66), 103: Block(40_070, 50), 123: Block(40_122, 24)}

    assert introduction(profile) == Introduction((), walks_sunspec=True)
    resolved = resolve(profile, Facts(blocks=blocks))

    assert resolved.is_plain
    places = {one.name: resolved.read_location(one).address for one in resolved.points}
    assert places == {
        "current": 40_072,
        "a_sf": 40_076,
        "phases": 40_110,
        "limit": 40_127,
        "plain": {0: 7, 1: 6, "modicon": 0}[base],
    }
    limit = resolved.find("limit")
    assert limit is not None
    assert resolved.write_location(limit).address == 40_127


def test_points_of_absent_models_are_absent() -> None:
    profile = sunspec()

    assert names(resolve(profile, Facts())) == ["plain"]
    single = resolve(profile, Facts(blocks={101: Block(100, 50)}))
    assert names(single) == ["current", "a_sf", "plain"]


def test_a_model_shorter_than_its_points_loses_them() -> None:
    profile = sunspec()

    # the register 6 of the model is the fifth after those of id and length
    long_enough = resolve(profile, Facts(blocks={101: Block(100, 5)}))
    too_short = resolve(profile, Facts(blocks={101: Block(100, 4)}))

    assert names(long_enough) == ["current", "a_sf", "plain"]
    assert names(too_short) == ["plain"], "the value without its scale factor would be wrong"


def walked(
    registers: dict[int, list[int]], markers: tuple[int, ...] = (40_000, 50_000, 0)
) -> tuple[SunSpecWalk, list[int]]:
    walk = SunSpecWalk(SunSpec(marker_addresses=markers))
    asked = []
    while (step := walk.next()) is not None:
        table, address, count = step
        assert table is Table.HOLDING
        assert count == 2
        asked.append(address)
        walk.feed(registers.get(address))
    return walk, asked


def test_a_chain_is_walked_to_its_end() -> None:
    walk, asked = walked(
        {
            40_000: [1, 2],
            50_000: MARKER,
            50_002: [1, 66],
            50_070: [103, 50],
            50_122: [103, 50],
            50_174: [0xFFFF, 0],
        }
    )

    assert walk.end is WalkEnd.COMPLETE
    assert walk.blocks == {1: (50_002, 66), 103: (50_070, 50)}
    assert asked == [40_000, 50_000, 50_002, 50_070, 50_122, 50_174]


def test_a_device_without_marker_has_no_models() -> None:
    walk, asked = walked({})

    assert walk.end is WalkEnd.NO_MARKER
    assert walk.blocks == {}
    assert asked == [40_000, 50_000, 0]


def test_a_refusal_within_the_chain_ends_it() -> None:
    walk, _ = walked({40_000: MARKER, 40_002: [1, 66]})

    assert walk.end is WalkEnd.REFUSED
    assert walk.blocks == {1: (40_002, 66)}


@pytest.mark.parametrize(
    "chain",
    [
        {40_002: [1, 0xFFFE]},
        {40_002: [1, 25_532]},
        {40_002: [0, 0]},
        {40_002 + 2 * n: [7, 0] for n in range(2_000)},
    ],
    ids=["length", "to the last address", "empty", "too many"],
)
def test_chains_that_cannot_be_end(chain: dict[int, list[int]]) -> None:
    walk, asked = walked({40_000: MARKER, **chain})

    assert walk.end is WalkEnd.BROKEN
    assert len(asked) < 300


@given(
    st.dictionaries(
        st.integers(0, 65_535), st.lists(st.integers(0, 0xFFFF), min_size=2, max_size=2)
    ),
    st.randoms(use_true_random=False),
)
def test_a_walk_always_ends_and_stays_within_the_addresses(
    registers: dict[int, list[int]], random: Any
) -> None:
    walk = SunSpecWalk(SunSpec())
    walk.feed(MARKER)
    before = -1
    for _ in range(1_000):
        step = walk.next()
        if step is None:
            break
        _, address, count = step
        assert before < address <= 65_536 - count
        before = address
        any_head = [random.choice([0, 1, 103, 65_535]), random.choice([0, 1, 40, 30_000])]
        walk.feed(registers.get(address, any_head))

    assert walk.next() is None
    for block in walk.blocks.values():
        assert block.address + 2 + block.length <= 65_536


def test_a_reply_of_the_wrong_size_is_a_bug() -> None:
    with pytest.raises(ValueError, match="1 registers given"):
        SunSpecWalk(SunSpec()).feed([1])


# --- any facts -----------------------------------------------------------------------------------

WHOLE = load_profile(Path(__file__).parent / "whole-profile.yaml")
assert isinstance(WHOLE, ModbusProfile)
NAMES = [point.name for point in WHOLE.points]
any_facts = st.builds(
    Facts,
    numbers=st.dictionaries(
        st.sampled_from(["units_present", "unit_choice"]), st.floats(-5, 5) | st.just(1e300)
    ),
    texts=st.dictionaries(st.just("firmware"), st.sampled_from(["", "V2", "V2.1.3", "V4", "x"])),
    blocks=st.dictionaries(
        st.sampled_from([1, 101, 103]),
        st.builds(Block, address=st.integers(0, 60_000), length=st.integers(0, 200)),
    ),
)


@given(any_facts)
def test_whatever_a_device_says_its_profile_is_whole(facts: Facts) -> None:
    assert isinstance(WHOLE, ModbusProfile)

    resolved = resolve(WHOLE, facts)

    assert resolved.is_plain
    names = {point.name for point in resolved.points}
    assert names <= set(NAMES)
    read = [point for point in resolved.points if point.read is not None]
    planned = [point.name for one in plan_reads(resolved, resolved.points) for point in one.points]
    assert sorted(planned) == sorted(point.name for point in read)
    for point in resolved.points:
        assert names.issuperset(inputs_of(point))
        if point.write is not None:
            assert names.issuperset(point.write.also_writes)
            assert point.write.read_back is None or point.write.read_back in names
            resolved.write_location(point)
