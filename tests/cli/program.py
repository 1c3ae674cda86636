"""`campus` as its users start it: a process of its own, from a directory of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import typer.main

from campus_cli.main import PARTS, build

CAMPUS = (sys.executable, "-m", "campus_cli.main")
TIMEOUT_S = 50
Command = tuple[str, ...]


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a started `campus`: a wide terminal, and nobody's token."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("CAMPUS_")}
    return (
        kept | {"COLUMNS": "160", "LANG": "C.UTF-8", "PYTHONPATH": str(root())} | dict(more or {})
    )


def root() -> Path:
    return Path(__file__).parents[2]


def campus(
    *arguments: object,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    program: Sequence[str] = CAMPUS,
) -> subprocess.CompletedProcess[str]:
    """Run `campus` to its end. No command may ever show a traceback, so that is looked at here."""
    result = subprocess.run(
        [*program, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
        stdin=subprocess.DEVNULL,
        cwd=cwd,
        env=environment(env),
    )
    assert "Traceback (most recent call last)" not in result.stdout + result.stderr, result.stderr
    return result


@cache
def commands() -> tuple[Command, ...]:
    """Every command that does something, as words: ("edge", "check"), ("demo",) …"""
    return tuple(sorted(command for part in PARTS for command in _below(part)))


def _below(part: str) -> Iterator[Command]:
    tree = typer.main.get_command(build(part))
    yield from _leaves(children_of(tree)[part], (part,))


def _leaves(command: Any, words: Command) -> Iterator[Command]:
    children = children_of(command)
    if not children:
        yield words
    for name, child in children.items():
        yield from _leaves(child, (*words, name))


def children_of(command: Any) -> dict[str, Any]:
    """The commands below one, with those that are loaded only when they are called."""
    if not hasattr(command, "list_commands"):
        return {}
    context = command.context_class(command)
    return {name: command.get_command(context, name) for name in command.list_commands(context)}
