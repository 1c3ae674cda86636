"""Entries written once for many: `repeat: {room: [101, 102]}` fills `{room}` in every text."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from firmware_sims.school_file import Repeated

E = TypeVar("E", bound=Repeated)


def expand(entries: Iterable[E]) -> list[E]:
    """Return the entries with every repetition written out, in order.

    Places that no variable of the entry names stay as they are: a bus fills its own, and the
    devices inside fill theirs afterwards.
    """
    return [one for entry in entries for one in _expand_one(entry)]


def _expand_one(entry: E) -> list[E]:
    if not entry.repeat:
        return [entry]
    data = entry.model_dump(mode="json", by_alias=True, exclude_unset=True)
    del data["repeat"]
    expanded = []
    combinations = itertools.product(*entry.repeat.values())
    for number, combination in enumerate(combinations, start=1):
        variables = dict(zip(entry.repeat, map(str, combination), strict=True)) | {"n": str(number)}
        filled = _filled(data, variables)
        expanded.append(type(entry).model_validate_json(json.dumps(filled)))
    return expanded


def _filled(data: Any, variables: Mapping[str, str]) -> Any:
    if isinstance(data, str):
        for name, value in variables.items():
            data = data.replace(f"{{{name}}}", value)
        return data
    if isinstance(data, list):
        return [_filled(one, variables) for one in data]
    if isinstance(data, dict):
        inner = {}
        for key, value in data.items():
            own = data.get("repeat", {}) if key != "repeat" else {}
            hidden = {k: v for k, v in variables.items() if k not in own and not (own and k == "n")}
            inner[key] = _filled(value, hidden)
        return inner
    return data
