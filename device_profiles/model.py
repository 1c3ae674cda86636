"""What a profile says. One YAML file per model of device; `docs/profiles.md` is the guide.

A point has a head that no protocol changes (name, unit, labels, limits, states) and says under
`read` and `write` how its protocol gets at it. New ways of reading become new keys there; whoever
uses `Point` needs not know them.

Key names are Home Assistant's where it has one, else Telegraf's.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Annotated, Literal, Self

from pydantic import Field, RootModel, model_validator
from pydantic_core import PydanticCustomError

from campus_wire.catalog import Label
from campus_wire.config_model import ConfigModel, mistake_at, raise_all
from campus_wire.ids import Name
from campus_wire.suggest import suggest
from device_profiles.categories import Category
from device_profiles.model_modbus import (
    ADDRESS_MAX,
    Location,
    ModbusPoint,
    ModbusRead,
    ModbusSection,
)
from device_profiles.model_mqtt import MqttPoint, MqttSection
from device_profiles.model_point import Note, Point
from device_profiles.topics import captures

Evidence = Literal["datasheet", "bench", "field"]
"""How far the map is proven: read in a document, tried on a bench, in use at a school."""

Line = Annotated[str, Field(min_length=1, max_length=200)]
Mistakes = Iterator[PydanticCustomError]


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
    points: tuple[Point, ...] = Field(min_length=1, max_length=2_000)

    @cached_property
    def points_by_name(self) -> dict[str, Point]:
        """The points, by name."""
        return {point.name: point for point in self.points}

    @model_validator(mode="after")
    def _points_fit_together(self) -> Self:
        raise_all([*self._name_mistakes(), *self._write_mistakes(), *self._protocol_mistakes()])
        return self

    def _name_mistakes(self) -> Mistakes:
        seen: set[str] = set()
        for index, point in enumerate(self.points):
            if point.name in seen:
                yield mistake_at(("points", index, "name"), f"{point.name} is given twice")
            seen.add(point.name)

    def _write_mistakes(self) -> Mistakes:
        readable = [point.name for point in self.points if point.is_readable]
        for index, point in enumerate(self.points):
            key, write = ("points", index, "write"), point.write
            if write is None:
                continue
            if not point.states and (write.minimum is None or write.maximum is None):
                remedy = "give minimum and maximum here, or states to the point"
                yield mistake_at(key, "nothing bounds what may be written", remedy=remedy)
            if point.states and write.safe_value not in (None, *point.states):
                yield mistake_at((*key, "safe_value"), "is none of the states")
            if write.read_back is not None and write.read_back not in readable:
                message = f"{write.read_back} is no point that can be read"
                meant = suggest(write.read_back, readable)
                yield mistake_at((*key, "read_back"), message, suggestion=meant)
            for number, name in enumerate(write.also_writes):
                if name not in self.points_by_name:
                    meant = suggest(name, self.points_by_name)
                    where = (*key, "also_writes", number)
                    yield mistake_at(where, f"{name} is no point of this profile", suggestion=meant)

    def _protocol_mistakes(self) -> Mistakes:
        return iter(())


class ModbusProfile(Profile):
    """A device that is asked over Modbus."""

    protocol: Literal["modbus"]
    modbus: ModbusSection
    points: tuple[ModbusPoint, ...] = Field(min_length=1, max_length=2_000)

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

    def _protocol_mistakes(self) -> Mistakes:
        section = self.modbus
        for index, one in enumerate(section.forbidden):
            for end in ("first", "last"):
                try:
                    section.wire_address(one.input_type, getattr(one, end))
                except ValueError as error:
                    yield mistake_at(("modbus", "forbidden", index, end), str(error))
                    return
        for index, point in enumerate(self.points):
            if point.read is not None:
                yield from self._read_mistakes(("points", index, "read"), point.read)
            if point.write is not None:
                yield from self._target_mistakes(("points", index, "write"), point)

    def _read_mistakes(self, key: tuple[str | int, ...], read: ModbusRead) -> Mistakes:
        section = self.modbus
        try:
            place = section.read_location(read)
        except ValueError as error:
            yield mistake_at((*key, "address"), str(error))
            return
        last = place.address + place.count - 1
        limit = section.max_word_registers_per_request
        if last > ADDRESS_MAX:
            yield mistake_at((*key, "address"), "the value runs past the last address")
        if not place.table.holds_bits and place.count > limit:
            yield mistake_at(key, f"takes {place.count} registers; a request may hold {limit}")
        if section.is_forbidden(place.table, place.address, last):
            yield mistake_at((*key, "address"), "lies in a forbidden range")

    def _target_mistakes(self, key: tuple[str | int, ...], point: ModbusPoint) -> Mistakes:
        write, read = point.write, point.read
        assert write is not None
        try:
            place = self.modbus.write_location(write, read)
        except ValueError as error:
            yield mistake_at((*key, "address"), str(error))
            return
        if write.function == 6 and place.count > 1:
            message = f"function 6 writes one register, {place.data_type} takes {place.count}"
            yield mistake_at((*key, "function"), message, remedy="use function 16")
        elif write.address is None and read is not None and read.input_type is not place.table:
            message = f"is needed: {read.input_type} is not the table that function writes to"
            yield mistake_at((*key, "address"), message)
        elif read is not None and read.bit is not None and write.address is None:
            yield mistake_at(key, "writing single bits of a register would change its neighbours")


class MqttProfile(Profile):
    """A device that speaks by itself, over MQTT."""

    protocol: Literal["mqtt"]
    mqtt: MqttSection
    points: tuple[MqttPoint, ...] = Field(min_length=1, max_length=2_000)

    def find(self, name: str) -> MqttPoint | None:
        """Return the point of that name, or None."""
        found = self.points_by_name.get(name)
        return found if isinstance(found, MqttPoint) else None

    @property
    def topic_parameters(self) -> tuple[str, ...]:
        """The captures that the configuration of a device has to fill in."""
        return captures(self.mqtt.topic)

    def _protocol_mistakes(self) -> Mistakes:
        known = self.topic_parameters
        for key, pattern in self._patterns():
            for name in captures(pattern):
                if name not in known:
                    message = f"{{{name}}} is not captured by the section's topic"
                    yield mistake_at(key, message, suggestion=suggest(name, known))

    def _patterns(self) -> Iterator[tuple[tuple[str | int, ...], str]]:
        for index, availability in enumerate(self.mqtt.availability):
            yield ("mqtt", "availability", index, "topic"), availability.topic
        for index, point in enumerate(self.points):
            if point.read is not None and point.read.topic is not None:
                yield ("points", index, "read", "topic"), point.read.topic
            if point.write is not None:
                yield ("points", index, "write", "topic"), point.write.topic


AnyProfile = Annotated[ModbusProfile | MqttProfile, Field(discriminator="protocol")]


class ProfileFile(RootModel[AnyProfile]):
    """The content of a profile's file."""
