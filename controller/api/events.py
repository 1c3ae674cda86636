"""Events: what gateways have to say beside numbers, and texts that devices told."""

from __future__ import annotations

from typing import Annotated

import orjson
from fastapi import APIRouter, Query
from sqlalchemy import Connection, select

from controller.api.access import ServicesDep, Viewer
from controller.api.models import EventOut
from controller.state.schema import events as events_table

router = APIRouter(tags=["events"])


@router.get("/events")
async def events(
    have: ServicesDep,
    _who: Viewer,
    gateway: Annotated[str | None, Query(max_length=32)] = None,
    device: Annotated[str | None, Query(max_length=64)] = None,
    kind: Annotated[str | None, Query(max_length=48)] = None,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
) -> list[EventOut]:
    """List what gateways said, newest first."""
    table = events_table.c
    asked = ((table.gateway, gateway), (table.device, device), (table.kind, kind))

    def read(connection: Connection) -> list[EventOut]:
        statement = select(events_table).order_by(table.time_ns.desc(), table.id).limit(limit)
        for column, wanted in asked:
            if wanted is not None:
                statement = statement.where(column == wanted)
        return [
            EventOut(
                id=row.id,
                gateway=row.gateway,
                device=row.device,
                kind=row.kind,
                time_ns=row.time_ns,
                attributes=orjson.loads(row.body),
            )
            for row in connection.execute(statement)
        ]

    return await have.database.read(read)
