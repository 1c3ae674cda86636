"""Reads back what the store holds, for the count, by way of the history API."""

from __future__ import annotations

from typing import Final

from campus_cli.demo.api_client import ApiClient
from campus_cli.demo.ledger import Value

_ROWS_MAX: Final = 100_000


async def read_stored(api: ApiClient) -> dict[tuple[str, str], list[Value]]:
    """Return every stored value by (device, point), in order of time."""
    stored: dict[tuple[str, str], list[Value]] = {}
    for device in (await api.get("/devices", limit=1000))["devices"]:
        path = f"/gateways/{device['gateway']}/devices/{device['id']}/history"
        found = await api.get(path, limit=_ROWS_MAX)
        if found["truncated"]:
            raise AssertionError(f"{device['id']} has more rows than one answer holds")
        for point, column in found["values"].items():
            rows = zip(found["times_ns"], column, strict=True)
            values = [Value(time_ns, number) for time_ns, number in rows if number is not None]
            if values:
                stored[device["id"], point] = values
    return stored
