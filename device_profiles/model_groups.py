"""Groups: the same points many times, such as twelve channels or sixty-four indoor units."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Final, Literal, NamedTuple, Self

from pydantic import Discriminator, Field, JsonValue, Tag, WithJsonSchema, model_validator

from campus_wire.catalog import Label
from campus_wire.config_model import ConfigModel, mistake_at
from campus_wire.ids import PointName
from device_profiles.model_location import InputType, Table
from device_profiles.model_modbus import ModbusPoint

POINTS_MAX: Final = 2_000
"""In one profile, all instances counted."""
INSTANCES_MAX: Final = POINTS_MAX
GROUPS_MAX: Final = 64
SHAPE: Final = "x-shape"
"""In the schema of data that is checked later: the definition it must then fit."""

InstanceName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_]{0,31}$")]
PresenceName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*(?:\{n\}[a-z0-9_]*)?$")]
Stride = Annotated[int, Field(ge=-65_535, le=65_535)]


def _list_or_mapping(value: object) -> str:
    return "mapping" if isinstance(value, dict) else "list"


def _one_or_mapping(value: object) -> str:
    return "mapping" if isinstance(value, dict) else "one"


# the kind of value tells which is meant, so that a mistake is told of that alone
InstanceNames = Annotated[
    Annotated[tuple[InstanceName, ...], Field(max_length=256), Tag("list")]
    | Annotated[dict[InstanceName, Label], Field(max_length=256), Tag("mapping")],
    Discriminator(_list_or_mapping),
]
Strides = Annotated[
    Annotated[Stride, Tag("one")] | Annotated[dict[InputType, Stride], Tag("mapping")],
    Discriminator(_one_or_mapping),
]


class Instance(NamedTuple):
    """One of the times the points are there."""

    position: int
    """Counted from 0."""
    name: str
    """Its number or its name; becomes part of the names of its points."""
    label: Label | None
    """Of its own, where the profile gives one."""


class GroupRepeat(ConfigModel):
    """How often the points are there, and how far apart."""

    count: int | None = Field(None, ge=1, le=INSTANCES_MAX)
    """How often; the instances are numbered."""
    first: int = Field(1, ge=0, le=100_000)
    """The number of the first one."""
    names: InstanceNames = ()
    """In the place of `count`: what the instances are called, `[l1, l2, l3]`, or with labels,
    `{a: {zh: A相, en: phase A}}`."""
    stride: Strides | None = None
    """Modbus: how many addresses from one instance to the next; where tables differ,
    `{coil: 1, holding: 100}`."""
    bit_stride: int = Field(0, ge=0, le=64)
    """Modbus: how many bits from one instance to the next, for points that are bits of registers;
    after the last bit of a value comes the first of the next. `stride` is for the other points."""

    @property
    def instances(self) -> Iterator[Instance]:
        """All times the points are there, in order."""
        labels = self.names if isinstance(self.names, dict) else {}
        if self.names:
            for position, name in enumerate(self.names):
                yield Instance(position, name, labels.get(name))
        else:
            for position in range(self.count or 0):
                yield Instance(position, str(self.first + position), None)

    @property
    def size(self) -> int:
        """How often the points are there."""
        return len(self.names) or self.count or 0

    def stride_of(self, table: Table) -> int | None:
        """Return how many addresses there are from one instance to the next, where it says so."""
        return self.stride.get(table) if isinstance(self.stride, dict) else self.stride

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if (self.count is None) == (not self.names):
            raise mistake_at(("count",), "give either count, or names")
        if self.names and "first" in self.model_fields_set:
            raise mistake_at(("first",), "numbers instances, and these have names")
        if isinstance(self.names, tuple):
            for index, name in enumerate(self.names):
                if name in self.names[:index]:
                    raise mistake_at(("names", index), f"{name} is given twice")
        strides = self.stride.items() if isinstance(self.stride, dict) else [("", self.stride)]
        for table, stride in strides:
            if stride == 0:
                key = ("stride", str(table)) if table else ("stride",)
                raise mistake_at(key, "every instance would be the same")
        return self


class Group(ConfigModel):
    """Points that are there several times.

    A point `room_temperature` of the group `indoor` becomes `indoor_1_room_temperature`,
    `indoor_2_room_temperature` and so on, or `room_temperature_1` with the style `suffix`. Names
    inside the group mean the point of the same instance first.
    """

    name: PointName
    labels: Label | None = None
    """Stands before the number or name of the instance; needed where instances are numbered."""
    style: Literal["prefix", "suffix"] = "prefix"
    """`prefix`: `indoor_1_mode`. `suffix`: `voltage_l1`, without the group's name."""
    repeat: GroupRepeat
    count_from: PointName | None = None
    """The point that tells how many instances there are; those beyond are left out."""
    present_from: PresenceName | None = None
    """The point that is 0 where the instance is not there (one bit of a gateway's list of connected
    units), of the group itself or with `{n}` for the instance: `connected_{n}`. Where it is 0, the
    other points of the instance are left out."""

    def point_name(self, instance: Instance, name: str) -> str:
        """Return what a point of the group is called in one instance."""
        if self.style == "suffix":
            return f"{name}_{instance.name}"
        return f"{self.name}_{instance.name}_{name}"

    def told_by(self, instance: Instance) -> str | None:
        """Return the point that tells whether an instance is there."""
        if self.present_from is None:
            return None
        if "{n}" in self.present_from:
            return self.present_from.replace("{n}", instance.name)
        return self.point_name(instance, self.present_from)

    def label(self, instance: Instance, label: Label) -> Label:
        """Return what to call a point of the group in one instance."""
        return Label(
            zh=self._text("zh", instance, label.zh), en=self._text("en", instance, label.en)
        )

    def _text(self, language: str, instance: Instance, text: str) -> str:
        own = instance.label
        number = instance.name if self.repeat.count else instance.name.upper()
        parts = [self.labels[language]] if self.labels is not None else []
        parts.append(own[language] if own is not None else number)
        parts.insert(0 if self.style == "suffix" else len(parts), text)
        return " ".join(parts)

    @model_validator(mode="after")
    def _can_be_called(self) -> Self:
        if self.labels is None and self.repeat.count is not None:
            raise mistake_at(("labels",), "is needed, as a number alone says little")
        return self


class ModbusGroup(Group):
    """Points of a Modbus device that are there several times."""

    points: tuple[ModbusPoint, ...] = Field(min_length=1, max_length=500)
    """As ordinary points, with the addresses of the first instance."""


RawPoint = Annotated[dict[str, JsonValue], WithJsonSchema({SHAPE: "MqttPoint"})]


class MqttGroup(Group):
    """Points of an MQTT device that are there several times."""

    points: tuple[RawPoint, ...] = Field(min_length=1, max_length=500)
    """As ordinary points; in the texts of `read` and `write`, `{n}` stands for the number or name
    of the instance and `{i}` for its position, counted from 0."""
