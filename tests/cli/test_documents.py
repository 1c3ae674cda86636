"""What README and docs tell people to type exists, options included."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
import typer.main

from campus_cli.main import PARTS, build
from tests.cli.program import children_of, root
from tests.frame.tree import PACKAGES

PAGES = [root() / "README.md", *sorted((root() / "docs").rglob("*.md"))]
IDS = [str(page.relative_to(root())) for page in PAGES]

# At the beginning of a line of code: `$ campus …`, `/opt/campus/.venv/bin/campus …`, `ExecStart=…`.
_COMMAND = re.compile(
    r"^\s*(?:\$ |ExecStart=|CAMPUS_\w+=\S+ )*(?:[\w./-]*/)?campus (?P<words>[^#`]+)"
)
# Reasons of the API that it puts together from what was asked for, or takes from HTTP.
COMPOSED = {"school_unknown", "command_unknown", "method_not_allowed"}
_ALTERNATIVES = re.compile(r"^[a-z-]+(\|[a-z-]+)+$")
_WORD = re.compile(r"^[a-z][a-z-]*$")


class Mention(NamedTuple):
    """One place that names a command."""

    line: int
    text: str


def code(page: Path) -> Iterator[Mention]:
    """Lines of fenced blocks (with their continuations), and inline code."""
    fenced = False
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), start=1):
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif fenced:
            yield Mention(number, line)
        else:
            yield from (Mention(number, span) for span in re.findall(r"`([^`]+)`", line))


def mentions(page: Path) -> Iterator[tuple[int, list[str]]]:
    for mention in code(page):
        found = _COMMAND.match(mention.text)
        if found:
            yield mention.line, _words(found["words"])


def _words(text: str) -> list[str]:
    """The command's own words: up to a pipe, a redirection or an ellipsis."""
    own = re.split(r"\s[|>&;]+(?:\s|$)|…", text)[0].removesuffix("\\")
    try:
        return shlex.split(own)
    except ValueError:
        return own.split()


def complaint(words: Sequence[str]) -> str | None:
    """What is wrong with a command line of `campus`, if anything."""
    if words[0].startswith("-"):
        return None
    if words[0] not in PARTS:
        return f"no command {words[0]}"
    command = children_of(typer.main.get_command(build(words[0])))[words[0]]
    rest = list(words[1:])
    while rest and (children := children_of(command)):
        word = rest.pop(0)
        if _ALTERNATIVES.match(word):
            missing = [one for one in word.split("|") if one not in children]
            return f"no command {missing}" if missing else None
        if word.startswith("-") and word in _options(command):
            continue
        if word not in children:
            return f"no command {word}" if _WORD.match(word) else f"not understood: {word}"
        command = children[word]
    unknown = {word.split("=")[0] for word in rest if word.startswith("--")} - _options(command)
    return f"no option {sorted(unknown)}" if unknown else None


def _options(command: object) -> set[str]:
    params = getattr(command, "params", [])
    return {"-h", "--help", *(name for param in params for name in param.opts)}


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_every_command_of_a_page_exists(page: Path) -> None:
    found = [(line, words, complaint(words)) for line, words in mentions(page)]

    assert [one for one in found if one[2]] == []


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_every_make_target_of_a_page_exists(page: Path) -> None:
    targets = set(
        re.findall(r"^([a-z-]+):", (root() / "Makefile").read_text("utf-8"), re.MULTILINE)
    )
    named = {
        target
        for mention in code(page)
        for target in re.findall(r"^\s*(?:\$ )?make ([a-z][a-z-]*)", mention.text)
    }

    assert named - targets == set()


@pytest.mark.parametrize("name", ["api.md", "troubleshooting.md"])
def test_every_reason_and_key_of_a_page_is_in_the_code(name: str) -> None:
    """What looks like an identifier and stands in no source is a name that has changed."""
    sources = "\n".join(
        path.read_text(encoding="utf-8")
        for package in PACKAGES
        for path in (root() / package).rglob("*.py")
    )
    spans = {mention.text for mention in code(root() / "docs" / name)}
    names = {span for span in spans if re.fullmatch(r"[a-z]+(_[a-z0-9]+)+", span)}

    assert len(names) > 10
    plain = {name.removeprefix("campus_controller_") for name in names - COMPOSED}
    assert {name for name in plain if not re.search(rf"\b{name}\b", sources)} == set()


def test_commands_are_found() -> None:
    """The pages name nearly every command; finding few would mean that looking went wrong."""
    named = {tuple(words[:2]) for page in PAGES for _, words in mentions(page)}

    assert {("controller", "token"), ("edge", "check"), ("wire", "show"), ("sims", "run")} <= named
    assert len(named) >= 15


@pytest.mark.parametrize(
    ("words", "wrong"),
    [
        ("edge check --config x", None),
        ("edge chek --config x", "no command chek"),
        ("edge run|chek", "no command ['chek']"),
        ("ege check", "no command ege"),
        ("demo --for 60 --repot x", "no option ['--repot']"),
        ("--help", None),
    ],
)
def test_complaints(words: str, wrong: str | None) -> None:
    assert complaint(words.split()) == wrong
