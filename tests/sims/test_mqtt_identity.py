"""What a simulated device publishes, the product reads: every MQTT profile of the library."""

import random
import time
from pathlib import Path
from typing import Any

import orjson
import pytest
from ruamel.yaml import YAML

from campus_wire.quality import Quality
from device_profiles.library import Library
from device_profiles.messages import MessageDecoder, encode_message_command
from device_profiles.model import MqttProfile
from firmware_sims.mqtt.from_profile import usual_numbers
from firmware_sims.mqtt.profile_voice import ProfileVoice
from tests.profiles import build

LIBRARY = Library.builtin()
PROFILES = [one for one in LIBRARY if isinstance(one, MqttProfile)]
PLACES = [
    pytest.param(profile, which, id=f"{profile.id}-{which}")
    for profile in PROFILES
    for which in range(len(profile.parameter_sets))
]


def places_of(profile: MqttProfile, which: int) -> dict[str, str]:
    names = [*profile.parameter_sets[which], *profile.mqtt.captures]
    return {name: f"{name}-1" for name in names}


def numbers_for(profile: MqttProfile, dice: random.Random) -> dict[str, float | None]:
    numbers: dict[str, float | None] = {}
    for point in profile.points:
        low = -100.0 if point.minimum is None else point.minimum
        high = 100.0 if point.maximum is None else point.maximum
        if point.read is not None and any(step.to == "duration" for step in point.read.steps):
            low = 0.0
        numbers[point.name] = dice.choice([low, high, dice.uniform(low, high), 0.5 * (low + high)])
        if point.states:
            numbers[point.name] = float(dice.choice(sorted(point.states)))
    return numbers | usual_numbers(profile)


def is_outside(profile: MqttProfile, name: str, shown: float | None) -> bool:
    """Whether the steps of a frame's numbers led beyond what the point may be."""
    point = profile.points_by_name[name]
    low = -1e300 if point.minimum is None else point.minimum
    high = 1e300 if point.maximum is None else point.maximum
    return shown is not None and not low <= shown <= high


def assert_read(profile: MqttProfile, places: dict[str, str], seed: int) -> set[str]:
    """Every message is read as it was meant; returns the points that were said."""
    numbers = numbers_for(profile, random.Random(seed))
    texts = {point.name: "0412A7B2" for point in profile.points if point.is_text}
    decoder = MessageDecoder(profile, places)
    now_ns = time.time_ns()
    said: set[str] = set()
    for message in ProfileVoice(profile, places).messages(numbers, texts, now_ns):
        sayings = decoder.say(message.topic, message.payload, now_ns)
        readings = {one.point: one for say in sayings for one in say.readings}
        assert readings.keys() == message.shown.keys(), message.payload
        for name, shown in message.shown.items():
            if is_outside(profile, name, shown):
                assert readings[name].quality is Quality.OUT_OF_RANGE
                continue
            assert readings[name].value == pytest.approx(shown, rel=1e-6, abs=1e-9), name
            assert readings[name].quality is Quality.GOOD or shown is None, name
        told = {one.point: one.text for say in sayings for one in say.texts}
        assert told == message.texts
        said |= readings.keys() | told.keys()
    return said


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("profile", "which"), PLACES)
def test_the_edge_reads_what_a_message_shows(profile: MqttProfile, which: int, seed: int) -> None:
    said = assert_read(profile, places_of(profile, which), seed)

    readable = {point.name for point in profile.points if point.is_readable}
    # a field that stands in the place of another one is not there with it
    assert readable - said <= {"illuminance"} if profile.id == "dragino-lht65" else said == readable


@pytest.mark.parametrize(("profile", "which"), PLACES)
def test_the_device_understands_the_edges_commands(profile: MqttProfile, which: int) -> None:
    places = places_of(profile, which)
    voice = ProfileVoice(profile, places)
    for point in profile.points:
        if point.write is None:
            continue
        limits = [point.write.minimum, point.write.maximum, point.minimum, point.maximum]
        values = [float(one) for one in sorted(point.states)]
        for value in values or [one for one in limits if one is not None]:
            topic, payload = encode_message_command(profile, point, value, places)
            assert topic in voice.filters
            heard = voice.hear(topic, payload, time.time_ns())
            assert heard.values[point.name] == pytest.approx(value)


# --- profiles that are not in the library: what public documents print ---------------------------

FOLDER = Path(__file__).parents[1] / "profiles" / "mqtt_cases"
CASES = [
    case
    for name in ("lorawan.yaml", "messages.yaml", "unseen.yaml")
    for case in YAML(typ="safe").load(FOLDER / name)
]
OTHERWISE = {
    # names of one server's envelope, and the other server writes it here
    "the-things-stack-v3-uplink",
    # the status message says the device's id once more than the simulator logs
    "chirpstack-v4-event-up",
    # the text that is the whole payload stands in the messages of the state, too
    "state in the topic",
}


@pytest.mark.parametrize(
    "case", [pytest.param(case, id=case["name"]) for case in CASES if case["name"] not in OTHERWISE]
)
@pytest.mark.parametrize("seed", range(2))
def test_the_edge_reads_every_form_of_message(case: dict[str, Any], seed: int) -> None:
    points = [{"labels": build.LABELS, **point} for point in case["points"]]
    document = {**build.head("mqtt"), "mqtt": case["mqtt"], "points": points}
    text = orjson.dumps(document, option=orjson.OPT_NON_STR_KEYS)
    profile = MqttProfile.model_validate_json(text)

    assert assert_read(profile, places_of(profile, 0), seed)
