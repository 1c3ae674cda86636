from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from device_profiles.cli import app
from device_profiles.collapsing import shown_points
from device_profiles.library import Library, profile_paths
from device_profiles.schema import schema_text

RUNNER = CliRunner()


def test_list_names_every_profile_in_both_languages() -> None:
    lines = RUNNER.invoke(app, ["list", "--generic"]).output.splitlines()

    for profile in Library.builtin():
        [line] = [one for one in lines if one.split()[:1] == [profile.id]]
        assert profile.labels.zh in line
        assert profile.labels.en in line


def test_the_list_shows_real_models_by_category_and_counts_the_generic_ones() -> None:
    lines = RUNNER.invoke(app, ["list"]).output.splitlines()
    real = [one for one in Library.builtin() if one.evidence != "none"]

    assert len(lines) == len(real) + len({one.category for one in real}) + 1
    assert not any(line.strip().startswith("generic-") for line in lines)
    assert lines[-1].startswith(f"{len(real)} models, and {len(Library.builtin()) - len(real)} ")
    meters = lines.index("电表  electricity_meter")
    assert lines[meters + 1].split()[0] == "abb-b23"


def test_a_category_is_listed_with_its_generic_profile_last() -> None:
    lines = RUNNER.invoke(app, ["list", "--category", "pool"]).output.splitlines()

    names = [line.split()[0] for line in lines if line.startswith("  ")]
    assert names == ["seko-kontrol-800", "sugar-valley-neopool", "generic-pool"]


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
    result = RUNNER.invoke(app, ["show", profile], env={"COLUMNS": "240"})

    assert result.exit_code == 0
    for shown in shown_points(Library.builtin().get(profile)):
        assert shown.name in result.output
        assert shown.labels.zh in result.output


def test_a_group_is_shown_once() -> None:
    result = RUNNER.invoke(app, ["show", "onokom-air-md-vrf-mb-b"], env={"COLUMNS": "240"})

    assert "indoor_{1…64}_power" in result.output
    assert "室内机 1…64 开关" in result.output
    assert "indoor unit 1…64 power" in result.output
    assert "then every 100, 64 times" in result.output
    assert len(result.output.splitlines()) < 150


def test_every_instance_of_a_group_is_shown_where_asked_for() -> None:
    arguments = ["show", "abb-b23", "--all"]
    result = RUNNER.invoke(app, arguments, env={"COLUMNS": "240"})

    for name in ("active_energy_l1", "active_energy_l2", "active_energy_l3"):
        assert name in result.output


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
