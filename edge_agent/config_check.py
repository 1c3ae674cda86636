"""What only the whole configuration, together with the profiles, can tell."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from campus_wire.config_file import load_document
from campus_wire.limits import AREA_DEPTH_MAX
from campus_wire.suggest import suggest
from device_profiles.dialects import DIALECTS
from device_profiles.library import Library
from device_profiles.model import ModbusProfile, MqttProfile
from device_profiles.model_point import Point
from edge_agent.config import (
    BusConfig,
    DeviceConfig,
    EdgeConfig,
    InterlockConfig,
    ModbusDeviceConfig,
    SerialModbus,
)
from edge_agent.config_reports import report_mistakes
from edge_agent.dialect_devices import (
    PREFIX,
    DescribedLibrary,
    Waiting,
    describe_devices,
    without_waiting,
)
from edge_agent.serial_ports import same_ports

Profile = ModbusProfile | MqttProfile
Key = tuple[str | int, ...]

_SERIAL_UNIT_MAX = 247  # MODBUS over Serial Line V1.02, section 2.2; 0 is the broadcast


@dataclass(frozen=True, slots=True)
class Finding:
    """One mistake: the keys that lead to it, what is wrong, and what was probably meant."""

    key: Key
    message: str
    suggestion: str = ""
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class LoadedConfig:
    """A configuration without mistakes, and the profiles it speaks of."""

    config: EdgeConfig
    """Without the devices that wait, and what speaks of them."""
    library: Library | DescribedLibrary
    waiting: tuple[Waiting, ...] = ()
    """Devices that have not described themselves yet, and what waits for them."""


def load_config(path: Path) -> LoadedConfig:
    """Read and check `edge.yaml`.

    Raises:
        ConfigFileError: with all mistakes, each with its line.
        ProfileError: a profile in the folder `profiles` has a mistake.
    """
    document = load_document(path, EdgeConfig)
    library = Library.builtin(document.value.profiles)
    described = describe_devices(document.value)
    found = [
        *(Finding(key, message, suggestion) for key, message, suggestion in described.mistakes),
        *find_mistakes(described.config, library, described.profiles),
        *_one_port_by_two_names(document.value),
    ]
    document.refuse(
        [
            document.mistake(one.key, one.message, suggestion=one.suggestion, remedy=one.remedy)
            for one in found
        ]
    )
    config, waiting = without_waiting(described)
    return LoadedConfig(config, DescribedLibrary(library, described.profiles), waiting)


def _one_port_by_two_names(config: EdgeConfig) -> Iterator[Finding]:
    for same in same_ports(config):
        yield one_connection(same.bus, config.buses[same.bus], config.buses[same.first].id)


def find_mistakes(
    config: EdgeConfig, library: Library, described: Mapping[str, MqttProfile] | None = None
) -> list[Finding]:
    """Return everything that does not fit together (pure).

    Args:
        config: the whole configuration.
        library: the profiles that it may name.
        described: the profiles that devices gave of themselves, by what they have as their profile.
    """
    # Only those that are named: reading the whole library takes seconds.
    named = sorted({device.profile for _, _, device in each_device(config)})
    profiles: dict[str, Profile] = {id_: library.get(id_) for id_ in named if id_ in library}
    profiles |= described or {}
    return [
        *_areas(config),
        *_sources(config),
        *_devices(config, profiles, library.ids),
        *(finding for at, bus in enumerate(config.buses) for finding in _units(at, bus)),
        *_topics(config, profiles),
        *_interlocks(config, profiles),
        *_fallback(config, profiles),
    ]


def _twice(what: str, keyed: Iterable[tuple[Key, str]]) -> Iterator[Finding]:
    seen: set[str] = set()
    for key, name in keyed:
        if name in seen:
            yield Finding(key, f"{what} {name} is given twice")
        seen.add(name)


def _unknown(key: Key, what: str, name: str, *, known: Iterable[str]) -> Finding:
    names = sorted(known)
    suggestion = suggest(name, names)
    remedy = "" if suggestion or not names or len(names) > 20 else "known: " + ", ".join(names)
    return Finding(key, f"there is no {what} {name}", suggestion, remedy)


def _areas(config: EdgeConfig) -> Iterator[Finding]:
    yield from _twice(
        "the area", [(("areas", at, "id"), area.id) for at, area in enumerate(config.areas)]
    )
    parents = {area.id: area.parent for area in config.areas}
    for at, area in enumerate(config.areas):
        key = ("areas", at, "parent")
        if area.parent is None:
            continue
        if area.parent not in parents:
            yield _unknown(key, "area", area.parent, known=parents)
        elif _depth(area.id, parents) > AREA_DEPTH_MAX:
            message = f"area {area.id} lies in itself, or over {AREA_DEPTH_MAX} deep"
            yield Finding(key, message)


def _depth(area: str, parents: dict[str, str | None]) -> int:
    depth = 0
    at: str | None = area
    while at is not None and depth <= AREA_DEPTH_MAX:
        depth += 1
        at = parents.get(at)
    return depth


def _sources(config: EdgeConfig) -> Iterator[Finding]:
    ids: list[tuple[Key, str]] = [
        *((("buses", at, "id"), bus.id) for at, bus in enumerate(config.buses)),
        *((("mqtt_sources", at, "id"), one.id) for at, one in enumerate(config.mqtt_sources)),
    ]
    yield from _twice("the source", ids)
    seen: dict[str, str] = {}
    for at, bus in enumerate(config.buses):
        first = seen.setdefault(_endpoint(bus), bus.id)
        if first != bus.id:
            yield one_connection(at, bus, first)


def one_connection(at: int, bus: BusConfig, first: str) -> Finding:
    """Return the mistake of two buses at one endpoint.

    Two connections would disturb each other on the line behind it, and many devices take only one.
    """
    return Finding(
        ("buses", at, "modbus"),
        f"the endpoint {_endpoint(bus)} is bus {first} already, and takes one connection",
        remedy=f"list all its devices under bus {first}, each with its unit_id",
    )


def _endpoint(bus: BusConfig) -> str:
    link = bus.modbus
    if isinstance(link, SerialModbus):
        return link.port
    return f"{link.host.lower().strip('[]').rstrip('.')}:{link.port}"


def _offset(key: Key, device: ModbusDeviceConfig, profile: ModbusProfile) -> Iterator[Finding]:
    if device.address_offset is None:
        return
    from device_profiles.shifting import ShiftError, shifted  # noqa: PLC0415  (few devices need it)

    try:
        shifted(profile, device.address_offset)
    except ShiftError as error:
        yield Finding((*key, "address_offset"), str(error))


def each_device(config: EdgeConfig) -> Iterator[tuple[Key, str, DeviceConfig]]:
    """Yield the key, the protocol and the configuration of every device."""
    for at, bus in enumerate(config.buses):
        for number, device in enumerate(bus.devices):
            yield ("buses", at, "devices", number), "modbus", device
    for at, source in enumerate(config.mqtt_sources):
        for number, listener in enumerate(source.devices):
            yield ("mqtt_sources", at, "devices", number), "mqtt", listener


def _devices(
    config: EdgeConfig, profiles: dict[str, Profile], known: Sequence[str]
) -> Iterator[Finding]:
    areas = {area.id for area in config.areas}
    devices = list(each_device(config))
    yield from _twice("the device", [((*key, "id"), device.id) for key, _, device in devices])
    for key, protocol, device in devices:
        if device.area not in areas:
            yield _unknown((*key, "area"), "area", device.area, known=areas)
        profile = profiles.get(device.profile)
        if profile is None and device.profile.startswith(PREFIX):
            continue  # it waits, or its dialect is unknown
        if profile is None and protocol == "mqtt" and device.profile in DIALECTS:
            message = f"{device.profile} is a dialect, not a profile"
            yield Finding((*key, "profile"), message, f"{PREFIX}{device.profile}")
            continue
        if profile is None:
            yield _unknown((*key, "profile"), "profile", device.profile, known=known)
            continue
        if profile.protocol != protocol:
            message = f"{profile.id} is a profile for {profile.protocol}, not for {protocol}"
            yield Finding((*key, "profile"), message)
        elif isinstance(device, ModbusDeviceConfig) and isinstance(profile, ModbusProfile):
            yield from _offset(key, device, profile)
        yield from _chosen_points(key, device, profile)
        for path, *rest in report_mistakes(device, profile.points):
            yield Finding((*key, *path), *rest)


_TEXTS_ALONE: Final = (
    "a text travels as an event; count it besides, with a point whose read has the text's path and"
    " other_values: 1"
)


def _chosen_points(key: Key, device: DeviceConfig, profile: Profile) -> Iterator[Finding]:
    told = [point for point in profile.points if not point.hidden]
    names = [point.name for point in told]
    unknown = [at for at, name in enumerate(device.points or ()) if name not in names]
    for at in unknown:
        assert device.points is not None
        yield _unknown((*key, "points", at), "point", device.points[at], known=names)
    numbers = [point.name for point in told if not point.is_text]
    if not unknown and not any(device.points is None or name in device.points for name in numbers):
        message = "there is no point with a number among those it uses"
        remedy = _TEXTS_ALONE if any(point.is_text for point in told) else ""
        yield Finding((*key, "points" if device.points else "profile"), message, remedy=remedy)


def _units(at: int, bus: BusConfig) -> Iterator[Finding]:
    seen: dict[tuple[int, str], str] = {}
    serial = isinstance(bus.modbus, SerialModbus)
    for number, device in enumerate(bus.devices):
        key = ("buses", at, "devices", number, "unit_id")
        unit = device.unit_id
        # devices behind one unit differ in their addresses
        same = (unit, str(device.address_offset or 0))
        if same in seen:
            yield Finding(key, f"unit {unit} on bus {bus.id} is {seen[same]} already")
        if serial and not 1 <= unit <= _SERIAL_UNIT_MAX:
            yield Finding(key, f"a serial line has units 1 to {_SERIAL_UNIT_MAX}, not {unit}")
        seen.setdefault(same, device.id)


def _topics(config: EdgeConfig, profiles: dict[str, Profile]) -> Iterator[Finding]:
    for at, source in enumerate(config.mqtt_sources):
        seen: dict[tuple[object, ...], str] = {}
        for number, device in enumerate(source.devices):
            key = ("mqtt_sources", at, "devices", number, "topic")
            same = (device.profile, *sorted(device.topic.items()))
            if same in seen:
                yield Finding(key, f"device {seen[same]} has the same topics")
            seen.setdefault(same, device.id)
            profile = profiles.get(device.profile)
            if isinstance(profile, MqttProfile):
                yield from _parameters(key, tuple(device.topic), profile)


def _parameters(key: Key, given: Sequence[str], profile: MqttProfile) -> Iterator[Finding]:
    # of topics that may stand in each other's place, the one that most of the captures are given of
    wanted = max(profile.parameter_sets, key=lambda names: len(set(names) & set(given)))
    for name in wanted:
        if name not in given:
            yield Finding(key, f"{name} is missing, which profile {profile.id} asks for")
    for name in given:
        if name not in wanted:
            yield _unknown((*key, name), f"topic parameter of {profile.id}", name, known=wanted)


def _interlocks(config: EdgeConfig, profiles: dict[str, Profile]) -> Iterator[Finding]:
    devices = {device.id: device for _, _, device in each_device(config)}
    yield from _twice(
        "the interlock",
        [(("interlocks", at, "id"), one.id) for at, one in enumerate(config.interlocks)],
    )
    for at, interlock in enumerate(config.interlocks):
        key: Key = ("interlocks", at)
        when, then = interlock.when, interlock.then
        sensor, said = _point((*key, "when"), when.device, when.point, devices, profiles)
        yield from said
        if sensor is not None and not sensor.is_readable:
            yield Finding((*key, "when", "point"), f"{when.point} cannot be read")
        actor, said = _point((*key, "then"), then.device, then.point, devices, profiles)
        yield from said
        if actor is not None:
            yield from _writes(key, interlock, actor)


def _fallback(config: EdgeConfig, profiles: dict[str, Profile]) -> Iterator[Finding]:
    devices = {device.id: device for _, _, device in each_device(config)}
    for at, wanted in enumerate(config.fallback.writes):
        key: Key = ("fallback", "writes", at)
        point, said = _point(key, wanted.device, wanted.point, devices, profiles)
        yield from said
        if point is not None and point.write is None:
            yield Finding((*key, "point"), f"{point.name} cannot be written")
        elif point is not None:
            yield from _allowed((*key, "value"), wanted.value, point)


def _point(
    key: Key,
    device_id: str,
    name: str,
    devices: dict[str, DeviceConfig],
    profiles: dict[str, Profile],
) -> tuple[Point | None, list[Finding]]:
    device = devices.get(device_id)
    if device is None:
        return None, [_unknown((*key, "device"), "device", device_id, known=devices)]
    profile = profiles.get(device.profile)
    if profile is None:
        return None, []  # said at the device
    used = {
        point.name: point
        for point in profile.points
        if (device.points is None or point.name in device.points)
        and not (point.hidden or point.is_text)  # which no sample ever tells
    }
    if name not in used:
        return None, [_unknown((*key, "point"), f"point of {device_id}", name, known=used)]
    return used[name], []


def _writes(key: Key, interlock: InterlockConfig, point: Point) -> Iterator[Finding]:
    if point.write is None:
        yield Finding((*key, "then", "point"), f"{point.name} cannot be written")
        return
    yield from _allowed((*key, "then", "value"), interlock.then.value, point)
    if interlock.otherwise is not None:
        yield from _allowed((*key, "otherwise", "value"), interlock.otherwise.value, point)


def _allowed(key: Key, value: float, point: Point) -> Iterator[Finding]:
    if point.states and value not in point.states:
        shown = ", ".join(f"{number}" for number in sorted(point.states))
        yield Finding(key, f"{point.name} takes {shown}, not {value:g}")
    low = point.write.minimum if point.write is not None else None
    high = point.write.maximum if point.write is not None else None
    if (low is not None and value < low) or (high is not None and value > high):
        yield Finding(key, f"{value:g} lies outside what may be written to {point.name}")
