"""What the product writes acts on a simulated device, with all that its profile wants around it."""

import pytest

from tests.sims.edge_reader import (
    RefusedError,
    assert_read_right,
    send,
    simulated,
    write_point,
)
from tests.sims.every_key import profile
from tests.sims.odd_models import controller, holding


def test_a_locked_point_is_refused_until_it_was_unlocked_and_again_afterwards() -> None:
    made = controller()
    device = simulated(made, setpoint=20)
    for wanted in (21.5, 22.5):
        with pytest.raises(RefusedError):
            send(device, 6, 5, [230])
        write_point(made, device, "setpoint", wanted)
        assert device.shown["setpoint"] == wanted


def test_a_lock_wants_its_sequence_in_order() -> None:
    device = simulated(controller(), setpoint=20)
    for function, address, values in [(16, 100, [7, 8]), (6, 10, [1]), (5, 9, [0x5500])]:
        send(device, function, address, values)

    with pytest.raises(RefusedError):
        send(device, 6, 5, [230])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("relay", 1),
        ("relay", 0),
        ("run", 1),
        ("low_bits", 5),
        ("high_bits", 9),
        ("mode", 2),
        ("limit", 16.5),
        ("decimal", 4711.25),
        ("curved", 50),
    ],
)
def test_what_is_written_is_shown(name: str, value: float) -> None:
    made = controller()
    device = simulated(made, low_bits=2, high_bits=4, limit=8, limit_alone=7)
    before = dict(device.shown)
    write_point(made, device, name, value)

    assert device.shown[name] == pytest.approx(value)
    changed = {one for one, number in device.shown.items() if number != before[one]}
    assert {one.removesuffix("@write") for one in changed} <= {name}
    assert_read_right(made, device)


def test_a_word_that_toggles_toggles() -> None:
    made = controller()
    device = simulated(made)
    seen = []
    for _ in range(3):
        write_point(made, device, "relay", 2)
        seen.append(device.shown["relay"])

    assert seen == [1, 0, 1]


def test_the_rest_of_a_register_is_what_the_profile_says() -> None:
    made = controller()
    device = simulated(made)
    write_point(made, device, "run", 1)
    assert device._image.read("holding", 9, 1) == (0x043C | 1 << 6).to_bytes(2, "big")
    write_point(made, device, "run", 0)
    assert device._image.read("holding", 9, 1) == (0x043C).to_bytes(2, "big")


def test_a_watchdog_falls_back_when_the_heartbeat_stops() -> None:
    device = simulated(controller(), limit=16, limit_alone=6)
    send(device, 6, 200, [1], now_s=10)
    device.respond(bytes.fromhex("0300280001"), 60)  # a read does not keep it
    assert device.shown["limit"] == 16
    device.refresh(71)
    assert device.shown["limit"] == 6
    send(device, 6, 40, [120], now_s=72)
    send(device, 6, 200, [0], now_s=72)
    device.refresh(130)
    assert device.shown["limit"] == 12


def test_what_has_to_be_set_up_begins_otherwise() -> None:
    device = simulated(controller())

    assert device.shown["mode"] == 1
    send(device, 6, 104, [3])
    assert device.shown["@setup_holding_104"] == 3


def test_a_written_number_waits_for_its_command() -> None:
    command = {"function": 6, "address": 90, "value": 0x0101}
    save = {"function": 5, "address": 4, "value": 0x5500}
    limits = {"function": 6, "minimum": 0, "maximum": 9}
    points = [
        {"read": holding(3), "write": {**limits, "then": [command, save]}},
        {"write": {**limits, "address": 7, "data_type": "uint16", "then": [command]}},
        {"read": holding(20), "write": limits},
    ]
    made = profile(points)
    device = simulated(made, p0=1)
    send(device, 6, 3, [5])
    assert device.shown["p0"] == 1
    send(device, 6, 90, [0x0101])
    assert device.shown["p0"] == 1
    send(device, 5, 4, [0x5500])
    assert device.shown["p0"] == 5
    send(device, 6, 3, [6])
    send(device, 6, 20, [7])
    assert (device.shown["p0"], device.shown["p2"]) == (5, 7)

    write_point(made, device, "p0", 8)
    assert device.shown["p0"] == 8
    write_point(made, device, "p1", 4)
    assert device.shown["p1"] == 4
