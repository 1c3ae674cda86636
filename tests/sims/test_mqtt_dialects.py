"""What a device says of itself, the product makes a profile of, and reads it by that."""

import time
from collections.abc import Iterable

import pytest

from campus_wire.quality import Quality
from device_profiles.dialects import DIALECTS
from device_profiles.dialects.profiles import as_profile
from device_profiles.messages import MessageDecoder, encode_message_command
from device_profiles.model import MqttProfile
from device_profiles.sparkplug.node import SparkplugNode
from firmware_sims.errors import SchoolError
from firmware_sims.message import Message
from firmware_sims.mqtt.dialects import DialectVoice, Hubs, Kit, speak

NAMES = {
    "zigbee2mqtt": "temperature relative_humidity air_pressure co2 pm2_5 illuminance noise "
    "soil_moisture battery open occupancy water_leak smoke gas_alarm panic vibration active_power "
    "voltage current active_energy relay position temperature_setpoint",
    "homeassistant": "temperature relative_humidity air_pressure co2 pm2_5 illuminance noise "
    "battery open occupancy water_leak smoke gas_alarm vibration active_power voltage current "
    "active_energy relay light temperature_setpoint",
    "tasmota": "temperature relative_humidity air_pressure co2 pm2_5 illuminance active_power "
    "voltage current active_energy relay",
    "shelly": "relay active_power voltage current active_energy temperature relative_humidity "
    "illuminance battery water_leak smoke position",
    "shelly-1": "relay active_power active_energy temperature relative_humidity illuminance open "
    "water_leak smoke battery",
    "sparkplug": "temperature relative_humidity co2 illuminance smoke relay position "
    "temperature_setpoint active_energy",
}
PLACES = {
    "zigbee2mqtt": {"friendly_name": "hall/one"},
    "homeassistant": {"base": "node-1"},
    "tasmota": {"topic": "plug-1"},
    "shelly": {"device": "shellyplus1pm-a8032abe2f18"},
    "shelly-1": {"device": "shellyplug-s-0011AA"},
    "sparkplug": {"group_id": "school", "edge_node_id": "node-1", "device_id": "rack-1"},
}
NOW_NS = time.time_ns()


def voice_of(kind: str, *, device: str = "one", **places: str) -> DialectVoice:
    dialect, _, generation = kind.partition("-")
    kit = Kit(device, NAMES[kind].split(), {**PLACES[kind], **places}, int(generation or 2))
    return speak(dialect, kit, Hubs())


def numbers_of(voice: DialectVoice, seed: int) -> dict[str, float | None]:
    numbers: dict[str, float | None] = {}
    for index, one in enumerate(voice.quantities):
        if one.states:
            numbers[one.name] = float((index + seed) % 2)
        else:
            low = 10.0 if one.minimum is None else one.minimum
            high = 30.0 if one.maximum is None else one.maximum
            numbers[one.name] = low + (high - low) * ((index * 7 + seed * 3) % 10) / 10
    return numbers


def everything(voice: DialectVoice, numbers: dict[str, float | None]) -> list[Message]:
    assert voice.hub is not None
    return [
        *voice.hub.opening(NOW_NS),
        *voice.availability(there=True),
        *voice.greeting(numbers, NOW_NS),
        *voice.messages(numbers, {}, NOW_NS),
    ]


def described(kind: str, messages: Iterable[Message]) -> tuple[MqttProfile, dict[str, str]]:
    heard = {one.topic: one.payload for one in messages}
    [found] = [
        one
        for one in DIALECTS[kind.partition("-")[0]].describe(heard)
        if PLACES[kind].items() <= one.topic.items()
    ]
    return as_profile(found.profile), found.topic


@pytest.mark.parametrize("kind", [kind for kind in NAMES if kind != "sparkplug"])
@pytest.mark.parametrize("seed", range(3))
def test_the_edge_reads_a_device_that_describes_itself(kind: str, seed: int) -> None:
    voice = voice_of(kind)
    numbers = numbers_of(voice, seed)
    profile, topic = described(kind, everything(voice, numbers))
    decoder = MessageDecoder(profile, topic)

    read: dict[str, float | None] = {}
    for message in voice.messages(numbers, {}, NOW_NS):
        if message.topic not in decoder.topics:
            assert not message.shown, message.topic
            continue
        readings = decoder.decode(message.topic, message.payload)
        assert all(one.quality is Quality.GOOD for one in readings)
        values = {one.point: one.value for one in readings}
        for name, shown in message.shown.items():
            assert values.get(name, "nothing") == pytest.approx(shown), name
        read |= values

    assert read.keys() >= set(voice.numbers)


@pytest.mark.parametrize("kind", [kind for kind in NAMES if kind != "sparkplug"])
def test_a_device_that_describes_itself_obeys(kind: str) -> None:
    voice = voice_of(kind)
    numbers = numbers_of(voice, 0)
    profile, topic = described(kind, everything(voice, numbers))
    settable = [one for one in voice.quantities if one.is_set]
    assert settable
    for one in settable:
        point = profile.find(one.name)
        assert point is not None
        assert point.write is not None, one.name
        for value in (0.0, 1.0) if one.states else (one.minimum, one.maximum):
            assert value is not None
            command_topic, payload = encode_message_command(profile, point, value, topic)
            assert command_topic in voice.filters
            heard = voice.hear(command_topic, payload, NOW_NS)
            assert heard.values == {one.name: value}


def test_a_node_is_born_speaks_by_alias_and_dies() -> None:
    voice = voice_of("sparkplug")
    hub = voice.hub
    assert hub is not None
    numbers = numbers_of(voice, 1)
    node = SparkplugNode("school", "node-1")
    will = hub.will()
    assert will is not None
    assert voice.messages(numbers, {}, NOW_NS) == []  # not before its birth
    said = [*hub.opening(NOW_NS), *voice.greeting(numbers, NOW_NS)]
    profile, topic = described("sparkplug", said)
    decoder = MessageDecoder(profile, topic)
    for _ in range(300):  # the sequence begins anew at 256
        said += voice.messages(numbers, {}, NOW_NS)

    for message in said:
        heard = node.hear(message.topic, message.payload)
        assert not heard.wants_rebirth
        for news in heard.news:
            if not news.device or not message.shown:
                continue
            sayings = decoder.say_document(news.document, news.time_ns)
            values = {one.point: one.value for say in sayings for one in say.readings}
            for name, shown in message.shown.items():
                assert values[name] == pytest.approx(shown), name
    assert node.hear(will.topic, will.payload).gone


def test_a_node_is_born_again_when_asked() -> None:
    voice = voice_of("sparkplug")
    assert voice.hub is not None
    voice.hub.opening(NOW_NS)
    topic, payload = SparkplugNode("school", "node-1").rebirth(NOW_NS // 1_000_000)
    assert topic in voice.filters

    heard = voice.hear(topic, payload, NOW_NS)

    assert heard.wants_all
    assert [one.topic for one in heard.answers] == ["spBv1.0/school/NBIRTH/node-1"]


def test_every_birth_has_the_number_of_its_death() -> None:
    voice = voice_of("sparkplug")
    hub = voice.hub
    assert hub is not None
    wills = []
    for _ in range(3):
        will = hub.will()
        assert will == hub.will()
        assert will is not None
        wills.append(will.payload)
        [birth] = hub.opening(NOW_NS)
        assert will.payload[2:] in birth.payload
    assert len(set(wills)) == 3


def test_a_quantity_that_a_dialect_does_not_say_is_named() -> None:
    kit = Kit("one", ["panic"], PLACES["tasmota"])
    with pytest.raises(SchoolError, match="panic"):
        speak("tasmota", kit, Hubs())
    with pytest.raises(SchoolError, match="tasmotta"):
        speak("tasmotta", kit, Hubs())
    with pytest.raises(SchoolError, match="no quantity warmth"):
        speak("tasmota", Kit("one", ["warmth"], PLACES["tasmota"]), Hubs())
    with pytest.raises(SchoolError, match="has no topic"):
        speak("tasmota", Kit("one", ["relay"], {}), Hubs())
