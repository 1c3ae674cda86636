"""Modules that libraries import and an agent does not use, loaded only if it ever does.

paho imports `urllib.request` for proxies of web sockets, and pydantic `importlib.metadata` to look
for plugins, and these two a dozen others: HTTP, e-mail, archives, in all 3 MB. A stand-in takes the
name of such a module, and the module takes its place when something of it is asked for.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any, Final

UNUSED: Final[Mapping[str, tuple[str, ...]]] = {
    "urllib.request": (),
    "importlib.metadata": ("entry_points", "version"),
}
"""Names of modules, and those of their functions that are imported by name."""


class _StandIn(ModuleType):
    """Has nothing of its own; whatever is asked of it, the module itself answers."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # the import system asks whether it is a package, and the like
            raise AttributeError(name)
        return getattr(_load(self), name)


def stand_in_for_unused() -> None:
    """Put stand-ins where the modules are not loaded yet. Before anything else is imported."""
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # or it would look for some
    for name, functions in UNUSED.items():
        if name in sys.modules:
            continue
        stand_in = _StandIn(name)
        for function in functions:
            setattr(stand_in, function, _later(stand_in, function))
        sys.modules[name] = stand_in
        parent, _, child = name.rpartition(".")
        setattr(importlib.import_module(parent), child, stand_in)


def _later(stand_in: _StandIn, function: str) -> Callable[..., Any]:
    def call(*arguments: Any, **options: Any) -> Any:
        return getattr(_load(stand_in), function)(*arguments, **options)

    return call


def _load(stand_in: _StandIn) -> ModuleType:
    """Return the module itself, in whose place the stand-in is no longer."""
    name = stand_in.__name__
    if sys.modules.get(name) is stand_in:
        del sys.modules[name]
    return importlib.import_module(name)
