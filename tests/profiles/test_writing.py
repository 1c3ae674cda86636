from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_profiles.decoding import decode_reply
from device_profiles.errors import WriteRefusedError
from device_profiles.library import Library
from device_profiles.model import ModbusProfile
from device_profiles.model_modbus import ModbusPoint, Table
from device_profiles.planning import plan_reads
from device_profiles.writing import WriteRequest, plan_read_back, plan_write
from tests.profiles import build

ON_OFF = {0: build.LABELS, 1: build.LABELS}


def writable(write: dict[str, Any], **read: Any) -> tuple[ModbusProfile, ModbusPoint]:
    limits = {"minimum": -100, "maximum": 100}
    data_type = read.pop("data_type", "int16")
    point = build.point("x", read=build.register(7, data_type, **read), write=limits | write)
    profile = build.modbus([point])
    return profile, profile.points[0]


def shipped(profile: str, point: str) -> tuple[ModbusProfile, ModbusPoint]:
    found = Library.builtin().get(profile)
    assert isinstance(found, ModbusProfile)
    known = found.find(point)
    assert known is not None
    return found, known


def refusal(profile: ModbusProfile, point: ModbusPoint, value: float) -> str:
    with pytest.raises(WriteRefusedError) as caught:
        plan_write(profile, point, value)
    assert caught.value.place == point.name
    return caught.value.reason


def test_a_relay_is_a_coil() -> None:
    profile, point = shipped("waveshare-modbus-rtu-relay-8ch", "relay_3")

    assert plan_write(profile, point, 1) == WriteRequest(function=5, address=2, values=(1,))
    assert plan_write(profile, point, 0).values == (0,)
    assert plan_write(profile, point, 1).table is Table.COIL


def test_a_setpoint_is_a_register() -> None:
    profile, point = shipped("haier-ycj-a002", "temperature_setpoint")

    assert plan_write(profile, point, 24) == WriteRequest(function=6, address=0, values=(24,))


def test_a_write_only_point_says_where_it_shows() -> None:
    profile, point = shipped("waveshare-modbus-rtu-relay-8ch", "all_relays")

    assert plan_write(profile, point, 1).address == 255
    shown = plan_read_back(profile, point)
    assert shown is not None
    assert (shown.point, shown.tolerance) == ("relay_1", 0)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (15, "below_minimum"),
        (31, "above_maximum"),
        (24.5, "off_step"),
        (float("nan"), "not_finite"),
        (float("inf"), "not_finite"),
    ],
)
def test_what_a_setpoint_refuses(value: float, reason: str) -> None:
    profile, point = shipped("haier-ycj-a002", "temperature_setpoint")

    assert refusal(profile, point, value) == reason


@pytest.mark.parametrize("value", [0, 6, 1.5, -1])
def test_only_states_are_written(value: float) -> None:
    profile, point = shipped("haier-ycj-a002", "mode")

    assert refusal(profile, point, value) == "not_a_state"


def test_a_refusal_says_what_would_be_allowed() -> None:
    profile, point = shipped("haier-ycj-a002", "power_on")

    with pytest.raises(WriteRefusedError, match=r"2 is no state \(one of 0 \(off\), 1 \(on\)\)"):
        plan_write(profile, point, 2)


def test_a_measurement_is_read_only() -> None:
    profile, point = shipped("haier-ycj-a002", "room_temperature")

    assert refusal(profile, point, 20) == "read_only"


def test_a_point_of_another_profile_is_unknown() -> None:
    profile, _ = shipped("haier-ycj-a002", "mode")
    _, relay = shipped("waveshare-modbus-rtu-relay-8ch", "relay_1")

    with pytest.raises(WriteRefusedError) as caught:
        plan_write(profile, relay, 1)

    assert caught.value.reason == "unknown_point"


def test_steps_count_from_the_minimum() -> None:
    profile, point = writable({"function": 6, "minimum": 0.5, "step": 2}, scale=0.1)

    assert plan_write(profile, point, 4.5).values == (45,)
    assert refusal(profile, point, 4) == "off_step"


def test_without_a_step_what_the_register_holds_is_written() -> None:
    profile, point = writable({"function": 6}, scale=0.1)

    assert plan_write(profile, point, 21.7).values == (217,)
    assert refusal(profile, point, 21.75) == "off_step"


def test_what_a_register_cannot_hold_is_refused() -> None:
    limits = {"function": 6, "minimum": -10, "maximum": 1e6}
    profile, point = writable(limits, data_type="uint16")

    assert refusal(profile, point, -1) == "unrepresentable"
    assert refusal(profile, point, 65_536) == "unrepresentable"


def test_what_a_float_cannot_hold_is_refused() -> None:
    profile, point = writable({"function": 16, "maximum": 1e300}, data_type="float32")

    assert refusal(profile, point, 1e39) == "unrepresentable"


def test_another_address_and_scale_for_writing() -> None:
    write = {"function": 16, "address": 99, "scale": 0.5, "data_type": "uint32"}
    profile, point = writable(write | {"byte_order": "CDAB"}, scale=1)

    assert plan_write(profile, point, 2) == WriteRequest(16, 99, (4, 0))


def test_coils_are_written_by_function_15_too() -> None:
    coil = {"input_type": "coil", "address": 3}
    point = build.point("x", states=ON_OFF, read=coil, write={"function": 15})
    profile = build.modbus([point])

    assert plan_write(profile, profile.points[0], 1) == WriteRequest(15, 3, (1,))


@pytest.mark.parametrize("order", ["ABCD", "CDAB", "BADC", "DCBA"])
@pytest.mark.parametrize("data_type", ["int16", "int32", "int64", "float32", "float64"])
@given(steps=st.integers(-1000, 1000))
def test_what_is_written_reads_back_the_same(data_type: str, order: str, steps: int) -> None:
    function = 6 if data_type == "int16" else 16
    limits = {"function": function, "minimum": -100, "maximum": 100}
    read = build.register(7, data_type, scale=0.1)
    profile = build.modbus([build.point("x", read=read, write=limits)], byte_order=order)
    value = steps / 10

    written = plan_write(profile, profile.points[0], value)

    [request] = plan_reads(profile, profile.points)
    assert (request.address, request.count) == (written.address, len(written.values))
    [reading] = decode_reply(profile, request, written.values)
    assert reading.value == value


def test_reading_back_tolerates_half_a_step_of_the_register() -> None:
    profile, point = writable({"function": 6, "read_back_after_s": 0.5}, scale=0.1)

    shown = plan_read_back(profile, point)

    assert shown is not None
    assert (shown.point, shown.tolerance, shown.after_s) == ("x", 0.05, 0.5)
