"""Paths into a decoded JSON document: `update.state`, `sensors[0].value`, `["a.b"].c`.

A path is names separated by dots, positions in brackets, and names in brackets with quotation marks
where they hold dots or brackets themselves.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Final

from pydantic import AfterValidator, Field

PATH_STEPS_MAX: Final = 16

_STEP: Final = re.compile(
    r"""(?:^|(?<=.)\.)(?P<name>[^.\[\]"]+)   # a name, with a dot before it unless it is first
      | \[(?P<index>\d{1,4})\]               # a position
      | \["(?P<quoted>[^"]+)"\]              # a quoted name
    """,
    re.VERBOSE,
)

Step = str | int


class _Absent:
    """The value of a path that leads nowhere."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Final = _Absent()


def parse_path(text: str) -> tuple[Step, ...]:
    """Return the steps of a path.

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
        index = match["index"]
        steps.append(int(index) if index is not None else match["name"] or match["quoted"])
    if end != len(text) or not 0 < len(steps) <= PATH_STEPS_MAX:
        raise ValueError(f"{text!r} is no path such as sensors[0].value")
    return tuple(steps)


def look_up(document: Any, steps: tuple[Step, ...]) -> Any:
    """Return what stands at the path, or ABSENT."""
    for step in steps:
        if isinstance(step, int):
            if not isinstance(document, list) or step >= len(document):
                return ABSENT
            document = document[step]
        elif isinstance(document, dict):
            document = document.get(step, ABSENT)
        else:
            return ABSENT
    return document


def _checked(text: str) -> str:
    parse_path(text)
    return text


JsonPath = Annotated[str, Field(max_length=200), AfterValidator(_checked)]
