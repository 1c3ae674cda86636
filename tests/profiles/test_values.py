from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from campus_wire.quality import Grade, Quality, grade
from device_profiles.decoding import Reading, ReplyDecoder, decode_reply
from device_profiles.model import ModbusProfile
from device_profiles.planning import plan_reads
from device_profiles.writing import plan_write
from tests.profiles import build
from tests.profiles.registers_as_sent import (
    REGISTERS,
    SIGNED_CODINGS,
    WHOLE_BYTES,
    float_registers,
    highest,
    ordered,
    pattern_of,
    registers_of,
)

CODED = [
    (name, coding)
    for name in WHOLE_BYTES
    for coding in (SIGNED_CODINGS if name.startswith("i") else ("unsigned", "bcd", "mod10k"))
    if coding != "mod10k" or WHOLE_BYTES[name] % 2 == 0
]


def decode(profile: ModbusProfile, raw: Sequence[Any]) -> Reading:
    [request] = plan_reads(profile, profile.points)
    [reading] = decode_reply(profile, request, raw)
    return reading


def coded(data_type: str, encoding: str, **read: Any) -> ModbusProfile:
    keys: dict[str, Any] = {} if encoding == "unsigned" else {"encoding": encoding}
    return build.one(data_type, **keys, **read)


def orders(data_type: str) -> st.SearchStrategy[str]:
    return st.permutations("ABCDEFGH"[: 2 * REGISTERS[data_type]]).map("".join)


def numbers(data_type: str, encoding: str) -> st.SearchStrategy[int]:
    bits = 8 * WHOLE_BYTES[data_type]
    if encoding in SIGNED_CODINGS:
        low = -(2 ** (bits - 1)) + (encoding in ("sign_magnitude", "ones_complement"))
        return st.integers(low, 2 ** (bits - 1) - 1)
    return st.integers(0, highest(encoding, bits))


@pytest.mark.parametrize(("data_type", "encoding"), CODED)
@settings(max_examples=40)
@given(data=st.data())
def test_every_type_in_every_encoding_and_order(
    data_type: str, encoding: str, data: st.DataObject
) -> None:
    number = data.draw(numbers(data_type, encoding))
    letters = data.draw(orders(data_type))
    beside = data.draw(st.integers(0, 255))
    bits = 8 * WHOLE_BYTES[data_type]
    raw = registers_of(pattern_of(number, encoding, bits), data_type, letters, beside=beside)

    reading = decode(coded(data_type, encoding, byte_order=letters), raw)

    exact = number if abs(number) <= 2**53 else float(number)
    assert reading == ("x", exact, Quality.GOOD)


@pytest.mark.parametrize(("data_type", "encoding"), CODED)
@settings(max_examples=40)
@given(data=st.data())
def test_what_is_written_reads_back(data_type: str, encoding: str, data: st.DataObject) -> None:
    number = data.draw(numbers(data_type, encoding))
    assume(abs(number) <= 2**53)
    letters = data.draw(orders(data_type))
    keys = {} if encoding == "unsigned" else {"encoding": encoding}
    read = build.register(7, data_type, byte_order=letters, **keys)
    write: dict[str, Any] = {"function": 16, "minimum": -1e300, "maximum": 1e300}
    if WHOLE_BYTES[data_type] == 1:
        write["rest"] = 0x5A5A
    profile = build.modbus([build.point("x", read=read, write=write)])

    request = plan_write(profile, profile.points[0], number)

    bits = 8 * WHOLE_BYTES[data_type]
    negative = number < 0 and encoding == "twos_complement"
    beside = 0x5A if WHOLE_BYTES[data_type] == 1 else 0xFF if negative else 0
    sent = registers_of(pattern_of(number, encoding, bits), data_type, letters, beside=beside)
    assert request.values == tuple(sent)
    assert not request.reads_first


@pytest.mark.parametrize("data_type", ["float16", "float32", "float64"])
@given(data=st.data())
def test_floats_in_every_order(data_type: str, data: st.DataObject) -> None:
    width = int(data_type[-2:])
    number = data.draw(st.floats(allow_nan=False, allow_infinity=False))
    limit = {16: 65_504.0, 32: 3e38, 64: 1e300}[width]
    number = math.copysign(min(abs(number), limit), number)
    letters = data.draw(orders(data_type))

    reading = decode(
        build.one(data_type, byte_order=letters), float_registers(number, data_type, letters)
    )

    code = {16: "e", 32: "f", 64: "d"}[width]
    assert reading.quality is Quality.GOOD
    assert reading.value is not None
    sent = struct.unpack(f">{code}", struct.pack(f">{code}", number))[0] + 0.0
    assert struct.pack(f">{code}", reading.value) == struct.pack(f">{code}", sent)


@pytest.mark.parametrize(
    ("sent", "shown"),
    [(0.1, 0.1), (21.5, 21.5), (65_504.0, 65_504.0), (10_008.0, 10_008.0), (230.25, 230.2)],
)
def test_16_bit_floats_are_shown_short(sent: float, shown: float) -> None:
    assert decode(build.one("float16"), float_registers(sent, "float16", "AB")).value == shown


@pytest.mark.parametrize(
    ("data_type", "encoding", "raw"),
    [
        ("uint16", "bcd", [0x12A4]),
        ("uint16", "bcd", [0xFFFF]),
        ("uint32", "bcd", [0x0000, 0x000B]),
        ("uint8l", "bcd", [0x001C]),
        ("uint48", "bcd", [0x0000, 0x000F, 0x0000]),
        ("uint16", "mod10k", [10_000]),
        ("uint32", "mod10k", [1, 10_000]),
        ("uint64", "mod10k", [0xFFFF, 0, 0, 0]),
    ],
)
def test_what_is_no_digit_is_undecodable(data_type: str, encoding: str, raw: list[int]) -> None:
    assert decode(coded(data_type, encoding), raw) == ("x", None, Quality.UNDECODABLE)


def test_a_pattern_without_digits_may_be_a_marker() -> None:
    profile = coded("uint16", "bcd", nan_value=[0xFFFF, 0x9999])

    assert decode(profile, [0xFFFF]).quality is Quality.INVALID_MARKER
    assert decode(profile, [0x9999]).quality is Quality.INVALID_MARKER
    assert decode(profile, [0x9998]).value == 9998


@pytest.mark.parametrize(
    ("data_type", "encoding", "raw"),
    [
        ("int16", "sign_magnitude", [0x8000]),
        ("int16", "ones_complement", [0xFFFF]),
        ("int48", "sign_magnitude", [0x8000, 0, 0]),
    ],
)
def test_negative_zero_is_zero(data_type: str, encoding: str, raw: list[int]) -> None:
    reading = decode(coded(data_type, encoding), raw)

    assert repr(reading.value) == "0"


@given(word=st.integers(0, 65_535), bit=st.integers(0, 15), data=st.data())
def test_signed_bits(word: int, bit: int, data: st.DataObject) -> None:
    width = data.draw(st.integers(1, 16 - bit))
    read = {"input_type": "holding", "address": 0, "bit": bit, "bit_count": width}
    profile = build.modbus([build.point("x", read=read | {"bit_signed": True})])

    digits = f"{word:016b}"[16 - bit - width : 16 - bit]
    expected = int(digits, 2) - (2**width if digits[0] == "1" else 0)
    assert decode(profile, [word]).value == expected


def test_bcd_digits_among_bits() -> None:
    read = {"input_type": "holding", "address": 0, "bit": 4, "bit_count": 8, "encoding": "bcd"}
    profile = build.modbus([build.point("x", read=read)])

    assert decode(profile, [0xF42F]).value == 42
    assert decode(profile, [0x04A0]).quality is Quality.UNDECODABLE


def test_named_raw_numbers() -> None:
    profile = build.one(values={0xAA: 1, 0x55: 0})

    assert decode(profile, [0xAA]) == ("x", 1, Quality.GOOD)
    assert decode(profile, [0x55]) == ("x", 0, Quality.GOOD)
    assert decode(profile, [1]).quality is Quality.UNDECODABLE


def test_other_raw_numbers_mean_one_number_or_are_scaled() -> None:
    closed = build.one("uint8l", values={0: 0}, other_values=1)
    scaled = build.one("int16", values={-1: -273.5, 0x7FFF: 99}, other_values="scaled", scale=0.1)

    assert [decode(closed, [raw]).value for raw in (0, 1, 255)] == [0, 1, 1]
    assert decode(scaled, [0xFFFF]).value == -273.5
    assert decode(scaled, [0x7FFF]).value == 99
    assert decode(scaled, [0xFFFE]).value == -0.2


def test_named_numbers_are_judged_and_stay_whole() -> None:
    profile = build.one(values={7: 700, 8: 3}, point_keys={"maximum": 100})

    assert decode(profile, [7]).quality is Quality.OUT_OF_RANGE
    assert repr(decode(profile, [8]).value) == "3"


def test_coils_may_be_turned_round() -> None:
    read = {"input_type": "coil", "address": 0, "values": {0: 1, 1: 0}}
    profile = build.modbus([build.point("x", read=read)])

    assert [decode(profile, [bit]).value for bit in (0, 1)] == [1, 0]


def test_numbers_among_bits_may_be_named() -> None:
    read = {"input_type": "holding", "address": 0, "bit": 8, "bit_count": 2, "values": {2: 20}}
    profile = build.modbus([build.point("x", read=read)])

    assert decode(profile, [0xFEFF]).value == 20
    assert decode(profile, [0x0100]).quality is Quality.UNDECODABLE


@pytest.mark.parametrize("data_type", ["float32", "float64"])
def test_a_marker_may_be_a_number(data_type: str) -> None:
    profile = build.one(data_type, scale=0.1, nan_number=[999_999.0, -9999.9])
    letters = "ABCDEFGH"[: 2 * REGISTERS[data_type]]

    for number in (999_999.0, -9999.9):
        reading = decode(profile, float_registers(number, data_type, letters))
        assert reading.quality is Quality.INVALID_MARKER
    assert decode(profile, float_registers(99_999.5, data_type, letters)).value == 9999.95


def test_a_marker_among_whole_numbers() -> None:
    profile = build.one("int16", scale=0.1, nan_number=-999)

    assert decode(profile, [-999 & 0xFFFF]).quality is Quality.INVALID_MARKER
    assert decode(profile, [-998 & 0xFFFF]).value == -99.8


coefficients = st.lists(st.decimals(-100, 100, places=3), min_size=2, max_size=5)


@given(raw=st.integers(-32_768, 32_767), decimals=coefficients)
@example(raw=3, decimals=[Decimal("0.1"), Decimal("0.2")])
def test_polynomials_round_once(raw: int, decimals: list[Decimal]) -> None:
    assume(any(decimals[1:]))
    profile = build.one("int16", polynomial=[float(one) for one in decimals])

    exact = sum((one * raw**power for power, one in enumerate(decimals)), Decimal(0))
    assert decode(profile, [raw & 0xFFFF]).value == float(exact)


def test_polynomials_of_floats() -> None:
    profile = build.one("float32", polynomial=[0.5, 0, 0.1])

    assert decode(profile, float_registers(1.1, "float32", "ABCD")).value == 0.621


CURVE = [[4000, 0], [12_000, 80], [20_000, 100]]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [(4000, 0), (4001, 0.01), (8000, 40), (12_000, 80), (16_000, 90), (20_000, 100)],
)
def test_curves(raw: int, expected: float) -> None:
    assert decode(build.one(curve=CURVE), [raw]) == ("x", expected, Quality.GOOD)


@pytest.mark.parametrize("raw", [0, 3999, 20_001, 65_535])
def test_outside_a_curve_there_is_no_value(raw: int) -> None:
    assert decode(build.one(curve=CURVE), [raw]) == ("x", None, Quality.OUT_OF_RANGE)


@given(raw=st.floats(-10, 10, width=32))
def test_curves_of_floats_are_within_their_ends(raw: float) -> None:
    profile = build.one("float32", curve=[[-10, 5], [0, 0.5], [10, 7]])

    reading = decode(profile, float_registers(raw, "float32", "ABCD"))

    assert reading.value is not None
    assert 0.5 <= reading.value <= 7


@pytest.mark.parametrize(("raw", "quality"), [(9999, 0), (10_000, 72), (10_001, 72)])
def test_a_counter_never_shows_where_it_wraps(raw: int, quality: int) -> None:
    profile = build.one(scale=0.1, point_keys={"counter": {"wraps_at": 1000}})

    assert decode(profile, [raw]).quality == quality


def test_values_of_flags_are_numbers() -> None:
    profile = build.one(point_keys={"flags": {0: build.LABELS, 15: build.LABELS}})

    assert decode(profile, [0x8003]) == ("x", 0x8003, Quality.GOOD)


def test_long_numbers_stand_beside_others() -> None:
    points = [
        build.point("a", read=build.register(0, "uint48", scale=0.01)),
        build.point("b", read=build.register(3, "int24")),
        build.point("c", read=build.register(5, "uint8h")),
        build.point("d", read=build.register(5, "int8l")),
        build.point("e", read=build.register(6, "float16")),
    ]
    profile = build.modbus(points)
    [request] = plan_reads(profile, profile.points)
    raw = [0x0001, 0x0002, 0x0003, 0xEEFF, 0xFFFE, 0x07F9, *float_registers(1.5, "float16", "AB")]

    values, qualities = ReplyDecoder(profile, request).decode(raw)

    assert values == [(2**32 + 2 * 2**16 + 3) / 100, -2, 7, -7, 1.5]
    assert set(qualities) == {Quality.GOOD}


@pytest.mark.parametrize("data_type", ["int8l", "uint8h"])
def test_a_single_byte_alone_in_a_reply(data_type: str) -> None:
    assert decode(build.one(data_type), [0x0505]).value == 5
    assert decode(build.one(data_type), []).quality is Quality.UNDECODABLE


EVERYTHING: list[dict[str, Any]] = [
    {"data_type": "uint32", "encoding": "bcd"},
    {"data_type": "uint64", "encoding": "mod10k"},
    {"data_type": "int48", "encoding": "sign_magnitude", "scale": 0.001},
    {"data_type": "int24", "encoding": "ones_complement", "nan_value": 0x7FFFFF},
    {"data_type": "float16", "polynomial": [1, 2, 3]},
    {"data_type": "float64", "curve": [[-1e300, 0], [1e300, 5]]},
    {"data_type": "float32", "nan_number": 1.0, "polynomial": [1e300, 1e300, 1e300]},
    {"data_type": "uint16", "bit": 3, "bit_count": 5, "bit_signed": True},
    {"data_type": "uint8h", "values": {1: 5.5}, "other_values": -1.0},
    {
        "data_type": "datetime",
        "length": 3,
        "fields": [
            {"part": "year", "register": 0, "half": "high", "plus": 2000},
            {"part": "month", "register": 0, "half": "low"},
            {"part": "day", "register": 1, "half": "high"},
            {"part": "hour", "register": 1, "half": "low"},
            {"part": "minute", "register": 2, "half": "high"},
            {"part": "second", "register": 2, "half": "low"},
        ],
    },
]


def everything() -> ModbusProfile:
    points, address = [], 0
    for number, keys in enumerate(EVERYTHING):
        read = {"input_type": "holding", "address": address, **keys}
        points.append(build.point(f"p{number}", minimum=-1e9, maximum=1e12, read=read))
        address += keys.get("length") or REGISTERS[keys["data_type"]]
    text = {"input_type": "holding", "address": address, "data_type": "string", "length": 3}
    return build.modbus([*points, build.point("t", read=text)], text_encoding="gb18030")


PROFILE = everything()
[REQUEST] = plan_reads(PROFILE, PROFILE.points)
DECODER = ReplyDecoder(PROFILE, REQUEST)

registers = st.lists(st.integers(0, 65_535), min_size=REQUEST.count, max_size=REQUEST.count)
anything = st.lists(st.one_of(st.none(), st.integers(), st.floats(), st.text()), max_size=40)


@given(raw=st.one_of(registers, anything))
def test_no_reply_raises_or_gives_a_value_of_bad_quality(raw: list[Any]) -> None:
    values, qualities = DECODER.decode(raw)
    texts = DECODER.texts(raw)

    assert DECODER.text_points == ("t",)
    assert len(values) == len(qualities) == len(EVERYTHING)
    assert len(texts) in (0, 1)
    for one, quality in zip(values, qualities, strict=True):
        assert (one is None) == (grade(quality) is Grade.BAD)
        assert one is None or math.isfinite(one)
    for text in texts:
        assert text.text.isprintable()


def test_letters_say_the_order_of_long_numbers() -> None:
    raw = ordered((number := 0x0102030405060708).to_bytes(8, "big"), "HGFEDCBA")

    assert raw == [0x0807, 0x0605, 0x0403, 0x0201]
    assert decode(build.one("uint64", byte_order="HGFEDCBA"), raw).value == float(number)


@given(st.integers(0, 2**64 - 1), st.integers(0, 63), st.integers(1, 64))
def test_up_to_64_bits_are_taken(pattern: int, bit: int, width: int) -> None:
    width = min(width, 64 - bit)
    profile = build.one("uint64", bit=bit, bit_count=width)

    taken = decode(profile, registers_of(pattern, "uint64", "ABCDEFGH"))
    assert taken.value == pattern >> bit & ((1 << width) - 1)
