"""Configuration files: YAML checked against a pydantic model, every mistake with its line.

    edge.yaml:12: buses.0.modbus.baud_rte: unknown key; did you mean baud_rate?

All mistakes of a file are reported at once. The data is checked as JSON would be: a model with
`strict=True` takes lists for tuples and words for enumerations, but no text for numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Generic, TypeVar

import orjson
from pydantic import BaseModel, ValidationError

from campus_wire.config_mistakes import (
    MISTAKES_MAX,
    Mistake,
    in_order,
    mistake_in,
    mistakes_of,
)
from campus_wire.config_model import ConfigModel, mistake_at, raise_all
from campus_wire.config_suggest import Key
from campus_wire.errors import PermanentError, WireError
from campus_wire.yaml_nodes import Node, parse_yaml

__all__ = [
    "ConfigError",
    "ConfigFileError",
    "ConfigModel",
    "Document",
    "Mistake",
    "Prepare",
    "load_document",
    "load_yaml",
    "mistake_at",
    "parse_document",
    "raise_all",
]

FILE_BYTES_MAX: Final = 1024 * 1024
M = TypeVar("M", bound=BaseModel)
Prepare = Callable[[Node], Iterable[Mistake]]


class ConfigError(WireError, PermanentError):
    """A configuration that cannot be used."""


class ConfigFileError(ConfigError):
    """A file with mistakes; `str()` lists them one a line.

    Args:
        path: the file, as the person who named it spelt it.
        mistakes: at least one, in the order of the file.
        reason: `unreadable` (no such file, too large, no UTF-8), `syntax` or `schema`.
    """

    def __init__(self, path: Path, mistakes: Iterable[Mistake], *, reason: str = "schema") -> None:
        self.path = path
        self.mistakes = tuple(mistakes)
        first = self.mistakes[0]
        place = f"{path}:{first.line}" if first.line else str(path)
        super().__init__(reason, str(first), place=place)

    def __str__(self) -> str:
        return "\n".join(
            f"{self.path}:{mistake.line}: {mistake}" if mistake.line else f"{self.path}: {mistake}"
            for mistake in self.mistakes
        )


@dataclass(frozen=True, slots=True)
class Document(Generic[M]):
    """A file's validated content, and the way from a key back to its line."""

    path: Path
    value: M
    root: Node

    def mistake(
        self, key: Sequence[Key], message: str, *, suggestion: str = "", remedy: str = ""
    ) -> Mistake:
        """Return a mistake at `key`, for what only the whole configuration can tell."""
        return mistake_in(self.root, key, message, suggestion=suggestion, remedy=remedy)

    def refuse(self, mistakes: Sequence[Mistake]) -> None:
        """Raise ConfigFileError when there are mistakes."""
        if mistakes:
            raise ConfigFileError(self.path, in_order(mistakes))


def load_yaml(path: Path, model: type[M], *, bytes_max: int = FILE_BYTES_MAX) -> M:
    """Read a YAML file into a model.

    Raises:
        ConfigFileError: with all mistakes of the file.
    """
    return load_document(path, model, bytes_max=bytes_max).value


def load_document(
    path: Path,
    model: type[M],
    *,
    bytes_max: int = FILE_BYTES_MAX,
    prepare: Prepare | None = None,
) -> Document[M]:
    """Read a YAML file into a model and keep the lines, for checks that span files.

    Args:
        path: the file.
        model: what the file must hold.
        bytes_max: how large it may be.
        prepare: what changes the data before it is checked, in place; returns mistakes of its own.

    Raises:
        ConfigFileError: with all mistakes of the file.
    """
    return parse_document(_read(path, bytes_max), model, path=path, prepare=prepare)


def parse_document(
    text: str, model: type[M], *, path: Path, prepare: Prepare | None = None
) -> Document[M]:
    """Do what `load_document` does with text that was read already.

    Raises:
        ConfigFileError: with all mistakes of the text.
    """
    root, flaws = parse_yaml(text)
    if flaws or root is None or root.value is None:
        mistakes = [
            Mistake(flaw.place.line, flaw.place.column, "", flaw.message, remedy=flaw.remedy)
            for flaw in flaws[:MISTAKES_MAX]
        ]
        raise ConfigFileError(path, mistakes or [Mistake(1, 1, "", "is empty")], reason="syntax")
    before = list(prepare(root)) if prepare is not None else []
    try:
        value = model.model_validate_json(orjson.dumps(root.plain()))
    except ValidationError as error:
        mistakes = in_order([*before, *mistakes_of(model, root, error)])[:MISTAKES_MAX]
        raise ConfigFileError(path, mistakes) from None
    document = Document(path, value, root)
    document.refuse(before)
    return document


def _read(path: Path, bytes_max: int) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(bytes_max + 1)
        if len(content) > bytes_max:
            message = f"is larger than {bytes_max:,} bytes"
            raise ConfigFileError(path, [Mistake(0, 0, "", message)], reason="unreadable")
        return content.decode("utf-8-sig")
    except OSError as error:
        message = f"cannot be read: {error.strerror or error}"
        raise ConfigFileError(path, [Mistake(0, 0, "", message)], reason="unreadable") from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        mistake = Mistake(line, 0, "", "is not UTF-8 text")
        raise ConfigFileError(path, [mistake], reason="unreadable") from None
