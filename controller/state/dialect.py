"""What differs between database engines: opening, transactions, upserts. Nothing elsewhere does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Table, create_engine, event, make_url
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import NullPool, QueuePool, StaticPool

from controller.errors import StateError


def normal_url(url: str, directory: Path | None = None) -> URL:
    """Parse a URL; a relative SQLite path counts from `directory`.

    Raises:
        StateError: not a URL, or of an engine that is not supported (reason `state_url`).
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise StateError("state_url", f"not a database URL: {error}") from None
    if parsed.get_backend_name() not in {"sqlite", "postgresql"}:
        raise StateError(
            "state_url",
            f"{parsed.get_backend_name()} is not supported",
            remedy="sqlite:////path/state.db",
        )
    if parsed.get_backend_name() == "sqlite" and not parsed.database:
        raise StateError("state_url", "an SQLite URL needs a path: memory does not last")
    if parsed.get_backend_name() == "sqlite" and directory is not None:
        parsed = parsed.set(database=str(directory / str(parsed.database)))
    return parsed


def writer_engine(url: URL, *, busy_timeout_s: float) -> Engine:
    """Return an engine with the one connection that writes."""
    return _engine(url, busy_timeout_s=busy_timeout_s, writes=True)


def reader_engine(url: URL, *, busy_timeout_s: float) -> Engine:
    """Return an engine whose connections only read."""
    return _engine(url, busy_timeout_s=busy_timeout_s, writes=False)


def visitor_engine(url: URL, *, busy_timeout_s: float) -> Engine:
    """Return an engine for a short visit of another process (a command line), which may write."""
    return _engine(url, busy_timeout_s=busy_timeout_s, writes=True, visits=True)


def upsert(
    connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]], keys: Sequence[str]
) -> None:
    """Insert rows; where the key is there already, set the row's other columns."""
    if not rows:
        return
    insert = _insert(connection, table)
    values = {name: insert.excluded[name] for name in rows[0] if name not in keys}
    statement = insert.on_conflict_do_update(index_elements=list(keys), set_=values)
    connection.execute(statement, list(rows))


def insert_new(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows; leave out those whose key, or other unique columns, are there already."""
    if rows:
        connection.execute(_insert(connection, table).on_conflict_do_nothing(), list(rows))


def _insert(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    if connection.dialect.name == "sqlite":
        return sqlite.insert(table)
    return postgresql.insert(table)


def _engine(url: URL, *, busy_timeout_s: float, writes: bool, visits: bool = False) -> Engine:
    if url.get_backend_name() != "sqlite":
        pool = StaticPool if writes and not visits else QueuePool
        return create_engine(url, poolclass=pool)
    engine = create_engine(
        url,
        poolclass=NullPool if visits else StaticPool if writes else QueuePool,
        connect_args={"timeout": busy_timeout_s, "check_same_thread": False},
    )
    _prepare_sqlite(engine, writes=writes, visits=visits)
    return engine


def _prepare_sqlite(engine: Engine, *, writes: bool, visits: bool) -> None:
    @event.listens_for(engine, "connect")
    def connect(connection: Any, _record: Any) -> None:
        # The driver's own transactions begin too late; ours begin below, with the right lock.
        connection.isolation_level = None
        cursor = connection.cursor()
        if writes:
            cursor.execute("PRAGMA journal_mode=WAL")
            cursor.execute("PRAGMA synchronous=FULL")
            cursor.execute("PRAGMA foreign_keys=ON")
        else:
            cursor.execute("PRAGMA query_only=ON")
        if visits or not writes:
            # Only the writer moves the log into the file: in SQLite before 3.51.3 a checkpoint that
            # meets a write of another connection can corrupt (sqlite.org/wal.html#walresetbug).
            cursor.execute("PRAGMA wal_autocheckpoint=0")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
