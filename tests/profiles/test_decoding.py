from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from campus_wire.quality import Grade, Quality, grade
from device_profiles.decoding import Reading, ReplyDecoder, decode_reply
from device_profiles.model import ModbusProfile
from device_profiles.planning import plan_reads
from device_profiles.registers import PATTERNS, DataType, expand_pattern, register_count
from tests.profiles import build

REGISTER_TYPES = list(
    map(DataType, ["int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64"])
)


def decode(profile: ModbusProfile, raw: Sequence[Any]) -> Reading:
    [request] = plan_reads(profile, profile.points)
    [reading] = decode_reply(profile, request, raw)
    return reading


def value(profile: ModbusProfile, raw: Sequence[int]) -> float | None:
    return decode(profile, raw).value


def travelling(number: float, data_type: DataType, letters: str) -> list[int]:
    """Encode as a device would, without the package's help."""
    codes = {"int": "bhiq", "uint": "BHIQ", "float": "_efd"}
    kind = data_type.rstrip("0123456789")
    size = {16: 1, 32: 2, 64: 3}[int(data_type[len(kind) :])]
    big = struct.pack(">" + codes[kind][size], number)
    swapped = bytes(big[ord(letter) - ord("A")] for letter in letters)
    return [int.from_bytes(swapped[i : i + 2], "big") for i in range(0, len(swapped), 2)]


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("data_type", REGISTER_TYPES)
@given(data=st.data())
def test_every_type_in_every_order(data_type: DataType, pattern: str, data: st.DataObject) -> None:
    letters = expand_pattern(pattern, register_count(data_type))
    number: float
    if data_type in (DataType.FLOAT32, DataType.FLOAT64):
        width = int(data_type[-2:])
        largest = 3e38 if width == 32 else 1e300
        number = data.draw(st.floats(allow_nan=False, allow_infinity=False))
        if width == 32:
            number = struct.unpack(">f", struct.pack(">f", math.fmod(number, largest)))[0]
        assume(abs(number) <= largest)
    else:
        bits = 16 * register_count(data_type)
        low = 0 if data_type.startswith("u") else -(2 ** (bits - 1))
        number = data.draw(st.integers(low, low + 2**bits - 1))
    profile = build.one(data_type, byte_order=letters)

    decoded = value(profile, travelling(number, data_type, letters))

    assert decoded is not None
    if data_type is DataType.FLOAT32:
        assert struct.pack(">f", decoded) == struct.pack(">f", number + 0.0)
    else:
        assert decoded == (number if abs(number) <= 2**53 else float(number))


@given(letters=st.permutations("ABCDEFGH"), number=st.integers(0, 2**53))
def test_any_order_of_eight_bytes(letters: list[str], number: int) -> None:
    order = "".join(letters)
    profile = build.one("uint64", byte_order=order)

    assert value(profile, travelling(number, DataType.UINT64, order)) == number


@given(raw=st.integers(-32_768, 32_767), digits=st.integers(0, 6))
def test_decimal_scales_give_the_decimal(raw: int, digits: int) -> None:
    profile = build.one("int16", scale=float(f"1e-{digits}"))

    assert value(profile, [raw & 0xFFFF]) == float(Decimal(raw).scaleb(-digits))


@given(
    raw=st.integers(0, 65_535),
    scale=st.decimals(-1000, 1000, places=3).filter(bool),
    offset=st.decimals(-1000, 1000, places=2),
)
def test_any_scale_and_offset_round_once(raw: int, scale: Decimal, offset: Decimal) -> None:
    profile = build.one(scale=float(scale), offset=float(offset))

    assert value(profile, [raw]) == float(raw * scale + offset)


@pytest.mark.parametrize(
    ("keys", "raw", "expected"),
    [
        ({"scale": 0.1}, 215, 21.5),
        ({"scale": 0.1}, 3, 0.3),
        ({"scale": 1}, 215, 215),
        ({"scale": 10}, 215, 2150),
        ({"scale": 0.5, "offset": -40}, 130, 25),
        ({"scale": -0.1}, 215, -21.5),
        ({"offset": -400, "scale": 1}, 400, 0),
        ({"scale": 0.05}, 7, 0.35),
    ],
)
def test_worked_examples(keys: dict[str, Any], raw: int, expected: float) -> None:
    assert value(build.one(**keys), [raw]) == expected


def test_whole_numbers_stay_whole() -> None:
    assert repr(value(build.one(scale=1), [7])) == "7"
    assert repr(value(build.one(scale=10), [7])) == "70"
    assert repr(value(build.one("uint64"), [0xFFFF] * 4)) == "1.8446744073709552e+19"


@pytest.mark.parametrize(
    ("sent", "shown"), [(230.1, 230.1), (0.1, 0.1), (16_777_217.0, 16_777_216.0), (1e-3, 0.001)]
)
def test_32_bit_floats_are_shown_as_the_device_shows_them(sent: float, shown: float) -> None:
    assert value(build.one("float32"), travelling(sent, DataType.FLOAT32, "ABCD")) == shown


def test_scaled_32_bit_floats_are_short_too() -> None:
    profile = build.one("float32", scale=0.1)

    assert value(profile, travelling(2301.7, DataType.FLOAT32, "ABCD")) == 230.17


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("data_type", [DataType.FLOAT32, DataType.FLOAT64])
def test_what_is_no_number_is_an_invalid_marker(data_type: DataType, number: float) -> None:
    letters = expand_pattern("ABCD", register_count(data_type))

    reading = decode(build.one(data_type), travelling(number, data_type, letters))

    assert reading == ("x", None, Quality.INVALID_MARKER)


def test_minus_zero_is_zero() -> None:
    decoded = value(build.one("float32"), [0x8000, 0])

    assert decoded == 0
    assert math.copysign(1, decoded or 0.0) == 1


@pytest.mark.parametrize(
    ("data_type", "marker", "raw"),
    [
        ("int16", 0x8000, [0x8000]),
        ("int16", -32_768, [0x8000]),
        ("uint16", 0xFFFF, [0xFFFF]),
        ("int32", 0x7FFFFFFF, [0x7FFF, 0xFFFF]),
        ("float32", 0x7F7FFFFF, [0x7F7F, 0xFFFF]),
        ("uint16", [1, 2], [2]),
    ],
)
def test_markers_mean_no_value(data_type: str, marker: Any, raw: list[int]) -> None:
    reading = decode(build.one(data_type, nan_value=marker), raw)

    assert reading == ("x", None, Quality.INVALID_MARKER)


def test_a_marker_within_the_range_is_seen_and_its_neighbours_are_not() -> None:
    profile = build.one("int16", scale=0.1, nan_value=850, point_keys={"minimum": 0})

    assert decode(profile, [850]).quality is Quality.INVALID_MARKER
    assert value(profile, [849]) == 84.9
    assert value(profile, [851]) == 85.1


@given(raw=st.integers(-32_768, 32_767))
def test_what_lies_outside_the_range_is_bad(raw: int) -> None:
    profile = build.one("int16", scale=0.1, point_keys={"minimum": -40, "maximum": 80.05})

    reading = decode(profile, [raw & 0xFFFF])

    if -400 <= raw <= 800:
        assert reading == ("x", raw / 10, Quality.GOOD)
    else:
        assert reading == ("x", None, Quality.OUT_OF_RANGE)


def test_float_ranges_hold() -> None:
    profile = build.one("float32", point_keys={"minimum": 0, "maximum": 300})

    assert decode(profile, travelling(-0.5, DataType.FLOAT32, "ABCD")).quality == 72
    assert value(profile, travelling(299.5, DataType.FLOAT32, "ABCD")) == 299.5


@pytest.mark.parametrize("scale", [1, 1e300])
@pytest.mark.parametrize("number", [1e301, -1e308])
def test_what_the_wire_cannot_carry_is_out_of_range(number: float, scale: float) -> None:
    profile = build.one("float64", scale=scale)

    reading = decode(profile, travelling(number, DataType.FLOAT64, "ABCDEFGH"))

    assert reading == ("x", None, Quality.OUT_OF_RANGE)
    assert decode(build.one(scale=1e305), [65_535]).quality is Quality.OUT_OF_RANGE


STATES = {"states": {0: build.LABELS, 1: build.LABELS, 4: build.LABELS}}


def test_a_state_nobody_documented_is_uncertain() -> None:
    profile = build.one(point_keys=STATES)

    assert decode(profile, [4]) == ("x", 4, Quality.GOOD)
    assert decode(profile, [3]) == ("x", 3, Quality.UNCERTAIN)


@given(word=st.integers(0, 65_535), bit=st.integers(0, 15), data=st.data())
def test_bits_and_ranges_of_bits(word: int, bit: int, data: st.DataObject) -> None:
    width = data.draw(st.integers(1, 16 - bit))
    read = {"input_type": "holding", "address": 0, "bit": bit, "bit_count": width}
    profile = build.modbus([build.point("x", read=read)])

    assert value(profile, [word]) == int(f"{word:016b}"[16 - bit - width : 16 - bit], 2)


def test_bits_of_one_register_share_it_with_the_whole() -> None:
    flags = [
        build.point(f"b{bit}", read={"input_type": "holding", "address": 5, "bit": bit})
        for bit in range(16)
    ]
    whole = build.point("whole", read=build.register(5))
    profile = build.modbus([*flags, whole])
    [request] = plan_reads(profile, profile.points)

    readings = {one.point: one.value for one in decode_reply(profile, request, [0b101])}

    assert request.count == 1
    assert readings["whole"] == 5
    assert [readings[f"b{bit}"] for bit in range(4)] == [1, 0, 1, 0]


def coils() -> ModbusProfile:
    return build.modbus(
        [
            build.point(f"c{index}", read={"input_type": "coil", "address": index})
            for index in range(3)
        ]
    )


@pytest.mark.parametrize("raw", [[1, 0, 1], [True, False, True], [1, 0, 1, 0, 0, 0, 0, 0]])
def test_coils_as_they_come(raw: list[int]) -> None:
    profile = coils()
    [request] = plan_reads(profile, profile.points)

    assert [one.value for one in decode_reply(profile, request, raw)] == [1, 0, 1]


WRONG_REPLIES: list[Any] = [
    [],
    [1],
    [1, 2, 3],
    [1, -1],
    [1, 65_536],
    [1, 2.5],
    [1, "2"],
    [1, None],
    None,
    5,
    [[1], 2],
]


@pytest.mark.parametrize("raw", WRONG_REPLIES)
def test_a_reply_that_does_not_fit_is_undecodable(raw: Any) -> None:
    reading = decode(build.one("uint32"), raw)

    assert reading == ("x", None, Quality.UNDECODABLE)


@pytest.mark.parametrize("raw", [[], [1, 0], [1, 0, 2], [1] * 9, [1, 0, None], None, [1, 0, [1]]])
def test_bits_that_do_not_fit_are_undecodable(raw: Any) -> None:
    profile = coils()
    [request] = plan_reads(profile, profile.points)

    for reading in decode_reply(profile, request, raw):
        assert reading[1:] == (None, Quality.UNDECODABLE)


@given(
    raw=st.one_of(
        st.lists(st.integers(0, 65_535), max_size=30),
        st.lists(st.one_of(st.none(), st.integers(), st.floats(), st.text()), max_size=30),
    )
)
def test_no_reply_raises_or_gives_a_value_of_bad_quality(raw: list[Any]) -> None:
    types = ["int16", "uint16", "float32", "uint64", "int32", "float64"]
    points, address = [], 0
    for data_type in types:
        keys = {"minimum": -1e6, "maximum": 1e6}
        points.append(build.point(data_type, **keys, read=build.register(address, data_type)))
        address += register_count(DataType(data_type))
    profile = build.modbus(points)
    [request] = plan_reads(profile, profile.points)

    values, qualities = ReplyDecoder(profile, request).decode(raw)

    assert len(values) == len(qualities) == len(types)
    for one, quality in zip(values, qualities, strict=True):
        assert (one is None) == (grade(quality) is Grade.BAD)
        assert one is None or math.isfinite(one)


def test_columns_and_readings_agree() -> None:
    profile = build.modbus(
        [build.point(f"p{i}", maximum=10, read=build.register(i, scale=0.5)) for i in range(9)]
    )
    [request] = plan_reads(profile, profile.points)
    decoder = ReplyDecoder(profile, request)
    raw = [0, 5, 10, 15, 20, 25, 30, 35, 40]

    values, qualities = decoder.decode(raw)

    assert decoder.readings(raw) == list(zip(decoder.points, values, qualities, strict=True))
    assert values == [0, 2.5, 5, 7.5, 10, None, None, None, None]
    assert qualities == (0, 0, 0, 0, 0, 72, 72, 72, 72)
