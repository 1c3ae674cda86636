"""Tokens and the audit trail, for administrators."""

from __future__ import annotations

import json
import time
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection, select

from campus_wire.limits import SEQ_MAX
from controller import audit, auth
from controller.api.access import Admin, ServicesDep
from controller.api.models import AuditOut, NewTokenOut, TokenOut
from controller.auth import Role, TokenEntry
from controller.state.schema import audit as audit_table

router = APIRouter(tags=["administration"])


class TokenIn(BaseModel):
    """A token to make."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, max_length=100)
    role: Role


@router.get("/tokens")
async def tokens(have: ServicesDep, _who: Admin) -> list[TokenOut]:
    """List all tokens, revoked ones included; a token itself is shown only when it is made."""
    return [TokenOut(**_plain(entry)) for entry in await have.database.read(auth.listing)]


@router.post("/tokens", status_code=HTTPStatus.CREATED)
async def create(wanted: TokenIn, have: ServicesDep, who: Admin) -> NewTokenOut:
    """Make a token. The answer is the only place where it is ever shown."""
    now_ns = time.time_ns()
    entry, token = await have.database.write(
        lambda connection: auth.create(
            connection, wanted.name, wanted.role, now_ns=now_ns, who=who.name
        )
    )
    return NewTokenOut(**_plain(entry), token=token)


@router.delete("/tokens/{token}")
async def revoke(token: str, have: ServicesDep, who: Admin) -> TokenOut:
    """Revoke a token by its id or name."""
    now_ns = time.time_ns()
    entry = await have.database.write(
        lambda connection: auth.revoke(connection, token, now_ns=now_ns, who=who.name)
    )
    return TokenOut(**_plain(entry) | {"revoked_ns": now_ns})


@router.get("/audit")
async def trail(
    have: ServicesDep,
    _who: Admin,
    after: Annotated[int, Query(ge=0, le=SEQ_MAX)] = 0,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
) -> list[AuditOut]:
    """List who did what, in order; pass the last `id` as `after` for more."""

    def read(connection: Connection) -> list[AuditOut]:
        statement = select(audit_table).where(audit_table.c.id > after)
        rows = connection.execute(statement.order_by(audit_table.c.id).limit(limit)).mappings()
        return [AuditOut(**dict(row) | {"detail": json.loads(row["detail"])}) for row in rows]

    return await have.database.read(read)


@router.get("/audit/verify")
async def verify(have: ServicesDep, _who: Admin) -> dict[str, Any]:
    """Check the chain of hashes; note `head` elsewhere, and a cut-off end will show as well."""
    verdict = await have.database.read(audit.verify)
    return {"rows": verdict.rows, "head": verdict.head, "broken_at": verdict.broken_at}


def _plain(entry: TokenEntry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "name": entry.name,
        "role": entry.role.value,
        "created_ns": entry.created_ns,
        "revoked_ns": entry.revoked_ns,
    }
