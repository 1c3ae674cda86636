"""Reads `docs/wire.md`: its literal examples and its tables."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final, NamedTuple

_PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "wire.md"
_FENCE: Final = re.compile(r"^```(\w+) (\S+)\n(.*?)\n```$", re.MULTILINE | re.DOTALL)


class Example(NamedTuple):
    """One literal message of the page."""

    topic: str
    payload: bytes


def text() -> str:
    """The page."""
    return _PAGE.read_text(encoding="utf-8")


def examples() -> list[Example]:
    """All literal messages, in the page's order."""
    return [
        Example(where, body.encode())
        for language, where, body in _FENCE.findall(text())
        if language == "json"
    ]


def block(name: str) -> str:
    """The literal text block of this name."""
    [body] = [body for _, where, body in _FENCE.findall(text()) if where == name]
    return str(body)


def table(heading: str, *, nth: int = 0) -> list[list[str]]:
    """The cells of the nth table below a heading, without its head; code marks removed."""
    section = re.split(rf"^#+ {re.escape(heading)}$", text(), flags=re.MULTILINE)[1]
    section = re.split(r"^#+ ", section, flags=re.MULTILINE)[0]
    tables = re.findall(r"(?:^\|.*\|\n?)+", section, flags=re.MULTILINE)
    rows = tables[nth].splitlines()[2:]
    return [[cell.strip().strip("`") for cell in row.strip("|").split("|")] for row in rows]
