"""Copies of checked models with some fields changed, without checking them again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from campus_wire.config_model import ConfigModel

M = TypeVar("M", bound=ConfigModel)


def copied(model: M, changes: Mapping[str, object]) -> M:
    """Return a copy with some fields changed; whoever changes them answers for their types.

    What the model had worked out and kept is left behind, which `model_copy` would take along.
    """
    cls = type(model)
    plain = model.__dict__
    values = {name: plain[name] for name in cls.model_fields} | dict(changes)
    copy = cls.__new__(cls)
    # the slots of pydantic's models; a frozen one refuses them as attributes
    object.__setattr__(copy, "__dict__", values)
    object.__setattr__(copy, "__pydantic_fields_set__", model.model_fields_set)
    object.__setattr__(copy, "__pydantic_extra__", None)
    object.__setattr__(copy, "__pydantic_private__", None)
    return copy
