"""One test over all profiles, so that none is worse than the others."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from campus_wire.config_file import ConfigFileError
from campus_wire.quality import Quality
from campus_wire.quantities import UNITS
from device_profiles.categories import CATEGORIES
from device_profiles.decoding import ReplyDecoder
from device_profiles.errors import UnknownProfileError
from device_profiles.library import Library, load_profile, profile_paths
from device_profiles.messages import MessageDecoder, encode_message_command
from device_profiles.model import ModbusProfile, MqttProfile, Profile
from device_profiles.model_modbus import ModbusPoint
from device_profiles.planning import plan_reads
from device_profiles.writing import moved_together, plan_read_back, plan_write, read_back_point

LIBRARY = Library.builtin()
PROFILES = [pytest.param(profile, id=profile.id) for profile in LIBRARY]


def is_chinese(text: str) -> bool:
    return any("\u4e00" <= letter <= "\u9fff" for letter in text)


@pytest.mark.parametrize("profile", PROFILES)
def test_labels_exist_in_both_languages(profile: Profile) -> None:
    labels = [profile.labels, *(point.labels for point in profile.points)]
    labels += [label for point in profile.points for label in point.states.values()]

    for label in labels:
        assert is_chinese(label.zh) or "HFC" in label.zh
        assert not is_chinese(label.en)


@pytest.mark.parametrize("profile", PROFILES)
def test_head_is_in_order(profile: Profile) -> None:
    assert profile.category in CATEGORIES
    assert {point.unit for point in profile.points} <= set(UNITS)
    assert all(len(source.ref) > 8 for source in profile.sources)
    assert any(point.is_readable for point in profile.points)


@pytest.mark.parametrize("profile", PROFILES)
def test_a_state_has_no_unit_and_lies_within_the_range(profile: Profile) -> None:
    for point in profile.points:
        if point.states:
            assert point.unit == ""
            assert point.minimum is None or min(point.states) >= point.minimum
            assert point.maximum is None or max(point.states) <= point.maximum


@pytest.mark.parametrize("profile", PROFILES)
def test_every_point_can_be_planned_and_decoded(profile: Profile) -> None:
    if isinstance(profile, ModbusProfile):
        requests = plan_reads(profile, profile.points)
        planned = [point.name for request in requests for point in request.points]
        assert sorted(planned) == sorted(p.name for p in profile.points if p.is_readable)
        for request in requests:
            values, qualities = ReplyDecoder(profile, request).decode([0] * request.count)
            assert len(values) == len(qualities) == len(numbers(request.points))
            assert Quality.UNDECODABLE not in qualities
    else:
        assert isinstance(profile, MqttProfile)
        decoder = MessageDecoder(profile, dict.fromkeys(profile.topic_parameters, "one"))
        assert decoder.topics


def numbers(points: Sequence[ModbusPoint]) -> list[ModbusPoint]:
    return [point for point in points if point.read and point.read.data_type != "string"]


@pytest.mark.parametrize("profile", PROFILES)
def test_registers_do_not_overlap_but_for_bits(profile: Profile) -> None:
    if not isinstance(profile, ModbusProfile):
        return
    taken: dict[tuple[str, int, int], str] = {}
    for point in profile.points:
        if point.read is None or point.name.endswith("_word"):
            continue  # a word whose bits are points, too
        place = profile.read_location(point)
        width = 16 if not place.table.holds_bits else 1
        first, count = (place.bit or 0, place.bit_count) if place.bit is not None else (0, width)
        for register in range(place.address, place.address + place.count):
            for bit in range(first, first + count):
                other = taken.setdefault((place.table, register, bit), point.name)
                assert other == point.name, f"{point.name} overlaps {other}"


@pytest.mark.parametrize("profile", PROFILES)
def test_what_may_be_written_can_be(profile: Profile) -> None:
    for point in profile.points:
        if point.write is None:
            continue
        limits = (point.write.minimum, point.write.maximum)
        values: list[float] = [*point.states] or [one for one in limits if one is not None]
        assert values
        shown_by = read_back_point(point)
        assert shown_by is not None, f"nothing shows what was written to {point.name}"
        for value in values:
            if isinstance(profile, ModbusProfile):
                modbus_point = profile.find(point.name)
                assert modbus_point is not None
                assert plan_write(profile, modbus_point, value).values
                assert plan_read_back(profile, modbus_point) is not None
            elif isinstance(profile, MqttProfile):
                mqtt_point = profile.find(point.name)
                assert mqtt_point is not None
                parameters = dict.fromkeys(profile.topic_parameters, "one")
                assert encode_message_command(profile, mqtt_point, value, parameters)


def test_all_shipped_files_are_in_the_library() -> None:
    assert [path.stem for path in profile_paths()] == list(LIBRARY.ids)
    assert len(LIBRARY) == len(profile_paths()) >= 10


def test_an_unknown_profile_names_the_closest_one() -> None:
    with pytest.raises(UnknownProfileError, match="did you mean xy-md02") as caught:
        LIBRARY.get("xy-md2")

    assert caught.value.reason == "unknown_profile"


def test_profiles_of_ones_own_come_beside_the_shipped_and_in_their_place(tmp_path: Path) -> None:
    text = next(path for path in profile_paths() if path.stem == "xy-md02").read_text("utf-8")
    (tmp_path / "xy-md02.yaml").write_text(text.replace("generic, sold as XY-MD02", "ours"))
    (tmp_path / "xy-md03.yaml").write_text(text.replace("id: xy-md02", "id: xy-md03"))

    library = Library.builtin(tmp_path)

    assert library.get("xy-md02").vendor == "ours"
    assert "xy-md03" in library
    assert len(library) == len(LIBRARY) + 1


def test_a_file_must_bear_the_name_of_its_profile(tmp_path: Path) -> None:
    text = next(path for path in profile_paths() if path.stem == "xy-md02").read_text("utf-8")
    path = tmp_path / "other.yaml"
    path.write_text(text)

    with pytest.raises(ConfigFileError, match=r"other\.yaml:1: id: xy-md02 is not the name"):
        load_profile(path)


def test_a_missing_directory_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigFileError, match="no directory"):
        Library.builtin(tmp_path / "nowhere")


def test_a_write_that_moves_other_outputs_names_them() -> None:
    relays = Library.builtin().get("waveshare-modbus-rtu-relay-8ch").points
    every = {point.name for point in relays}
    assert set(moved_together(relays, "all_relays")) == every
    assert set(moved_together(relays, "relay_3")) == {"relay_3", "all_relays"}
