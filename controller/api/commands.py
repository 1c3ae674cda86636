"""Commands: write a point, and follow what becomes of it."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from campus_wire.limits import COMMAND_LIFE_S_MAX, VALUE_ABS_MAX
from controller import command_rows
from controller.api.access import Operator, ServicesDep, Viewer
from controller.api.models import CommandOut
from controller.api.problems import not_found
from controller.command_rows import CommandEntry
from controller.commands import CommandRequest

router = APIRouter(tags=["commands"])


class CommandIn(BaseModel):
    """What to write. It acts at most once, and not after `life_s` seconds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    gateway: str = Field(max_length=32)
    device: str = Field(max_length=64)
    point: str = Field(max_length=64)
    value: float = Field(strict=True, ge=-VALUE_ABS_MAX, le=VALUE_ABS_MAX, allow_inf_nan=False)
    life_s: float | None = Field(None, gt=0, le=COMMAND_LIFE_S_MAX)


@router.post("/commands", status_code=HTTPStatus.ACCEPTED)
async def issue(wanted: CommandIn, have: ServicesDep, who: Operator) -> CommandOut:
    """Command a point; follow `GET /commands/{id}` until `outcome` is there."""
    request = CommandRequest(**wanted.model_dump(), by=who.name)
    command = await have.commands.issue(request)
    return await _one(command.id, have)


@router.get("/commands/{command_id}")
async def show(command_id: str, have: ServicesDep, _who: Viewer) -> CommandOut:
    """Show a command and its receipt."""
    return await _one(command_id, have)


@router.get("/commands")
async def listing(
    have: ServicesDep,
    _who: Viewer,
    gateway: Annotated[str | None, Query(max_length=32)] = None,
    device: Annotated[str | None, Query(max_length=64)] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> list[CommandOut]:
    """List commands, newest first."""
    entries = await have.database.read(
        lambda connection: command_rows.listing(
            connection, limit=limit, gateway=gateway, device=device
        )
    )
    return [_out(entry) for entry in entries]


async def _one(command_id: str, have: ServicesDep) -> CommandOut:
    entry = await have.commands.get(command_id)
    if entry is None:
        raise not_found("command", command_id[:64])
    return _out(entry)


def _out(entry: CommandEntry) -> CommandOut:
    return CommandOut.model_validate(entry, from_attributes=True)
