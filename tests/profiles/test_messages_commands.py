"""Commands beyond a plain JSON template, and mistakes of MQTT profiles."""

from __future__ import annotations

import base64
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from device_profiles.errors import TopicParameterError, WriteRefusedError
from device_profiles.messages import encode_message_command
from device_profiles.model import MqttProfile
from tests.profiles import build

CHIRPSTACK = {"application": "a1", "dev_eui": "0101010101010101"}
THINGS_STACK = {"application": "app1@tenant", "device_id": "dev1"}
LPP = {"cayenne_lpp": True}


def command(
    sent: float, parameters: dict[str, str] | None = None, **write: Any
) -> tuple[str, bytes]:
    limits = {"minimum": -1_000, "maximum": 100_000} | write
    if "downlink" in write:
        section: dict[str, Any] = {"envelope": "lorawan", "codec": LPP}
        parameters = parameters or CHIRPSTACK
    else:
        limits = {"topic": "set/{device}"} | limits
        section = {"topic": "base/{device}"}
    document = {
        **build.head("mqtt"),
        "mqtt": section,
        "points": [build.point("x", write=limits)],
    }
    profile = MqttProfile.model_validate_json(
        orjson.dumps(document, option=orjson.OPT_NON_STR_KEYS)
    )
    return encode_message_command(profile, profile.points[0], sent, parameters or {"device": "one"})


@pytest.mark.parametrize(
    ("sent", "write", "payload"),
    [
        (40, {"template": "SET {device} $value\r\n"}, b"SET one 40\r\n"),
        (1, {"template": "$value", "values": {"ON {device}": 1}}, b"ON {device}"),
        (21.5, {"template": {"id": "{device}", "t": "$value"}}, b'{"id":"one","t":21.5}'),
        (21.5, {"template": {"{device}": {"t": "$value"}}}, b'{"one":{"t":21.5}}'),
        (21.5, {"template": {"params": '{"t":$value}'}}, b'{"params":"{\\"t\\":21.5}"}'),
        (1, {"template": {"on": "$value"}, "values": {True: 1, False: 0}}, b'{"on":true}'),
        (
            5,
            {"template": "$value", "encode": {"before": "08", "after": "FF", "as": "hex"}},
            b"0805ff",
        ),
        (
            300,
            {"template": "$value", "encode": {"data_type": "uint16", "as": "bytes"}},
            b"\x01\x2c",
        ),
        (
            -5,
            {
                "template": "$value",
                "encode": {"data_type": "int16", "byte_order": "little", "as": "hex"},
            },
            b"fbff",
        ),
        (
            21.5,
            {"template": "$value", "scale": 0.1, "encode": {"data_type": "uint16", "as": "hex"}},
            b"00d7",
        ),
        (
            21.5,
            {"template": "$value", "encode": {"data_type": "float32", "as": "hex"}},
            b"41ac0000",
        ),
        (1, {"template": {"d": "$value"}, "encode": {"as": "base64"}}, b'{"d":"AQ=="}'),
        (
            1,
            {
                "template": "$value",
                "values": {"080100FF": 1, "080000FF": 0},
                "encode": {"as": "hex"},
            },
            b"080100ff",
        ),
    ],
)
def test_commands(sent: float, write: dict[str, Any], payload: bytes) -> None:
    assert command(sent, **write) == ("set/one", payload)


def test_a_downlink_of_chirpstack() -> None:
    topic, payload = command(1, downlink={"port": 85, "confirmed": True}, encode={"before": "08"})

    assert topic == "application/a1/device/0101010101010101/command/down"
    assert orjson.loads(payload) == {
        "devEui": "0101010101010101",
        "confirmed": True,
        "fPort": 85,
        "data": base64.b64encode(b"\x08\x01").decode(),
    }


def test_a_downlink_of_the_things_stack() -> None:
    topic, payload = command(1, THINGS_STACK, downlink={"port": 85}, encode={"before": "08"})

    assert topic == "v3/app1@tenant/devices/dev1/down/push"
    [downlink] = orjson.loads(payload)["downlinks"]
    assert downlink == {
        "f_port": 85,
        "frm_payload": "CAE=",
        "confirmed": False,
        "priority": "NORMAL",
    }


@pytest.mark.parametrize(
    ("sent", "encode"),
    [
        (256, {"data_type": "uint8"}),
        (-1, {"data_type": "uint8"}),
        (1.5, {"data_type": "uint8"}),
        (40_000, {"data_type": "int16"}),
    ],
)
def test_what_the_bytes_cannot_hold_is_refused(sent: float, encode: dict[str, Any]) -> None:
    with pytest.raises(WriteRefusedError) as caught:
        command(sent, template="$value", encode={"as": "hex", **encode})

    assert caught.value.reason == "unrepresentable"


def test_a_command_needs_its_captures() -> None:
    with pytest.raises(TopicParameterError):
        command(1, {"device": ""}, template="$value")


@given(sent=st.integers(-(2**15), 2**15 - 1))
def test_bytes_hold_the_value(sent: int) -> None:
    _, payload = command(
        sent,
        minimum=-(2**15),
        template="$value",
        encode={"data_type": "int16", "as": "bytes", "before": "01"},
    )

    assert payload == b"\x01" + sent.to_bytes(2, "big", signed=True)


# --- mistakes -----------------------------------------------------------------------------------


def mistakes(*points: dict[str, Any], **section: Any) -> str:
    document = {
        **build.head("mqtt"),
        "mqtt": section,
        "points": [
            {"labels": build.LABELS, "name": f"x{n}", **one} for n, one in enumerate(points)
        ],
    }
    with pytest.raises(ValidationError) as caught:
        MqttProfile.model_validate_json(orjson.dumps(document, option=orjson.OPT_NON_STR_KEYS))
    said = [str(error["msg"]) for error in caught.value.errors()]
    for error in caught.value.errors():
        said += [
            f"{'.'.join(map(str, one['key']))}: {one['said']} {one['suggestion']}"
            for one in error.get("ctx", {}).get("mistakes", ())
        ]
    return "\n".join(said)


READ = {"read": {"path": "t"}}
TLV = {"tlv": {"entries": [{"header": "01", "name": "temperature", "data_type": "int8"}]}}


@pytest.mark.parametrize(
    ("points", "section", "said"),
    [
        ([READ], {}, "is missing"),
        ([{"read": {"path": "{mac}.t"}}], {"topic": "a/{device}"}, "{mac} is not captured"),
        (
            [{"read": {"path": "t", "also": [{"topic": "x/{devcie}"}]}}],
            {"topic": "a/{device}"},
            "points.0.read.also.0.topic: {devcie} is not captured by the section's topic device",
        ),
        ([READ], {"topic": "a", "when": {"path": "x", "equals": "{id}"}}, "mqtt.when.0.equals"),
        ([READ], {"topic": "a", "time": {"path": "{id}"}}, "mqtt.time.path"),
        (
            [{"write": {"topic": "a", "template": {"{id}": "$value"}, "minimum": 0, "maximum": 1}}],
            {"topic": "a"},
            "points.0.write.template",
        ),
        ([{"read": {"message": "boot"}}], {"topic": "a"}, "there is no message boot"),
        (
            [{"read": {"message": "boto", "path": "x"}}],
            {"topic": "a", "messages": [{"name": "boot"}]},
            "there is no message boto boot",
        ),
        ([READ], {"topic": "a", "messages": [{"name": "m"}] * 2}, "m is given twice"),
        ([READ], {"topic": "a", "codec": TLV}, "there are no bytes here"),
        ([READ], {"topic": "a", "format": "hex", "codec": TLV}, "the codec has no field t"),
        (
            [{"read": {"path": "temprature"}}],
            {"envelope": "lorawan", "codec": TLV},
            "the codec has no field temprature temperature",
        ),
        ([{"read": {}}], {"topic": "a", "format": "csv"}, "is needed to say which value"),
        ([{"read": {}}], {"envelope": "lorawan", "codec": TLV}, "is needed to say which value"),
        ([READ], {"envelope": "lorawan", "steps": [{"path": "a"}]}, "the envelope leads"),
        ([READ], {"envelope": "lorawan", "format": "csv"}, "holds no LoRaWAN frame"),
        (
            [READ],
            {"topic": "a", "format": "hex", "codec": {**TLV, "ports": [1]}},
            "only an envelope tells the port",
        ),
        (
            [{"write": {"downlink": {"port": 1}, "minimum": 0, "maximum": 1}}],
            {"topic": "a"},
            "goes with envelope",
        ),
        (
            [{"write": {"downlink": {"port": 1}, "minimum": 0, "maximum": 1}}],
            {"envelope": "lorawan", "codec": TLV},
            "is needed to say what the bytes",
        ),
        ([{"write": {"topic": "a", "minimum": 0, "maximum": 1}}], {"topic": "a"}, "is missing"),
        (
            [{"write": {"topic": "a/+", "template": "$value", "minimum": 0, "maximum": 1}}],
            {"topic": "a"},
            "wildcard",
        ),
        (
            [
                {
                    "write": {
                        "topic": "a",
                        "template": "$value",
                        "values": {"GG": 1},
                        "encode": {},
                        "minimum": 0,
                        "maximum": 1,
                    }
                }
            ],
            {"topic": "a"},
            "no frame in hexadecimal",
        ),
        (
            [{"read": {"path": "t", "data_type": "string", "scale": 2}}],
            {"topic": "a"},
            "goes with numbers",
        ),
        ([{"read": {"path": "t", "on_change": True}}], {"topic": "a"}, "goes with data_type"),
        (
            [{"read": {"path": "t", "topic": "b", "message": "m"}}],
            {"topic": "a"},
            "topic of its own",
        ),
        ([{"read": {"path": "t", "steps": [{}]}}], {"topic": "a"}, "give path or as"),
        (
            [{"read": {"path": "t", "steps": [{"as": "json", "decimal": "comma"}]}}],
            {"topic": "a"},
            "goes with as: number",
        ),
        ([{"read": {"steps": [{"as": "pattern", "pattern": "{}{}"}]}}], {"topic": "a"}, "between"),
        ([READ], {"topic": "a", "time": {"path": "ts", "format": "YYYY"}}, "half a date"),
        ([READ], {"topic": "a", "time": {"path": "ts", "utc_offset": "CET"}}, "no offset"),
        ([READ], {"topic": "+/+"}, "names no level"),
        ([READ], {"topic": "a/#"}, "wildcard"),
        (
            [READ],
            {"topic": "a", "availability": [{"topic": "b", "online": ["x", "y"], "offline": "y"}]},
            "same word",
        ),
        (
            [READ],
            {"topic": "a", "records": {"path": "r", "time": {"path": "t"}, "every_s": 5}},
            "does not go with",
        ),
    ],
)
def test_mistakes_are_told_with_their_place(
    points: list[dict[str, Any]], section: dict[str, Any], said: str
) -> None:
    assert said in mistakes(*points, **section)
