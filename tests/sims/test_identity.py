"""What a simulator shows, the product's decoder reads: for every profile of the library."""

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campus_wire.quality import Quality
from device_profiles.decoding import decode_reply
from device_profiles.library import Library
from device_profiles.model import ModbusProfile, MqttProfile
from device_profiles.planning import plan_reads
from firmware_sims.codec import Encoding
from firmware_sims.device import DeviceParts, ModbusDevice
from firmware_sims.from_profile import (
    device_limits,
    forbidden_ranges,
    message_points,
    register_points,
)
from firmware_sims.message import make_messages
from firmware_sims.registers import WRITE_SUFFIX, RegisterPoint, unpack_bits

LIBRARY = Library.builtin()
MODBUS = [profile for profile in LIBRARY if isinstance(profile, ModbusProfile)]
MQTT = [profile for profile in LIBRARY if isinstance(profile, MqttProfile)]
FUNCTIONS = {"coil": 1, "discrete": 2, "holding": 3, "input": 4}


def device_of(profile: ModbusProfile) -> ModbusDevice:
    parts = DeviceParts(
        points=register_points(profile),
        forbidden=forbidden_ranges(profile),
        limits=device_limits(profile),
    )
    return ModbusDevice("device-1", 1, parts)


def read_all(profile: ModbusProfile, device: ModbusDevice) -> dict[str, float | None]:
    """All points, by the requests that the edge would plan."""
    readable = [point for point in profile.points if point.is_readable]
    values: dict[str, float | None] = {}
    for request in plan_reads(profile, readable):
        function = FUNCTIONS[request.table.value]
        question = struct.pack(">BHH", function, request.address, request.count)
        answer = device.respond(question, 0.0).pdu
        assert answer[0] == function, f"{profile.id}: {request} gets exception {answer[1]}"
        payload = answer[2:]
        raw = (
            list(unpack_bits(payload, request.count))
            if request.table.holds_bits
            else list(struct.unpack(f">{len(payload) // 2}H", payload))
        )
        values |= {one.point: one.value for one in decode_reply(profile, request, raw)}
    return values


def span(point: RegisterPoint) -> tuple[float, float]:
    encoding: Encoding = point.encoding
    if encoding.kind == "float":
        return -1e6, 1e6
    low, high = encoding._limits
    ends = (encoding.number(max(low, -(2**40))), encoding.number(min(high, 2**40)))
    return min(ends), max(ends)


@pytest.mark.parametrize("profile", MODBUS, ids=lambda profile: profile.id)
@settings(max_examples=25)
@given(data=st.data())
def test_the_edge_reads_what_a_device_shows(profile: ModbusProfile, data: st.DataObject) -> None:
    device = device_of(profile)
    limits = {point.name: (point.minimum, point.maximum) for point in profile.points}
    for name, point in device.points.items():
        if name.endswith(WRITE_SUFFIX) or not (point.readable or point.writable):
            continue
        low, high = span(point)
        minimum, maximum = limits[name]
        low = low if minimum is None else max(low, minimum)
        high = high if maximum is None else min(high, maximum)
        device.hold(name, data.draw(st.floats(low, high), label=name))

    for name, value in read_all(profile, device).items():
        shown = device.shown[name]
        # a reader may call a raw number "no reading"; it never reads another number
        if value is not None:
            assert shown is not None
            assert value == pytest.approx(shown, rel=1e-6, abs=1e-9), name


@pytest.mark.parametrize("profile", MODBUS, ids=lambda profile: profile.id)
def test_a_fresh_device_can_be_read_whole(profile: ModbusProfile) -> None:
    values = read_all(profile, device_of(profile))

    assert values.keys() == {point.name for point in profile.points if point.is_readable}


@pytest.mark.parametrize("profile", MQTT, ids=lambda profile: profile.id)
@settings(max_examples=25)
@given(data=st.data())
def test_the_edge_reads_what_a_message_shows(profile: MqttProfile, data: st.DataObject) -> None:
    from device_profiles.messages import decode_message

    places = dict.fromkeys(profile.topic_parameters, "device-1")
    points = message_points(profile, places)
    numbers: dict[str, float | None] = {}
    for point in profile.points:
        low = -1000.0 if point.minimum is None else point.minimum
        high = 1000.0 if point.maximum is None else point.maximum
        numbers[point.name] = data.draw(st.floats(low, high), label=point.name)

    for message in make_messages(points, numbers):
        readings = {
            one.point: one for one in decode_message(profile, message.topic, message.payload)
        }
        assert readings.keys() == message.shown.keys()
        for name, shown in message.shown.items():
            assert readings[name].value == pytest.approx(shown, abs=1e-9), name
            assert readings[name].quality is Quality.GOOD
