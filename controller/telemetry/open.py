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
    if scheme in {"influxdb", "influxdbs"}:
        return _influx(settings)
    raise ConfigError("store_url", f"{scheme!r} names no store", remedy="duckdb: or influxdb:")


def _influx(settings: StoreSettings) -> TelemetryStore:
    from controller.telemetry.influx_store import InfluxStore  # noqa: PLC0415
    from controller.telemetry.influx_url import parse_influx_url  # noqa: PLC0415

    target = parse_influx_url(settings.url, has_secret=settings.secret_file is not None)
    return InfluxStore(
        target,
        secret=None if settings.secret_file is None else _secret(settings.secret_file),
        ca_file=settings.ca_file,
        timeout_s=settings.timeout_s,
    )


def _secret(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError("secret_file", f"cannot be read: {error}", place=str(path)) from error


def _duckdb_path(rest: str, url: str) -> Path:
    path = rest.removeprefix("///")
    if path == rest or not path:
        remedy = "duckdb:///relative/path or duckdb:////absolute/path"
        raise ConfigError("store_url", f"{url!r} names no file", remedy=remedy)
    return Path(path)
