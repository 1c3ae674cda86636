"""Paths into a decoded JSON document: `update.state`, `sensors[-1].value`, `["a.b"].c`.

A path is made of

- names, separated by dots: `update.state`. A star stands for what is not known beforehand:
  `DS18B20*.Temperature`, `*.value`; the first key counts that the rest of the path fits;
- names in brackets and quotation marks, taken literally: `["switch:0"]["a.b"]`;
- positions in brackets, counted from the end where negative: `[0]`, `[-1]`;
- a choice by a field: `[mac=AC233F01]`, `[info.id="a]b"]`: of a list the first element, of an
  object itself, whose field says so. Numbers and true, false are compared as they are written;
- `$` at the beginning: at the message itself, not at what steps, codec or records made of it;
- `$topic` at the beginning: at the levels of the topic, `$topic[-1]` is the last one.

Captures such as `{mac}` may stand in names and choices.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, NamedTuple

from pydantic import AfterValidator, Field

from device_profiles.topics import fill_text

PATH_STEPS_MAX: Final = 16
PATH_CHARS_MAX: Final = 200
ROOT: Final = "$"
TOPIC: Final = "$topic"

_STEP: Final = re.compile(
    r"""(?:^|(?<=.)\.)(?P<name>[^.\[\]"]+)      # a name, with a dot before it unless it is first
      | \[(?P<index>-?\d{1,4})\]                # a position
      | \["(?P<quoted>[^"]+)"\]                 # a quoted name
      | \['(?P<single>[^']+)'\]
      | \[(?P<field>[^\[\]"'=]+)=(?:"(?P<is>[^"]*)"|(?P<bare>[^\[\]"']*))\]   # a choice
    """,
    re.VERBOSE,
)


class Glob(NamedTuple):
    """A name with a star in it."""

    prefix: str
    suffix: str

    def matches(self, name: str) -> bool:
        """Say whether a key is meant."""
        enough = len(name) >= len(self.prefix) + len(self.suffix)
        return enough and name.startswith(self.prefix) and name.endswith(self.suffix)


class Chosen(NamedTuple):
    """An element chosen by one of its fields."""

    field: tuple[str, ...]
    says: str

    def matches(self, element: Any) -> bool:
        """Say whether an element is meant."""
        for name in self.field:
            if not isinstance(element, dict):
                return False
            element = element.get(name, ABSENT)
        return says(element, self.says)


class Literal(str):
    """A quoted name: a star in it is a star."""

    __slots__ = ()


Step = str | int | Glob | Chosen
Path = tuple[Step, ...]


class _Absent:
    """The value of a path that leads nowhere."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Final = _Absent()


def parse_path(text: str) -> Path:
    """Return the steps of a path; a leading `$` is left in as the name ROOT.

    >>> parse_path('sensors[0]["a.b"].value')
    ('sensors', 0, 'a.b', 'value')

    Raises:
        ValueError: it is no path.
    """
    steps: list[Step] = []
    end = 0
    for match in _STEP.finditer(text):
        if match.start() != end:
            break
        end = match.end()
        steps.append(_step(match))
    if end != len(text) or not 0 < len(steps) <= PATH_STEPS_MAX:
        raise ValueError(f"{text!r} is no path such as sensors[0].value")
    return tuple(steps)


def _step(match: re.Match[str]) -> Step:
    if match["index"] is not None:
        return int(match["index"])
    if match["field"] is not None:
        wanted = match["is"] if match["is"] is not None else match["bare"]
        return Chosen(tuple(match["field"].split(".")), wanted)
    quoted = match["quoted"] or match["single"]
    if quoted is not None:
        return Literal(quoted)
    name = match["name"]
    if "*" not in name:
        return name
    if name.count("*") > 1:
        raise ValueError(f"{name!r} holds more than one star")
    return Glob(*name.split("*"))


def fill_path(path: Path, parameters: Mapping[str, str]) -> Path:
    """Return the path of one device, with its captures filled in.

    Raises:
        TopicParameterError: a parameter is missing.
    """
    filled: list[Step] = []
    for step in path:
        if isinstance(step, Glob):
            filled.append(Glob(*(fill_text(part, parameters) for part in step)))
        elif isinstance(step, Chosen):
            names = tuple(fill_text(name, parameters) for name in step.field)
            filled.append(Chosen(names, fill_text(step.says, parameters)))
        elif isinstance(step, str):
            # plain strings are looked up fastest, and quotation marks have done their work
            filled.append(fill_text(str(step), parameters))
        else:
            filled.append(step)
    return tuple(filled)


def look_up(document: Any, steps: Path) -> Any:
    """Return what stands at the path, or ABSENT. Takes each node once at most for each step."""
    for at, step in enumerate(steps):
        if isinstance(step, str):
            if not isinstance(document, dict):
                return ABSENT
            document = document.get(step, ABSENT)
        elif isinstance(step, int):
            if not isinstance(document, list) or not -len(document) <= step < len(document):
                return ABSENT
            document = document[step]
        else:
            return _search(document, step, steps[at + 1 :])
    return document


def _search(document: Any, step: Glob | Chosen, rest: Path) -> Any:
    for candidate in _candidates(document, step):
        found = look_up(candidate, rest)
        if found is not ABSENT:
            return found
    return ABSENT


def _candidates(document: Any, step: Glob | Chosen) -> list[Any]:
    if isinstance(step, Chosen):
        elements = document if isinstance(document, list) else [document]
        return [element for element in elements if step.matches(element)]
    if isinstance(document, dict):
        return [value for key, value in document.items() if step.matches(key)]
    return document if isinstance(document, list) and step == Glob("", "") else []


def as_word(found: Any) -> str | None:
    """Return how true, false, null, a text or a number is written; None for anything else."""
    if isinstance(found, str):
        return found
    if isinstance(found, bool):
        return "true" if found else "false"
    if isinstance(found, int | float):
        return repr(found)
    return "null" if found is None else None


def says(found: Any, word: str) -> bool:
    """Say whether what stands in a document is this word; 5, 5.0 and "5" are the same."""
    written = as_word(found)
    if written == word:
        return True
    if isinstance(found, bool) or not isinstance(found, int | float):
        return False
    try:
        return float(word) == found
    except ValueError:
        return False


def _checked(text: str) -> str:
    parse_path(text)
    return text


JsonPath = Annotated[str, Field(max_length=PATH_CHARS_MAX), AfterValidator(_checked)]
