"""Notices: who was to be told of what, and whether it reached them."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from sqlalchemy import Connection, select

from controller.api.access import ServicesDep, Viewer
from controller.api.models import Answer
from controller.state.schema import outbox, transitions

router = APIRouter(tags=["notices"])


class NoticeOut(Answer):
    """One notice to one channel. `kind` is what happened to the alarm."""

    alarm: str | None
    kind: str | None
    channel: str
    key: str
    state: str
    attempts: int
    created_ns: int
    sent_ns: int | None
    last_error: str | None


@router.get("/notices")
async def notices(
    have: ServicesDep,
    _who: Viewer,
    alarm: Annotated[str | None, Query(max_length=64)] = None,
    state: Literal["pending", "sent", "dead"] | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> list[NoticeOut]:
    """List notices, newest first."""

    def read(connection: Connection) -> list[NoticeOut]:
        joined = outbox.outerjoin(transitions, transitions.c.id == outbox.c.transition)
        statement = select(outbox, transitions.c.kind).select_from(joined)
        statement = statement.order_by(outbox.c.id.desc()).limit(limit)
        if alarm is not None:
            statement = statement.where(outbox.c.alarm == alarm)
        if state is not None:
            statement = statement.where(outbox.c.state == state)
        rows = connection.execute(statement).mappings()
        return [NoticeOut.model_validate(dict(row)) for row in rows]

    return await have.database.read(read)
