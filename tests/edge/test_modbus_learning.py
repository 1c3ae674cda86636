"""What devices refuse is found out by halves, without losing what they do have, and remembered."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campus_wire.quality import Quality
from device_profiles.model import ModbusProfile
from device_profiles.model_modbus import Table
from device_profiles.planning import AddressRange
from edge_agent.modbus.errors import NoAnswerError, device_exception
from edge_agent.modbus.learned_store import LearnedStore, path_beside
from edge_agent.modbus.learning import Learned, Size
from edge_agent.modbus.requests import Request
from edge_agent.modbus.turnaround import LineCost
from tests.edge.fakes import modbus_device
from tests.edge.modbus_rig import Rig
from tests.profiles import build


class One:
    """A library of one profile."""

    def __init__(self, profile: ModbusProfile) -> None:
        self.profile = profile

    def get(self, _id: str, /) -> ModbusProfile:
        return self.profile


class Meter:
    """Holding registers that hold their addresses; refuses as real devices do."""

    def __init__(self, *, largest: int = 125, missing: frozenset[int] = frozenset()) -> None:
        self.largest = largest
        self.missing = missing
        self.boundary: int | None = None
        self.silent_when_large = False
        self.refusals = 0
        self.asked: list[tuple[int, int]] = []

    def __call__(self, request: Request) -> Sequence[int]:
        address = int.from_bytes(request.pdu[1:3], "big")
        count = int.from_bytes(request.pdu[3:5], "big")
        self.asked.append((address, count))
        if count > self.largest:
            self.refusals += 1
            raise NoAnswerError("silent") if self.silent_when_large else device_exception(3)
        crosses = self.boundary is not None and address < self.boundary < address + count
        if crosses or self.missing & set(range(address, address + count)):
            self.refusals += 1
            raise device_exception(2)
        return list(range(address, address + count))


def rig_of(meter: Meter, addresses: Sequence[int], *, bridge: int = 12, **more: Any) -> Rig:
    points = [build.point(f"p{at}", read=build.register(at)) for at in sorted(addresses)]
    device = modbus_device("meter", "made-up", unit=1)
    return Rig(
        device,
        units={1: meter},
        profiles=One(build.modbus(points)),
        bridge_registers=bridge,
        reopens=False,
        **more,
    )


def values(rig: Rig) -> list[dict[int, float | None]]:
    """Each poll's values by address."""
    profile = rig.bus._polled["meter"].profile
    where = [point.read.address for point in profile.points if point.read is not None]
    return [
        {where[index]: value for index, value in zip(one.points, one.values, strict=True)}
        for one in rig.sink.of(0)
    ]


async def test_the_largest_request_is_found_by_bisecting() -> None:
    meter = Meter(largest=40)
    rig = rig_of(meter, range(100))
    await rig.run(20.0)

    assert all(one == {at: at for at in range(100)} for one in values(rig))
    learned = rig.bus._polled["meter"].learned
    assert learned.words == Size(answered=40, refused=41)
    assert not learned.refused
    assert max(count for _, count in meter.asked[-9:]) == 40
    assert len([part.asked for part in rig.bus._polled["meter"].parts]) == 3
    assert meter.refusals <= 8


async def test_a_missing_register_is_bad_alone() -> None:
    meter = Meter(missing=frozenset({33}))
    rig = rig_of(meter, range(60))
    await rig.run(120.0)

    for one in values(rig):
        assert one == {at: None if at == 33 else at for at in range(60)}
    last = rig.sink.of(0)[-1]
    assert list(last.qualities).count(Quality.EXCEPTION) == 1
    asked = meter.asked[-30:]
    assert asked.count((33, 1)) <= 2  # ever more rarely
    assert meter.refusals <= 20


async def test_a_missing_register_that_comes_back_is_read_with_the_others_again() -> None:
    meter = Meter(missing=frozenset({3}))
    rig = rig_of(meter, range(8))
    await rig.run(10.0)
    meter.missing = frozenset()
    await rig.run(70.0)

    assert values(rig)[-1] == {at: at for at in range(8)}
    assert meter.asked[-1] == (0, 8)
    assert rig.bus._polled["meter"].learned.is_empty


async def test_a_hole_that_must_not_be_read_is_told_from_a_request_that_is_too_large() -> None:
    meter = Meter(missing=frozenset({5}))
    rig = rig_of(meter, [0, 1, 2, 8, 9, 15])
    await rig.run(3.0)

    learned = rig.bus._polled["meter"].learned
    assert learned.refused == (AddressRange(Table.HOLDING, 3, 7),)
    assert learned.words.refused is None
    assert all(None not in one.values() for one in values(rig))
    assert meter.asked[-2:] == [(0, 3), (8, 8)]


async def test_blocks_that_no_request_may_run_over_are_found() -> None:
    meter = Meter()
    meter.boundary = 50
    rig = rig_of(meter, [*range(30, 60), *range(100, 170)], bridge=3)
    await rig.run(30.0)

    assert all(None not in one.values() for one in values(rig))
    plan = [(part.asked.address, part.asked.count) for part in rig.bus._polled["meter"].parts]
    assert (30, 20) in plan


async def test_a_device_silent_to_large_requests_is_asked_for_less() -> None:
    meter = Meter(largest=30)
    meter.silent_when_large = True
    rig = rig_of(meter, range(50))
    await rig.run(60.0)

    assert values(rig)[-1] == {at: at for at in range(50)}
    assert rig.bus._polled["meter"].learned.words.answered <= 30


async def test_a_device_that_is_dead_teaches_nothing() -> None:
    meter = Meter(largest=0)
    meter.silent_when_large = True
    rig = rig_of(meter, range(50))
    await rig.run(200.0)

    assert rig.bus._polled["meter"].learned.is_empty
    assert len(meter.asked) <= 14


async def test_a_device_that_refuses_everything_for_a_while_recovers() -> None:
    meter = Meter(missing=frozenset(range(20)))
    rig = rig_of(meter, range(20))
    await rig.run(30.0)
    meter.missing = frozenset()
    await rig.run(90.0)

    assert values(rig)[-1] == {at: at for at in range(20)}
    assert meter.asked[-1] == (0, 20)


@settings(max_examples=40)
@given(
    st.sets(st.integers(0, 150), min_size=1, max_size=60),
    st.frozensets(st.integers(0, 150), max_size=5),
    st.integers(1, 125),
    st.integers(0, 40),
)
async def test_every_register_that_is_there_is_good_and_the_others_are_bad_alone(
    addresses: set[int], missing: frozenset[int], largest: int, bridge: int
) -> None:
    meter = Meter(largest=largest, missing=missing)
    rig = rig_of(meter, sorted(addresses), bridge=bridge)
    await rig.run(40.0)
    truth = {at: None if at in missing else at for at in addresses}

    assert values(rig)[-1] == truth
    before = meter.refusals
    polls = len(rig.sink.samples)
    await rig.run(30.0)
    assert all(one == truth for one in values(rig)[polls:])
    # Afterwards only missing points are asked for in vain, each ever more rarely.
    assert meter.refusals - before <= 3 * len(missing & addresses)


def test_what_was_learnt_comes_back_after_a_restart(tmp_path: Path) -> None:
    path = path_beside(tmp_path / "spool.db")

    async def first() -> Learned:
        meter = Meter(largest=30, missing=frozenset({44}))
        rig = rig_of(meter, range(60), store=LearnedStore(path, write_after_s=0.0))
        await rig.run(20.0)
        async with asyncio.timeout(10):
            while not path.exists():  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.01)
        return rig.bus._polled["meter"].learned

    async def again() -> tuple[Meter, Rig]:
        meter = Meter(largest=30, missing=frozenset({44}))
        rig = rig_of(meter, range(60), store=LearnedStore(path))
        await rig.run(0.95)
        return meter, rig

    learned = asyncio.run(first())
    meter, rig = asyncio.run(again())

    assert rig.bus._polled["meter"].learned.limits == learned.limits
    assert meter.refusals == 1  # the missing one itself
    assert values(rig)[0] == {at: None if at == 44 else at for at in range(60)}


def test_another_firmware_begins_anew_and_another_device_of_the_same_does_not() -> None:
    store = LearnedStore()
    learned = Learned("meter 1.0")
    learned.words = Size(40, 41)
    store.keep("a", learned)

    assert store.learned("b", "meter 1.0").words == Size(40, 41)
    assert store.learned("a", "meter 2.0").is_empty


def device_of(**more: Any) -> bytes:
    plain = {"identity": "x", "words": [1, 5], "bits": [0, None], "refused": [], **more}
    return orjson.dumps({"version": 1, "devices": {"a": plain}})


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b'{"version": 2, "devices": {}}',
        b'{"version": 1, "devices": []}',
        b'{"version": 1, "devices": {"a": {}}}',
        device_of(words=[1, -5]),
        device_of(words=["1", 5]),
        device_of(refused=[["holding", 1]]),
        device_of(refused=[["nowhere", 1, 2]]),
        b"\xff" * 100,
    ],
)
def test_a_broken_file_is_begun_anew(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "learned.json"
    path.write_bytes(data)

    assert LearnedStore(path).learned("a", "x").is_empty


def test_plans_begin_with_what_the_line_alone_tells() -> None:
    meter = Meter()
    rig = rig_of(meter, [0, 9, 40], bridge=0)
    rig_measured = Rig(
        modbus_device("meter", "made-up", unit=1),
        units={1: meter},
        profiles=One(rig.bus._polled["meter"].profile),
        bridge_registers=None,
        line=LineCost(11 / 9_600, 38.5 / 9_600),
    )
    parts = rig_measured.bus._polled["meter"].parts

    assert [(part.asked.address, part.asked.count) for part in parts] == [(0, 10), (40, 1)]


async def test_what_is_refused_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="edge_agent")
    rig = rig_of(Meter(missing=frozenset({3})), range(8))
    await rig.run(300.0)

    assert [record.getMessage() for record in caplog.records] == [
        "meter on bus bus refuses 8 of holding from 0 on; 7 of 8 points answer"
    ]
