"""Every command explains itself, with an example, and loads its own part alone."""

from __future__ import annotations

import json
import sys

import pytest

from campus_cli.main import PARTS
from tests.cli.program import Command, campus, commands, root

PARTS_OF_THE_HOUSE = {
    "edge_agent",
    "controller",
    "firmware_sims",
    "device_profiles",
    "campus_rules",
}
"""What a command may leave unloaded; `campus_wire` is everybody's."""

OWN = {
    "demo": set(),
    "edge": {"edge_agent", "device_profiles"},
    "controller": {"controller"},
    "alarms": {"controller"},
    "profiles": {"device_profiles"},
    "sims": {"firmware_sims", "device_profiles"},
    "wire": set(),
}

# Each costs more to load than all that `--help` needs, or more memory than a gateway has to spare.
HEAVY = {
    "alembic",
    "amqtt",
    "apprise",
    "duckdb",
    "fastapi",
    "httpx",
    "influxdb_client",
    "jinja2",
    "numpy",
    "prometheus_client",
    "sqlalchemy",
    "uvicorn",
}
# Tokens lie in the state database.
MAY_LOAD = {"controller": {"alembic", "sqlalchemy"}}

_PROBE = """
import json, sys
from campus_cli.main import main
try:
    main(sys.argv[1:])
finally:
    print(json.dumps(sorted({name.split(".")[0] for name in sys.modules})), file=sys.stderr)
"""
PROBE = (sys.executable, "-c", _PROBE)


def loaded(*arguments: str) -> tuple[str, set[str]]:
    """Output of a command that must go well, and the top-level packages it loaded."""
    result = campus(*arguments, program=PROBE)
    assert result.returncode == 0, result.stderr
    return result.stdout, set(json.loads(result.stderr.splitlines()[-1]))


def test_every_part_is_known() -> None:
    assert OWN.keys() == PARTS.keys()
    assert {command[0] for command in commands()} == PARTS.keys()
    assert len(commands()) >= 18


@pytest.mark.parametrize("command", commands(), ids=" ".join)
def test_help_shows_an_example_and_loads_one_part(command: Command) -> None:
    text, modules = loaded(*command, "--help")

    assert f"campus {' '.join(command)}" in text.split("Usage:", 1)[1].split("\n", 1)[1], "example"
    part = command[0]
    assert modules & PARTS_OF_THE_HOUSE == OWN[part]
    assert modules & HEAVY <= MAY_LOAD.get(part, set())


def test_help_of_all_names_every_part_and_loads_none() -> None:
    text, modules = loaded("--help")

    assert all(f" {part} " in text for part in PARTS)
    assert modules & (PARTS_OF_THE_HOUSE | HEAVY) == set()


def test_checking_an_edge_loads_nothing_of_the_controller() -> None:
    text, modules = loaded("edge", "check", "--config", str(root() / "examples" / "edge.yaml"))

    assert "sunrise" in text
    assert modules & HEAVY == set()
    assert modules & {"controller", "firmware_sims"} == set()


@pytest.mark.parametrize("words", [[], ["edge"], ["controller", "token"]])
def test_without_a_command_there_is_help(words: list[str]) -> None:
    result = campus(*words)

    assert result.returncode == 2
    assert "Usage:" in result.stdout + result.stderr


@pytest.mark.parametrize("words", [["frobnicate"], ["edge", "frobnicate"], ["alarms", "acc"]])
def test_an_unknown_command_is_a_usage_error(words: list[str]) -> None:
    result = campus(*words)

    assert result.returncode == 2
    assert "No such command" in result.stderr


def test_version() -> None:
    result = campus("--version")

    assert result.returncode == 0
    assert result.stdout.strip().count(".") == 2
