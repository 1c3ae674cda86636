"""Schools, areas and gateways."""

from __future__ import annotations

import time

from fastapi import APIRouter

from campus_wire.catalog import Label
from controller.api.access import ServicesDep, Viewer
from controller.api.models import AreaOut, GatewayOut, Names, SchoolOut
from controller.api.problems import not_found
from controller.inventory import GatewayRecord

router = APIRouter(tags=["places"])


def names(label: Label) -> Names:
    """Return a label as the API shows it."""
    return Names(zh=label.zh, en=label.en)


@router.get("/schools")
async def schools(have: ServicesDep, _who: Viewer) -> list[SchoolOut]:
    """List the schools of the district."""
    tables = have.inventory.presents()
    answer = []
    for school in have.inventory.schools().values():
        mine = [table for table in tables if table.catalog.school.id == school.id]
        answer.append(
            SchoolOut(
                id=school.id,
                name=names(school.name),
                gateways=len(mine),
                areas=len(have.inventory.areas(school.id)),
                devices=sum(len(table.devices) for table in mine),
            )
        )
    return answer


@router.get("/schools/{school}/areas")
async def areas(school: str, have: ServicesDep, _who: Viewer) -> list[AreaOut]:
    """List the buildings, floors and rooms of a school."""
    if school not in have.inventory.schools():
        raise not_found("school", school)
    return [
        AreaOut(id=area.id, parent=area.parent, kind=area.kind, name=names(area.name))
        for area in have.inventory.areas(school).values()
    ]


@router.get("/gateways")
async def gateways(have: ServicesDep, _who: Viewer) -> list[GatewayOut]:
    """List the gateways and how each is doing."""
    now_ns = time.time_ns()
    counts = {table.gateway: len(table.devices) for table in have.inventory.presents()}
    return [
        _gateway(record, counts.get(record.gateway, 0), now_ns)
        for record in have.inventory.gateways()
    ]


def _gateway(record: GatewayRecord, devices: int, now_ns: int) -> GatewayOut:
    seen_ns = record.last_seen_ns
    return GatewayOut(
        id=record.gateway,
        school=record.school,
        state=record.state,
        state_since_ns=record.state_since_ns,
        last_seen_ns=seen_ns,
        silent_s=round((now_ns - seen_ns) / 1e9, 3) if seen_ns else None,
        boot=record.boot,
        epoch=record.epoch,
        catalog=record.catalog,
        clock=record.clock,
        devices=devices,
        spool_batches=record.status.spool_batches if record.status else None,
        overloaded=dict(record.status.overloaded or {}) if record.status else {},
        versions=dict(record.status.versions) if record.status else {},
    )
