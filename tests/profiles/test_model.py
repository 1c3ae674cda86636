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
