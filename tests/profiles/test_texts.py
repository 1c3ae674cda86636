from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campus_wire.quality import Quality
from device_profiles.decoding import Reading, ReplyDecoder, TextReading
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


# --- numbers as text ---------------------------------------------------------------------------


def number(data: bytes, **read: Any) -> Reading:
    profile = textual(len(data) // 2, **{"decimal": "point", **read})
    words = [int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2)]
    [reading] = decoder(profile).readings(words)
    return reading


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"0023.5", 23.5),
        (b"+0023.", 23),
        (b"- 1.25", -1.25),
        (b"  -7  ", -7),
        (b"12\0\0\0\0", 12),
        (b"-.5 \xff\xff", -0.5),
        (b"-0000 ", 0),
        (b"1.5E-2", 0.015),
        (b"2e3   ", 2000),
    ],
)
def test_numbers_written_as_text(data: bytes, expected: float) -> None:
    assert number(data) == Reading("name", expected, Quality.GOOD)


@pytest.mark.parametrize(
    "data",
    [
        b"----",
        b"1.2.",
        b"1,25",
        b"ERR ",
        b"12 3",
        b"+-12",
        b"0x1F",
        b"1_00",
        b"nan ",
        b"\xb2\xb2  ",
    ],
)
def test_a_text_that_is_no_number_is_undecodable(data: bytes) -> None:
    assert number(data) == Reading("name", None, Quality.UNDECODABLE)
    assert number(b"inf     ").quality is Quality.UNDECODABLE
    assert number(b"1e999   ").quality is Quality.UNDECODABLE


@pytest.mark.parametrize("data", [b"    ", b"\0\0\0\0", b"\xff\xff\xff\xff"])
def test_blanks_alone_are_no_value(data: bytes) -> None:
    assert number(data) == Reading("name", None, Quality.INVALID_MARKER)


def test_a_number_as_text_is_scaled_and_checked_like_any_other() -> None:
    assert number(b"0023,5", decimal="comma", scale=0.1).value == 2.35
    assert number(b"1.234,", decimal="comma").quality is Quality.UNDECODABLE
    assert number(b"9999", nan_number=9999).quality is Quality.INVALID_MARKER
    assert number(b"32.0 5", byte_order="BA").value == 230.5
    assert number(b"\x001\x005", text={"form": "low_byte"}).value == 15
    assert number("12".encode("utf-16-be"), text={"encoding": "utf-16-be"}).value == 12

    read = {"input_type": "holding", "address": 0, "data_type": "string", "length": 2}
    bounded = build.modbus(
        [build.point("name", maximum=100, unit="°C", read={**read, "decimal": "point"})]
    )
    assert not bounded.points[0].is_text
    [reading] = decoder(bounded).readings([0x3230, 0x3020])
    assert reading.quality is Quality.OUT_OF_RANGE


@given(st.decimals(-9999, 9999, places=3))
def test_every_decimal_is_read_as_it_is_written(value: Decimal) -> None:
    written = f"{value:+010.3f}"

    assert number(written.encode()).value == float(value)
