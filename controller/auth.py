"""Bearer tokens of the HTTP API: made, found by their hash, revoked.

A token is 256 random bits, so a plain SHA-256 of it is as hard to turn back as the token is to
guess; slow password hashes protect what people choose, not what dice choose. The token itself is
shown once and kept nowhere.
"""

from __future__ import annotations

import hashlib
import secrets
import uuid
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sqlalchemy import Connection, func, insert, select, update

from controller import audit
from controller.errors import RefusedError
from controller.state.schema import tokens

_PREFIX: Final = "campus_"
_TOKEN_BYTES: Final = 32
_NAME_CHARS_MAX: Final = 100
_TOKENS_MAX: Final = 1_000


class Role(StrEnum):
    """What a token may do; each includes the one before."""

    VIEWER = "viewer"
    """Read everything but tokens and audit."""
    OPERATOR = "operator"
    """Also acknowledge alarms and command points."""
    ADMIN = "admin"
    """Also tokens and audit."""

    def includes(self, role: Role) -> bool:
        """Say whether whoever has this role may do what `role` may."""
        order = list(Role)
        return order.index(self) >= order.index(role)


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is asking."""

    token_id: str
    name: str
    role: Role


@dataclass(frozen=True, slots=True)
class TokenEntry:
    """A token as lists show it."""

    id: str
    name: str
    role: Role
    created_ns: int
    revoked_ns: int | None


def digest(token: str) -> str:
    """Return what is kept of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def create(
    connection: Connection, name: str, role: Role, *, now_ns: int, who: str
) -> tuple[TokenEntry, str]:
    """Make a token; return its entry and the token itself.

    Raises:
        RefusedError: the name is empty, too long or taken, or there are too many tokens.
    """
    if not name.strip() or len(name) > _NAME_CHARS_MAX or not name.isprintable():
        raise RefusedError("token_name", f"a token's name has 1 to {_NAME_CHARS_MAX} characters")
    if connection.scalar(select(tokens.c.id).where(tokens.c.name == name)) is not None:
        raise RefusedError("token_name_taken", f"there is, or was, a token called {name}")
    if (connection.scalar(select(func.count()).select_from(tokens)) or 0) >= _TOKENS_MAX:
        raise RefusedError("too_many_tokens", f"{_TOKENS_MAX} tokens is the limit")
    token = _PREFIX + secrets.token_urlsafe(_TOKEN_BYTES)
    entry = TokenEntry(uuid.uuid4().hex[:12], name, role, now_ns, None)
    connection.execute(
        insert(tokens).values(
            id=entry.id, name=name, hash=digest(token), role=role.value, created_ns=now_ns
        )
    )
    audit.append(
        connection,
        time_ns=now_ns,
        who=who,
        action="token_created",
        target=name,
        detail={"id": entry.id, "role": role.value},
    )
    return entry, token


def revoke(connection: Connection, token: str, *, now_ns: int, who: str) -> TokenEntry:
    """Revoke a token, named by its id or name.

    Raises:
        RefusedError: there is none, or it is revoked already, or it is the last administrator's.
    """
    entries = {entry.id: entry for entry in listing(connection) if entry.revoked_ns is None}
    found = [entry for entry in entries.values() if token in (entry.id, entry.name)]
    if not found:
        raise RefusedError("token_unknown", f"there is no valid token {token}")
    admins = [entry for entry in entries.values() if entry.role is Role.ADMIN]
    if admins == found:
        raise RefusedError(
            "last_admin", "this is the last administrator's token", remedy="create another first"
        )
    statement = update(tokens).where(tokens.c.id == found[0].id).values(revoked_ns=now_ns)
    connection.execute(statement)
    audit.append(
        connection,
        time_ns=now_ns,
        who=who,
        action="token_revoked",
        target=found[0].name,
        detail={"id": found[0].id},
    )
    return found[0]


def listing(connection: Connection) -> list[TokenEntry]:
    """Return all tokens, revoked ones included."""
    return [
        TokenEntry(row.id, row.name, Role(row.role), row.created_ns, row.revoked_ns)
        for row in connection.execute(select(tokens).order_by(tokens.c.created_ns))
    ]


def find(connection: Connection, token: str) -> Principal | None:
    """Return whose token this is, or None when it is unknown or revoked."""
    row = connection.execute(
        select(tokens).where(tokens.c.hash == digest(token), tokens.c.revoked_ns.is_(None))
    ).first()
    return None if row is None else Principal(row.id, row.name, Role(row.role))


def create_first(connection: Connection, *, now_ns: int) -> str | None:
    """Make an administrator's token when there has never been any token; return it."""
    if connection.scalar(select(func.count()).select_from(tokens)):
        return None
    _, token = create(connection, "first", Role.ADMIN, now_ns=now_ns, who="controller")
    return token
