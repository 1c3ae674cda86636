"""The keys of a profile can say every point that a public document describes.

No shipped profile takes part: each point's facts are put into keys as an installer would who copies
them from a manual.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from campus_wire.quality import Quality
from device_profiles.decoding import ReplyDecoder, decode_reply
from device_profiles.model import ModbusProfile
from device_profiles.planning import plan_reads
from tests.profiles import build

CORPUS = Path(__file__).parent / "corpus"
DEVICES = [
    facts
    for path in sorted(CORPUS.glob("*.json"))
    if "modbus" in (facts := json.loads(path.read_text(encoding="utf-8"))).get("protocol", "")
]
TYPES = {"bits": "uint16", "uint8": "uint8l", "bool": None}


def read_keys(entry: dict[str, Any]) -> dict[str, Any]:
    keys: dict[str, Any] = {"input_type": entry["table"], "address": entry["address"]}
    if entry["table"] in ("coil", "discrete"):
        return keys
    keys["data_type"] = TYPES.get(entry["type"], entry["type"])
    if entry["type"] == "string":
        form = "low_byte" if "low byte" in entry.get("encoding", "") else "two_per_register"
        return keys | {"length": entry["count"], "text": {"form": form}}
    if entry.get("word_order") == "little":
        keys["byte_order"] = {2: "CDAB", 4: "GHEFCDAB"}[entry["count"]]
    if entry["type"] == "bits":
        keys |= {"bit": entry["bit_offset"], "bit_count": entry["bit_width"]}
    if entry["scale"] is not None:
        keys["scale"] = entry["scale"]
    if "alarm_value" in entry:
        keys["nan_number"] = entry["alarm_value"]
    markers = [*entry.get("invalid", []), *filter(None, [entry.get("error_value")])]
    if markers:
        keys["nan_value"] = [int(str(marker), 0) for marker in markers]
    return keys


def profile_of(entry: dict[str, Any]) -> ModbusProfile:
    return build.modbus([build.point("x", read=read_keys(entry))])


def entries() -> Iterator[Any]:
    for facts in DEVICES:
        for entry in facts["points"]:
            yield pytest.param(entry, id=f"{facts['id']}-{entry['name']}")


@pytest.mark.parametrize("entry", list(entries()))
def test_every_point_can_be_said(entry: dict[str, Any]) -> None:
    profile = profile_of(entry)
    [request] = plan_reads(profile, profile.points)

    assert (request.table, request.address) == (entry["table"], entry["address"])
    assert request.count == entry["count"]
    decoder = ReplyDecoder(profile, request)
    assert decoder.points + decoder.text_points == ("x",)
    marker = entry.get("invalid", [None])[0]
    if marker is not None:
        raw = [marker >> 16 * at & 0xFFFF for at in reversed(range(request.count))]
        assert decoder.decode(raw)[1] == (Quality.INVALID_MARKER,)


def examples() -> Iterator[Any]:
    for facts in DEVICES:
        for entry in facts["points"]:
            for number, example in enumerate(entry.get("examples", [])):
                yield pytest.param(entry, example, id=f"{facts['id']}-{entry['name']}-{number}")


@pytest.mark.parametrize(("entry", "example"), list(examples()))
def test_recorded_registers_have_their_value(
    entry: dict[str, Any], example: dict[str, Any]
) -> None:
    profile = profile_of(entry)
    [request] = plan_reads(profile, profile.points)

    [reading] = decode_reply(profile, request, [int(word, 16) for word in example["raw"]])

    assert reading == ("x", example["value"], Quality.GOOD)


def frames() -> Iterator[Any]:
    for facts in DEVICES:
        by_name = {entry["name"]: entry for entry in facts["points"]}
        for number, frame in enumerate(facts.get("frames", [])):
            yield pytest.param(by_name, frame, id=f"{facts['id']}-{number}")


@pytest.mark.parametrize(("by_name", "frame"), list(frames()))
def test_recorded_frames_have_their_values(
    by_name: dict[str, dict[str, Any]], frame: dict[str, Any]
) -> None:
    names = list(frame["meaning"])
    points = [build.point(f"p{at}", read=read_keys(by_name[name])) for at, name in enumerate(names)]
    profile = build.modbus(points)
    [request] = plan_reads(profile, profile.points)
    answered = bytes.fromhex(frame["response"])
    data = answered[3 : 3 + answered[2]]
    raw = [int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2)]

    readings = decode_reply(profile, request, raw)

    values = {names[int(reading.point[1:])]: reading.value for reading in readings}
    assert values == frame["meaning"]
