"""One controller for one state database: a second would ack, alarm and command beside the first.

SQLite: a lock of the operating system on a file beside the database, which ends with the process
however it dies. PostgreSQL: an advisory lock of the session that writes (its manual, 13.3.5).
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import IO, Final

from sqlalchemy import Connection, text
from sqlalchemy.engine import URL

from controller.errors import StateError

_ADVISORY_KEY: Final = 0x43414D505553  # "CAMPUS"


class FileClaim:
    """The lock beside an SQLite file.

    Args:
        url: of the database.
    """

    def __init__(self, url: URL) -> None:
        self._path = Path(f"{url.database}.lock")
        self._place = url.render_as_string(hide_password=True)
        self._file: IO[str] | None = None

    def take(self) -> None:
        """Take the lock.

        Raises:
            StateError: another process has it (reason `state_claimed`), or the file cannot be made.
        """
        try:
            # Never deleted: whoever opened it before would else lock a file that nobody sees.
            file = self._path.open("a+", encoding="utf-8")
        except OSError as error:
            raise StateError(
                "state_open", f"cannot be locked: {error}", place=self._place
            ) from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.seek(0)
            owner = file.read(20).strip()
            file.close()
            raise _claimed(self._place, f" (process {owner})" if owner else "") from error
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        self._file = file

    def release(self) -> None:
        """Give it back; harmless when it was never taken."""
        if self._file is not None:
            self._file.close()
            self._file = None


def claim_session(connection: Connection) -> None:
    """Take PostgreSQL's lock for as long as the connection lives.

    Raises:
        StateError: another process has it (reason `state_claimed`).
    """
    found = connection.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": _ADVISORY_KEY})
    if not found.scalar_one():
        raise _claimed(connection.engine.url.render_as_string(hide_password=True), "")


def _claimed(place: str, owner: str) -> StateError:
    return StateError(
        "state_claimed",
        f"another controller{owner} uses this state database",
        place=place,
        remedy="stop it first, or give this one a state.url of its own",
    )
