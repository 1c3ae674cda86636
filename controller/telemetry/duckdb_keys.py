"""Small numbers for names: the lookup tables of the DuckDB file, held in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import duckdb

from controller.frames import DeviceInfo

_ROWS_A_STATEMENT: Final = 200
DEVICE_COLUMNS: Final = (
    "gateway",
    "device",
    "school",
    "building",
    "area",
    "category",
    "profile",
)


class KeyTable:
    """One lookup table. New names get their number at once and their row at `flush`.

    Args:
        connection: Read once, here.
        table: Has a column `key` beside `columns`.
        columns: What a name consists of.
    """

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, table: str, columns: Sequence[str]
    ) -> None:
        self._table = table
        self._columns = ("key", *columns)
        names = ", ".join(self._columns)
        rows = connection.execute(f"SELECT {names} FROM {table}").fetchall()  # noqa: S608
        self._keys: dict[tuple[str, ...], int] = {tuple(row[1:]): row[0] for row in rows}
        self._next = 1 + max(self._keys.values(), default=0)
        self._new: list[tuple[int | str, ...]] = []

    def key(self, *name: str) -> int:
        """Return the number of a name, 1 or more."""
        key = self._keys.get(name)
        if key is None:
            key = self._keys[name] = self._next
            self._next += 1
            self._new.append((key, *name))
        return key

    def flush(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Insert the new names, within the caller's transaction."""
        marks = f"({', '.join('?' * len(self._columns))})"
        for start in range(0, len(self._new), _ROWS_A_STATEMENT):
            rows = self._new[start : start + _ROWS_A_STATEMENT]
            statement = f"INSERT INTO {self._table} VALUES {', '.join([marks] * len(rows))}"  # noqa: S608
            connection.execute(statement, [value for row in rows for value in row])
        self._new.clear()


@dataclass(frozen=True, slots=True)
class KeyTables:
    """All lookup tables of the file."""

    devices: KeyTable
    points: KeyTable
    epochs: KeyTable

    @classmethod
    def read(cls, connection: duckdb.DuckDBPyConnection) -> KeyTables:
        """Read them from the file."""
        return cls(
            KeyTable(connection, "devices", DEVICE_COLUMNS),
            KeyTable(connection, "points", ("name",)),
            KeyTable(connection, "epochs", ("epoch",)),
        )

    def device_key(self, device: DeviceInfo) -> int:
        """Return the number of a device in its present place."""
        return self.devices.key(*(getattr(device, column) for column in DEVICE_COLUMNS))

    def flush(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Insert all new names, within the caller's transaction."""
        for table in (self.devices, self.points, self.epochs):
            table.flush(connection)
