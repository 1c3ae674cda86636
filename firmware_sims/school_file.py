"""The described school: the YAML that `campus sims run` takes, as frozen models.

Devices, buses and areas can be repeated over a list instead of being written out:

    - repeat: {room: [101, 102, 103]}
      id: "th-{room}"
      area: "r{room}"

`docs/sims.md` explains every key. What may be repeated holds text where its final form holds an id,
so ids are checked after the repetition, by `school`.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StringConstraints, field_validator, model_validator

from campus_wire.catalog import Label, School
from campus_wire.config_file import ConfigModel
from campus_wire.ids import GatewayId, Name, PointName
from campus_wire.settings import MqttSettings
from firmware_sims.faults import FaultKind

Pattern = Annotated[str, StringConstraints(min_length=1, max_length=100)]
"""An id, possibly with places like `{room}` to fill."""
Number = Annotated[float, Field(ge=-1e12, le=1e12, allow_inf_nan=False)]
RepeatValues = Annotated[
    tuple[Annotated[str, Field(max_length=100)] | int, ...], Field(min_length=1, max_length=1000)
]


def _as_tuple(value: object) -> object:
    if isinstance(value, list):
        return tuple(value)
    return (value,) if isinstance(value, str) else value


Port = Annotated[int, Field(ge=0, le=65_535)]


class Repeated(ConfigModel):
    """What can be written once for many."""

    repeat: dict[PointName, RepeatValues] = Field(default_factory=dict, max_length=3)
    """Every combination of the values makes one entry; `{n}` counts them from 1."""


class AreaEntry(Repeated):
    """A building, floor or room. Kind `chemical_store` has a gas that can leak."""

    id: Pattern
    kind: Pattern
    name: Label
    parent: Pattern | None = None
    physics: dict[PointName, Number] = Field(default_factory=dict)
    """Numbers of the room's shape other than usual: `{seats: 52, volume_m3: 240}`."""


class DeviceEntry(Repeated):
    """One device, or many alike."""

    id: Pattern
    profile: Pattern
    area: Pattern
    name: Label
    interval_s: Annotated[float, Field(gt=0, le=604_800)] = 10.0
    """How often the edge reads it; an MQTT device publishes at least so often."""
    points: tuple[PointName, ...] | None = None
    """Only these are read by the edge; None: all."""
    follows: dict[PointName, Pattern] = Field(default_factory=dict)
    """Points that show another quantity than usual: `{concentration: store-1.gas}`."""
    drives: dict[PointName, Pattern] = Field(default_factory=dict)
    """Points that act when written: `{relay_1: store-1.fan}`."""
    values: dict[PointName, Number] = Field(default_factory=dict)
    """Points that hold a number."""
    sequence_point: PointName | None = None
    """A point that counts the answers (or messages) it was part of."""


class ModbusDeviceEntry(DeviceEntry):
    """A device on a Modbus bus; without `unit_id` it gets the next free one of its bus."""

    unit_id: Annotated[int, Field(ge=1, le=247)] | None = None
    variant: Annotated[tuple[PointName, ...], BeforeValidator(_as_tuple)] | None = None
    """Of the profile's variants the one that this device is, or several; None: the base."""
    blocks: Annotated[tuple[int, ...], Field(min_length=1, max_length=32)] | None = None
    """SunSpec: the models that are there; None: those that the profile's points want."""
    identifies: Literal["both", "identification", "server_id", "none"] = "both"
    """What it answers to function 43/14 (identification) and 17 (server id)."""


class MqttDeviceEntry(DeviceEntry):
    """A device that publishes. `profile: dialect:NAME` is one that describes itself."""

    topic: dict[PointName, Pattern] = Field(default_factory=dict)
    quantities: tuple[PointName, ...] = Field((), max_length=32)
    """What a device that describes itself has."""
    generation: Literal[1, 2] = 2
    """Of a Shelly device."""


class TcpLink(ConfigModel):
    """A TCP endpoint: a device with a network socket, or a gateway with units behind it."""

    transport: Literal["tcp", "rtu_over_tcp", "ascii_over_tcp"]
    """Modbus TCP's own envelope, or frames of a serial line in the stream."""
    host: Annotated[str, Field(min_length=1, max_length=253)] = "127.0.0.1"
    port: Port = 0
    """0: a free one; with `repeat`, port + 0, 1, 2… when it is given."""
    timeout_s: Annotated[float, Field(gt=0, le=60)] = 1.0
    """What the edge's configuration says about the time to answer."""
    turnaround_ms: Annotated[float, Field(ge=0, le=10_000)] = 0.0
    answers_for_missing: bool = False
    """A unit that is not there is answered with exception 11, as gateways do."""
    connections: Literal["many", "refuse", "replace"] = "many"
    """A second connection is served, closed at once, or takes the place of the first."""

    @property
    def framing(self) -> Literal["tcp", "rtu", "ascii"]:
        """What is in the stream."""
        framings: dict[str, Literal["tcp", "rtu", "ascii"]] = {
            "rtu_over_tcp": "rtu",
            "ascii_over_tcp": "ascii",
        }
        return framings.get(self.transport, "tcp")


class RtuLink(ConfigModel):
    """A serial line."""

    transport: Literal["rtu", "ascii"]
    link: Pattern | None = None
    """Name of a symbolic link to a pseudo-terminal made for this line; the bus's id otherwise."""
    port: Path | None = None
    """An existing port instead."""
    baud_rate: Annotated[int, Field(ge=300, le=4_000_000)] = 9600
    real_byte_times: bool = False
    """Bytes take the time that they need at `baud_rate`; `pace` is short for it."""
    echo: bool = False
    """Who sends hears itself."""
    foreign_every_s: Annotated[float, Field(gt=0, le=3600)] | None = None
    """Somebody else's frames, to all, are on the line so often."""
    timeout_s: Annotated[float, Field(gt=0, le=60)] = 0.5
    turnaround_ms: Annotated[float, Field(ge=0, le=10_000)] = 0.0

    @model_validator(mode="before")
    @classmethod
    def _pace(cls, plain: Any) -> Any:
        if isinstance(plain, dict) and "pace" in plain and "real_byte_times" not in plain:
            rest = {key: value for key, value in plain.items() if key != "pace"}
            return {**rest, "real_byte_times": plain["pace"]}
        return plain


class BusEntry(Repeated):
    """One serial line or TCP endpoint with its devices."""

    id: Pattern
    modbus: Annotated[TcpLink | RtuLink, Field(discriminator="transport")]
    devices: tuple[ModbusDeviceEntry, ...] = Field(min_length=1, max_length=1000)


class MqttSourceEntry(ConfigModel):
    """Devices that publish to one broker."""

    id: Name
    broker: MqttSettings | Literal["own"]
    """`own`: the run starts a broker for its school."""
    bridge: Pattern | None = "zigbee2mqtt"
    """The base topic whose `bridge/state` is kept online; null: none."""
    devices: tuple[MqttDeviceEntry, ...] = Field(min_length=1, max_length=1000)


class GatewayEntry(ConfigModel):
    """What one edge agent is connected to."""

    id: GatewayId
    buses: tuple[BusEntry, ...] = ()
    mqtt_sources: tuple[MqttSourceEntry, ...] = ()
    interlocks: tuple[dict[str, Any], ...] = ()
    """Passed on to the edge's configuration as they are."""


class FaultEntry(ConfigModel):
    """A fault by schedule."""

    device: Name
    kind: FaultKind
    at_s: Annotated[float, Field(ge=0)]
    """Seconds after the start of the run."""
    for_s: Annotated[float, Field(gt=0)] | None = None
    """None: to the end."""
    value: Number | None = None
    point: PointName | None = None


class LeakEntry(ConfigModel):
    """A gas leak by schedule."""

    area: Name
    at_s: Annotated[float, Field(ge=0)]
    for_s: Annotated[float, Field(gt=0)] | None = None
    ppm_per_s: Annotated[float, Field(gt=0, le=10_000)] | None = None


class LessonEntry(ConfigModel):
    """A span of the school day."""

    begin: Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
    end: Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
    occupancy: Annotated[float, Field(ge=0, le=1)] = 1.0


class OutdoorEntry(ConfigModel):
    """The weather."""

    mean_c: Number = 12.0
    swing_c: Number = 5.0
    relative_humidity: Annotated[float, Field(gt=0, le=100)] = 65.0


class SchoolFile(ConfigModel):
    """A described school."""

    school: School
    seed: Annotated[int, Field(ge=0, le=2**31)] = 1
    start: dt.datetime = dt.datetime(2026, 3, 2, 8, 5)  # noqa: DTZ001 - local time of the school
    """Local date and time in the simulated world when the run begins."""
    compression: Annotated[float, Field(gt=0, le=3600)] = 1.0
    """Seconds of the simulated world in one real second (gas leaks stay in real time)."""
    outdoor: OutdoorEntry = OutdoorEntry()
    timetable: tuple[LessonEntry, ...] | None = None
    profiles: Path | None = None
    """A folder of profiles beside the built-in ones, from this file's folder."""
    areas: tuple[AreaEntry, ...] = Field(min_length=1, max_length=2000)
    gateways: tuple[GatewayEntry, ...] = Field(min_length=1, max_length=64)
    faults: tuple[FaultEntry, ...] = ()
    leaks: tuple[LeakEntry, ...] = ()

    @field_validator("start")
    @classmethod
    def _is_local(cls, start: dt.datetime) -> dt.datetime:
        if start.tzinfo is not None:
            raise ValueError("is the school's local time: leave the zone out")
        return start
