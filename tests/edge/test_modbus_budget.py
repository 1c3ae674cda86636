"""The budget of a bus: what it says before anything is wired, and what `check` makes of it."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from edge_agent.check_report import budget_of
from edge_agent.cli import app
from edge_agent.inventory import build_inventory
from edge_agent.modbus.budget import BusBudget, DeviceDemand, ReadDemand, Verdict, bus_budget
from edge_agent.modbus.overload import OVER_AFTER_S, SAID_AFTER_S, OverloadNotice
from edge_agent.modbus.turnaround import LineCost
from tests.edge.fakes import (
    LIBRARY,
    NAME,
    FakeClock,
    RecordingEvents,
    edge_config,
    modbus_device,
    registers,
)
from tests.edge.modbus_rig import Rig

LINE = LineCost(11 / 9_600, 38.5 / 9_600)


def device(number: int, *, rank: int = 1, interval_s: float = 2.0, registers: int = 10) -> Any:
    return DeviceDemand(f"d{number}", rank, interval_s, (ReadDemand(registers, interval_s),))


def budget(*devices: DeviceDemand, baud: int = 9_600) -> BusBudget:
    return bus_budget(devices, LINE, timeout_s=1.0, baud_rate=baud)


def test_the_cycle_is_the_sum_of_all_requests() -> None:
    found = budget(*(device(n) for n in range(32)))

    assert found.cycle_s == pytest.approx(1.63, abs=0.005)  # the table of the formula
    assert found.load == pytest.approx(1.63 / 2, abs=0.005)
    assert found.verdict is Verdict.FITS
    assert found.remedies == ()
    assert sum(shares_of(found)) == pytest.approx(found.load)


def shares_of(found: BusBudget) -> list[float]:
    shares = found.shares
    sent_and_got = [shares.request_bytes, shares.reply_bytes]
    return [*sent_and_got, shares.turnaround, shares.silence, shares.pauses]


def test_an_overloaded_line_stretches_and_says_what_helps() -> None:
    found = budget(*(device(n, interval_s=1.0) for n in range(32)))

    assert found.verdict is Verdict.STRETCHES
    assert found.stretches[1] == pytest.approx(1.63 / 0.98, abs=0.01)
    assert found.remedies == (
        "make the intervals 1.9 times as long",
        "set devices and line to 38400 baud",
        "share the devices among 2 buses",
    )


def test_safety_devices_that_cannot_be_read_in_time_are_refused() -> None:
    many = budget(*(device(n, rank=0, interval_s=1.0) for n in range(32)))
    quick = budget(device(1, rank=0, interval_s=0.1), device(2, registers=60))

    assert many.verdict is Verdict.FAILS_SAFETY
    assert quick.verdict is Verdict.FAILS_SAFETY
    assert quick.late == ("d1",)
    assert quick.remedies == (
        "lengthen the interval of d1",
        "set devices and line to 38400 baud",
    )


def test_normal_devices_never_make_safety_intervals_fail() -> None:
    found = budget(device(0, rank=0), *(device(n, interval_s=0.5) for n in range(1, 30)))

    assert found.verdict is Verdict.STRETCHES
    assert found.stretches[0] == 1.0


@given(st.lists(st.tuples(st.integers(0, 2), st.floats(0.2, 60), st.integers(1, 125)), max_size=20))
def test_loads_add_up(plain: list[tuple[int, float, int]]) -> None:
    devices = [
        device(n, rank=rank, interval_s=interval_s, registers=registers)
        for n, (rank, interval_s, registers) in enumerate(plain)
    ]
    found = budget(*devices)

    assert found.load == pytest.approx(sum(one.load for one in found.devices))
    assert sum(shares_of(found)) == pytest.approx(found.load)
    assert (found.verdict is Verdict.FITS) <= (found.load <= 1)
    if found.verdict is not Verdict.FITS:
        assert found.remedies or len(devices) == 1


# --- the command ----------------------------------------------------------------------------------


def write_config(folder: Path, *devices: dict[str, Any], baud: int = 9_600) -> Path:
    modbus = {"transport": "rtu", "port": "/dev/ttyS9", "baud_rate": baud}
    plain = {
        "gateway": "gw-test",
        "school": {"id": "s1", "name": NAME},
        "areas": [{"id": "r1", "kind": "classroom", "name": NAME}],
        "uplink": {"broker": {"host": "127.0.0.1"}},
        "spool": {"path": "spool.db"},
        "buses": [{"id": "line", "modbus": modbus, "devices": devices}],
    }
    path = folder / "edge.yaml"
    path.write_text(json.dumps(plain), encoding="utf-8")
    return path


def check(path: Path, *options: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["check", "--config", str(path), *options])
    return result.exit_code, result.output


def test_check_prints_where_the_time_of_a_line_goes(tmp_path: Path) -> None:
    path = write_config(tmp_path, modbus_device("th", "xy-md02", unit=1, interval_s=10.0))

    code, text = check(path)

    assert code == 0
    assert "all devices once in 0.0" in text
    assert "turnaround" in text
    assert "an absent device costs" in " ".join(text.split())


def test_check_warns_of_a_line_that_cannot_keep_up(tmp_path: Path) -> None:
    devices = [modbus_device(f"th-{n}", "xy-md02", unit=n, interval_s=0.5) for n in range(1, 31)]
    path = write_config(tmp_path, *devices)

    code, text = check(path)
    json_code, plain = check(path, "--json")

    assert (code, json_code) == (0, 0)
    assert "line cannot be read as often as asked" in " ".join(text.split())
    assert "share the devices among" in text
    [source] = json.loads(plain)["sources"]
    assert source["budget"]["verdict"] == "stretches"
    assert source["busy"] > 1
    assert len(source["budget"]["remedies"]) == 3


def test_check_refuses_a_line_that_is_too_slow_for_its_safety_devices(tmp_path: Path) -> None:
    gas = [
        modbus_device(f"g-{n}", "generic-gas-detector", unit=n, interval_s=0.3)
        for n in range(1, 31)
    ]
    path = write_config(tmp_path, *gas)

    code, text = check(path)
    json_code, plain = check(path, "--json")

    assert (code, json_code) == (1, 1)
    assert "refused" in text
    assert json.loads(plain)["ok"] is False


# --- saying so ------------------------------------------------------------------------------------


def test_an_overload_is_said_once_when_it_begins_and_once_when_it_is_over() -> None:
    clock, events = FakeClock(), RecordingEvents()
    notice = OverloadNotice("line-1", clock, events)

    for second in range(100):
        notice.look((1.0, 2.0, 10.0), load=1.9, now_s=second)
    for second in range(100, 300):
        notice.look((1.0, 1.0, 1.0), load=0.5, now_s=second)

    assert events.kinds == ["bus_overloaded", "bus_keeps_up"]
    assert events.events[0].attributes == {
        "bus": "line-1",
        "load": 1.9,
        "safety": 1.0,
        "normal": 2.0,
        "slow": 10.0,
    }


def test_a_short_overload_is_not_said() -> None:
    events = RecordingEvents()
    notice = OverloadNotice("line-1", FakeClock(), events)
    now_s = 0.0
    for _ in range(20):
        notice.look((1.0, 2.0, 10.0), load=1.9, now_s=now_s)
        notice.look((1.0, 2.0, 10.0), load=1.9, now_s=now_s + SAID_AFTER_S - 1)
        notice.look((1.0, 1.0, 1.0), load=0.9, now_s=now_s + SAID_AFTER_S)
        now_s += OVER_AFTER_S

    assert events.kinds == []


async def test_a_bus_says_that_it_is_overloaded() -> None:
    events = RecordingEvents()
    rig = Rig(
        *(modbus_device(f"th-{n}", "xy-md02", unit=n, interval_s=0.5) for n in range(1, 31)),
        units=dict.fromkeys(range(1, 31), registers(0, 215, 564)),
        events=events,
    )
    await rig.run(60.0)

    assert events.kinds == ["bus_overloaded"]
    assert rig.bus.load == pytest.approx(3.0, rel=0.02)
    assert rig.bus.stretches[1] == pytest.approx(3.0, rel=0.1)
    assert rig.bus.missed_polls > 1_000
    polls = [len(rig.sink.of(device)) for device in range(30)]
    assert min(polls) >= 0.9 * max(polls)
    assert sum(polls) >= 0.97 * 60 / 0.05  # the line is never idle


def test_a_configuration_with_endpoints_has_a_budget_too() -> None:
    config = edge_config(modbus_device("th", "xy-md02", unit=1, interval_s=1.0))
    inventory = build_inventory(config, LIBRARY)

    found = budget_of(config.buses[0], inventory.on_bus("bus"))

    assert found.verdict is Verdict.FITS
    assert 0 < found.load < 0.01
