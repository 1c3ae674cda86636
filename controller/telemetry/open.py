"""From a store's URL to the store; a store's client is imported only when it is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from controller.errors import ConfigError
from controller.telemetry.base import TelemetryStore

if TYPE_CHECKING:
    from controller.config import StoreSettings


def open_store(settings: StoreSettings) -> TelemetryStore:
    """Return the store that a URL names, not started yet.

    Raises:
        ConfigError: the URL names no store.
    """
    scheme, _, rest = settings.url.partition(":")
    if scheme == "duckdb":
        from controller.telemetry.duckdb_store import DuckDBStore  # noqa: PLC0415

        return DuckDBStore(_duckdb_path(rest, settings.url))
    raise ConfigError("store_url", f"{settings.url!r} names no store")


def _duckdb_path(rest: str, url: str) -> Path:
    path = rest.removeprefix("///")
    if path == rest or not path:
        remedy = "duckdb:///relative/path or duckdb:////absolute/path"
        raise ConfigError("store_url", f"{url!r} names no file", remedy=remedy)
    return Path(path)
