"""What every point has, whatever protocol it is read by."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from campus_wire.catalog import Label, SampleClass
from campus_wire.config_model import ConfigModel, mistake_at
from campus_wire.ids import PointName
from campus_wire.quantities import Unit

Finite = Annotated[float, Field(allow_inf_nan=False)]
Note = Annotated[str, Field(min_length=1, max_length=1_000)]


class Access(StrEnum):
    """What may be done with a point."""

    READ = "r"
    READ_WRITE = "rw"
    WRITE = "w"


class WriteLimits(ConfigModel):
    """What may be written, whatever the protocol."""

    minimum: Finite | None = None
    """In the point's unit; at least one of limits and states must bound what is written."""
    maximum: Finite | None = None
    step: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    """Values are `minimum` (or 0) plus whole steps; by default what the device can represent."""
    safe_value: Finite | None = None
    """What to write when whoever controls the point is lost."""
    read_back: PointName | None = None
    """The point that shows the effect; the point itself when it can be read."""
    also_writes: Annotated[tuple[PointName, ...], Field(max_length=256)] = ()
    """Other points that the same write changes; an interlock on one of them holds this one, too."""
    read_back_after_s: Annotated[float, Field(ge=0, le=60)] = 0.0
    """How long the device takes until reading back shows the new value."""

    @model_validator(mode="after")
    def _limits_in_order(self) -> Self:
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            raise mistake_at(("minimum",), "lies above maximum")
        for name, limit in (("minimum", self.minimum), ("maximum", self.maximum)):
            if limit is None or self.safe_value is None:
                continue
            beyond = self.safe_value < limit if name == "minimum" else self.safe_value > limit
            if beyond:
                raise mistake_at(("safe_value",), f"lies beyond {name}")
        return self


class Point(ConfigModel):
    """One quantity of a device."""

    name: PointName
    """Snake case, the standard word: `temperature`, `relative_humidity`, `co2`, `active_power`."""
    unit: Unit = ""
    """A unit of the closed list in `campus_wire.quantities`; empty for states and counts."""
    point_class: SampleClass = Field(SampleClass.NORMAL, alias="class")
    """`safety` goes first and is never thinned out; `slow` is polled last."""
    labels: Label
    minimum: Finite | None = None
    """Valid range in `unit`; a value outside is bad with quality OUT_OF_RANGE."""
    maximum: Finite | None = None
    states: dict[int, Label] = Field(default_factory=dict, max_length=256)
    """What the numbers of an enumeration or boolean mean."""
    note: Note | None = None
    read: ConfigModel | None = None
    """How the point is read, by the protocol of its profile."""
    write: WriteLimits | None = None
    """How the point is written, and within what limits."""

    @property
    def access(self) -> Access:
        """What may be done; told by which of `read` and `write` the point has."""
        if self.write is None:
            return Access.READ
        return Access.READ_WRITE if self.read is not None else Access.WRITE

    @property
    def is_readable(self) -> bool:
        """Whether the point can be read."""
        return self.read is not None

    @property
    def is_writable(self) -> bool:
        """Whether the point may be written."""
        return self.write is not None

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.read is None and self.write is None:
            raise mistake_at((), "has neither read nor write")
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            raise mistake_at(("minimum",), "lies above maximum")
        return self
