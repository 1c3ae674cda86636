"""Devices and their points with last values."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Annotated, Any

from fastapi import APIRouter, Query

from campus_wire import quality
from controller.api.access import ServicesDep, Viewer
from controller.api.models import DeviceDetailOut, DeviceOut, DevicesOut, Names, PointOut
from controller.api.places import names
from controller.api.problems import not_found
from controller.frames import PointInfo
from controller.inventory import DeviceEntry
from controller.last_values import LastValue

router = APIRouter(tags=["devices"])
Id = Annotated[str | None, Query(max_length=64)]


@router.get("/devices")
async def devices(
    have: ServicesDep,
    _who: Viewer,
    *,
    school: Id = None,
    area: Id = None,
    gateway: Id = None,
    category: Id = None,
    after: Annotated[str, Query(max_length=130, description="`next` of the page before")] = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
) -> DevicesOut:
    """List devices, a page at a time; filters combine, and `area` includes what lies inside it."""
    holds = _filter(school=school, area=area, gateway=gateway, category=category)
    entries = sorted(have.inventory.devices(), key=_key)
    matching = (entry for entry in entries if _key(entry) > after and holds(entry))
    page = [*islice(matching, limit + 1)]
    more = _key(page[limit - 1]) if len(page) > limit else None
    return DevicesOut(devices=[DeviceOut(**_plain(entry)) for entry in page[:limit]], next=more)


@router.get("/gateways/{gateway}/devices/{device}")
async def device(gateway: str, device: str, have: ServicesDep, _who: Viewer) -> DeviceDetailOut:
    """Show a device with the last value of each of its points."""
    entry = have.inventory.device(gateway, device)
    if entry is None:
        raise not_found("device", f"{gateway}/{device}")
    points = [_point(point, entry.last[point.name]) for point in entry.points]
    return DeviceDetailOut(**_plain(entry), points=points)


def _key(entry: DeviceEntry) -> str:
    return f"{entry.info.gateway}/{entry.info.device}"


def _filter(
    *, school: str | None, area: str | None, gateway: str | None, category: str | None
) -> Callable[[DeviceEntry], bool]:
    def holds(entry: DeviceEntry) -> bool:
        info = entry.info
        return (
            school in (None, info.school)
            and gateway in (None, info.gateway)
            and category in (None, info.category)
            and (area is None or any(around.id == area for around in info.area_path))
        )

    return holds


def _plain(entry: DeviceEntry) -> dict[str, Any]:
    info = entry.info
    return {
        "id": info.device,
        "gateway": info.gateway,
        "name": names(info.name),
        "school": info.school,
        "building": info.building,
        "area": info.area,
        "profile": info.profile,
        "category": info.category,
        "interval_s": info.interval_s,
        "last_time_ns": entry.last_time_ns,
    }


def _point(point: PointInfo, last: LastValue) -> PointOut:
    states = {state.value: names(state.label) for state in point.states}
    return PointOut(
        name=point.name,
        unit=point.unit,
        sample_class=point.sample_class,
        label=names(point.label),
        writable=point.writable,
        minimum=point.minimum,
        maximum=point.maximum,
        states={f"{value:g}": label for value, label in states.items()},
        value=last.value,
        state=None if last.value is None else states.get(last.value),
        quality=last.quality,
        quality_label=Names(
            zh=quality.label(last.quality, "zh"), en=quality.label(last.quality, "en")
        ),
        time_ns=last.time_ns,
    )
