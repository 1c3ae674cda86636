from __future__ import annotations

import struct
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from device_profiles.cayenne_lpp import decode_lpp
from device_profiles.checksums import crc16_modbus
from device_profiles.codec_bytes import BytesDecoder, Frame
from device_profiles.errors import MessageRefusedError
from device_profiles.model_codec import CODEC_BYTES_MAX, Codec

T0 = 1_790_000_000


def codec(**keys: Any) -> BytesDecoder:
    return BytesDecoder(Codec.model_validate_json(orjson.dumps(keys)))


def decode(data: str | bytes, port: int | None = None, **keys: Any) -> Frame | None:
    raw = bytes.fromhex(data) if isinstance(data, str) else data
    return codec(**keys).decode(raw, port=port, now_ns=None)


def one(data: str, **field: Any) -> Any:
    frame = decode(data, fields=[{"name": "x", **field}])
    assert frame is not None
    return frame.document.get("x", "absent")


@pytest.mark.parametrize(
    ("data", "field", "expected"),
    [
        ("FF", {"data_type": "uint8"}, 255),
        ("FF", {"data_type": "int8"}, -1),
        ("00", {"data_type": "bool"}, 0),
        ("07", {"data_type": "bool"}, 1),
        ("0102", {"data_type": "uint16"}, 0x0102),
        ("0102", {"data_type": "uint16", "byte_order": "little"}, 0x0201),
        ("FFFE", {"data_type": "int16", "scale": 0.1}, -0.2),
        ("010203", {"data_type": "uint24"}, 0x010203),
        ("FFFFFF", {"data_type": "int24"}, -1),
        ("0A0B0C0D", {"data_type": "uint32", "byte_order": "ABCD"}, 0x0A0B0C0D),
        ("0C0D0A0B", {"data_type": "uint32", "byte_order": "CDAB"}, 0x0A0B0C0D),
        ("0B0A0D0C", {"data_type": "uint32", "byte_order": "BADC"}, 0x0A0B0C0D),
        ("0D0C0B0A", {"data_type": "uint32", "byte_order": "DCBA"}, 0x0A0B0C0D),
        ("010000000000", {"data_type": "uint48", "byte_order": "little"}, 1),
        ("FFFFFFFFFFFFFFFF", {"data_type": "int64"}, -1),
        ("4D00", {"data_type": "float16"}, 20),
        ("41AC0000", {"data_type": "float32"}, 21.5),
        ("4366199A", {"data_type": "float32"}, 230.1),
        ("000041AC", {"data_type": "float32", "byte_order": "CDAB"}, 21.5),
        ("40358000" + "00000000", {"data_type": "float64"}, 21.5),
        ("8005", {"data_type": "int16", "encoding": "sign_magnitude"}, -5),
        ("8005", {"data_type": "int16", "encoding": "offset_binary"}, 5),
        ("1234", {"data_type": "uint16", "encoding": "bcd"}, 1234),
        ("CBF6", {"data_type": "uint16", "bit": 0, "bit_count": 14, "scale": 0.001}, 3.062),
        ("CBF6", {"data_type": "uint16", "bit": 14, "bit_count": 2}, 3),
        ("0F", {"data_type": "uint8", "bit": 0, "bit_count": 4, "bit_signed": True}, -1),
        ("07", {"data_type": "uint8", "bit": 0, "bit_count": 4, "bit_signed": True}, 7),
        ("FFFF", {"data_type": "uint16", "nan_value": [0xFFFF]}, None),
        ("7FFF", {"data_type": "int16", "nan_value": 32767, "scale": 0.01}, None),
        ("7FC00000", {"data_type": "float32"}, None),
        ("04A2B9", {"data_type": "hex"}, "04A2B9"),
        ("04A2B9", {"at": 1, "data_type": "hex", "length": 2}, "A2B9"),
        ("180303", {"data_type": "digits", "length": 3}, "240303"),
        ("41424300", {"data_type": "string", "length": 4}, "ABC"),
        ("0102", {"at": -1, "data_type": "uint8"}, 2),
        ("01", {"at": 1, "data_type": "uint8"}, "absent"),
        ("01", {"at": -2, "data_type": "uint8"}, "absent"),
        ("01", {"data_type": "uint16"}, "absent"),
    ],
)
def test_one_field(data: str, field: dict[str, Any], expected: Any) -> None:
    assert one(data, **field) == expected


def test_bcd_digits_that_are_none_are_no_number() -> None:
    assert isinstance(one("1A34", data_type="uint16", encoding="bcd"), str)


def test_frames_of_others_say_nothing() -> None:
    fields = [{"name": "x", "data_type": "uint8"}]

    assert decode("01", fields=fields, ports=[2], port=3) is None
    assert decode("01", fields=fields, ports=2, port=2) is not None
    assert decode("01", fields=fields, ports=[2], port=None) is not None  # nobody tells
    assert decode("01", fields=fields, length=2) is None
    assert decode("0206", fields=fields, starts_with="0207") is None
    assert decode("0206", fields=fields, starts_with="0206") is not None


def test_a_field_is_there_when_an_earlier_one_says_so() -> None:
    fields = [
        {"name": "kind", "at": 0, "data_type": "uint8"},
        {"name": "t", "at": 1, "data_type": "int8", "when": {"field": "kind", "equals": 1}},
        {"name": "h", "at": 1, "data_type": "uint8", "when": {"field": "kind", "equals": [2, 3]}},
    ]

    assert decode("01FF", fields=fields) == Frame({"kind": 1, "t": -1}, [], is_history=False)
    assert decode("03FF", fields=fields) == Frame({"kind": 3, "h": 255}, [], is_history=False)


RECORDS = {
    "at": 1,
    "length": 5,
    "time": {"data_type": "uint32"},
    "fields": [{"name": "t", "at": 4, "data_type": "int8"}],
}


def test_records_go_on_to_the_end_of_the_frame() -> None:
    data = b"\x09" + struct.pack(">IbIb", T0, 20, T0 + 60, 21) + b"\x01\x02"

    frame = decode(data, fields=[{"name": "n", "data_type": "uint8"}], records=RECORDS)

    records: list[Any] = [(T0 * 10**9, {"t": 20}), ((T0 + 60) * 10**9, {"t": 21})]
    assert frame == Frame({"n": 9}, records, is_history=False)


def test_of_records_without_time_the_last_one_counts() -> None:
    timeless = {"length": 1, "fields": [{"name": "t", "data_type": "int8"}]}

    assert decode("010203", records=timeless) == Frame({"t": 3}, [])


TLV = [
    {"header": "0175", "name": "battery", "data_type": "uint8"},
    {"header": "FF0B", "length": 1},
    {"header": "FF", "name": "other", "data_type": "uint8"},
    {"header": "0A", "length": "uint8", "name": "text", "data_type": "string"},
    {"header": "0B", "length": "rest", "name": "tail", "data_type": "hex"},
]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("017564", {"battery": 100}),
        ("FF0B01" + "017564", {"battery": 100}),
        ("FF07" + "017564", {"other": 7, "battery": 100}),
        ("0A03414243" + "017564", {"text": "ABC", "battery": 100}),
        ("017564" + "0B0102", {"battery": 100, "tail": "0102"}),
        ("017564" + "017532", {"battery": 50}),
        ("017564" + "99" + "017532", {"battery": 100}),  # stops at what it does not know
        ("017564" + "0175", {"battery": 100}),
        ("017564" + "0AFF41", {"battery": 100}),
        ("017564" + "0A", {"battery": 100}),
        ("", {}),
    ],
)
def test_tag_length_value(data: str, expected: dict[str, Any]) -> None:
    assert decode(data, tlv={"entries": TLV}) == Frame(expected, [])


def test_unknown_records_are_passed_over_where_all_tell_their_length() -> None:
    tlv = {
        "entries": [{"header": "01", "name": "t", "data_type": "int8"}],
        "length": "uint8",
        "unknown": "skip",
    }

    assert decode("0903AABBCC" + "010115", tlv=tlv) == Frame({"t": 21}, [])
    assert decode("09FFAABBCC" + "010115", tlv=tlv) == Frame({}, [])
    assert decode("09", tlv=tlv) == Frame({}, [])


def test_unknown_records_can_refuse_the_frame() -> None:
    with pytest.raises(MessageRefusedError) as caught:
        decode("99", tlv={"entries": TLV, "unknown": "refuse"})

    assert caught.value.reason == "unknown_record"


def test_a_frame_may_have_a_check() -> None:
    data = bytes.fromhex("010304 00EB 0131")
    fields = [{"name": "t", "at": 3, "data_type": "int16", "scale": 0.1}]

    frame = decode(data + crc16_modbus(data), fields=fields, checksum="crc16_modbus")
    assert frame is not None
    assert frame.document == {"t": 23.5}
    for broken in (data + b"\0\0", b"", b"\1"):
        with pytest.raises(MessageRefusedError) as caught:
            decode(broken, fields=fields, checksum="crc16_modbus")
        assert caught.value.reason == "checksum"


def test_long_frames_are_refused() -> None:
    with pytest.raises(MessageRefusedError) as caught:
        decode(bytes(CODEC_BYTES_MAX + 1), cayenne_lpp=True)

    assert caught.value.reason == "too_large"


def test_cayenne_lpp() -> None:
    # the examples of https://docs.mydevices.com/docs/lorawan/cayenne-lpp
    assert decode_lpp(bytes.fromhex("03670110056700FF")) == {
        "temperature_3": 27.2,
        "temperature_5": 25.5,
    }
    assert decode_lpp(bytes.fromhex("0167FFD7067104D2FB2E0000")) == {
        "temperature_1": -4.1,
        "accelerometer_6_x": 1.234,
        "accelerometer_6_y": -1.234,
        "accelerometer_6_z": 0,
    }
    assert decode_lpp(bytes.fromhex("018806765FF2960A0003E8")) == {
        "gps_1_latitude": 42.3519,
        "gps_1_longitude": -87.9094,
        "gps_1_altitude": 10,
    }
    assert decode_lpp(bytes.fromhex("02685501FE010103670110")) == {"relative_humidity_2": 42.5}
    assert decode_lpp(bytes.fromhex("0268")) == {}


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({}, "give one of"),
        ({"fields": [{"name": "x", "data_type": "uint8"}], "cayenne_lpp": True}, "give one of"),
        ({"fields": [{"name": "x", "data_type": "uint8", "bit": 8}]}, "beyond the 8 bits"),
        ({"fields": [{"name": "x", "data_type": "float32", "bit": 1}]}, "no bits"),
        ({"fields": [{"name": "x", "data_type": "uint8", "length": 3}]}, "own length"),
        ({"fields": [{"name": "x", "data_type": "uint32", "byte_order": "CDA"}]}, "letters"),
        ({"fields": [{"name": "x", "data_type": "uint32", "byte_order": "BA"}]}, "4 bytes"),
        ({"fields": [{"name": "x_{n}", "data_type": "uint8"}]}, "belong together"),
        (
            {"fields": [{"name": "x", "data_type": "uint8", "when": {"field": "y", "equals": 1}}]},
            "no field that stands before",
        ),
        ({"tlv": {"entries": [{"header": "01"}]}}, "is needed"),
        ({"tlv": {"entries": [{"header": "01", "name": "x"}]}}, "belong together"),
        ({"tlv": {"entries": [{"header": "01", "length": 1}] * 2}}, "given twice"),
        ({"tlv": {"entries": [{"header": "01", "length": 1}], "unknown": "skip"}}, "passed over"),
        (
            {
                "tlv": {
                    "entries": [
                        {
                            "header": "01",
                            "length": 1,
                            "fields": [{"name": "x", "data_type": "uint16"}],
                        }
                    ]
                }
            },
            "take 2 bytes",
        ),
        (
            {"records": {"length": 1, "fields": [{"name": "x", "data_type": "uint16"}]}},
            "beyond the 1 bytes",
        ),
    ],
)
def test_codecs_that_make_no_sense_are_refused(keys: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        codec(**keys)


NUMBERS = {"int8": "b", "uint16": "H", "int32": "i", "uint64": "Q", "float64": "d"}


@given(
    values=st.tuples(
        st.integers(-128, 127),
        st.integers(0, 2**16 - 1),
        st.integers(-(2**31), 2**31 - 1),
        st.integers(0, 2**53),
        st.floats(allow_nan=False, allow_infinity=False),
    ),
    order=st.sampled_from(["little", "big"]),
)
def test_what_struct_packs_comes_back(values: tuple[float, ...], order: str) -> None:
    mark = "<" if order == "little" else ">"
    data = struct.pack(mark + "".join(NUMBERS.values()), *values)
    at = 0
    fields = []
    for name, letter in NUMBERS.items():
        fields.append({"name": f"x_{name}", "at": at, "data_type": name})
        at += struct.calcsize(mark + letter)

    frame = decode(data, byte_order=order, fields=fields)

    assert frame is not None
    assert tuple(frame.document.values()) == values


CODECS: list[dict[str, Any]] = [
    {"cayenne_lpp": True},
    {"tlv": {"entries": TLV}},
    {"fields": [{"name": "x", "at": 2, "data_type": "float16"}], "records": RECORDS},
]


@given(data=st.binary(max_size=60), keys=st.sampled_from(CODECS))
def test_no_frame_raises(data: bytes, keys: dict[str, Any]) -> None:
    frame = decode(data, **keys)

    assert frame is not None


# --- layouts that shift ---------------------------------------------------------------------------

SHIFTING: list[dict[str, Any]] = [
    {"name": "has_{n}", "data_type": "uint8", "bit": 0, "repeat": {"count": 3, "bit_step": 1}},
    {"name": "a", "follows": True, "data_type": "uint16", "when": {"field": "has_1", "equals": 1}},
    {"name": "b", "follows": True, "data_type": "uint8", "when": {"field": "has_2", "equals": 1}},
    {
        "name": "c_{n}", "follows": True, "data_type": "uint8",
        "repeat": {"count": 2, "step": 2}, "when": {"field": "has_3", "equals": 1},
    },
    {"name": "low", "follows": True, "at": 1, "data_type": "uint8", "bit": 0, "bit_count": 4},
    {"name": "high", "follows": True, "at": -1, "data_type": "uint8", "bit": 4, "bit_count": 4},
]  # fmt: skip


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("00 FF 21", {"low": 1, "high": 2}),
        ("01 0102 FF 21", {"a": 0x0102, "low": 1, "high": 2}),
        ("02 07 FF 21", {"b": 7, "low": 1, "high": 2}),
        (
            "07 0102 07 08 FF 09 FF 21",
            {"a": 0x0102, "b": 7, "c_1": 8, "c_2": 9, "low": 1, "high": 2},
        ),
        # cut off: nothing is read from where something else would stand
        ("07 01", {}),
        ("03 0102", {"a": 0x0102}),
    ],
)
def test_what_follows_moves_up_when_something_is_left_out(
    data: str, expected: dict[str, int]
) -> None:
    frame = decode(data, fields=SHIFTING)

    assert frame is not None
    assert {k: v for k, v in frame.document.items() if not k.startswith("has_")} == expected


@given(st.binary(max_size=20))
def test_no_frame_breaks_a_layout_that_shifts(data: bytes) -> None:
    frame = decode(data, fields=SHIFTING)

    assert frame is not None
