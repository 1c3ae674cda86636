"""The truth log: what each device really showed, one JSON object a line.

    {"t": 1789…, "device": "th-101", "values": {"temperature": 21.4}, "how": "modbus"}
    {"t": …, "device": "gas-1", "change": {"fault": "silence", "active": true}}
    {"t": …, "device": "relay-1", "written": {"relay_1": 1}}

`t` is the wall clock in ns at the instant the answer left the device (`time.time_ns`). `values`
holds every point that the answer covered, as a reader without mistakes sees it; null says that the
device showed its marker for "no reading". A device may show a value that nobody uses (its reader
died), so the log bounds what a store may hold; it does not say what it must hold.

`"sure": false` marks an MQTT message whose PUBACK was never seen: it may have reached the broker.
`"broken": kind` marks an answer that a fault spoilt on its way; nothing good can be read from it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Self

FLUSH_INTERVAL_S = 0.2
BUFFER_LINES_MAX = 512


def number_text(number: float | None) -> str:
    """A number as JSON: whole numbers without a point, no reading as null."""
    if number is None or number != number:  # noqa: PLR0124 - NaN differs from itself
        return "null"
    return str(int(number)) if number == int(number) else repr(number)


def values_text(values: Mapping[str, float | None]) -> str:
    """The inside of a JSON object; point names need no escaping."""
    return ",".join(f'"{name}":{number_text(value)}' for name, value in values.items())


def texts_text(texts: Mapping[str, str]) -> str:
    """The inside of a JSON object of texts."""
    return json.dumps(dict(texts), ensure_ascii=False)[1:-1] if texts else ""


class TruthLog:
    """Appends to a file, buffered; whoever owns it calls `flush` each `FLUSH_INTERVAL_S`.

    Args:
        path: None keeps only the counts.
    """

    def __init__(self, path: Path | None) -> None:
        self._file: IO[str] | None = path.open("a", encoding="utf-8") if path else None
        self._lines: list[str] = []
        self.readings = 0
        self.values = 0
        self.writes = 0

    def reading(
        self,
        device: str,
        time_ns: int,
        values: str,
        count: int,
        *,
        how: str = "modbus",
        mark: str = "",
        texts: str = "",
    ) -> None:
        """Log one answer; `values` is the text that `values_text` makes of `count` points.

        `mark` is one more member of the JSON object with its comma, or empty; `texts` is the text
        that `texts_text` makes.
        """
        if not mark:
            self.readings += 1
            self.values += count
        if self._file is not None:
            if texts:
                mark += f',"texts":{{{texts}}}'
            self._append(
                f'{{"t":{time_ns},"device":"{device}","values":{{{values}}},"how":"{how}"{mark}}}\n'
            )

    def change(self, device: str, time_ns: int, change: Mapping[str, object]) -> None:
        """Log that a leak or a fault began or ended."""
        text = json.dumps(dict(change), separators=(",", ":"))
        self._append(f'{{"t":{time_ns},"device":"{device}","change":{text}}}\n')

    def written(self, device: str, time_ns: int, values: Mapping[str, float]) -> None:
        """Log that a write acted."""
        self.writes += 1
        text = values_text(values)
        self._append(f'{{"t":{time_ns},"device":"{device}","written":{{{text}}}}}\n')

    def _append(self, line: str) -> None:
        if self._file is not None:
            self._lines.append(line)
            if len(self._lines) >= BUFFER_LINES_MAX:
                self.flush()

    def flush(self) -> None:
        """Hand all lines to the operating system."""
        if self._file is not None and self._lines:
            self._file.write("".join(self._lines))
            self._lines.clear()
            self._file.flush()

    def close(self) -> None:
        """Flush and close."""
        if self._file is not None:
            self.flush()
            self._file.close()
            self._file = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
