"""Walks a pydantic model beside a file's data, to say what might have been meant."""

from __future__ import annotations

import re
import types
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from pydantic import BaseModel, RootModel

from campus_wire.suggest import suggest
from campus_wire.yaml_nodes import Node

__all__ = ["Key", "known_keys", "suggest", "suggest_choice"]

_QUOTED: Final = re.compile(r"'([^']*)'")

Key = str | int


def suggest_choice(given: object, choices: str) -> str:
    """Return which of the quoted words in `choices` was most likely meant."""
    return suggest(str(given), _QUOTED.findall(choices))


def known_keys(model: type[BaseModel], root: Node, path: Sequence[Key]) -> list[str]:
    """Return the keys a mapping at `path` of the file may hold, as the model has them."""
    found: list[Any] = [model]
    node: Node | None = root
    for key in path:
        found = _below(_models(found, node), found, key)
        node = node.child(key) if node is not None else None
    keys: dict[str, None] = {}
    for one in _models(found, node):
        for name, info in one.model_fields.items():
            keys[info.alias or name] = None
    return list(keys)


def _below(models: list[type[BaseModel]], annotations: list[Any], key: Key) -> list[Any]:
    below = [
        info.annotation
        for one in models
        for name, info in one.model_fields.items()
        if key in (name, info.alias)
    ]
    # the values of a mapping, or the items of a list
    for annotation in _alternatives(annotations):
        arguments = [one for one in get_args(annotation) if one is not Ellipsis]
        if get_origin(annotation) is not None and arguments:
            below.append(arguments[-1])
    return below


def _models(annotations: list[Any], node: Node | None) -> list[type[BaseModel]]:
    found = [
        one
        for one in _alternatives(annotations)
        if isinstance(one, type) and issubclass(one, BaseModel)
    ]
    matching = [one for one in found if _literals_match(one, node)]
    return matching or found


def _alternatives(annotations: Iterable[Any]) -> list[Any]:
    """Unfold unions and annotations."""
    found: list[Any] = []
    for annotation in annotations:
        origin = get_origin(annotation)
        if origin is Annotated:
            found += _alternatives([get_args(annotation)[0]])
        elif origin in (Union, types.UnionType):
            found += _alternatives(get_args(annotation))
        elif isinstance(annotation, type) and issubclass(annotation, RootModel):
            found += _alternatives([annotation.model_fields["root"].annotation])
        else:
            found.append(annotation)
    return found


def _literals_match(model: type[BaseModel], node: Node | None) -> bool:
    """Say whether the words that tell the members of a union apart are those of the model."""
    if node is None:
        return True
    for name, info in model.model_fields.items():
        if get_origin(info.annotation) is Literal:
            given = node.child(info.alias or name)
            if given is not None and given.value not in get_args(info.annotation):
                return False
    return True
