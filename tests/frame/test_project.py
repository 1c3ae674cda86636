"""pyproject, Makefile, README, changelog and CI say the same."""

import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.frame import tree


def read(name: str) -> str:
    """Content of a file of the tree."""
    return (tree.ROOT / name).read_text(encoding="utf-8")


def test_newest_version_in_the_changelog_is_the_project_s() -> None:
    heading = re.compile(r"^## \[(\d+\.\d+\.\d+)\] - \d{4}-\d\d-\d\d$", re.MULTILINE)
    released = heading.findall(read("CHANGELOG.md"))

    assert released[0] == tree.pyproject()["project"]["version"]


def test_every_make_target_is_in_the_readme_and_in_the_help() -> None:
    makefile = read("Makefile")
    documented = set(re.findall(r"^([a-z-]+):[^#\n]*## \S", makefile, re.MULTILINE))
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    internal = {"venv-demo", "venv-dev", "servers"}

    assert targets - internal == documented
    in_readme = set(re.findall(r"`make ([a-z-]+)`", read("README.md")))
    assert in_readme == documented - {"help"}


def test_make_without_a_target_lists_the_targets() -> None:
    result = subprocess.run(
        ["make"], cwd=tree.ROOT, capture_output=True, text=True, check=True, timeout=30
    )

    assert "make demo" in result.stdout
    assert "make test" in result.stdout


def test_ci_runs_the_readme_s_test_command() -> None:
    commands = re.findall(r"```sh\n(make [a-z]+)\n```", read("README.md"))
    assert commands == ["make demo", "make test"]

    ci_commands = [
        line
        for line in read(".ci/run").splitlines()
        if re.match(r"(exec |timeout )?.*\bmake ", line)
    ]
    assert len(ci_commands) == 1
    assert ci_commands[0].endswith(commands[1])


@pytest.mark.parametrize("name", [".ci/run", "scripts/lock", "scripts/servers", "scripts/venv"])
def test_scripts_are_sound(name: str) -> None:
    path = tree.ROOT / name
    assert path.stat().st_mode & 0o111, "executable"
    assert "set -euo pipefail" in read(name)
    subprocess.run(["bash", "-n", str(path)], check=True, timeout=30)


def test_console_script_exists() -> None:
    scripts = tree.pyproject()["project"]["scripts"]
    assert scripts == {"campus": "campus_cli.main:main"}

    code = "from campus_cli.main import main; assert callable(main)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60, cwd=tree.ROOT)


def test_wheel_holds_every_file_of_the_packages(tmp_path: Path) -> None:
    source = tmp_path / "source"
    wanted = set()
    for path in tree.files():
        name = tree.relative(path)
        if name.split("/")[0] in tree.PACKAGES:
            wanted.add(name)
        elif name not in {"pyproject.toml", "README.md"}:
            continue
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, source / name)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run(
        [*command, "--no-index", "--wheel-dir", str(tmp_path), str(source)],
        check=True,
        timeout=60,
        capture_output=True,
    )

    [wheel] = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        packed = set(archive.namelist())
    assert wanted - packed == set()
    assert {name.split("/")[0] for name in packed if ".dist-info" not in name} == set(tree.PACKAGES)
