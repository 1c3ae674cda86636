"""What a simulated radio sensor publishes, the product reads."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campus_wire.quality import Quality
from device_profiles.library import Library
from device_profiles.messages import decode_message
from device_profiles.model import MqttProfile
from firmware_sims.from_messages import message_points
from firmware_sims.message import make_messages

LIBRARY = Library.builtin()
MQTT = [LIBRARY.get(name) for name in ("z2m-door-contact", "zigbee2mqtt-xiaomi-weather")]


@pytest.mark.parametrize("profile", MQTT, ids=lambda profile: profile.id)
@settings(max_examples=25)
@given(data=st.data())
def test_the_edge_reads_what_a_message_shows(profile: MqttProfile, data: st.DataObject) -> None:
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
