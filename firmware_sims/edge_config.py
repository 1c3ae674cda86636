"""The `edge.yaml` that belongs to a described school: one for each of its gateways."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from firmware_sims.running import RunningSchool
from firmware_sims.school_file import AreaEntry, DeviceEntry, RtuLink


@dataclass(frozen=True, slots=True)
class EdgeOptions:
    """What the school does not know.

    Args:
        uplink: `uplink:` of the edge's configuration (`broker:`, `command_key_file:`…).
        spool_folder: where the spools go, one file each gateway.
        clock_source: `system` for tests and demos.
    """

    uplink: Mapping[str, object]
    spool_folder: Path
    clock_source: str = "system"


def edge_config(school: RunningSchool, gateway_id: str, options: EdgeOptions) -> dict[str, Any]:
    """The configuration of one gateway's edge agent, with the ports that are really open."""
    plan = school.plan
    [gateway] = [one for one in plan.file.gateways if one.id == gateway_id]
    buses = [
        {
            "id": bus.entry.id,
            "modbus": _link(school, bus.entry.id, bus.entry.modbus.timeout_s),
            "devices": [{**_device(device), "unit_id": device.unit_id} for device in bus.devices],
        }
        for bus in plan.buses
        if bus.gateway == gateway_id
    ]
    sources = [
        {
            "id": source.entry.id,
            "broker": publisher.settings.model_dump(mode="json", exclude_unset=True),
            "devices": [
                {**_device(device), "topic": dict(device.topic)} for device in source.devices
            ],
        }
        for source, publisher in zip(plan.sources, school.publishers, strict=True)
        if source.gateway == gateway_id
    ]
    folder = plan.profiles_folder
    return {
        "gateway": gateway_id,
        "school": plan.file.school.model_dump(mode="json"),
        "areas": _areas(plan.areas, _used(buses) | _used(sources)),
        **({} if folder is None else {"profiles": str(folder.absolute())}),
        "uplink": dict(options.uplink),
        "spool": {"path": str(options.spool_folder / f"{gateway_id}.db")},
        "clock": {"source": options.clock_source},
        "buses": buses,
        "mqtt_sources": sources,
        "interlocks": [dict(one) for one in gateway.interlocks],
    }


def write_edge_configs(
    school: RunningSchool, folder: Path, options: EdgeOptions
) -> dict[str, Path]:
    """Write `GATEWAY.yaml` for each gateway; return the paths by gateway."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = {}
    for gateway in school.plan.file.gateways:
        path = folder / f"{gateway.id}.yaml"
        # Written beside and renamed, so that who waits for the file never sees half of it.
        beside = path.with_name(f".{path.name}.new")
        beside.write_text(_as_yaml(edge_config(school, gateway.id, options)), encoding="utf-8")
        paths[gateway.id] = beside.replace(path)
    return paths


def _as_yaml(data: Mapping[str, Any]) -> str:
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = None
    yaml.allow_unicode = True
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    yaml.width = 100
    stream = io.StringIO()
    yaml.dump(dict(data), stream)
    return stream.getvalue()


def _link(school: RunningSchool, bus_id: str, timeout_s: float) -> dict[str, object]:
    [entry] = [bus.entry for bus in school.plan.buses if bus.entry.id == bus_id]
    transport = entry.modbus.transport
    endpoint = school.endpoints.get(bus_id)
    if endpoint is not None:
        return {
            "transport": transport,
            "host": endpoint.host,
            "port": endpoint.port,
            "timeout_s": timeout_s,
        }
    assert isinstance(entry.modbus, RtuLink)
    return {
        "transport": transport,
        "port": school.lines[bus_id].device_path,
        "baud_rate": entry.modbus.baud_rate,
        "timeout_s": timeout_s,
    }


def _device(device: DeviceEntry) -> dict[str, object]:
    points = {} if device.points is None else {"points": list(device.points)}
    return {
        "id": device.id,
        "profile": device.profile,
        "area": device.area,
        "name": device.name.model_dump(mode="json"),
        "interval_s": device.interval_s,
        **points,
    }


def _used(parts: list[dict[str, Any]]) -> set[str]:
    return {device["area"] for part in parts for device in part["devices"]}


def _areas(areas: Any, used: set[str]) -> list[dict[str, object]]:
    """The areas that a gateway's devices are in, with all that hold them, in order."""
    by_id: dict[str, AreaEntry] = {area.id: area for area in areas}
    wanted = set(used)
    for name in used:
        parent = by_id[name].parent
        while parent is not None and parent not in wanted:
            wanted.add(parent)
            parent = by_id[parent].parent
    return [
        {
            "id": area.id,
            "kind": area.kind,
            "name": area.name.model_dump(mode="json"),
            **({} if area.parent is None else {"parent": area.parent}),
        }
        for area in by_id.values()
        if area.id in wanted
    ]
