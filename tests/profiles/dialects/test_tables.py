"""Laws of the tables behind all dialects."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campus_wire.quantities import UNITS
from device_profiles.categories import CATEGORIES
from device_profiles.dialects import DIALECTS, naming, quantity_tables, units, words
from device_profiles.dialects.profiles import as_profile
from device_profiles.dialects.quantities import known_number, known_state, likely_category
from device_profiles.json_path import look_up, parse_path

NUMBERS = [line.split(";") for line in quantity_tables.NUMBERS.strip().splitlines()]
STATES = [line.split(";") for line in quantity_tables.STATES.strip().splitlines()]


@pytest.mark.parametrize("row", NUMBERS, ids=[row[0] for row in NUMBERS])
def test_known_numbers_are_whole(row: list[str]) -> None:
    name, unit_names, zh, en, category, point_class, within, _ = row

    assert all(unit.replace("-", "") in UNITS for unit in unit_names.split(","))
    assert any(ord(letter) > 0x2E7F for letter in zh)
    assert en.isascii()
    assert category in ("", *quantity_tables.CATEGORY_ORDER)
    assert point_class in ("", "slow", "safety")
    assert within.count("..") == bool(within)
    assert known_number(name, None) is not None


@pytest.mark.parametrize("row", STATES, ids=[row[0] for row in STATES])
def test_known_states_are_whole(row: list[str]) -> None:
    name, zh, en, off, on, category, point_class, _ = row

    assert all(any(ord(sign) > 0x2E7F for sign in text.split("|")[0]) for text in (zh, off, on))
    assert all(text.split("|")[-1].isascii() for text in (en, off, on))
    assert category in ("", *quantity_tables.CATEGORY_ORDER)
    assert point_class in ("", "slow", "safety")
    assert known_state(name) is not None


def test_categories_and_units_are_of_the_closed_lists() -> None:
    assert set(quantity_tables.CATEGORY_ORDER) <= set(CATEGORIES)
    assert likely_category(["light", "smoke_fire"]) == "smoke_fire"
    assert likely_category([]) == "other"


@pytest.mark.parametrize(
    ("spelling", "number", "unit", "value"),
    [
        ("μg/m³", 12, "µg/m³", 12),
        ("ug/m3", 12, "µg/m³", 12),
        ("°F", 212, "°C", 100),
        ("kPa", 101.3, "kPa", 101.3),
        ("mbar", 1013, "hPa", 1013),
        ("MW", 2, "kW", 2000),
        ("mW", 2000, "W", 2),
        ("mV", 3000, "mV", 3000),
        ("L/h", 60, "l/min", 1),
        ("km/h", 36, "m/s", 10),
        ("lqi", 80, "", 80),
    ],
)
def test_units_become_those_of_the_closed_list(
    spelling: str, number: float, unit: str, value: float
) -> None:
    conversion = units.convert(spelling)

    assert conversion is not None
    assert conversion.unit == unit
    assert number * conversion.scale + conversion.offset == pytest.approx(value)


def test_a_prefix_is_never_taken_for_another() -> None:
    assert units.convert("MV") is None
    assert units.convert("furlong") is None


@given(st.text(max_size=60))
def test_any_name_becomes_a_point_name_or_none(text: str) -> None:
    name = naming.point_name(text)

    assert name == "" or (name[0].isalpha() and name.isascii() and name == name.lower())


@given(st.text(max_size=80), st.text(max_size=80))
def test_any_name_becomes_a_profile_id(one: str, two: str) -> None:
    assert naming.profile_id(one, two).isascii()
    assert 0 < len(naming.profile_id(one, two)) <= 64


@given(st.lists(st.text(min_size=1, max_size=12) | st.integers(0, 99), min_size=1, max_size=6))
def test_a_path_leads_to_what_it_was_made_of(steps: list[str | int]) -> None:
    written = naming.path(*steps)
    if written is None:
        return
    document: object = "here"
    for step in reversed(steps):
        document = {step: document} if isinstance(step, str) else [None] * step + [document]

    assert look_up(document, parse_path(written)) == "here"


@given(st.text(max_size=60))
def test_every_key_has_a_chinese_label(text: str) -> None:
    label = words.chinese_name(text)

    assert label == text.strip() or any(ord(letter) > 0x2E7F for letter in label)


KEYS = [
    *("type", "name", "property", "access", "features", "values", "unit", "exposes", "ids", "p"),
    *("definition", "device", "cmps", "stat_t", "val_tpl", "modes", "t", "rl", "ft", "sn"),
    *("POWER1", "ENERGY", "params", "result", "switch:0", "output", "friendly_name", "cmd_t"),
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(KEYS) | st.text(max_size=8),
            inner,
            max_size=6,
        )
    ),
    max_leaves=30,
)
TOPICS = {
    "zigbee2mqtt": ("zigbee2mqtt/bridge/devices", "zigbee2mqtt/bridge/info"),
    "tasmota": ("tasmota/discovery/DC4F220756C6/config", "tele/a/SENSOR", "tele/a/STATE"),
    "shelly": ("a/status/switch:0", "a/events/rpc", "shellies/b/relay/0", "shellies/announce"),
    "homeassistant": (
        *("homeassistant/sensor/a/config", "homeassistant/device/b/config"),
        *(f"homeassistant/{kind}/c/d/config" for kind in ("climate", "cover", "light", "fan")),
    ),
    "sparkplug": ("spBv1.0/g/NBIRTH/n", "spBv1.0/g/DBIRTH/n/d"),
}


@pytest.mark.parametrize("dialect", DIALECTS)
@given(data=st.data())
def test_whatever_is_heard_makes_valid_profiles_or_none(dialect: str, data: st.DataObject) -> None:
    payload = st.binary(max_size=60) | JSON.map(lambda value: json.dumps(value).encode())
    heard = {topic: data.draw(payload) for topic in TOPICS[dialect]}

    for found in DIALECTS[dialect].describe(heard):
        as_profile(found.profile)
