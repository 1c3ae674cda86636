"""Gaps: samples that will never come, each with its cause."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from sqlalchemy import Connection, select

from controller.api.access import ServicesDep, Viewer
from controller.api.models import GapOut
from controller.state.schema import gaps as gaps_table

router = APIRouter(tags=["gaps"])


@router.get("/gaps")
async def gaps(
    have: ServicesDep,
    _who: Viewer,
    gateway: Annotated[str | None, Query(max_length=32)] = None,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
) -> list[GapOut]:
    """List recorded gaps, newest first. No entry for a range means that it is stored or coming."""

    def read(connection: Connection) -> list[GapOut]:
        statement = select(gaps_table).order_by(gaps_table.c.time_ns.desc()).limit(limit)
        if gateway is not None:
            statement = statement.where(gaps_table.c.gateway == gateway)
        rows = connection.execute(statement).mappings()
        return [GapOut.model_validate(dict(row)) for row in rows]

    return await have.database.read(read)
