"""What a profile says. One YAML file per model of device; `docs/profiles.md` is the guide.

A point has a head that no protocol changes (name, unit, labels, limits, states) and says under
`read` and `write` how its protocol gets at it. New ways of reading become new keys there; whoever
uses `Point` needs not know them.

Key names are Home Assistant's where it has one, else Telegraf's.
"""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Any, Final, Literal, Self

from pydantic import ConfigDict, Field, RootModel, model_validator

from campus_wire.catalog import Label
from campus_wire.config_model import ConfigModel
from campus_wire.ids import Name
from device_profiles.categories import Category
from device_profiles.model_examples import EXAMPLES_MAX, Example
from device_profiles.model_groups import GROUPS_MAX, POINTS_MAX, ModbusGroup, MqttGroup
from device_profiles.model_modbus import Location, ModbusPoint
from device_profiles.model_mqtt import MqttPoint, MqttSection
from device_profiles.model_point import Note, Point
from device_profiles.model_section import ModbusSection
from device_profiles.model_variants import VARIANTS_MAX, Variant
from device_profiles.topics import captures
from device_profiles.variant_effects import Effect

Evidence = Literal["none", "datasheet", "bench", "field"]
"""How far the map is proven: not at all (a starting point to copy, of no real device), read in a
document, tried on a bench, in use at a school."""

Line = Annotated[str, Field(min_length=1, max_length=200)]
_SOME_POINTS: Final = ConfigDict(
    json_schema_extra={"anyOf": [{"required": ["points"]}, {"required": ["groups"]}]}
)


class Source(ConfigModel):
    """A public document that says so."""

    ref: Annotated[str, Field(min_length=3, max_length=500)]
    """An address, or `owner/repository:path` with `commit`."""
    kind: Line
    commit: Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")] | None = None


class Profile(ConfigModel):
    """What a model of device is: its points and how to read them."""

    id: Name
    """The name of its file, too."""
    vendor: Line
    model: Line
    category: Category
    labels: Label
    evidence: Evidence
    sources: tuple[Source, ...] = Field(min_length=1, max_length=32)
    note: Note | None = None
    protocol: Literal["modbus", "mqtt"]
    stated_points: tuple[Point, ...] = Field((), alias="points", max_length=POINTS_MAX)
    """The points, in the order people want to see them."""
    examples: tuple[Example, ...] = Field((), max_length=EXAMPLES_MAX)
    """What such a device said once, and what that means: `campus profiles test` compares."""

    @cached_property
    def points(self) -> tuple[Point, ...]:
        """All points that some device of the model has, groups written out."""
        return self.stated_points

    @cached_property
    def points_by_name(self) -> dict[str, Point]:
        """The points, by name."""
        return {point.name: point for point in self.points}


class ModbusProfile(Profile):
    """A device that is asked over Modbus.

    Its points are those of all variants together. What one device has is known once it was asked:
    `resolving.resolve` makes the profile of that device, which `is_plain`.
    """

    model_config = _SOME_POINTS
    protocol: Literal["modbus"]
    modbus: ModbusSection
    stated_points: tuple[ModbusPoint, ...] = Field((), alias="points", max_length=POINTS_MAX)
    """The points, in the order people want to see them."""
    groups: tuple[ModbusGroup, ...] = Field((), max_length=GROUPS_MAX)
    """Points that are there several times."""
    variants: tuple[Variant, ...] = Field((), max_length=VARIANTS_MAX)
    """What is different about some devices of the model."""

    @cached_property
    def common_points(self) -> tuple[ModbusPoint, ...]:
        """The points without those that only variants add."""
        return self.stated_points  # a loaded profile has its groups written out here

    @cached_property
    def effects(self) -> tuple[Effect, ...]:
        """What each variant does."""
        return ()

    @cached_property
    def points(self) -> tuple[ModbusPoint, ...]:
        """All points that some device of the model has, groups written out."""
        if not self.effects:
            return self.common_points
        by_name = {point.name: point for point in self.common_points}
        for effect in self.effects:
            for point in effect.added:
                by_name.setdefault(point.name, point)
        return tuple(by_name.values())

    @property
    def is_plain(self) -> bool:
        """Whether the points are those of every device, where they stand: nothing to resolve."""
        asked = [name for group in self.groups for name in (group.count_from, group.present_from)]
        return not self.variants and not any(asked) and not self.has_blocks

    @cached_property
    def has_blocks(self) -> bool:
        """Whether points lie in SunSpec models, which have to be looked for."""
        parts = [part for point in self.points for part in (point.read, point.write)]
        return any(part is not None and part.block for part in parts)

    def find(self, name: str) -> ModbusPoint | None:
        """Return the point of that name, or None."""
        found = self.points_by_name.get(name)
        return found if isinstance(found, ModbusPoint) else None

    def read_location(self, point: ModbusPoint) -> Location:
        """Return where a readable point is read, on the wire, with every default filled in."""
        assert point.read is not None, f"{point.name} cannot be read"
        return self.modbus.read_location(point.read)

    def write_location(self, point: ModbusPoint) -> Location:
        """Return where a writable point is written, on the wire."""
        assert point.write is not None, f"{point.name} cannot be written"
        return self.modbus.write_location(point.write, point.read)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        # only who loads files needs what puts a profile together
        from device_profiles.assembling import assemble_modbus  # noqa: PLC0415

        points, effects = assemble_modbus(
            self.modbus, self.stated_points, self.groups, self.variants
        )
        vars(self).update(common_points=points, effects=effects)
        return self


class MqttProfile(Profile):
    """A device that speaks by itself, over MQTT."""

    model_config = _SOME_POINTS
    protocol: Literal["mqtt"]
    mqtt: MqttSection
    stated_points: tuple[MqttPoint, ...] = Field((), alias="points", max_length=POINTS_MAX)
    """The points, in the order people want to see them."""
    groups: tuple[MqttGroup, ...] = Field((), max_length=GROUPS_MAX)
    """Points that are there several times."""

    @cached_property
    def points(self) -> tuple[MqttPoint, ...]:
        """All points, groups written out."""
        return self.stated_points

    def find(self, name: str) -> MqttPoint | None:
        """Return the point of that name, or None."""
        found = self.points_by_name.get(name)
        return found if isinstance(found, MqttPoint) else None

    @property
    def topic_parameters(self) -> tuple[str, ...]:
        """The captures that the configuration of a device has to fill in."""
        return self.parameter_sets[0]

    @cached_property
    def parameter_sets(self) -> tuple[tuple[str, ...], ...]:
        """For each topic that the device may have, the captures to be filled in."""
        section = self.mqtt
        return tuple((*captures(topic), *section.captures) for topic in section.topics)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        # only who loads files needs what puts a profile together
        from device_profiles.assembling import assemble_mqtt  # noqa: PLC0415

        vars(self).update(points=assemble_mqtt(self.mqtt, self.stated_points, self.groups))
        return self


AnyProfile = Annotated[ModbusProfile | MqttProfile, Field(discriminator="protocol")]


class ProfileFile(RootModel[Any]):
    """The content of a profile's file."""

    # `RootModel[AnyProfile]` would build all validators on import, 3 MB that running never needs
    model_config = ConfigDict(defer_build=True)
    root: AnyProfile
