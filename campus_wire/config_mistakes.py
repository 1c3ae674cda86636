"""Mistakes of a configuration file: what pydantic found, told with line, key and suggestion."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from campus_wire.config_model import MISTAKE_AT, mistake_at
from campus_wire.config_suggest import Key, known_keys, suggest, suggest_choice
from campus_wire.yaml_nodes import Node, Place

MISTAKES_MAX: Final = 100
_SHOWN_MAX: Final = 60
_WORDS: Final = {
    "a valid array": "a list",
    "an object": "a mapping",
    "a valid string": "text",
    "a valid integer": "a whole number",
    "a valid number": "a number",
    "a valid boolean": "true or false",
}
"""What pydantic calls things, in the words of YAML."""
_SAID: Final = {
    "missing": "missing",
    "too_short": "must hold at least {min_length}",
    "too_long": "must hold at most {max_length}",
    "string_pattern_mismatch": "must look like {pattern}, not {given}",
    "union_tag_not_found": "missing {discriminator}, which tells what this is",
}


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake, where it stands and what to do about it."""

    line: int
    column: int
    key: str
    """Where in the data, with dots: `buses.0.modbus.baud_rte`; empty for the whole file."""
    message: str
    suggestion: str = ""
    """What was probably meant, or empty."""
    remedy: str = ""

    def __str__(self) -> str:
        text = f"{self.key}: {self.message}" if self.key else self.message
        if self.suggestion:
            text += f"; did you mean {self.suggestion}?"
        return f"{text} ({self.remedy})" if self.remedy else text


def mistakes_of(model: type[BaseModel], root: Node, error: ValidationError) -> list[Mistake]:
    """Return what a validation found wrong in a file, in the order of the file."""
    return in_order(_mistakes_by_key(model, root, error).values())[:MISTAKES_MAX]


def errors_below(
    model: type[BaseModel], plain: Any, error: ValidationError, *, key: Sequence[Key]
) -> list[PydanticCustomError]:
    """Return what a validation found wrong in plain data, for a validator that checked it itself.

    Args:
        model: what the data was checked against.
        plain: the data, as JSON would hold it.
        error: what the check raised.
        key: where the data stands below the model of the validator.
    """
    found = _mistakes_by_key(model, _node_of(plain), error)
    return [
        mistake_at((*key, *below), one.message, suggestion=one.suggestion, remedy=one.remedy)
        for below, one in list(found.items())[:MISTAKES_MAX]
    ]


def _node_of(plain: Any) -> Node:
    nowhere = Place(0, 0)
    if isinstance(plain, dict):
        return Node(nowhere, {str(key): _node_of(child) for key, child in plain.items()})
    if isinstance(plain, list | tuple):
        return Node(nowhere, [_node_of(child) for child in plain])
    return Node(nowhere, plain)


def _mistakes_by_key(
    model: type[BaseModel], root: Node, error: ValidationError
) -> dict[tuple[Key, ...], Mistake]:
    found: dict[tuple[Key, ...], Mistake] = {}
    suggested: set[tuple[Key, ...]] = set()
    details = [one for one in error.errors(include_url=False) if not _follows_from_others(one)]
    for detail in sorted(details, key=lambda one: one["type"] == "missing"):
        path = _data_path(root, detail)
        if detail["type"] == MISTAKE_AT:
            found |= {(*path, *one["key"]): _told(root, path, one) for one in _told_of(detail)}
            continue
        if detail["type"] == "missing" and path in suggested:
            continue  # the key that was meant to be it is reported already
        mistake = _one_mistake(model, root, path, detail)
        if path in found:  # another alternative of a union
            mistake = _either(found[path], mistake)
        found[path] = mistake
        if mistake.suggestion and detail["type"] == "extra_forbidden":
            suggested.add((*path[:-1], mistake.suggestion))
    return found


def _follows_from_others(detail: ErrorDetails) -> bool:
    # a list whose items were all refused is also said to be too short
    given = detail["input"]
    return (
        detail["type"] == "too_short"
        and isinstance(given, list | dict)
        and len(given) >= detail["ctx"]["min_length"]
    )


def _told_of(detail: ErrorDetails) -> list[dict[str, Any]]:
    return list(detail["ctx"]["mistakes"])


def _told(root: Node, path: tuple[Key, ...], one: dict[str, Any]) -> Mistake:
    key = (*path, *one["key"])
    return mistake_in(root, key, one["said"], suggestion=one["suggestion"], remedy=one["remedy"])


def in_order(mistakes: Iterable[Mistake]) -> list[Mistake]:
    """Return mistakes in the order in which they stand in their file."""
    return sorted(mistakes, key=lambda one: (one.line, one.column, one.key))


def _either(first: Mistake, second: Mistake) -> Mistake:
    if second.message in first.message:
        return first
    message = f"{first.message}, or {second.message}"
    must_be, _, given = first.message.rpartition(", not ")
    or_be, _, given_again = second.message.rpartition(", not ")
    if must_be and or_be and given == given_again:
        message = f"{must_be} or {or_be.removeprefix('must be ')}, not {given}"
    suggestion = first.suggestion or second.suggestion
    return Mistake(first.line, first.column, first.key, message, suggestion, first.remedy)


def _one_mistake(
    model: type[BaseModel], root: Node, path: tuple[Key, ...], detail: ErrorDetails
) -> Mistake:
    kind = detail["type"]
    context: dict[str, Any] = detail.get("ctx", {})
    if kind == "extra_forbidden":
        known = known_keys(model, root, path[:-1])
        suggestion = suggest(str(path[-1]), known)
        remedy = "" if suggestion or not known else "known: " + ", ".join(known)
        return mistake_in(root, path, "unknown key", suggestion=suggestion, remedy=remedy)
    choices = str(context.get("expected", context.get("expected_tags", "")))
    given = context.get("tag", detail["input"])
    suggestion = suggest_choice(given, choices) if choices and isinstance(given, str) else ""
    if kind == "union_tag_invalid":
        path = (*path, str(context["discriminator"]).strip("'"))
    return mistake_in(root, path, _said(detail, choices), suggestion=suggestion)


def _said(detail: ErrorDetails, choices: str) -> str:
    kind, given, context = detail["type"], detail["input"], detail.get("ctx", {})
    if choices:
        return f"must be {_or(choices)}, not {_shown(context.get('tag', given))}"
    if kind in _SAID:
        words = {key: str(word).strip("'") for key, word in context.items()}
        return _SAID[kind].format(given=_shown(given), **words)
    message = detail["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
    if message.startswith("Input should be "):
        message = "must be " + message.removeprefix("Input should be ")
        for theirs, ours in _WORDS.items():
            message = message.replace(theirs, ours)
        return f"{message}, not {_shown(given)}"
    return message[:1].lower() + message[1:] if message[1:2].islower() else message


def _or(choices: str) -> str:
    # a union's tags come with commas only, a literal's with "or"
    before, comma, last = choices.rpartition(", ")
    return f"{before} or {last}" if comma and " or " not in last else choices


def _shown(given: object) -> str:
    if isinstance(given, dict):
        return "a mapping"
    if isinstance(given, list):
        return "a list"
    text = orjson.dumps(given).decode() if isinstance(given, bool | None) else repr(given)
    return text if len(text) <= _SHOWN_MAX else text[:_SHOWN_MAX] + "…"


def _data_path(root: Node, detail: ErrorDetails) -> tuple[Key, ...]:
    """Return the keys of the file that an error's location passes through.

    A location also names the members of unions that were tried, which are in no file. Where such a
    name could be a key as well, the reading is taken whose value is the one complained about.
    """
    missing = detail["type"] == "missing"
    location = detail["loc"][:-1] if missing else detail["loc"]
    readings = list(_readings(root, location))
    best = max(readings, key=lambda one: (one[1].plain() == detail["input"], len(one[0])))
    return (*best[0], *detail["loc"][-1:]) if missing else best[0]


def _readings(root: Node, location: tuple[Key, ...]) -> list[tuple[tuple[Key, ...], Node]]:
    readings: list[tuple[tuple[Key, ...], Node]] = [((), root)]
    for step in location:
        taken = [
            ((*path, step), child)
            for path, node in readings
            if (child := node.child(step)) is not None
        ]
        # a position in a list is always real; a word may be the name of a union's member
        skipped = [] if isinstance(step, int) and taken else readings
        readings = [*taken, *skipped][:64]
    return readings


def mistake_in(
    root: Node, key: Sequence[Key], message: str, *, suggestion: str = "", remedy: str = ""
) -> Mistake:
    """Return a mistake at a key of a file, or at the closest thing that holds it."""
    place = _place(root, key)
    name = ".".join(str(part) for part in key)
    return Mistake(place.line, place.column, name, message, suggestion, remedy)


def _place(root: Node, key: Sequence[Key]) -> Place:
    """Return where `key` stands: its name in a mapping, else the closest thing that holds it."""
    place, node = root.place, root
    for part in key:
        child = node.child(part)
        if child is None:
            break
        place = node.key_places.get(str(part), child.place)
        node = child
    return place
