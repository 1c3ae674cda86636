"""Home Assistant's and Telegraf's names for keys, and their words for values."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from campus_wire.config_file import ConfigFileError
from campus_wire.config_model import ConfigModel
from device_profiles.aliases import ALIASES
from device_profiles.library import parse_profile
from device_profiles.model import ModbusProfile
from device_profiles.model_modbus import ModbusPoint, ModbusRead, ModbusWrite
from device_profiles.model_section import ModbusLink, ModbusSection
from tests.profiles import build

LETTERS = "write the letters: ABCD, CDAB, BADC or DCBA"
VAGUE = f"does not say in which order the registers come ({LETTERS})"
SWAPS = "none, byte, word, word_byte"
PATH = Path("made-up.yaml")
MODELS: dict[str, type[ConfigModel]] = {
    "ModbusRead": ModbusRead,
    "ModbusWrite": ModbusWrite,
    "ModbusPoint": ModbusPoint,
    "ModbusLink": ModbusLink,
    "ModbusSection": ModbusSection,
}


def document(
    read: dict[str, Any] | None = None,
    *,
    write: dict[str, Any] | None = None,
    point: dict[str, Any] | None = None,
    **section: Any,
) -> dict[str, Any]:
    given = read or build.register(0)
    one = build.point("x", read=given) | (point or {})
    if write is not None:
        one |= {"write": write}
    return build.head("modbus") | {"modbus": {"address_base": 0, **section}, "points": [one]}


def parsed(plain: dict[str, Any]) -> ModbusProfile:
    profile = parse_profile(json.dumps(plain, indent=1), path=PATH)
    assert isinstance(profile, ModbusProfile)
    return profile


def read_of(**read: Any) -> ModbusRead:
    found = parsed(document(read)).points[0].read
    assert found is not None
    return found


def test_every_alias_stands_for_a_key_there_is_and_is_none_itself() -> None:
    for name, aliases in ALIASES.items():
        keys = {info.alias or key for key, info in MODELS[name].model_fields.items()}
        assert {alias.canonical for alias in aliases.values()} <= keys
        assert not keys & set(aliases)


@pytest.mark.parametrize("name", ["register", "table"])
def test_telegrafs_names_of_a_place(name: str) -> None:
    read = read_of(**{name: "holding"}, address=3, type="UINT16", order="BA")

    assert (read.input_type, read.data_type, read.byte_order) == ("holding", "uint16", "BA")


@pytest.mark.parametrize(
    ("given", "ours"),
    [
        ("INT8L", "int8l"),
        ("UINT8H", "uint8h"),
        ("int16", "int16"),
        ("FLOAT32", "float32"),
        ("FLOAT64", "float64"),
    ],
)
def test_types_in_capitals(given: str, ours: str) -> None:
    assert read_of(register="holding", address=0, data_type=given).data_type == ours


def test_a_bit_is_one_of_a_table_or_of_a_register() -> None:
    coil = read_of(register="coil", address=0, type="BIT")
    of_register = read_of(register="holding", address=0, type="BIT", bit=3)

    assert (coil.raw_type, of_register.raw_type, of_register.bit) == ("bool", "uint16", 3)


@pytest.mark.parametrize(
    ("swap", "data_type", "letters"),
    [
        ("none", "uint32", "ABCD"),
        ("byte", "uint16", "BA"),
        ("byte", "uint32", "BADC"),
        ("word", "uint32", "CDAB"),
        ("word_byte", "uint32", "DCBA"),
        ("word", "uint64", "GHEFCDAB"),
        ("word_byte", "float64", "HGFEDCBA"),
    ],
)
def test_home_assistants_swap(swap: str, data_type: str, letters: str) -> None:
    read = read_of(input_type="holding", address=0, swap=swap, data_type=data_type)

    assert read.byte_order == letters


def test_texts() -> None:
    read = read_of(
        register="holding", address=0, type="STRING", count=8, string_register_location="lower"
    )

    assert read.length == 8
    assert read.text is not None
    assert read.text.form == "low_byte"


def test_the_count_of_a_number_is_checked_and_left_out() -> None:
    assert read_of(input_type="holding", address=0, data_type="int32", count=2).length is None
    with pytest.raises(ConfigFileError, match=r"points.0.read.count: a int32 takes 2 registers"):
        read_of(input_type="holding", address=0, data_type="int32", count=1)


def test_names_of_a_point() -> None:
    plain = document(
        point={"unit_of_measurement": "°C", "min_value": -40, "max_value": 80, "scan_interval": 60}
    )
    plain["points"][0]["field"] = plain["points"][0].pop("name")

    [point] = parsed(plain).points

    assert (point.name, point.unit, point.minimum, point.maximum) == ("x", "°C", -40, 80)
    assert point.interval_s == 60


def test_home_assistants_write_types() -> None:
    plain = document(write={"write_type": "holdings", "minimum": 0, "maximum": 1, "type": "INT32"})

    write = parsed(plain).points[0].write

    assert write is not None
    assert (write.function, write.data_type) == (16, "int32")


@pytest.mark.parametrize("name", ["slave_id", "slave", "device_address"])
def test_names_of_the_link(name: str) -> None:
    link = {name: 7, "baudrate": 19_200, "bytesize": 8, "stopbits": 2, "parity": "even"}

    found = parsed(document(link=link)).modbus.link

    assert found == ModbusLink(unit_id=7, baud_rate=19_200, stop_bits=2, parity="E")


def test_names_of_the_section() -> None:
    section = parsed(
        document(
            message_wait_milliseconds=30,
            delay=2,
            timeout="1500ms",
            order="CDAB",
            close_connection_after_gather=True,
        )
    ).modbus

    assert section.pause_between_requests_s == 0.03
    assert section.pause_after_connect_s == 2
    assert section.response_timeout_s == 1.5
    assert section.byte_order == "CDAB"
    assert section.close_connection_after_poll


def test_aliases_work_in_groups_and_variants() -> None:
    plain = document()
    plain["points"] = [build.point("kind", read=build.register(900))]
    plain["groups"] = [
        {
            "name": "g",
            "labels": build.LABELS,
            "repeat": {"count": 2, "stride": 10},
            "points": [
                build.point("y", read={"register": "holding", "address": 1, "type": "INT16"})
            ],
        }
    ]
    plain["variants"] = [
        {
            "name": "v",
            "when": {"point": "kind", "equals": 1},
            "points": {"g_1_y": {"read": {"type": "UINT16"}}},
            "add": [build.point("z", read={"table": "input", "address": 1, "type": "INT16"})],
            "modbus": {"order": "CDAB"},
        }
    ]

    profile = parsed(plain)

    assert [point.name for point in profile.points] == ["kind", "g_1_y", "g_2_y", "z"]
    assert profile.effects[0].section == {"byte_order": "CDAB"}
    assert profile.effects[0].points["g_1_y"].below == {"read": {"data_type": "uint16"}}


def told(plain: dict[str, Any]) -> list[str]:
    with pytest.raises(ConfigFileError) as caught:
        parsed(plain)
    return [str(mistake) for mistake in caught.value.mistakes]


def test_both_names_of_a_key_are_a_mistake_with_its_line() -> None:
    text = (
        json.dumps(document(), indent=1)
        .replace('"data_type": "uint16"', '"data_type": "uint16",\n"type": "INT16"')
    )  # fmt: skip
    line = text[: text.index('"type": "INT16"')].count("\n") + 1

    with pytest.raises(ConfigFileError) as caught:
        parse_profile(text, path=PATH)

    [mistake] = caught.value.mistakes
    assert mistake.line == line
    assert str(mistake) == (
        "points.0.read.type: is another name of data_type, which is given, too (keep data_type)"
    )


def test_two_other_names_of_a_key_are_a_mistake() -> None:
    [said] = told(document({"register": "holding", "table": "holding", "address": 1, "bit": 2}))

    assert said.startswith("points.0.read.table: is another name of input_type")


@pytest.mark.parametrize(
    ("read", "said"),
    [
        (
            build.register(0, "uint32", byte_order="big-endian"),
            f"points.0.read.byte_order: big-endian {VAGUE}",
        ),
        (
            build.register(0, "uint32", swap="words"),
            f"points.0.read.swap: must be {SWAPS}, not 'words' (or give byte_order)",
        ),
        (
            build.register(0, "string", length=4, swap="word"),
            "points.0.read.swap: the registers of a string cannot be swapped",
        ),
        (
            build.register(0, "string", length=4, string_register_location="left"),
            "points.0.read.string_register_location: must be lower, upper, both, not 'left'",
        ),
    ],
)
def test_words_that_cannot_be_taken(read: dict[str, Any], said: str) -> None:
    assert told(document(read)) == [said]


def test_times_that_cannot_be_taken() -> None:
    assert told(document(timeout="soon", message_wait_milliseconds="30")) == [
        "modbus.timeout: 'soon' is no time such as 100ms (give a number of seconds)",
        "modbus.message_wait_milliseconds: must be a number of milliseconds",
    ]


def test_a_vague_order_of_the_section_is_refused_with_the_letters() -> None:
    [said] = told(document(byte_order="little"))

    assert said.endswith("(write the letters: ABCD, CDAB, BADC or DCBA)")


def test_a_profile_of_messages_has_no_aliases() -> None:
    plain = build.head("mqtt") | {
        "mqtt": {"topic": "a/{device}"},
        "points": [build.point("x", read={"path": "x"}, min_value=0)],
    }

    [said] = told(plain)
    assert said.startswith("points.0.min_value: unknown key")


@pytest.mark.parametrize("broken", ["[]", "points: 3", "protocol: modbus\npoints: [1, {read: 2}]"])
def test_files_of_another_shape_are_told_as_ever(broken: str) -> None:
    with pytest.raises(ConfigFileError):
        parse_profile(broken, path=PATH)


@pytest.mark.parametrize("wrong", [{"a": {"b": 1}}, [1, [2]], True, None])
def test_what_is_no_word_is_told_as_a_value_of_the_key(wrong: Any) -> None:
    plain = document(build.register(0, byte_order=wrong), timeout=wrong, link={"parity": wrong})
    plain["modbus"]["byte_order"] = wrong

    for said in told(plain) if wrong is not None else []:
        key, _, message = said.partition(": ")
        assert key.split(".")[-1] in ("byte_order", "response_timeout_s", "parity")
        assert message.startswith("must be")
