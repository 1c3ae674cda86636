from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from device_profiles.cli import app
from device_profiles.library import Library, profile_paths
from device_profiles.schema import schema_text

RUNNER = CliRunner()


def test_list_names_every_profile_in_both_languages() -> None:
    result = RUNNER.invoke(app, ["list"], env={"COLUMNS": "200"})

    assert result.exit_code == 0
    for profile in Library.builtin():
        assert profile.id in result.output
        assert profile.labels.zh in result.output
        assert profile.labels.en in result.output


def test_list_as_json_by_category() -> None:
    result = RUNNER.invoke(app, ["list", "--category", "gas_detector", "--json"])

    listed = json.loads(result.output)
    assert {one["category"] for one in listed} == {"gas_detector"}
    [found] = [one for one in listed if one["id"] == "copeland-c-series"]
    assert found["labels"] == {
        "zh": "气体泄漏探测器 Copeland C 系列",
        "en": "Gas leak detector Copeland C-Series",
    }
    assert "concentration" in found["points"]


def test_an_unknown_category_is_a_usage_error() -> None:
    result = RUNNER.invoke(app, ["list", "--category", "toaster"])

    assert result.exit_code == 2


@pytest.mark.parametrize("profile", Library.builtin().ids)
def test_show_every_profile(profile: str) -> None:
    result = RUNNER.invoke(app, ["show", profile], env={"COLUMNS": "200"})

    assert result.exit_code == 0
    for point in Library.builtin().get(profile).points:
        assert point.name in result.output
        assert point.labels.zh in result.output


def test_show_gives_both_addresses() -> None:
    result = RUNNER.invoke(app, ["show", "rle-ld1500"], env={"COLUMNS": "200"})

    assert "input 1 (printed 30002) uint16" in result.output


def test_show_as_json() -> None:
    result = RUNNER.invoke(app, ["show", "pzem-016", "--json"])

    assert json.loads(result.output)["points"][0]["name"] == "voltage"


def test_show_an_unknown_profile() -> None:
    result = RUNNER.invoke(app, ["show", "pzem-16"])

    assert result.exit_code == 2
    assert "did you mean pzem-016?" in result.output


def test_check_the_shipped_profiles() -> None:
    result = RUNNER.invoke(app, ["check"])

    assert result.exit_code == 0
    assert f"{len(profile_paths())} profiles checked, no mistakes" in result.output


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    text = next(path for path in profile_paths() if path.stem == "xy-md02").read_text("utf-8")
    path = tmp_path / "xy-md02.yaml"
    path.write_text(text.replace("scale: 0.1", "scael: 0.1"), encoding="utf-8")
    return path


def test_check_tells_mistakes(broken: Path) -> None:
    result = RUNNER.invoke(app, ["check", str(broken.parent)])

    assert result.exit_code == 1
    assert f"{broken}:31: points.0.read.scael: unknown key; did you mean scale?" in result.output
    assert "1 profiles checked, 2 mistakes" in result.output


def test_check_as_json(broken: Path) -> None:
    result = RUNNER.invoke(app, ["check", "--json", str(broken)])

    assert result.exit_code == 1
    mistakes = json.loads(result.output)["mistakes"]
    assert [one["key"] for one in mistakes] == ["points.0.read.scael", "points.1.read.scael"]
    assert mistakes[0]["suggestion"] == "scale"


def test_a_broken_directory_is_told(broken: Path) -> None:
    result = RUNNER.invoke(app, ["list", "--directory", str(broken.parent)])

    assert result.exit_code == 1
    assert "did you mean scale?" in result.output


def test_schema() -> None:
    assert RUNNER.invoke(app, ["schema"]).output == schema_text()


def test_help_has_examples() -> None:
    for command in ("list", "show", "check"):
        assert "campus profiles" in RUNNER.invoke(app, [command, "--help"]).output
