"""What the witnesses of a run say, read with the standard library alone.

The checker must not repeat the product's mistakes, so nothing here imports the product: the store
is asked over HTTP, the state store is read as an SQLite file, everything else is JSON Lines.
"""

from __future__ import annotations

import json
import sqlite3
import urllib.parse
import urllib.request
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
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


class Heard(NamedTuple):
    """A message that passed on the broker: wall clock in ns, topic, payload."""

    time_ns: int
    topic: str
    payload: bytes


class Dated(NamedTuple):
    """Samples of an epoch, and the instant at which something became of them."""

    time_ns: int
    epoch: str
    span: Span


@dataclass(frozen=True)
class Trace:
    """What one gateway's spool says it did, per epoch; `deletions` once more with their times."""

    committed: dict[str, list[Span]]
    deleted: dict[str, list[Span]]
    deletions: list[Dated] = field(default_factory=list)


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
    """Read a spool trace: `{"epoch", "first", "last", "did": "committed" | "deleted", "t"}` a line.

    `t` is the wall clock in ns.
    """
    trace = Trace({}, {})
    for line in json_lines(path):
        span = Span(line["first"], line["last"])
        book = trace.committed if line["did"] == "committed" else trace.deleted
        book.setdefault(line["epoch"], []).append(span)
        if line["did"] == "deleted":
            trace.deletions.append(Dated(line["t"], line["epoch"], span))
    return trace


def read_heard(log: Path) -> Iterator[Heard]:
    """Read what a witness wrote to a file."""
    return parse_heard(log.read_bytes())


def parse_heard(text: bytes) -> Iterator[Heard]:
    """Parse what a witness wrote: seconds, topic and payload in hexadecimal digits, a line each."""
    for line in text.splitlines():
        words = line.split(b" ")
        if len(words) != 3 or len(words[2]) % 2:
            continue  # torn, or an empty payload
        seconds, _, fraction = words[0].decode().partition(".")
        time_ns = int(seconds) * 10**9 + int(fraction.ljust(9, "0")[:9])
        yield Heard(time_ns, words[1].decode(), bytes.fromhex(words[2].decode()))


def acks_in(heard: Iterable[Heard]) -> dict[str, list[Dated]]:
    """Return what was acked as stored, by gateway: topics `campus/1/down/<gateway>/ack`."""
    found: dict[str, list[Dated]] = {}
    for message in heard:
        levels = message.topic.split("/")
        if levels[-1] != "ack":
            continue
        ack = json.loads(message.payload)
        found.setdefault(levels[-2], []).extend(
            Dated(message.time_ns, ack["epoch"], Span(part["first"], part["last"]))
            for part in ack.get("stored", ())
        )
    return found


def read_influx(url: str, database: str) -> Iterator[StoredRow]:
    """Export every sample of an InfluxDB 1.x database."""
    for (category,) in _series(_query(url, database, "SHOW MEASUREMENTS")):
        statement = f'SELECT * FROM "{category}"'
        for series in _query(url, database, statement).get("series", []):
            columns = series["columns"]
            for values in series["values"]:
                yield _row(category, dict(zip(columns, values, strict=True)))


_TAGS = frozenset({"gateway", "school", "building", "area", "device", "profile", "time", "seq"})


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
