"""History queries in InfluxQL, which every version of InfluxDB reads (docs/deploy.md)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from controller.telemetry.base import Aggregate, HistoryQuery, HistoryResult
from controller.telemetry.line_protocol import (
    QUALITY_SUFFIX,
    stored_field,
    stored_measurement,
    stored_tag,
)

_FUNCTIONS: Final[Mapping[Aggregate, str]] = {
    Aggregate.MEAN: "MEAN",
    Aggregate.MIN: "MIN",
    Aggregate.MAX: "MAX",
    Aggregate.LAST: "LAST",
    Aggregate.COUNT: "COUNT",
    Aggregate.SUM: "SUM",
}


def identifier(name: str) -> str:
    """Quote a database, measurement, tag or field."""
    return '"' + _escaped(name, '"') + '"'


def literal(text: str) -> str:
    """Quote a string."""
    return "'" + _escaped(text, "'") + "'"


def _escaped(text: str, quote: str) -> str:
    return text.replace("\\", "\\\\").replace(quote, f"\\{quote}").replace("\n", "\\n")


def history_statement(query: HistoryQuery, *, retention_policy: str | None = None) -> str:
    """Return the statement that answers a query, with one row more than its limit.

    Without windows the quality fields are selected too, so that a sample whose values are all bad
    still makes a row.
    """
    fields = [stored_field(point) for point in query.points]
    if query.aggregate is None:
        names = [*fields, *(field + QUALITY_SUFFIX for field in fields)]
        columns = [f"{identifier(name)} AS {_alias(n)}" for n, name in enumerate(names)]
    else:
        function = _FUNCTIONS[query.aggregate]
        columns = [
            f"{function}({identifier(field)}) AS {_alias(n)}" for n, field in enumerate(fields)
        ]
    source = identifier(stored_measurement(query.device.category))
    if retention_policy is not None:
        source = f"{identifier(retention_policy)}.{source}"
    tags = {
        "gateway": query.device.gateway,
        "school": query.device.school,
        "device": query.device.device,
    }
    where = [f"{identifier(tag)} = {literal(stored_tag(value))}" for tag, value in tags.items()]
    where += [f"time >= {query.from_ns}", f"time < {query.to_ns}"]
    grouping = "" if query.window_ns is None else f" GROUP BY time({query.window_ns}ns) fill(none)"
    return (
        f"SELECT {', '.join(columns)} FROM {source} "  # noqa: S608  # all names are quoted
        f"WHERE {' AND '.join(where)}{grouping} ORDER BY time ASC LIMIT {query.limit + 1}"
    )


def _alias(number: int) -> str:
    return identifier(f"c{number}")


def history_result(query: HistoryQuery, series: Sequence[Mapping[str, Any]]) -> HistoryResult:
    """Return the rows of an answer, whose times are whole nanoseconds (`epoch=ns`)."""
    if not series:
        return HistoryResult([], tuple([] for _ in query.points))
    names = list(series[0]["columns"])
    rows = series[0].get("values", [])
    kept = rows[: query.limit]
    time_at = names.index("time")
    columns = []
    for number in range(len(query.points)):
        at = names.index(f"c{number}")
        columns.append([row[at] for row in kept])
    return HistoryResult([row[time_at] for row in kept], tuple(columns), len(rows) > len(kept))
