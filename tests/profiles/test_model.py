from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from campus_wire.catalog import SampleClass
from campus_wire.config_file import ConfigFileError
from device_profiles.library import load_profile
from device_profiles.model_modbus import Table
from device_profiles.model_point import Access
from device_profiles.registers import DataType
from tests.profiles import build
from tests.support import golden

CASES = Path(__file__).parent / "mistake_cases"


@pytest.mark.parametrize("case", sorted(CASES.glob("*.yaml")), ids=lambda path: path.stem)
def test_mistakes_are_told_as_kept(case: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(CASES)

    with pytest.raises(ConfigFileError) as caught:
        load_profile(Path(case.name))

    golden.check(case.with_suffix(".txt"), f"{caught.value}\n")


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.yaml"
    path.write_bytes(b"#" * 300_000)

    with pytest.raises(ConfigFileError, match="larger than 262,144 bytes"):
        load_profile(path)


def test_defaults_of_a_point() -> None:
    [point] = build.one().points

    assert point.point_class is SampleClass.NORMAL
    assert point.access is Access.READ
    assert (point.unit, point.minimum, point.maximum, point.states) == ("", None, None, {})


@pytest.mark.parametrize(
    ("keys", "access"),
    [
        ({"read": build.register()}, "r"),
        ({"read": build.register(), "write": {"function": 6, "minimum": 0, "maximum": 1}}, "rw"),
        (
            {
                "write": {
                    "function": 6,
                    "address": 1,
                    "data_type": "int16",
                    "minimum": 0,
                    "maximum": 1,
                }
            },
            "w",
        ),
    ],
)
def test_access_follows_from_read_and_write(keys: dict[str, Any], access: str) -> None:
    [point] = build.modbus([build.point("x", **keys)]).points

    assert point.access == access
    assert point.is_readable == ("r" in access)
    assert point.is_writable == ("w" in access)


def test_locations_have_every_default_filled_in() -> None:
    points = [
        build.point("x", read=build.register(5, "int32", scale=0.1, offset=-4)),
        build.point("bit", read={"input_type": "holding", "address": 9, "bit": 3}),
        build.point("coil", read={"input_type": "coil", "address": 2}),
    ]
    profile = build.modbus(points, byte_order="CDAB", address_base=1)
    x, bit, coil = [profile.read_location(point) for point in profile.points]

    assert (x.table, x.address, x.count, x.byte_order) == (Table.HOLDING, 4, 2, "CDAB")
    assert (x.data_type, x.scale, x.offset) == (DataType.INT32, 0.1, -4)
    assert (bit.data_type, bit.bit, bit.bit_count, bit.byte_order) == (DataType.UINT16, 3, 1, "AB")
    assert (coil.data_type, coil.address, coil.byte_order) == (DataType.BOOL, 1, "")


def test_home_assistants_word_for_discrete_inputs() -> None:
    for word in ("discrete_input", "discrete"):
        profile = build.modbus([build.point("x", read={"input_type": word, "address": 0})])
        assert profile.read_location(profile.points[0]).table is Table.DISCRETE


@pytest.mark.parametrize("wrong", [True, "1", 1.5, None, [1], -1])
def test_an_address_is_a_whole_number(wrong: Any) -> None:
    with pytest.raises(ValidationError):
        build.modbus([build.point("x", read=build.register(wrong))])


def test_profiles_are_frozen() -> None:
    profile = build.one()

    with pytest.raises(ValidationError):
        profile.vendor = "other"  # type: ignore[misc]


def test_points_are_found_by_name() -> None:
    profile = build.one()

    assert profile.find("x") is profile.points[0]
    assert profile.find("y") is None


# --- points --------------------------------------------------------------------------------------


def test_a_hidden_point_goes_by_its_name() -> None:
    profile = build.modbus([{"name": "ct_ratio", "hidden": True, "read": build.register()}])

    [point] = profile.points
    assert (point.labels.zh, point.labels.en) == ("ct_ratio", "ct ratio")
    assert profile.find("ct_ratio") is point
    assert "ct_ratio" in profile.points_by_name


@pytest.mark.parametrize("interval", ["once", 3600, 0.5])
def test_a_point_may_have_an_interval_of_its_own(interval: Any) -> None:
    [point] = build.one(point_keys={"interval_s": interval}).points

    assert point.interval_s == interval


@pytest.mark.parametrize("interval", ["twice", 0, -1, True, 700_000])
def test_an_interval_is_once_or_seconds(interval: Any) -> None:
    with pytest.raises(ValidationError):
        build.one(point_keys={"interval_s": interval})


def test_a_computed_point_has_a_value_and_is_not_read() -> None:
    a = build.point("a", read=build.register(0))
    twice = build.point("twice", compute={"sum": ["a", "a"]})

    point = build.modbus([a, twice]).points[1]

    assert point.is_readable
    assert point.read is None
    assert point.access is Access.READ


def test_text_points_are_told_apart() -> None:
    serial = {"input_type": "holding", "address": 0, "data_type": "string", "length": 4}
    modbus = build.modbus(
        [build.point("serial", read=serial), build.point("x", read=build.register(9))]
    )
    mqtt = build.mqtt([build.point("serial", read={"path": "sn", "data_type": "string"})])

    assert [point.is_text for point in modbus.points] == [True, False]
    assert mqtt.points[0].is_text


# --- the section ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("offset", "seconds"), [("+08:00", 28_800), ("-03:30", -12_600), ("+00:00", 0)]
)
def test_the_offset_of_the_devices_clock(offset: str, seconds: int) -> None:
    section = build.modbus([build.point("x", read=build.register())], utc_offset=offset).modbus

    assert section.utc_offset_s == seconds
    assert section.defaults.utc_offset_s == seconds


def test_the_encoding_of_texts_holds_for_all() -> None:
    section = build.modbus([build.point("x", read=build.register())], text_encoding="gb18030")

    assert section.modbus.defaults.text_encoding == "gb18030"


@pytest.mark.parametrize("base", [0, 1, "modicon"])
@pytest.mark.parametrize("table", list(Table))
@pytest.mark.parametrize("address", [0, 9_998, 9_999, 65_534, 65_535])
def test_printed_addresses_come_back(base: Any, table: Table, address: int) -> None:
    first = 400_001 if base == "modicon" else 1
    x = build.point("x", read=build.register(first))
    section = build.modbus([x], address_base=base).modbus

    if (base, table) == ("modicon", Table.COIL) and address > 9_998:
        # 010000 is written like 10000, which is a discrete input
        with pytest.raises(ValueError, match="no such number"):
            section.printed_address(table, address)
        return
    assert section.wire_address(table, section.printed_address(table, address)) == address


@pytest.mark.parametrize(
    ("write", "words"),
    [
        ({"function": 5, "address": 0, "value": 1}, (0xFF00,)),
        ({"function": 5, "address": 0, "value": 0}, (0,)),
        ({"function": 5, "address": 0, "value": 0x5500}, (0x5500,)),
        ({"function": 6, "address": 0, "value": 1}, (1,)),
        ({"function": 15, "address": 0, "values": [1, 0, 1]}, (1, 0, 1)),
        ({"function": 16, "address": 0, "values": [1, 65_535]}, (1, 65_535)),
    ],
)
def test_raw_writes_are_what_travels(write: dict[str, Any], words: tuple[int, ...]) -> None:
    x = build.point("x", read=build.register())
    section = build.modbus([x], unlock=[write], setup=[write]).modbus

    assert section.unlock[0].words == words
    assert section.setup[0].raw == section.unlock[0]


def test_a_heartbeat_writes_its_values_in_turn() -> None:
    beat = {"function": 6, "address": 20, "values": [1, 0, 7], "every_s": 10}
    section = build.modbus([build.point("x", read=build.register())], heartbeat=beat).modbus

    assert section.heartbeat is not None
    assert [section.heartbeat.write(turn).words for turn in range(4)] == [(1,), (0,), (7,), (1,)]


def test_a_step_of_the_setup_names_a_point_or_registers() -> None:
    x = build.point("x", read=build.register(), write={"function": 6, "minimum": 0, "maximum": 5})
    section = build.modbus([x], setup=[{"point": "x", "value": 2}]).modbus

    assert section.setup[0].raw is None
    assert (section.setup[0].point, section.setup[0].value) == ("x", 2)


def test_where_sunspec_is_looked_for() -> None:
    section = build.modbus([build.point("x", read=build.register())], sunspec={}).modbus

    assert section.sunspec is not None
    assert section.sunspec.marker_addresses == (40_000, 50_000, 0)
