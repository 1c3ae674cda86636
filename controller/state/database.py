"""The state database: one thread that writes, a few that read.

A unit of work is a function of a connection; it runs in one transaction, committed when it returns
and rolled back when it raises. With SQLite a commit is on the disk when `write` returns.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeVar

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, OperationalError

from controller.errors import StateBusyError, StateError
from controller.state.claim import FileClaim, claim_session
from controller.state.dialect import normal_url, reader_engine, visitor_engine, writer_engine

MIGRATIONS: Final = Path(__file__).parent / "migrations"
_READERS: Final = 4

T = TypeVar("T")
Work = Callable[[Connection], T]


def migrate(connection: Connection, revision: str = "head") -> None:
    """Bring the database to a revision of the schema, within the connection's transaction.

    Raises:
        StateError: it is at a revision this version does not know (reason `state_version`).
    """
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, revision)
    except CommandError as error:
        raise StateError(
            "state_version",
            f"cannot be brought to this version's schema: {error}",
            remedy="was it written by a newer version?",
        ) from error


@contextmanager
def visit(url: str | URL, *, busy_timeout_s: float = 10.0) -> Iterator[Connection]:
    """Open the database for one transaction beside a running controller, for a command line.

    Raises:
        StateError: the database cannot be opened, or belongs to a newer version.
        StateBusyError: it stayed locked.
    """
    engine = visitor_engine(
        normal_url(url) if isinstance(url, str) else url, busy_timeout_s=busy_timeout_s
    )
    try:
        with _translated(engine.url), engine.begin() as connection:
            migrate(connection)
            yield connection
    finally:
        engine.dispose()


class Database:
    """Runs units of work.

    Args:
        url: An SQLAlchemy URL, `sqlite:////path` or `postgresql+…`.
        busy_timeout_s: How long a transaction waits for a lock of another process.
    """

    def __init__(self, url: str | URL, *, busy_timeout_s: float = 10.0) -> None:
        self.url = normal_url(url) if isinstance(url, str) else url
        self._writer = writer_engine(self.url, busy_timeout_s=busy_timeout_s)
        self._reader = reader_engine(self.url, busy_timeout_s=busy_timeout_s)
        # One thread: transactions queue here in the order they were handed in, and no two of this
        # process ever fight for the lock. Bounded by its callers, each of which awaits its own.
        self._write_thread = ThreadPoolExecutor(1, thread_name_prefix="state-writer")
        self._read_threads = ThreadPoolExecutor(_READERS, thread_name_prefix="state-reader")
        is_file = self.url.get_backend_name() == "sqlite"
        self._claim = FileClaim(self.url) if is_file else None

    async def claim(self) -> None:
        """Make sure that no other controller uses this database, until `close`.

        Raises:
            StateError: another one does (reason `state_claimed`).
            StateBusyError: nobody could be asked.
        """
        if self._claim is None:
            await self.write(claim_session)
        else:
            self._claim.take()

    async def start(self) -> None:
        """Open the database and bring it to this version's schema.

        Raises:
            StateError: it cannot be opened, or belongs to a newer version.
            StateBusyError: it stayed locked.
        """
        await self.write(migrate)

    async def write(self, work: Work[T]) -> T:
        """Run `work` in a transaction of its own, after all that were handed in before.

        Raises:
            StateBusyError: the transaction was not kept (lock, full disk); it may be tried again.
            StateError: the engine refused what it was given.
        """
        loop = asyncio.get_running_loop()
        # Shielded: a cancelled caller must not leave doubt about a transaction that is running.
        running = loop.run_in_executor(self._write_thread, self._write, work)
        return await asyncio.shield(running)

    async def read(self, work: Work[T]) -> T:
        """Run `work`, which only reads, on a snapshot. Raises as `write` does."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._read_threads, self._read, work)

    async def close(self) -> None:
        """Finish what was handed in, and close."""
        await asyncio.to_thread(self._read_threads.shutdown)
        await asyncio.to_thread(self._write_thread.shutdown)
        self._reader.dispose()
        self._writer.dispose()
        if self._claim is not None:
            self._claim.release()

    def _write(self, work: Work[T]) -> T:
        with _translated(self.url), self._writer.begin() as connection:
            return work(connection)

    def _read(self, work: Work[T]) -> T:
        with _translated(self.url), self._reader.begin() as connection:
            return work(connection)


@contextmanager
def _translated(url: URL) -> Iterator[None]:
    place = url.render_as_string(hide_password=True)
    try:
        yield
    except OperationalError as error:
        raise _operational(error, place) from error
    except DBAPIError as error:
        raise StateError("state_refused", _said(error), place=place) from error


def _operational(error: OperationalError, place: str) -> StateError | StateBusyError:
    said = _said(error)
    if "unable to open" in said:
        return StateError("state_open", said, place=place, remedy="does the directory exist?")
    if "no such" in said or "syntax" in said:
        return StateError("state_refused", said, place=place)
    return StateBusyError("state_busy", said, place=place)


def _said(error: DBAPIError) -> str:
    return str(error.orig)[:300]
