from __future__ import annotations

from typing import Any

import pytest

from device_profiles.describing import allowed, remarks, where
from tests.profiles import build


@pytest.mark.parametrize(
    ("read", "words"),
    [
        (build.register(40_002, "int16", scale=0.1), "holding 1 (printed 40002) int16 AB × 0.1"),
        (
            build.register(40_001, "uint32", byte_order="CDAB", offset=-4, page=3),
            "holding 0 (printed 40001) page 3 uint32 CDAB -4",
        ),
        (
            build.register(40_001, "uint16", bit=2, bit_count=3),
            "holding 0 (printed 40001) uint16 AB bits 2-4",
        ),
        (
            build.register(40_001, "uint32", encoding="bcd", multiplier=["y"], divisor="y"),
            "holding 0 (printed 40001) uint32 ABCD bcd × y / y",
        ),
        (
            build.register(2, block=[101, 103], scale_factor="y"),
            "model 101/103 2 uint16 AB × 10^y",
        ),
        ({"input_type": "coil", "address": 3}, "coil 2 (printed 3)"),
        (
            {"input_type": "holding", "address": 40_001, "data_type": "string", "length": 8},
            "holding 0 (printed 40001) string × 8 AB",
        ),
    ],
)
def test_where_a_point_is_read(read: dict[str, Any], words: str) -> None:
    points = [build.point("x", read=read), build.point("y", read=build.register(40_100))]
    page = {"function": 6, "address": 40_099}
    profile = build.modbus(points, address_base="modicon", sunspec={}, page=page)

    assert where(profile, profile.points[0]) == words


def test_where_others_are() -> None:
    write = {"function": 6, "address": 8, "data_type": "uint16", "minimum": 0, "maximum": 1}
    points = [
        build.point("x", read=build.register(0)),
        build.point("made", compute={"ratio": ["x", "x"]}),
        build.point("written", write=write),
        build.point("in_model", write=write | {"block": 123}),
    ]
    modbus = build.modbus(points, sunspec={})
    mqtt = build.mqtt([build.point("a", read={"path": "a.b"}), build.point("b", read={})])

    assert [where(modbus, one) for one in modbus.points[1:]] == [
        "ratio: x, x",
        "(written: holding 8)",
        "(written: model 123 8)",
    ]
    assert [where(mqtt, one) for one in mqtt.points] == ["a.b", "the whole payload"]


def test_what_a_point_may_say() -> None:
    label = {"zh": "开", "en": "on"}
    points = [
        build.point("x", read=build.register(0), minimum=-40, maximum=80.5),
        build.point("y", read=build.register(1), states={1: label}),
        build.point("z", read=build.register(2), flags={3: label}),
        build.point("w", read=build.register(3), minimum=0),
        build.point("v", read=build.register(4)),
    ]

    words = [allowed(point) for point in build.modbus(points).points]

    assert words == ["-40 … 80.5", "1 开 on", "bit 3 开 on", "0 …", ""]


def test_what_is_special_about_a_point() -> None:
    points = [
        build.point("x", read=build.register(0), hidden=True, interval_s="once"),
        build.point("y", read=build.register(1), interval_s=60, **{"class": "slow"}),
    ]
    variant = {
        "name": "newer",
        "when": {"point": "x", "equals": 1},
        "add": [build.point("z", read=build.register(5))],
    }
    profile = build.model(points, variants=[variant])

    assert [remarks(profile, point) for point in profile.points] == [
        "r normal\nhidden\nonce",
        "r slow\nevery 60 s",
        "r normal\nvariant newer",
    ]
