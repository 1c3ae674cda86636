"""Points that are made of other points of the same device.

`compute` stands in the place of `read`: a sum of two registers, a ratio, a percentage of a rating
that the device tells elsewhere. The points it names may be hidden ones. `combining.py` does the
sums; nothing here reads a device.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from campus_wire.config_model import ConfigModel, mistake_at
from campus_wire.ids import POINT_PATTERN, PointName
from device_profiles.model_numbers import Finite, Scale


class Operation(StrEnum):
    """What is done with the terms."""

    SUM = "sum"
    DIFFERENCE = "difference"
    PRODUCT = "product"
    RATIO = "ratio"
    PERCENT_OF = "percent_of"


class Term(ConfigModel):
    """One point that goes into the result, times a number; a name alone is `{point: name}`."""

    point: PointName
    scale: Scale = 1.0


def _as_term(value: object) -> object:
    return {"point": value} if isinstance(value, str) else value


_NAME: dict[str, object] = {"type": "string", "pattern": POINT_PATTERN}
_TERM_OBJECT: dict[str, object] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {"point": _NAME, "scale": {"type": "number"}},
    "required": ["point"],
}

AnyTerm = Annotated[
    Term, BeforeValidator(_as_term), WithJsonSchema({"anyOf": [_NAME, _TERM_OBJECT]})
]
Many = Annotated[tuple[AnyTerm, ...], Field(min_length=1, max_length=64)]
Two = Annotated[tuple[AnyTerm, ...], Field(min_length=2, max_length=2)]


class Compute(ConfigModel):
    """`value = operation(terms) * scale + offset`; exactly one operation."""

    sum: Many | None = None
    difference: Two | None = None
    """The first less the second."""
    product: Many | None = None
    ratio: Two | None = None
    """The first by the second; by 0 there is no value."""
    percent_of: Two | None = None
    """`[percent, rating]`: the first, in percent, of the second."""
    scale: Scale = 1.0
    offset: Finite = 0.0

    @property
    def operation(self) -> Operation:
        """The one that is given."""
        return next(one for one in Operation if getattr(self, one) is not None)

    @property
    def terms(self) -> tuple[Term, ...]:
        """The points that go into the result, in the order the operation wants them."""
        terms: tuple[Term, ...] = getattr(self, self.operation)
        return terms

    @property
    def points(self) -> tuple[str, ...]:
        """The names of the points that go into the result."""
        return tuple(term.point for term in self.terms)

    @model_validator(mode="after")
    def _one_operation(self) -> Self:
        given = [one for one in Operation if getattr(self, one) is not None]
        words = ", ".join(Operation)
        if not given:
            raise mistake_at((), f"says nothing to compute; give one of {words}")
        if len(given) > 1:
            raise mistake_at((given[1],), f"{given[0]} is given, too; give one of {words}")
        return self
