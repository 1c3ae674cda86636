"""Opening a spool's file: made when missing, set aside when damaged, in memory when there is none.

Never a reason not to start: a gateway without its spool still has its interlocks to run.
"""

from __future__ import annotations

import ctypes
import logging
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import apsw

from edge_agent.errors import SpoolError, SpoolFullError, SpoolLockedError, SpoolUnusableError
from edge_agent.spool.schema import APPLICATION_ID, PAGE_BYTES, SCHEMA_VERSION, TABLES

_log: Final = logging.getLogger(__name__)

_CHECK_S: Final = 3.0
_CHECK_STEPS: Final = 20_000
_BALLAST_PAGES: Final = 256
_WAL_PAGES: Final = 256
_MEMORY_BYTES: Final = 8 * 1024 * 1024
_SET_ASIDE_MAX: Final = 2

_DAMAGED: Final = (apsw.CorruptError, apsw.NotADBError)
_REASONS: Final[dict[type[apsw.Error], str]] = {
    apsw.ReadOnlyError: "read_only",
    apsw.CorruptError: "corrupt",
    apsw.NotADBError: "corrupt",
    apsw.IOError: "io",
    apsw.CantOpenError: "cannot_open",
    apsw.PermissionsError: "cannot_open",
    apsw.AuthError: "cannot_open",
}


@dataclass(frozen=True, slots=True)
class SpoolFile:
    """An open spool."""

    connection: apsw.Connection
    epoch: str
    max_pages: int
    in_memory: bool = False
    damaged_epoch: str | None = None
    set_aside: Path | None = None
    """Where the damaged file went that stood in its place."""


@contextmanager
def translated() -> Iterator[None]:
    """Turn the errors of apsw into the spool's own.

    Raises:
        SpoolFullError: no room on the disk or below the cap.
        SpoolLockedError: another process has the file.
        SpoolUnusableError: everything else; its `reason` says which.
    """
    try:
        yield
    except apsw.FullError as error:
        raise SpoolFullError("full", f"no room for the spool: {error}") from error
    except (apsw.BusyError, apsw.LockedError) as error:
        raise SpoolLockedError(
            "locked",
            "another process has this spool open",
            remedy="is an agent running already? each needs a spool of its own",
        ) from error
    except apsw.Error as error:
        reason = _REASONS.get(type(error), "io")
        raise SpoolUnusableError(reason, f"the spool cannot be used: {error}") from error


def open_file(path: Path, *, max_bytes: int, now_ns: int) -> SpoolFile:
    """Open the spool at `path`, or the best that can be had in its place.

    Raises:
        SpoolLockedError: another agent has it open.
    """
    try:
        with translated():
            path.parent.mkdir(parents=True, exist_ok=True)
            return _open_or_renew(path, max_bytes, now_ns)
    except SpoolLockedError:
        raise
    except (SpoolError, OSError) as error:
        _log.critical(
            "the spool %s cannot be used (%s): samples are kept in memory only, and are lost when "
            "the agent ends; repair the disk and start the agent again",
            path,
            error,
        )
        return _open_in_memory(min(max_bytes, _MEMORY_BYTES), now_ns)


def _open_or_renew(path: Path, max_bytes: int, now_ns: int) -> SpoolFile:
    try:
        return _open(path, max_bytes, now_ns)
    except (*_DAMAGED, _ForeignFileError) as error:
        damaged_epoch = _read_epoch(path)
        set_aside = _set_aside(path, now_ns)
        _log.critical(
            "the spool %s is damaged (%s): set aside as %s, started a new one; what was in it and "
            "not yet sent is missing",
            path,
            error,
            set_aside,
        )
        opened = _open(path, max_bytes, now_ns)
        return SpoolFile(
            opened.connection,
            opened.epoch,
            opened.max_pages,
            damaged_epoch=damaged_epoch,
            set_aside=set_aside,
        )


class _ForeignFileError(Exception):
    """A database, but no spool that this version can read."""


def _open(path: Path, max_bytes: int, now_ns: int) -> SpoolFile:
    connection = apsw.Connection(str(path))
    try:
        _configure(connection)
        max_pages = max_bytes // PAGE_BYTES
        epoch = _create_or_check(connection, max_pages, now_ns)
        connection.pragma("max_page_count", max_pages)
        return SpoolFile(connection, epoch, max_pages)
    except BaseException:
        connection.close(True)
        raise


def _open_in_memory(max_bytes: int, now_ns: int) -> SpoolFile:
    connection = apsw.Connection(":memory:")
    max_pages = max_bytes // PAGE_BYTES
    epoch = _create_or_check(connection, max_pages, now_ns)
    connection.pragma("max_page_count", max_pages)
    return SpoolFile(connection, epoch, max_pages, in_memory=True)


def _configure(connection: apsw.Connection) -> None:
    if connection.readonly("main"):
        raise apsw.ReadOnlyError("the file is read-only")
    connection.pragma("page_size", PAGE_BYTES)
    # Before the first access: then the index of the log is kept in memory, without a -shm file,
    # and no second agent can open the spool.
    connection.pragma("locking_mode", "EXCLUSIVE")
    connection.pragma("journal_mode", "WAL")
    connection.pragma("synchronous", "FULL")
    connection.pragma("cache_size", -256)
    connection.pragma("wal_autocheckpoint", _WAL_PAGES)
    # Room that the log has taken once it keeps, so that deleting works on a full disk as well.
    keep = ctypes.c_int(1)
    connection.file_control("main", apsw.SQLITE_FCNTL_PERSIST_WAL, ctypes.addressof(keep))


def _create_or_check(connection: apsw.Connection, max_pages: int, now_ns: int) -> str:
    known = connection.pragma("application_id"), connection.pragma("user_version")
    if known == (0, 0) and not connection.execute("SELECT count(*) FROM sqlite_schema").get:
        return _create(connection, max_pages, now_ns)
    if known != (APPLICATION_ID, SCHEMA_VERSION):
        raise _ForeignFileError(f"application id {known[0]:#x}, version {known[1]}")
    _quick_check(connection)
    row = connection.execute("SELECT epoch FROM life").fetchone()
    if row is None:
        raise _ForeignFileError("it holds no epoch")
    return str(row[0])


def _create(connection: apsw.Connection, max_pages: int, now_ns: int) -> str:
    epoch = str(uuid.uuid4())
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(TABLES)
    connection.execute(
        "INSERT INTO life(epoch, next_seq, last_time_ns, created_ns) VALUES(?, 1, 0, ?)",
        (epoch, now_ns),
    )
    connection.pragma("application_id", APPLICATION_ID)
    connection.pragma("user_version", SCHEMA_VERSION)
    # Take some room now, and give it back to the free list: the log and the file stay this large,
    # so that the spool still turns over when others have filled the disk.
    pages = min(_BALLAST_PAGES, max_pages // 4)
    connection.execute("CREATE TABLE ballast(room BLOB)")
    connection.execute("INSERT INTO ballast VALUES(zeroblob(?))", (pages * (PAGE_BYTES - 8),))
    connection.execute("DROP TABLE ballast")
    connection.execute("COMMIT")
    return epoch


def _quick_check(connection: apsw.Connection) -> None:
    """Look for damage for at most a few seconds; what lies beyond is found when it is read."""
    deadline_s = time.monotonic() + _CHECK_S
    connection.set_progress_handler(lambda: time.monotonic() > deadline_s, _CHECK_STEPS)
    try:
        found = connection.execute("PRAGMA quick_check(1)").fetchone()
    except apsw.InterruptError:
        return
    finally:
        connection.set_progress_handler(None)
    if found is not None and found[0] != "ok":
        raise apsw.CorruptError(str(found[0])[:300])


def _read_epoch(path: Path) -> str | None:
    """Return the epoch of a damaged file where it can still be read."""
    try:
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
        try:
            row = connection.execute("SELECT epoch FROM life").fetchone()
        finally:
            connection.close(True)
    except apsw.Error:
        return None
    return str(row[0]) if row is not None else None


def _set_aside(path: Path, now_ns: int) -> Path:
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now_ns / 1e9))
    target = path.with_name(f"{path.name}.damaged-{stamp}")
    number = 1
    while target.exists():
        number += 1
        target = path.with_name(f"{path.name}.damaged-{stamp}-{number}")
    path.rename(target)
    log = path.with_name(f"{path.name}-wal")
    if log.exists():
        log.rename(target.with_name(f"{target.name}-wal"))
    path.with_name(f"{path.name}-shm").unlink(missing_ok=True)  # only an index of the log
    _drop_oldest_set_aside(path)
    return target


def _drop_oldest_set_aside(path: Path) -> None:
    found = [
        one for one in path.parent.glob(f"{path.name}.damaged-*") if not one.name.endswith("-wal")
    ]
    found.sort(key=lambda one: one.stat().st_mtime)
    for old in found[:-_SET_ASIDE_MAX]:
        _log.warning("removed %s: only the last %d damaged spools are kept", old, _SET_ASIDE_MAX)
        for ending in ("", "-wal"):
            old.with_name(old.name + ending).unlink(missing_ok=True)
