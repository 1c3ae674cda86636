"""Devices that only speak when they are asked."""

from __future__ import annotations

from pathlib import Path

from device_profiles.library import Library
from device_profiles.messages import Request
from edge_agent.mqtt_requests import AT_ONCE_MAX, Requests
from tests.edge.fakes import mqtt_device
from tests.edge.test_mqtt_source import Rig

KEEPALIVE = Request("R/b827/keepalive", b"", 30)
ONCE = Request("dev/announce", b"hello", None)

PROFILE = """
id: asked
vendor: made up
model: gateway
category: other
labels: {zh: 测试, en: test}
evidence: bench
sources: [{ref: made up, kind: test}]
protocol: mqtt
mqtt:
  topic: N/{portal}/{instance}/Power
  ask: [{topic: "R/{portal}/keepalive", payload: '{"for":"{portal}"}', every_s: 30}]
points:
  - {name: power, unit: W, labels: {zh: 功率, en: power}, read: {path: value}}
"""


def test_requests_are_due_at_once_and_again() -> None:
    requests = Requests()
    requests.take([KEEPALIVE, ONCE, KEEPALIVE])

    assert requests.due(100) == [KEEPALIVE[:2], ONCE[:2]]
    assert requests.due(129.9) == []
    assert requests.due(130) == [KEEPALIVE[:2]]
    requests.restart()
    assert requests.due(131) == [KEEPALIVE[:2], ONCE[:2]]


def test_devices_that_stay_are_not_asked_anew() -> None:
    requests = Requests()
    requests.take([KEEPALIVE])
    requests.due(100)

    requests.take([KEEPALIVE, ONCE])

    assert requests.due(101) == [ONCE[:2]]
    requests.take([])
    assert requests.due(500) == []


def test_many_requests_take_turns() -> None:
    requests = Requests()
    requests.take([Request(f"dev/{number}", b"", None) for number in range(AT_ONCE_MAX + 1)])

    assert len(requests.due(0)) == AT_ONCE_MAX
    assert len(requests.due(0)) == 1


async def test_two_devices_of_a_gateway_are_asked_for_once(tmp_path: Path) -> None:
    (tmp_path / "asked.yaml").write_text(PROFILE)
    devices = [
        mqtt_device(f"pv-{number}", "asked", portal="b827", instance=str(number))
        for number in (20, 21)
    ]
    rig = Rig(*devices, library=Library.builtin(tmp_path))
    asked = rig.source._commands

    rig.source.ask()
    assert [asked.get_nowait() for _ in range(asked.qsize())] == [
        ("R/b827/keepalive", b'{"for":"b827"}')
    ]
    rig.clock.advance(29)
    rig.source.ask()
    assert asked.empty()
    rig.clock.advance(1)
    rig.source.ask()
    assert asked.qsize() == 1

    await rig.source._on_down()
    rig.clock.advance(100)
    rig.source.ask()
    assert asked.qsize() == 1
    await rig.source._on_up()
    rig.source.ask()
    assert asked.qsize() == 2
