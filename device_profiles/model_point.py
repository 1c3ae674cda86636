"""What every point has, whatever protocol it is read by."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, Any, Final, Literal, Self

from pydantic import ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from campus_wire.catalog import Label, SampleClass
from campus_wire.config_model import ConfigModel, mistake_at, raise_all
from campus_wire.ids import PointName
from campus_wire.quantities import Unit
from device_profiles.model_compute import Compute
from device_profiles.model_numbers import Finite

INTERVAL_S_MAX: Final = 7 * 86_400.0
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


class Counter(ConfigModel):
    """A value that only counts up, and starts again at 0."""

    wraps_at: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    """In the point's unit: the first value that it never shows (65536 for sixteen bits)."""


def _labels_unless_hidden(schema: dict[str, Any]) -> None:
    schema["if"] = {"properties": {"hidden": {"const": True}}, "required": ["hidden"]}
    schema["then"] = {}
    schema["else"] = {"required": ["labels"]}


class Point(ConfigModel):
    """One quantity of a device."""

    model_config = ConfigDict(json_schema_extra=_labels_unless_hidden)

    name: PointName
    """Snake case, the standard word: `temperature`, `relative_humidity`, `co2`, `active_power`."""
    unit: Unit = ""
    """A unit of the closed list in `campus_wire.quantities`; empty for states and counts."""
    point_class: SampleClass = Field(SampleClass.NORMAL, alias="class")
    """`safety` goes first and is never thinned out; `slow` is polled last."""
    stated_labels: Label | None = Field(None, alias="labels")
    """`zh` and `en`; only a hidden point needs none."""
    hidden: bool = False
    """A helper of other points: it is read and told to nobody."""
    minimum: Finite | None = None
    """Valid range in `unit`; a value outside is bad with quality OUT_OF_RANGE."""
    maximum: Finite | None = None
    states: dict[int, Label] = Field(default_factory=dict, max_length=256)
    """What the numbers of an enumeration or boolean mean."""
    flags: dict[Annotated[int, Field(ge=0, le=63)], Label] = Field(
        default_factory=dict, max_length=64
    )
    """What single bits of the number mean, the least significant as 0."""
    counter: Counter | None = None
    """For a value that counts up and starts again at 0."""
    interval_s: Literal["once"] | Annotated[float, Field(gt=0, le=INTERVAL_S_MAX)] | None = None
    """For what changes slowly: seconds between two readings where the device is read more often;
    `once` reads it at the start and each time the device is back."""
    note: Note | None = None
    read: ConfigModel | None = None
    """How the point is read, by the protocol of its profile."""
    compute: Compute | None = None
    """Instead of `read`: how the point is made of others."""
    write: WriteLimits | None = None
    """How the point is written, and within what limits."""

    @property
    def labels(self) -> Label:
        """What to call the point; a hidden one without labels goes by its name."""
        if self.stated_labels is not None:
            return self.stated_labels
        return Label(zh=self.name, en=self.name.replace("_", " "))

    @property
    def access(self) -> Access:
        """What may be done; told by which of `read`, `compute` and `write` the point has."""
        if self.write is None:
            return Access.READ
        return Access.READ_WRITE if self.is_readable else Access.WRITE

    @property
    def is_readable(self) -> bool:
        """Whether the point has a value: it is read, or computed of others that are."""
        return self.read is not None or self.compute is not None

    @property
    def is_writable(self) -> bool:
        """Whether the point may be written."""
        return self.write is not None

    @property
    def is_text(self) -> bool:
        """Whether the point is words, such as a serial number, which are no sample."""
        read = self.read
        if getattr(read, "data_type", None) != "string":
            return False
        return getattr(read, "decimal", None) is None  # with it, the text is a number

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        raise_all(list(self._mistakes()))
        return self

    def _mistakes(self) -> Iterator[PydanticCustomError]:
        if self.stated_labels is None and not self.hidden:
            yield mistake_at(("labels",), "missing")
        if not self.is_readable and self.write is None:
            yield mistake_at((), "has neither read, compute nor write")
        if self.read is not None and self.compute is not None:
            yield mistake_at(("compute",), "stands in the place of read; keep one of the two")
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            yield mistake_at(("minimum",), "lies above maximum")
        if self.states and self.flags:
            yield mistake_at(("flags",), "a number has either states or flags")
        yield from self._interval_mistakes()
        if self.is_text:
            yield from self._text_mistakes()

    def _interval_mistakes(self) -> Iterator[PydanticCustomError]:
        if self.interval_s is None:
            return
        if self.read is None:
            yield mistake_at(("interval_s",), "only what is read has an interval of its own")
        if self.point_class is SampleClass.SAFETY:
            yield mistake_at(("interval_s",), "safety points are read as often as the device")

    def _text_mistakes(self) -> Iterator[PydanticCustomError]:
        for key in ("unit", "minimum", "maximum", "states", "flags", "counter", "write"):
            if getattr(self, key) not in (None, "", {}):
                yield mistake_at((key,), "belongs to a number, and the point is text")
