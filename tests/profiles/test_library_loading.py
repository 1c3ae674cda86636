"""Profiles are found by id, one's own beside the shipped; a file is read when it is asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from campus_wire.config_file import ConfigFileError
from device_profiles.errors import UnknownProfileError
from device_profiles.library import Library, load_profile, profile_paths

LIBRARY = Library.builtin()


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


def test_only_the_files_that_are_asked_for_are_read(tmp_path: Path) -> None:
    (tmp_path / "broken.yaml").write_text("id: [")
    library = Library.builtin(tmp_path)

    assert library.get("xy-md02").id == "xy-md02"
    with pytest.raises(ConfigFileError):
        library.get("broken")
