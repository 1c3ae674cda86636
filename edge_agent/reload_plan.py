"""What a new configuration changes in a running agent (pure).

A source whose connection stays the same goes on: with the same devices it learns their new places
in the catalog, with others it plans anew. Only one whose connection changes ends and begins again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from device_profiles.model import ModbusProfile, MqttProfile
from device_profiles.model_point import Point
from edge_agent.config import BusConfig, EdgeConfig, MqttSourceConfig
from edge_agent.inventory import AnyDevice, Inventory, InventoryDevice, ModbusDevice

Source = BusConfig | MqttSourceConfig
AnyProfile = ModbusProfile | MqttProfile

_FIXED_SECTIONS = ("spool", "clock")
_FIXED_UPLINK = (
    *("broker", "backlog_batches_per_s", "backlog_window"),
    *("ack_timeout_s", "safety_ack_timeout_s", "status_interval_s"),
)


@dataclass(frozen=True, slots=True)
class ReloadPlan:
    """What becomes of each source, by its id, and of the devices."""

    ended: tuple[str, ...]
    """Are gone, or begin again."""
    begun: tuple[str, ...]
    replanned: tuple[str, ...]
    """Go on with other devices."""
    kept: tuple[str, ...]
    """Go on with the same devices, whose places in the catalog may differ."""
    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]

    def facts(self) -> dict[str, int]:
        """Return it in figures, for log and event."""
        return {
            "devices_added": len(self.added),
            "devices_changed": len(self.changed),
            "devices_removed": len(self.removed),
            "sources_begun": len(self.begun),
            "sources_ended": len(self.ended),
        }


def needs_restart(old: EdgeConfig, new: EdgeConfig) -> tuple[str, ...]:
    """Return the keys whose change a running agent cannot take."""
    keys = [] if old.gateway == new.gateway else ["gateway"]
    for section in _FIXED_SECTIONS:
        keys += _differing(section, getattr(old, section), getattr(new, section))
    keys += [
        f"uplink.{key}"
        for key in _FIXED_UPLINK
        if getattr(old.uplink, key) != getattr(new.uplink, key)
    ]
    return tuple(keys)


def _differing(section: str, old: object, new: object) -> list[str]:
    names = type(old).model_fields  # type: ignore[attr-defined]
    return [f"{section}.{name}" for name in names if getattr(old, name) != getattr(new, name)]


def plan_reload(old: tuple[EdgeConfig, Inventory], new: tuple[EdgeConfig, Inventory]) -> ReloadPlan:
    """Compare two configurations, each with its inventory."""
    before, after = _sources(old[0]), _sources(new[0])
    ended = [
        name
        for name, source in before.items()
        if name not in after or not _goes_on(name, source, after[name], old[1], new[1])
    ]
    begun = [name for name in after if name not in before or name in ended]
    going = [name for name in after if name not in begun]
    same = [name for name in going if _devices(old[1], name) == _devices(new[1], name)]
    mine, theirs = _by_id(old[1].devices), _by_id(new[1].devices)
    return ReloadPlan(
        ended=tuple(ended),
        begun=tuple(begun),
        replanned=tuple(name for name in going if name not in same),
        kept=tuple(same),
        added=tuple(name for name in theirs if name not in mine),
        changed=tuple(name for name in theirs if name in mine and mine[name] != theirs[name]),
        removed=tuple(name for name in mine if name not in theirs),
    )


def _sources(config: EdgeConfig) -> dict[str, Source]:
    buses: dict[str, Source] = {bus.id: bus for bus in config.buses}
    return buses | {source.id: source for source in config.mqtt_sources}


def _goes_on(name: str, old: Source, new: Source, before: Inventory, after: Inventory) -> bool:
    if isinstance(old, BusConfig) and isinstance(new, BusConfig):
        return old.modbus == new.modbus and _manners(before.on_bus(name)) == _manners(
            after.on_bus(name)
        )
    if isinstance(old, MqttSourceConfig) and isinstance(new, MqttSourceConfig):
        empty: dict[str, object] = {"devices": ()}
        return old.model_copy(update=empty) == new.model_copy(update=empty)
    return False


def _manners(devices: Sequence[ModbusDevice]) -> tuple[float, float, bool]:
    """What the profiles on a bus ask of its connection as a whole."""
    sections = [device.profile.modbus for device in devices]
    return (
        max((one.pause_between_requests_s for one in sections), default=0.0),
        max((one.pause_after_connect_s for one in sections), default=0.0),
        any(one.close_connection_after_poll for one in sections),
    )


_What = tuple[str, object, object]


def _what(device: AnyDevice) -> _What:
    return device.source, device.config, device.profile


def _by_id(devices: Iterable[AnyDevice]) -> dict[str, _What]:
    return {device.id: _what(device) for device in devices}


def _devices(inventory: Inventory, source: str) -> list[_What]:
    return [_what(device) for device in inventory.devices if device.source == source]


# --- sharing -----------------------------------------------------------------------------------


def sharing(new: Inventory, old: Inventory) -> Inventory:
    """Return the new inventory with the old one's profiles wherever they are the same.

    What goes on running holds on to them, and a gateway has no room for a second copy.
    """
    known: dict[str, dict[int, AnyProfile]] = {}
    for device in old.devices:
        known.setdefault(device.profile.id, {})[id(device.profile)] = device.profile
    kept: dict[int, AnyProfile] = {}
    for device in new.devices:
        profile = device.profile
        if id(profile) not in kept:
            alike = [one for one in known.get(profile.id, {}).values() if one == profile]
            kept[id(profile)] = alike[0] if alike else profile
    points: dict[int, tuple[Point, ...]] = {}
    return Inventory(
        new.catalog, _shared(new.modbus, kept, points), _shared(new.mqtt, kept, points)
    )


D = TypeVar("D", bound=InventoryDevice)  # type: ignore[type-arg]


def _shared(
    devices: Sequence[D],
    profiles: Mapping[int, AnyProfile],
    points: dict[int, tuple[Point, ...]],
) -> Iterator[D]:
    for device in devices:
        profile = profiles[id(device.profile)]
        if profile is device.profile:
            yield device
            continue
        shape = id(device.points)  # one tuple for all devices alike, and alive while `new` is
        if shape not in points:
            points[shape] = _points_of(profile, device.points)
        texts = _points_of(profile, device.texts)
        yield replace(device, profile=profile, points=points[shape], texts=texts)


def _points_of(profile: AnyProfile, alike: Sequence[Point]) -> tuple[Point, ...]:
    by_name: dict[str, Point] = {point.name: point for point in profile.points}
    return tuple(by_name[point.name] for point in alike)
