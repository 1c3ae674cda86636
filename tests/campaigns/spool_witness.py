"""A witness inside each spool: triggers that write down, in the spool's own transactions, what was
committed and what was deleted.

A log beside the spool could be torn from it by a kill; a row of the same transaction cannot. The
agent knows nothing of it.
"""

from __future__ import annotations

import json
from pathlib import Path

import apsw

_TRIGGERS = """
CREATE TABLE IF NOT EXISTS witness(
    n INTEGER PRIMARY KEY, did TEXT, first INTEGER, last INTEGER, time_s REAL);
INSERT INTO witness(did, first, last, time_s)
    SELECT 'committed', first, last, unixepoch('subsec') FROM batches;
CREATE TRIGGER witness_committed AFTER INSERT ON batches BEGIN
    INSERT INTO witness(did, first, last, time_s)
        VALUES('committed', new.first, new.last, unixepoch('subsec'));
END;
CREATE TRIGGER witness_deleted AFTER DELETE ON batches BEGIN
    INSERT INTO witness(did, first, last, time_s)
        VALUES('deleted', old.first, old.last, unixepoch('subsec'));
END;
"""


def install(spool: Path) -> None:
    """Put the witness into a spool that no agent has open and from which nothing was deleted."""
    connection = apsw.Connection(str(spool), flags=apsw.SQLITE_OPEN_READWRITE)
    try:
        given = connection.execute("SELECT next_seq - 1 FROM life").get
        kept = connection.execute("SELECT coalesce(sum(last - first + 1), 0) FROM batches").get
        assert given == kept, f"{given} samples were numbered and {kept} are there"
        with connection:
            connection.execute(_TRIGGERS)
    finally:
        connection.close()


def export(spool: Path, trace: Path) -> None:
    """Write the witness's rows as JSON Lines."""
    connection = apsw.Connection(str(spool), flags=apsw.SQLITE_OPEN_READWRITE)
    try:
        epoch = connection.execute("SELECT epoch FROM life").get
        rows = connection.execute("SELECT did, first, last, time_s FROM witness ORDER BY n")
        with trace.open("w", encoding="utf-8") as out:
            for did, first, last, time_s in rows:
                line = {"epoch": epoch, "first": first, "last": last, "did": did}
                out.write(json.dumps(line | {"t": round(time_s * 1e9)}) + "\n")
    finally:
        connection.close()
