"""Commands and receipts in the state: what is written and asked within transactions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, RowMapping, insert, select, update

from campus_wire.messages import Command, Outcome, Receipt
from controller import audit
from controller.state.dialect import insert_new
from controller.state.schema import commands, receipts


@dataclass(frozen=True, slots=True)
class CommandEntry:
    """A command and what became of it; `outcome` is None while that is open."""

    id: str
    gateway: str
    device: str
    point: str
    value: float
    by: str
    issued_ns: int
    expires_ns: int
    published: bool
    outcome: Outcome | None
    reason: str | None
    value_read: float | None
    ended_ns: int | None


def add(connection: Connection, command: Command) -> None:
    """Write a command down before it is published, and who gave it."""
    connection.execute(
        insert(commands).values(
            id=command.id,
            gateway=command.gateway,
            device=command.device,
            point=command.point,
            value=command.value,
            by=command.by,
            issued_ns=command.issued_ns,
            expires_ns=command.expires_ns,
            body=command.model_dump_json(exclude_none=True),
            published=0,
        )
    )
    audit.append(
        connection,
        time_ns=command.issued_ns,
        who=command.by,
        action="command_issued",
        target=f"{command.gateway}/{command.device}/{command.point}",
        detail={"id": command.id, "value": command.value},
    )


def mark_published(connection: Connection, ids: Sequence[str]) -> None:
    """Note that the broker has taken these commands."""
    connection.execute(update(commands).where(commands.c.id.in_(ids)).values(published=1))


def apply_receipt(
    connection: Connection, gateway: str, receipt: Receipt, *, received_ns: int
) -> bool:
    """Record a receipt; return whether it ended a command.

    The first receipt decides. It also replaces an outcome the controller had to guess (`expired`,
    `unknown`), since the gateway knows better. A receipt for another gateway's command is kept and
    ends nothing.
    """
    row = {
        "id": receipt.id,
        "gateway": gateway,
        "command": receipt.command,
        "outcome": receipt.outcome.value,
        "reason": receipt.reason,
        "time_ns": receipt.time_ns,
        "received_ns": received_ns,
    }
    decided = select(receipts.c.id).where(
        receipts.c.command == receipt.command, receipts.c.gateway == gateway
    )
    if connection.execute(decided.limit(1)).first() is not None:
        insert_new(connection, receipts, [row])
        return False
    insert_new(connection, receipts, [row])
    mine = (commands.c.id == receipt.command) & (commands.c.gateway == gateway)
    if connection.execute(select(commands.c.id).where(mine)).first() is None:
        return False
    _end(
        connection,
        receipt.command,
        outcome=receipt.outcome,
        reason=receipt.reason,
        value_read=receipt.value_read,
        ended_ns=receipt.time_ns,
        now_ns=received_ns,
        who=f"gateway:{gateway}",
    )
    return True


def give_up(connection: Connection, command_id: str, outcome: Outcome, *, now_ns: int) -> bool:
    """End an open command that no receipt came for; return whether it was still open."""
    still_open = (commands.c.id == command_id) & commands.c.outcome.is_(None)
    if connection.execute(select(commands.c.id).where(still_open)).first() is None:
        return False
    _end(
        connection,
        command_id,
        outcome=outcome,
        reason="no_receipt",
        value_read=None,
        ended_ns=now_ns,
        now_ns=now_ns,
        who="controller",
    )
    return True


def _end(
    connection: Connection,
    command_id: str,
    *,
    outcome: Outcome,
    reason: str | None,
    value_read: float | None,
    ended_ns: int,
    now_ns: int,
    who: str,
) -> None:
    connection.execute(
        update(commands)
        .where(commands.c.id == command_id)
        .values(outcome=outcome.value, reason=reason, value_read=value_read, ended_ns=ended_ns)
    )
    audit.append(
        connection,
        time_ns=now_ns,
        who=who,
        action="command_ended",
        target=command_id,
        detail={"outcome": outcome.value, "reason": reason, "value_read": value_read},
    )


def open_commands(connection: Connection) -> list[tuple[Command, bool]]:
    """Return the commands without an outcome, and whether each was published."""
    statement = select(commands.c.body, commands.c.published).where(commands.c.outcome.is_(None))
    return [
        (Command.model_validate_json(row.body), bool(row.published))
        for row in connection.execute(statement)
    ]


def get(connection: Connection, command_id: str) -> CommandEntry | None:
    """Return a command, or None."""
    statement = select(commands).where(commands.c.id == command_id)
    row = connection.execute(statement).mappings().first()
    return None if row is None else _entry(row)


def listing(
    connection: Connection, *, limit: int, gateway: str | None = None, device: str | None = None
) -> list[CommandEntry]:
    """Return the newest commands first."""
    statement = select(commands).order_by(commands.c.issued_ns.desc()).limit(limit)
    if gateway is not None:
        statement = statement.where(commands.c.gateway == gateway)
    if device is not None:
        statement = statement.where(commands.c.device == device)
    return [_entry(row) for row in connection.execute(statement).mappings()]


def _entry(row: RowMapping) -> CommandEntry:
    plain: dict[str, Any] = {name: row[name] for name in CommandEntry.__dataclass_fields__}
    outcome = plain["outcome"]
    plain["outcome"] = None if outcome is None else Outcome(outcome)
    plain["published"] = bool(plain["published"])
    return CommandEntry(**plain)
