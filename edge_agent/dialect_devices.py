"""Devices of a configuration whose profile is what they say of themselves.

`profile: dialect:zigbee2mqtt` takes the place of a profile's id; `topic` names the device by what
its dialect calls it, or by `id`. One that has not described itself yet waits, and with it the
interlocks and safe values that speak of it; the others run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import orjson

from campus_wire.suggest import suggest
from device_profiles.dialects import DIALECTS, FoundDevice
from device_profiles.dialects.profiles import as_profile
from device_profiles.library import Library
from device_profiles.model import ModbusProfile, MqttProfile
from edge_agent.config import EdgeConfig, MqttDeviceConfig, MqttSourceConfig
from edge_agent.dialect_store import descriptions_path, load_descriptions

PREFIX: Final = "dialect:"
ID: Final = "id"
"""The key in `topic` for what stays the same when a device is renamed."""

Key = tuple[str | int, ...]
Heard = Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A device, interlock or safe value that cannot run yet, and why."""

    what: str
    """`device door-101`, `interlock extraction`."""
    why: str

    def __str__(self) -> str:
        return f"{self.what} waits: {self.why}"


@dataclass(frozen=True, slots=True)
class Described:
    """A configuration with the profiles of its devices that described themselves."""

    config: EdgeConfig
    """As it was, with those devices' profiles and topics filled in, and with all dialects that are
    to be listened for."""
    profiles: Mapping[str, MqttProfile]
    """By what these devices have as their profile now."""
    waiting: Mapping[str, Waiting] = field(default_factory=dict)
    """By device."""
    mistakes: Sequence[tuple[Key, str, str]] = ()
    """Keys, message and suggestion."""


class DescribedLibrary:
    """The profiles of a library, and those that devices gave of themselves."""

    def __init__(self, library: Library, described: Mapping[str, MqttProfile]) -> None:
        self._library = library
        self._described = described

    def get(self, id_: str) -> ModbusProfile | MqttProfile:
        """Return a profile.

        Raises:
            UnknownProfileError: there is none of that id.
        """
        return self._described.get(id_) or self._library.get(id_)

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of the library's own profiles, sorted."""
        return self._library.ids


def describe_devices(
    config: EdgeConfig, read: Callable[[MqttSourceConfig], Heard] | None = None
) -> Described:
    """Return the configuration with the profiles that its devices gave of themselves.

    Args:
        config: as it was read.
        read: what was heard on a local broker, by topic; by default from the files by the spool.
    """
    spool = config.spool.path
    read = read or (lambda source: load_descriptions(descriptions_path(spool, source.id)))
    maker = _Maker()
    sources = tuple(
        maker.source(("mqtt_sources", at), source, read)
        for at, source in enumerate(config.mqtt_sources)
    )
    return Described(
        config.model_copy(update={"mqtt_sources": sources}),
        maker.profiles,
        maker.waiting,
        maker.mistakes,
    )


class _Maker:
    def __init__(self) -> None:
        self.profiles: dict[str, MqttProfile] = {}
        self.waiting: dict[str, Waiting] = {}
        self.mistakes: list[tuple[Key, str, str]] = []

    def source(
        self, key: Key, source: MqttSourceConfig, read: Callable[[MqttSourceConfig], Heard]
    ) -> MqttSourceConfig:
        for at, name in enumerate(source.dialects):
            self._check_name((*key, "dialects", at), name)
        names = dialects_of(source)
        if not names and not any(one.profile.startswith(PREFIX) for one in source.devices):
            return source
        heard = read(source)
        found = [one for name in names for one in DIALECTS[name].describe(heard)]
        devices = tuple(
            self._device((*key, "devices", at), device, found)
            if device.profile.startswith(PREFIX)
            else device
            for at, device in enumerate(source.devices)
        )
        return source.model_copy(update={"devices": devices, "dialects": names})

    def _check_name(self, key: Key, name: str) -> bool:
        if name not in DIALECTS:
            self.mistakes.append(
                (key, f"there is no dialect {name}", suggest(name, DIALECTS) or "")
            )
        return name in DIALECTS

    def _device(
        self, key: Key, device: MqttDeviceConfig, found: Iterable[FoundDevice]
    ) -> MqttDeviceConfig:
        name = device.profile.removeprefix(PREFIX)
        if not self._check_name((*key, "profile"), name):
            return device
        if not device.topic:
            message = f"says which device of {name} is meant, for example by {ID}"
            self.mistakes.append(((*key, "topic"), message, ""))
            return device
        spoken = [one for one in found if one.dialect == name]
        # a Sparkplug node is named by part of what names its devices: whole names go first
        fits = [one for one in spoken if one.topic == device.topic] or [
            one for one in spoken if _is_meant(one, device.topic)
        ]
        if len(fits) > 1:
            ids = ", ".join(one.id for one in fits[:5])
            self.mistakes.append(((*key, "topic"), f"fits {len(fits)} devices: {ids}", ""))
        if len(fits) != 1:
            said = " ".join(device.topic.values())
            why = f"{said} has not described itself to {name} yet"
            self.waiting[device.id] = Waiting(f"device {device.id}", why)
            return device
        return device.model_copy(update={"profile": self._profile(fits[0]), "topic": fits[0].topic})

    def _profile(self, found: FoundDevice) -> str:
        # one profile for all devices that say the same, so that they share the catalog's points
        content = orjson.dumps(found.profile, option=orjson.OPT_NON_STR_KEYS)
        key = f"{PREFIX}{found.dialect}:{hashlib.sha256(content).hexdigest()[:16]}"
        if key not in self.profiles:
            self.profiles[key] = as_profile(found.profile)
        return key


def dialects_of(source: MqttSourceConfig) -> tuple[str, ...]:
    """Return the dialects to listen for: those asked for, and those of its devices."""
    of_devices = (
        device.profile.split(":")[1]
        for device in source.devices
        if device.profile.startswith(PREFIX)
    )
    wanted = (*source.dialects, *of_devices)
    return tuple(name for name in dict.fromkeys(wanted) if name in DIALECTS)


def _is_meant(found: FoundDevice, wanted: Mapping[str, str]) -> bool:
    told = {**found.topic, ID: found.id}
    return all(told.get(key) == text for key, text in wanted.items())


def without_waiting(described: Described) -> tuple[EdgeConfig, tuple[Waiting, ...]]:
    """Return the configuration that can run now, and what waits."""
    config, waiting = described.config, described.waiting
    if not waiting:
        return config, ()
    held = list(waiting.values())
    sources = tuple(
        source.model_copy(
            update={"devices": tuple(one for one in source.devices if one.id not in waiting)}
        )
        for source in config.mqtt_sources
    )
    interlocks = []
    for interlock in config.interlocks:
        missing = {interlock.when.device, interlock.then.device} & waiting.keys()
        if missing:
            why = f"{', '.join(sorted(missing))} has not described itself yet"
            held.append(Waiting(f"interlock {interlock.id}", why))
        else:
            interlocks.append(interlock)
    writes = tuple(one for one in config.fallback.writes if one.device not in waiting)
    held += _held_writes(config, waiting)
    return (
        config.model_copy(
            update={
                "mqtt_sources": sources,
                "interlocks": tuple(interlocks),
                "fallback": config.fallback.model_copy(update={"writes": writes}),
            }
        ),
        tuple(held),
    )


def _held_writes(config: EdgeConfig, waiting: Mapping[str, Waiting]) -> Iterator[Waiting]:
    for one in config.fallback.writes:
        if one.device in waiting:
            why = f"{one.device} has not described itself yet"
            yield Waiting(f"safe value of {one.device} {one.point}", why)
