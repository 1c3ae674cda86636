from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_profiles.decoding import ReplyDecoder, TextReading
from device_profiles.model import ModbusProfile
from device_profiles.planning import plan_reads
from device_profiles.texts import printable
from tests.profiles import build


def textual(length: int, *, section: dict[str, Any] | None = None, **read: Any) -> ModbusProfile:
    read = {"input_type": "holding", "address": 0, "data_type": "string", "length": length, **read}
    return build.modbus([build.point("name", read=read)], **(section or {}))


def decoder(profile: ModbusProfile) -> ReplyDecoder:
    [request] = plan_reads(profile, profile.points)
    return ReplyDecoder(profile, request)


def text(profile: ModbusProfile, data: bytes) -> str:
    words = [int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2)]
    [reading] = decoder(profile).texts(words)
    assert reading.point == "name"
    return reading.text


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"SN123456", "SN123456"),
        (b"SN1\0\0\0\0\0", "SN1"),
        (b"SN1     ", "SN1"),
        (b"SN1\xff\xff\xff\xff\xff", "SN1"),
        (b"\0\0  SN1\0", "SN1"),
        (b"SN1\0old!", "SN1"),
        (b"A\tB\r\nC\x7f ", "ABC"),
        (b"V 1.2 b ", "V 1.2 b"),
        (b"\0" * 8, ""),
        (b"\xff" * 8, ""),
        (b"caf\xe9    ", "caf\ufffd"),
    ],
)
def test_padding_and_control_characters_are_dropped(data: bytes, expected: str) -> None:
    assert text(textual(4), data) == expected


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "utf-16-be"])
def test_chinese_texts(encoding: str) -> None:
    profile = textual(12, section={"text_encoding": encoding})

    assert text(profile, "空调一号\u3000A".encode(encoding).ljust(24, b"\0")) == "空调一号 A"


def test_a_point_may_have_an_encoding_of_its_own() -> None:
    profile = textual(4, text={"encoding": "gb18030"})

    assert text(profile, "教室".encode("gb18030").ljust(8, b" ")) == "教室"


@pytest.mark.parametrize(
    ("form", "data"),
    [("low_byte", b"\0V\0001\0.\0002"), ("high_byte", b"V\0001\0.\0002\0")],
)
def test_one_character_in_each_register(form: str, data: bytes) -> None:
    assert text(textual(4, text={"form": form}), data) == "V1.2"


def test_swapped_bytes() -> None:
    assert text(textual(2, byte_order="BA"), b"NS21") == "SN12"
    assert text(textual(2, section={"byte_order": "BADC"}), b"NS21") == "SN12"
    assert text(textual(2, section={"byte_order": "CDAB"}), b"SN12") == "SN12"
    swapped = textual(2, byte_order="BA", text={"form": "low_byte"})
    assert text(swapped, b"V\x001\x00") == "V1"


def test_texts_and_numbers_share_a_reply() -> None:
    points = [
        build.point("a", read=build.register(0)),
        build.point("t", read={**build.register(1, "string"), "length": 2}),
        build.point("b", read=build.register(3)),
    ]
    profile = build.modbus(points)
    one = decoder(profile)

    assert (one.points, one.text_points) == (("a", "b"), ("t",))
    raw = [7, 0x4142, 0x4300, 8]
    assert one.decode(raw)[0] == [7, 8]
    assert one.texts(raw) == [TextReading("t", "ABC")]


@pytest.mark.parametrize("raw", [[], [1], [1, 2, 3], None, 5, ["a", "b"], [1, None], [-1, 70_000]])
def test_a_reply_that_does_not_fit_says_nothing(raw: Any) -> None:
    one = decoder(textual(2))

    assert one.texts(raw) == []
    assert one.decode(raw) == ([], ())


@given(data=st.binary(max_size=250), encoding=st.sampled_from(["ascii", "utf-8", "gb18030"]))
def test_any_bytes_give_a_line_that_can_be_shown(data: bytes, encoding: Any) -> None:
    shown = printable(data, encoding)

    assert shown.isprintable()
    assert shown == shown.strip()
    assert len(shown) <= len(data)


@given(
    text=st.text(st.characters(categories=["L", "N", "P"], max_codepoint=0xFFFF), max_size=60),
    encoding=st.sampled_from(["utf-8", "gb18030", "utf-16-be"]),
)
def test_printable_texts_come_back(text: str, encoding: Any) -> None:
    assert printable(text.encode(encoding) + b"\0\0", encoding) == text
