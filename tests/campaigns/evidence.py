"""What the witnesses of a run say, read with the standard library alone.

The checker must not repeat the product's mistakes, so nothing here imports the product: the store
is asked over HTTP, the state store is read as an SQLite file, everything else is JSON Lines.
"""

from __future__ import annotations

import json
import sqlite3
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

Json = dict[str, Any]


class Span(NamedTuple):
    """Sequence numbers from `first` to `last`, both included."""

    first: int
    last: int


class StoredRow(NamedTuple):
    """One sample as the store gives it back."""

    category: str
    device: str
    time_ns: int
    seq: int
    values: dict[str, float]


@dataclass(frozen=True)
class Trace:
    """What one gateway's spool says it did, per epoch."""

    committed: dict[str, list[Span]]
    deleted: dict[str, list[Span]]


def json_lines(path: Path) -> Iterator[Json]:
    """Yield the objects of a JSON Lines file; a last line cut short by a kill is passed over."""
    if not path.exists():
        return
    lines = path.read_bytes().split(b"\n")
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            yield json.loads(line)
        except ValueError:
            # A killed process leaves one torn line, and its successor writes on behind it.
            if number == len(lines):
                continue
            yield from _after_a_tear(line)


def _after_a_tear(line: bytes) -> Iterator[Json]:
    for start in range(1, len(line)):
        if line[start : start + 1] == b"{":
            try:
                yield json.loads(line[start:])
            except ValueError:
                continue
            return


def read_trace(path: Path) -> Trace:
    """Read a spool trace: `{"epoch", "first", "last", "did": "committed" | "deleted"}` a line."""
    trace = Trace({}, {})
    for line in json_lines(path):
        book = trace.committed if line["did"] == "committed" else trace.deleted
        book.setdefault(line["epoch"], []).append(Span(line["first"], line["last"]))
    return trace


def read_influx(url: str, database: str) -> Iterator[StoredRow]:
    """Export every sample of an InfluxDB 1.x database."""
    for (category,) in _series(_query(url, database, "SHOW MEASUREMENTS")):
        statement = f'SELECT * FROM "{category}"'
        for series in _query(url, database, statement).get("series", []):
            columns = series["columns"]
            for values in series["values"]:
                yield _row(category, dict(zip(columns, values, strict=True)))


_TAGS = frozenset({"school", "building", "area", "device", "profile", "time", "seq"})


def _row(category: str, columns: Json) -> StoredRow:
    numbers = {name: value for name, value in columns.items() if name not in _TAGS}
    return StoredRow(
        category=category,
        device=columns["device"],
        time_ns=columns["time"],
        seq=columns["seq"],
        values={name: value for name, value in numbers.items() if value is not None},
    )


def _query(url: str, database: str, statement: str) -> Json:
    parameters = urllib.parse.urlencode({"db": database, "q": statement, "epoch": "ns"})
    with urllib.request.urlopen(f"{url}/query?{parameters}", timeout=60) as reply:
        answer = json.load(reply)["results"][0]
    if "error" in answer:
        raise RuntimeError(answer["error"])
    return dict(answer)


def _series(result: Json) -> Iterator[tuple[Any, ...]]:
    for series in result.get("series", []):
        yield from map(tuple, series["values"])


def read_table(database: Path, query: str) -> list[Json]:
    """Return the rows of a query on an SQLite file, opened for reading only."""
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    connection.row_factory = sqlite3.Row
    try:
        return [dict(row) for row in connection.execute(query)]
    finally:
        connection.close()
