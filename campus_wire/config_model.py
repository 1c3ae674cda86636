"""The base of configuration models, and how their validators point at a mistake.

Apart from `config_file`, so that who only uses a configuration does not load what reads one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pydantic import BaseModel, ConfigDict
from pydantic_core import PydanticCustomError

MISTAKE_AT: Final = "campus_at"
"""The type of the errors that carry mistakes with their keys."""


class ConfigModel(BaseModel):
    """Base of configuration models: frozen, unknown keys refused, nothing coerced.

    Validators are built when a model first checks something: a process that is handed a checked
    configuration never pays for them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)


def mistake_at(
    key: Sequence[str | int], message: str, *, suggestion: str = "", remedy: str = ""
) -> PydanticCustomError:
    """Return an error for a model validator to raise, pointing at a key below the model.

    Validators may also raise ValueError, which points at the model's own first line.
    """
    one = {"key": list(key), "said": message, "suggestion": suggestion, "remedy": remedy}
    return PydanticCustomError(MISTAKE_AT, "{first}", {"first": message, "mistakes": [one]})


def raise_all(errors: Sequence[PydanticCustomError]) -> None:
    """Raise what several calls of `mistake_at` found as one error, if they found anything."""
    if errors:
        mistakes = [one for error in errors for one in (error.context or {})["mistakes"]]
        first = mistakes[0]["said"]
        raise PydanticCustomError(MISTAKE_AT, "{first}", {"first": first, "mistakes": mistakes})
