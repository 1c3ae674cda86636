"""Small files are there whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_agent.whole_file import write_whole


def test_it_takes_the_place_of_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "one.json"

    write_whole(path, b"old")
    write_whole(path, b"new")

    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_leaves_the_old_content(tmp_path: Path) -> None:
    path = tmp_path / "one.json"
    write_whole(path, b"old")
    # every write to this device fails as on a full disk
    (tmp_path / "one.json.new").symlink_to("/dev/full")

    with pytest.raises(OSError, match="No space left"):
        write_whole(path, b"new")

    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_failure_to_replace_leaves_no_half_file(tmp_path: Path) -> None:
    path = tmp_path / "taken"
    path.mkdir()
    (path / "kept").write_bytes(b"kept")

    with pytest.raises(OSError, match="directory"):
        write_whole(path, b"new")

    assert list(tmp_path.iterdir()) == [path]
    assert (path / "kept").read_bytes() == b"kept"
