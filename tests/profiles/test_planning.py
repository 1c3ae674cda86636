from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_profiles.model import ModbusProfile
from device_profiles.model_modbus import Table
from device_profiles.planning import AddressRange, ReadLimits, plan_cost, plan_reads
from device_profiles.registers import DataType, register_count
from tests.profiles import build

INPUT_TYPES = ["coil", "discrete_input", "input", "holding"]


def spans(profile: ModbusProfile, bridge: int = 0) -> list[tuple[str, int, int]]:
    requests = plan_reads(profile, profile.points, bridge_registers=bridge)
    return [(one.table, one.address, one.address + one.count - 1) for one in requests]


def at(*addresses: int, **section: Any) -> ModbusProfile:
    points = [build.point(f"p{one}", read=build.register(one)) for one in addresses]
    return build.modbus(points, **section)


def test_points_at_1_2_3_and_5_give_two_requests() -> None:
    assert spans(at(5, 1, 3, 2)) == [("holding", 1, 3), ("holding", 5, 5)]


def test_a_bridge_over_one_register_makes_it_one() -> None:
    assert spans(at(1, 2, 3, 5), bridge=1) == [("holding", 1, 5)]
    assert spans(at(1, 2, 3, 6), bridge=1) == [("holding", 1, 3), ("holding", 6, 6)]


def test_no_bridge_over_a_forbidden_register() -> None:
    forbidden = [{"input_type": "holding", "first": 4, "last": 4}]

    assert spans(at(3, 5, forbidden=forbidden), bridge=9) == [("holding", 3, 3), ("holding", 5, 5)]


def test_forbidden_in_another_table_is_no_hindrance() -> None:
    forbidden = [{"input_type": "input", "first": 4, "last": 4}]

    assert spans(at(3, 5, forbidden=forbidden), bridge=9) == [("holding", 3, 5)]


def test_no_request_is_larger_than_the_device_takes() -> None:
    assert spans(at(0, 1, 2, 3, 4, max_word_registers_per_request=2)) == [
        ("holding", 0, 1),
        ("holding", 2, 3),
        ("holding", 4, 4),
    ]


def test_no_request_is_larger_than_modbus_allows() -> None:
    assert spans(at(*range(126))) == [("holding", 0, 124), ("holding", 125, 125)]


def test_a_value_is_never_split() -> None:
    points = [build.point(f"p{i}", read=build.register(4 * i, "float64")) for i in range(4)]
    profile = build.modbus(points, max_word_registers_per_request=6)

    assert spans(profile) == [("holding", 4 * i, 4 * i + 3) for i in range(4)]


def test_one_request_per_field() -> None:
    flags = [
        build.point(f"b{i}", read={"input_type": "holding", "address": 9, "bit": i})
        for i in range(2)
    ]
    others = [build.point(f"p{i}", read=build.register(i)) for i in range(2)]
    profile = build.modbus([*flags, *others], one_request_per_field=True)

    assert spans(profile) == [("holding", 0, 0), ("holding", 1, 1), ("holding", 9, 9)]


def test_a_hole_of_bits_costs_a_sixteenth() -> None:
    points = [
        build.point(f"c{one}", read={"input_type": "coil", "address": one}) for one in (0, 17)
    ]

    assert spans(build.modbus(points), bridge=0) == [("coil", 0, 0), ("coil", 17, 17)]
    assert spans(build.modbus(points), bridge=1) == [("coil", 0, 17)]


def test_printed_addresses_become_those_of_the_wire() -> None:
    points = [
        build.point("a", read={"input_type": "holding", "address": 40_001, "data_type": "int16"}),
        build.point("b", read={"input_type": "input", "address": 30_010, "data_type": "int16"}),
        build.point("c", read={"input_type": "discrete_input", "address": 10_001}),
        build.point("d", read={"input_type": "coil", "address": 1}),
        build.point("e", read={"input_type": "holding", "address": 465_536, "data_type": "int16"}),
    ]
    profile = build.modbus(points, address_base="modicon")

    assert spans(profile) == [
        ("coil", 0, 0),
        ("discrete", 0, 0),
        ("input", 9, 9),
        ("holding", 0, 0),
        ("holding", 65_535, 65_535),
    ]
    assert spans(at(1, address_base=1)) == [("holding", 0, 0)]


def printed(base: Any, table: Table, address: int) -> int:
    """Return how a manual prints an address."""
    if base != "modicon":
        return int(address + base)
    leading = {Table.COIL: 0, Table.DISCRETE: 1, Table.INPUT: 3, Table.HOLDING: 4}[table]
    return leading * (10_000 if address < 9_999 else 100_000) + address + 1


@pytest.mark.parametrize("base", [0, 1, "modicon"])
@pytest.mark.parametrize("table", list(Table))
@pytest.mark.parametrize("address", [0, 1, 9_997, 9_998, 9_999, 65_535])
def test_printed_addresses_come_back(base: Any, table: Table, address: int) -> None:
    if base == "modicon" and table is Table.COIL and address >= 9_999:
        return  # numbers of coils have no leading digit that would tell a longer one apart
    section = at(1, address_base=1).modbus.model_copy(update={"address_base": base})

    assert section.wire_address(table, printed(base, table, address)) == address


def test_function_codes() -> None:
    points = [
        build.point(f"p_{one}", read={"input_type": one, "address": 0})
        for one in ("coil", "discrete_input")
    ]
    points += [
        build.point(f"p_{one}", read={"input_type": one, "address": 0, "data_type": "int16"})
        for one in ("input", "holding")
    ]
    profile = build.modbus(points)

    functions = {one.table: one.function for one in plan_reads(profile, profile.points)}

    assert functions == {Table.COIL: 1, Table.DISCRETE: 2, Table.HOLDING: 3, Table.INPUT: 4}


Span = tuple[str, int, int]


def overlaps_in_part(span: Span, taken: list[Span]) -> bool:
    """Whether it shares registers with another value, which no profile may say."""
    table, first, last = span
    return any(
        one == table and a <= last and b >= first and (a, b) != (first, last) for one, a, b in taken
    )


@st.composite
def profiles(draw: st.DrawFn) -> ModbusProfile:
    limit = draw(st.integers(4, 125))
    forbidden: list[dict[str, Any]] = []
    taken: list[tuple[str, int, int]] = []
    points = []
    for index in range(draw(st.integers(1, 30))):
        input_type = draw(st.sampled_from(INPUT_TYPES))
        address = draw(st.integers(0, 300))
        read: dict[str, Any] = {"input_type": input_type, "address": address}
        width = 1
        if input_type in ("input", "holding"):
            data_type = draw(st.sampled_from(["uint16", "int32", "float64"]))
            width = register_count(DataType(data_type))
            read["data_type"] = data_type
        span = (input_type, address, address + width - 1)
        if overlaps_in_part(span, taken):
            continue
        taken.append(span)
        points.append(build.point(f"p{index}", read=read))
    for _ in range(draw(st.integers(0, 4))):
        input_type = draw(st.sampled_from(INPUT_TYPES))
        first = draw(st.integers(0, 300))
        last = first + draw(st.integers(0, 5))
        if not any(one == input_type and a <= last and b >= first for one, a, b in taken):
            forbidden.append({"input_type": input_type, "first": first, "last": last})
    return build.modbus(
        points,
        forbidden=forbidden,
        max_word_registers_per_request=limit,
        max_bit_registers_per_request=draw(st.integers(1, 2000)),
        one_request_per_field=draw(st.booleans()),
    )


@given(profile=profiles(), bridge=st.integers(0, 200))
def test_laws_of_planning(profile: ModbusProfile, bridge: int) -> None:
    requests = plan_reads(profile, profile.points, bridge_registers=bridge)
    section = profile.modbus

    planned = [point.name for request in requests for point in request.points]
    assert sorted(planned) == sorted(point.name for point in profile.points)
    for request in requests:
        bits = request.table.holds_bits
        limit = (
            section.max_bit_registers_per_request
            if bits
            else section.max_word_registers_per_request
        )
        last = request.address + request.count - 1
        assert 1 <= request.count <= limit
        assert not section.is_forbidden(request.table, request.address, last)
        for point in request.points:
            place = profile.read_location(point)
            assert place.table is request.table
            assert request.address <= place.address
            assert place.address + place.count - 1 <= last


@given(profile=profiles(), bridge=st.integers(0, 50))
def test_bridging_never_asks_more_often(profile: ModbusProfile, bridge: int) -> None:
    bare = plan_reads(profile, profile.points)

    assert len(plan_reads(profile, profile.points, bridge_registers=bridge)) <= len(bare)


@given(profile=profiles())
def test_without_bridging_no_address_is_read_in_vain(profile: ModbusProfile) -> None:
    for request in plan_reads(profile, profile.points):
        wanted: set[int] = set()
        for point in request.points:
            place = profile.read_location(point)
            wanted |= set(range(place.address, place.address + place.count))
        assert wanted == set(range(request.address, request.address + request.count))


@st.composite
def small_maps(draw: st.DrawFn) -> ModbusProfile:
    points = []
    taken: list[Span] = []
    for index in range(draw(st.integers(1, 7))):
        address = draw(st.integers(0, 24))
        read: dict[str, Any] = {"address": address, "input_type": "coil"}
        width = 1
        if draw(st.integers(0, 5)) > 0:
            data_type = draw(st.sampled_from(["uint16", "int32", "float64"]))
            width = register_count(DataType(data_type))
            read |= {"input_type": "holding", "data_type": data_type}
        span = (read["input_type"], address, address + width - 1)
        if not overlaps_in_part(span, taken):
            taken.append(span)
            points.append(build.point(f"p{index}", read=read))
    holding = {at for table, a, b in taken if table == "holding" for at in range(a, b + 1)}
    blocked = draw(st.lists(st.integers(0, 28), max_size=3))
    forbidden = [
        {"input_type": "holding", "first": at, "last": at} for at in blocked if at not in holding
    ]
    return build.modbus(
        points, forbidden=forbidden, max_word_registers_per_request=draw(st.integers(4, 20))
    )


def addresses(profile: ModbusProfile, point: Any) -> range:
    place = profile.read_location(point)
    return range(place.address, place.address + place.count)


def partitions(items: Sequence[Any]) -> Iterator[list[list[Any]]]:
    """Every way to share items among requests, whatever their order."""
    if not items:
        yield []
        return
    first, rest = items[0], items[1:]
    for shared in partitions(rest):
        yield [[first], *shared]
        for at in range(len(shared)):
            yield [*shared[:at], [first, *shared[at]], *shared[at + 1 :]]


def cost_of(
    profile: ModbusProfile, points: list[Any], limits: ReadLimits, bridge: float
) -> float | None:
    """What one request for these points costs; None where it must not be made."""
    [table, *others] = {profile.read_location(point).table for point in points}
    wanted = set[int]().union(*(addresses(profile, point) for point in points))
    first, last = min(wanted), max(wanted)
    count = last - first + 1
    same = {addresses(profile, point) for point in points}
    refused = {
        at for one in limits.refused if one.table is table for at in range(one.first, one.last + 1)
    }
    if others or (len(same) > 1 and count > limits.largest(profile, table)):
        return None
    if len(same) > 1 and wanted & refused:
        return None
    for hole in set(range(first, last + 1)) - wanted:
        if hole in refused or profile.modbus.is_forbidden(table, hole, hole):
            return None
    return bridge + count / (16 if table.holds_bits else 1)


@given(
    profile=small_maps(),
    bridge=st.floats(0, 30),
    largest=st.none() | st.integers(1, 12),
    refused=st.lists(st.integers(0, 26), max_size=3),
)
def test_no_plan_is_cheaper(
    profile: ModbusProfile, bridge: float, largest: int | None, refused: list[int]
) -> None:
    ranges = tuple(AddressRange(Table.HOLDING, at, at) for at in refused)
    limits = ReadLimits(max_word_registers=largest, refused=ranges)

    plan = plan_reads(profile, profile.points, bridge_registers=bridge, limits=limits)

    costs = [
        [cost_of(profile, request, limits, bridge) for request in requests]
        for requests in partitions(profile.points)
    ]
    best = min(sum(c for c in one if c is not None) for one in costs if None not in one)
    for request in plan:
        assert cost_of(profile, list(request.points), limits, bridge) is not None
    assert plan_cost(plan, bridge_registers=bridge) == pytest.approx(best, abs=0.1)


def test_the_last_hole_is_not_bridged_where_another_cut_is_cheaper() -> None:
    """Greedily 0 to 9 would be one request and 16 another; a smaller first one saves a hole."""
    profile = at(0, 4, 10, 11, max_word_registers_per_request=11)

    assert spans(profile, bridge=7) == [("holding", 0, 4), ("holding", 10, 11)]


def test_a_point_on_a_refused_address_is_asked_for_alone() -> None:
    profile = at(0, 1, 2, 3)
    limits = ReadLimits(refused=(AddressRange(Table.HOLDING, 1, 1),))

    plan = plan_reads(profile, profile.points, bridge_registers=9, limits=limits)

    assert [(one.address, one.count) for one in plan] == [(0, 1), (1, 1), (2, 2)]


def test_no_request_runs_over_a_seam() -> None:
    profile = at(0, 1, 2, 3)
    limits = ReadLimits(refused=(AddressRange(Table.HOLDING, 2, 1),))

    plan = plan_reads(profile, profile.points, bridge_registers=9, limits=limits)

    assert [(one.address, one.count) for one in plan] == [(0, 2), (2, 2)]
