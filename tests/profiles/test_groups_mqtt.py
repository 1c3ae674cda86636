"""Groups in MQTT profiles: the number or the name stands in topics and paths."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from pydantic import ValidationError

from device_profiles.model import MqttProfile
from tests.profiles import build
from tests.profiles.build import group


def mqtt(groups: list[dict[str, Any]], **section: Any) -> MqttProfile:
    document = {
        **build.head("mqtt"),
        "mqtt": {"topic": "base/{device}", **section},
        "groups": groups,
    }
    return MqttProfile.model_validate_json(orjson.dumps(document))


def test_messages_hold_the_number_or_the_position() -> None:
    points = [
        build.point(
            "power",
            read={"path": "emeters[{i}].power"},
            write={
                "topic": "base/{device}/{n}/set",
                "template": {"relay{n}": {"on": "$value"}},
                "minimum": 0,
                "maximum": 1,
            },
        ),
        build.point(
            "all_off",
            write={
                "topic": "base/{device}/{n}/off",
                "template": "$value",
                "minimum": 0,
                "maximum": 1,
                "read_back": "power",
            },
        ),
    ]
    profile = mqtt([group(points, repeat={"count": 2})])

    second = profile.find("indoor_2_power")
    assert second is not None
    assert second.read is not None
    assert second.write is not None
    assert second.read.path == "emeters[1].power"
    assert second.write.topic == "base/{device}/2/set"
    assert second.write.template == {"relay2": {"on": "$value"}}
    all_off = profile.find("indoor_2_all_off")
    assert all_off is not None
    assert all_off.write is not None
    assert all_off.write.read_back == "indoor_2_power"


def test_names_stand_in_messages_as_they_are() -> None:
    power = build.point("power", read={"path": "phases.{n}.power"})
    phases = {"name": "phase", "style": "suffix", "points": [power]}

    profile = mqtt([phases | {"repeat": {"names": ["l1", "l2"]}}])

    assert [one.read.path for one in profile.points if one.read] == [
        "phases.l1.power",
        "phases.l2.power",
    ]


def test_a_topic_may_not_capture_what_stands_for_the_instance() -> None:
    power = build.point("power", read={"path": "p{n}"})

    with pytest.raises(ValidationError) as caught:
        mqtt([group([power], repeat={"count": 2})], topic="base/{n}")

    [(key, said)] = build.mistakes(caught.value)
    assert key == "mqtt.topic"
    assert "instance of a group" in said


def test_messages_have_no_strides() -> None:
    power = build.point("power", read={"path": "p{n}"})

    with pytest.raises(ValidationError) as caught:
        mqtt(
            [
                group(
                    [power],
                    repeat={"count": 2, "stride": 3},
                    count_from="power",
                    present_from="power",
                )
            ]
        )

    assert [key for key, _ in build.mistakes(caught.value)] == [
        "groups.0.repeat.stride",
        "groups.0.count_from",
        "groups.0.present_from",
    ]
