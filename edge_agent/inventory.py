"""Configuration and profiles joined: the catalog, and the tables that sources need.

Devices of one profile share their points in the catalog, so that their samples carry the same
tuple of positions and travel in the same columns of a batch.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Generic, Protocol, TypeVar

from campus_wire.batch import Sample
from campus_wire.catalog import Catalog, Device, Flag, Point, SampleClass, State
from device_profiles.decoding import Reading
from device_profiles.model import ModbusProfile, MqttProfile
from device_profiles.model_point import Point as ProfilePoint
from edge_agent.config import DeviceConfig, EdgeConfig, ModbusDeviceConfig, MqttDeviceConfig
from edge_agent.config_reports import told_every_s

C_co = TypeVar("C_co", bound=DeviceConfig, covariant=True)
P_co = TypeVar("P_co", bound=ModbusProfile | MqttProfile, covariant=True)

_Split = tuple[SampleClass, tuple[int, ...], tuple[int, ...]]
"""One class among some readings: their positions in the readings, and in the catalog."""


SPLITS_MAX: Final = 1_024
_Splits = dict[tuple[str, ...], tuple[_Split, ...]]
_Shape = tuple[tuple[ProfilePoint, ...], dict[str, int], tuple[ProfilePoint, ...], _Splits]
"""Points, their positions in the catalog, texts, and the readings' splits, filled as they come."""


@dataclass(frozen=True, slots=True)
class InventoryDevice(Generic[C_co, P_co]):
    """One configured device. `index` and `point_indices` are its positions in the catalog."""

    index: int
    source: str
    """The id of its bus or MQTT source."""
    config: C_co
    profile: P_co
    points: tuple[ProfilePoint, ...]
    """The points it uses, in the order of the profile; write-only ones included. Those of all
    variants of the model: which of them the device has is known once it was asked."""
    point_indices: Mapping[str, int]
    texts: tuple[ProfilePoint, ...] = ()
    """What it says in words, which is told in events and is not in the catalog."""
    _splits: _Splits = field(default_factory=dict, repr=False, compare=False)

    @property
    def id(self) -> str:
        """The device's id."""
        return self.config.id

    @property
    def readable(self) -> tuple[ProfilePoint, ...]:
        """The points that can be read."""
        return tuple(point for point in self.points if point.is_readable)

    def point(self, name: str) -> ProfilePoint | None:
        """Return a point by its name, or None."""
        return next((point for point in self.points if point.name == name), None)

    def samples(
        self, readings: Sequence[Reading], time_ns: int
    ) -> Iterator[tuple[SampleClass, Sample]]:
        """Yield one sample for each class among the readings of one instant.

        Readings of points that the device does not use are left out.
        """
        names = tuple([reading.point for reading in readings])
        splits = self._splits.get(names)
        if splits is None:
            if len(self._splits) >= SPLITS_MAX:
                self._splits.clear()  # partial messages come in more shapes than need be kept
            splits = self._splits[names] = tuple(self._split(names))
        for sample_class, positions, points in splits:
            chosen = [readings[position] for position in positions]
            values = tuple([reading.value for reading in chosen])
            qualities = tuple([reading.quality for reading in chosen])
            yield sample_class, Sample(self.index, points, time_ns, values, qualities)

    def _split(self, names: tuple[str, ...]) -> Iterator[_Split]:
        classes = {point.name: point.point_class for point in self.points}
        for wanted in SampleClass:
            positions = tuple(
                position for position, name in enumerate(names) if classes.get(name) == wanted
            )
            if positions:
                yield wanted, positions, tuple(self.point_indices[names[i]] for i in positions)


ModbusDevice = InventoryDevice[ModbusDeviceConfig, ModbusProfile]
MqttDevice = InventoryDevice[MqttDeviceConfig, MqttProfile]
AnyDevice = InventoryDevice[DeviceConfig, ModbusProfile | MqttProfile]


class Inventory:
    """Everything the gateway has, by position, by id and by source."""

    def __init__(
        self,
        catalog: Catalog,
        modbus: Iterable[ModbusDevice],
        mqtt: Iterable[MqttDevice],
    ) -> None:
        self.catalog = catalog
        self.modbus = tuple(modbus)
        self.mqtt = tuple(mqtt)
        self._by_id: dict[str, AnyDevice] = {device.id: device for device in self.devices}

    @property
    def devices(self) -> tuple[AnyDevice, ...]:
        """All devices, in the order of the catalog."""
        return (*self.modbus, *self.mqtt)

    def device(self, device_id: str) -> AnyDevice | None:
        """Return a device by its id, or None."""
        return self._by_id.get(device_id)

    def on_bus(self, bus: str) -> tuple[ModbusDevice, ...]:
        """Return the devices of one Modbus bus."""
        return tuple(device for device in self.modbus if device.source == bus)

    def on_mqtt_source(self, source: str) -> tuple[MqttDevice, ...]:
        """Return the devices of one local broker."""
        return tuple(device for device in self.mqtt if device.source == source)


class Profiles(Protocol):
    """Where profiles are looked up: `device_profiles.library.Library`."""

    def get(self, id_: str, /) -> ModbusProfile | MqttProfile:
        """Return a profile by its id."""


def build_inventory(config: EdgeConfig, library: Profiles) -> Inventory:
    """Join a checked configuration with its profiles.

    The order of the catalog is that of the configuration: buses first, then MQTT sources.
    """
    maker = _Maker(library)
    modbus = [
        maker.add(bus.id, device, ModbusProfile) for bus in config.buses for device in bus.devices
    ]
    mqtt = [
        maker.add(source.id, device, MqttProfile)
        for source in config.mqtt_sources
        for device in source.devices
    ]
    catalog = Catalog(
        gateway=config.gateway,
        school=config.school,
        areas=config.areas,
        points=tuple(maker.points),
        devices=tuple(maker.devices),
    )
    return Inventory(catalog, modbus, mqtt)


D = TypeVar("D", bound=DeviceConfig)
P = TypeVar("P", ModbusProfile, MqttProfile)


class _Maker:
    """Hands out positions: one for each device, one for each point of a profile."""

    def __init__(self, library: Profiles) -> None:
        self.points: list[Point] = []
        self.devices: list[Device] = []
        self._library = library
        self._positions: dict[tuple[str, str], int] = {}
        self._moved: dict[tuple[str, Hashable], ModbusProfile] = {}
        self._shapes: dict[tuple[str, tuple[str, ...] | None], _Shape] = {}

    def add(self, source: str, config: D, kind: type[P]) -> InventoryDevice[D, P]:
        profile = self._library.get(config.profile)
        if isinstance(config, ModbusDeviceConfig) and config.address_offset is not None:
            profile = self._shifted(profile, config)
        assert isinstance(profile, kind), f"{config.id}: {profile.id} is of another protocol"
        chosen, positions, texts, splits = self._shape(config, profile)
        device = Device(
            id=config.id,
            name=config.name,
            profile=profile.id,
            category=profile.category,
            area=config.area,
            interval_s=told_every_s(config),
            points=tuple(positions.values()),
        )
        self.devices.append(device)
        return InventoryDevice(
            index=len(self.devices) - 1,
            source=source,
            config=config,
            profile=profile,
            points=chosen,
            point_indices=positions,
            texts=texts,
            _splits=splits,
        )

    def _shifted(
        self, profile: ModbusProfile | MqttProfile, config: ModbusDeviceConfig
    ) -> ModbusProfile:
        """Return the profile at the device's own addresses, one for all that have the same."""
        from device_profiles.shifting import shifted  # noqa: PLC0415  (few devices need it)

        assert isinstance(profile, ModbusProfile), f"{config.id}: MQTT has no addresses"
        offset = config.address_offset
        assert offset is not None, f"{config.id} has no offset"
        by_table = tuple(sorted(offset.items())) if isinstance(offset, dict) else offset
        key = (config.profile, by_table)
        if key not in self._moved:
            self._moved[key] = shifted(profile, offset)
        return self._moved[key]

    def _shape(self, config: DeviceConfig, profile: ModbusProfile | MqttProfile) -> _Shape:
        """Return what devices of one profile and the same points share.

        The name in the configuration counts: devices that describe themselves may be of one model
        and yet have different points.
        """
        name, wanted = config.profile, config.points
        key = (name, wanted)
        if key not in self._shapes:
            told = [point for point in profile.points if not point.hidden]
            used = [point for point in told if wanted is None or point.name in wanted]
            chosen = tuple(point for point in used if not point.is_text)
            positions = {point.name: self._position(name, point) for point in chosen}
            texts = tuple(point for point in used if point.is_text)
            self._shapes[key] = (chosen, positions, texts, {})
        return self._shapes[key]

    def _position(self, profile: str, point: ProfilePoint) -> int:
        key = (profile, point.name)
        if key not in self._positions:
            self._positions[key] = len(self.points)
            self.points.append(_catalog_point(point))
        return self._positions[key]


def _catalog_point(point: ProfilePoint) -> Point:
    plain = {
        "name": point.name,
        "unit": point.unit,
        "label": point.labels,
        "class": point.point_class,
        "writable": point.is_writable,
        "minimum": point.minimum,
        "maximum": point.maximum,
        "states": tuple(
            State(value=number, label=label) for number, label in sorted(point.states.items())
        ),
        "flags": tuple(Flag(bit=bit, label=label) for bit, label in sorted(point.flags.items())),
        "wraps_at": point.counter.wraps_at if point.counter is not None else None,
    }
    return Point.model_validate(plain)  # `class` is no name for a keyword argument
