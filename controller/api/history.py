"""History: a device's points over a time, raw or by windows, as JSON or CSV."""

from __future__ import annotations

import csv
import io
import time
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from campus_wire.limits import TIME_NS_MAX
from controller.api.access import ServicesDep, Viewer
from controller.api.models import HistoryOut
from controller.api.problems import not_found
from controller.telemetry.base import ROWS_MAX, Aggregate, HistoryQuery, HistoryResult

router = APIRouter(tags=["history"])
_DAY_NS = 86_400 * 10**9


class Format(StrEnum):
    """How the rows come."""

    JSON = "json"
    CSV = "csv"


@router.get(
    "/gateways/{gateway}/devices/{device}/history",
    response_model=HistoryOut,
    responses={200: {"content": {"text/csv": {}}}},
)
async def history(
    gateway: str,
    device: str,
    have: ServicesDep,
    _who: Viewer,
    *,
    points: Annotated[
        str, Query(max_length=4000, description="Names, with commas; empty: all.")
    ] = "",
    from_ns: Annotated[
        int | None, Query(ge=0, le=TIME_NS_MAX, description="Default: a day before `to_ns`.")
    ] = None,
    to_ns: Annotated[int | None, Query(ge=0, le=TIME_NS_MAX, description="Default: now.")] = None,
    window_s: Annotated[float | None, Query(ge=1, le=366 * 86_400)] = None,
    aggregate: Aggregate | None = None,
    limit: Annotated[int, Query(ge=1, le=ROWS_MAX)] = 10_000,
    output: Annotated[Format, Query(alias="format")] = Format.JSON,
) -> Any:
    """Return what a device's points showed; with `window_s` one row a window (default: mean)."""
    entry = have.inventory.device(gateway, device)
    if entry is None:
        raise not_found("device", f"{gateway}/{device}")
    known = [point.name for point in entry.points]
    wanted = [name for name in points.split(",") if name] or known
    for name in wanted:
        if name not in known:
            raise not_found("point", f"{gateway}/{device}/{name[:64]}")
    until_ns = time.time_ns() if to_ns is None else to_ns
    since_ns = max(0, until_ns - _DAY_NS) if from_ns is None else from_ns
    by_default = Aggregate.MEAN if window_s is not None else None
    query = HistoryQuery(
        device=entry.info,
        points=tuple(dict.fromkeys(wanted)),
        from_ns=since_ns,
        to_ns=until_ns,
        window_s=window_s,
        aggregate=aggregate or by_default,
        limit=limit,
    )
    found = await have.store.history(query)
    return _csv(query, found) if output is Format.CSV else _json(query, found)


def _json(query: HistoryQuery, found: HistoryResult) -> HistoryOut:
    return HistoryOut(
        gateway=query.device.gateway,
        device=query.device.device,
        window_s=query.window_s,
        aggregate=query.aggregate,
        times_ns=list(found.times_ns),
        values={
            point: list(column) for point, column in zip(query.points, found.columns, strict=True)
        },
        truncated=found.truncated,
    )


def _csv(query: HistoryQuery, found: HistoryResult) -> Response:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(["time", "time_ns", *query.points])
    for time_ns, *values in zip(found.times_ns, *found.columns, strict=True):
        writer.writerow([_iso(time_ns), time_ns, *("" if v is None else v for v in values)])
    headers = {
        "Content-Disposition": f'attachment; filename="{query.device.device}.csv"',
        "X-Truncated": str(found.truncated).lower(),
    }
    return Response(text.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


def _iso(time_ns: int) -> str:
    return datetime.fromtimestamp(time_ns / 1e9, UTC).isoformat(timespec="milliseconds")
