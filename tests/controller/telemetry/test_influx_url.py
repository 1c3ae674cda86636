"""URLs of an InfluxDB, good and bad."""

from __future__ import annotations

from pathlib import Path

import pytest

from controller.config import StoreSettings
from controller.errors import ConfigError
from controller.telemetry.duckdb_store import DuckDBStore
from controller.telemetry.influx_store import InfluxStore
from controller.telemetry.influx_url import parse_influx_url, version_of
from controller.telemetry.open import open_store


def test_a_full_url() -> None:
    target = parse_influx_url(
        "influxdbs://con%20troller@influx.example:9999/campus/kept?version=1.8.10&gzip=yes"
    )

    assert target.root == "https://influx.example:9999"
    assert (target.user, target.database, target.retention_policy) == (
        "con troller",
        "campus",
        "kept",
    )
    assert (target.version, target.bucket, target.gzip) == ((1, 8), "campus/kept", True)


def test_what_may_be_left_out() -> None:
    target = parse_influx_url("influxdb://[::1]/campus?org=district&bucket=b")

    assert target.root == "http://[::1]:8086"
    assert (target.user, target.retention_policy, target.version) == (None, None, None)
    assert (target.org, target.bucket, target.gzip) == ("district", "b", False)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://h/db", "neither influxdb nor influxdbs"),
        ("influxdb:///db", "no host"),
        ("influxdb://h", "no database"),
        ("influxdb://h/", "no database"),
        ("influxdb://h/a/b/c", "no database"),
        ("influxdb://h:port/db", "Port"),
        ("influxdb://h:99999/db", "Port"),
        ("influxdb://u:secret@h/db", "secret_file"),
        ("influxdb://h/db?versoin=1", "perhaps 'version'"),
        ("influxdb://h/db?version=new", "no version"),
        ("influxdb://h/db?gzip=perhaps", "yes or no"),
        ("influxdb://h/db?org=a&org=b", "twice"),
        ("influxdb://[::1/db", "IPv6"),
    ],
)
def test_what_cannot_be_used_is_explained(url: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_influx_url(url)

    assert message in caught.value.message
    assert "secret@" not in str(caught.value)
    assert caught.value.remedy


def test_a_secret_does_not_travel_in_the_open() -> None:
    with pytest.raises(ConfigError, match="unencrypted"):
        parse_influx_url("influxdb://u@influx.example/db", has_secret=True)
    for url in (
        "influxdb://u@127.0.0.1/db",
        "influxdb://u@localhost/db",
        "influxdbs://u@influx.example/db",
        "influxdb://u@influx.example/db?plain_secret=yes",
    ):
        parse_influx_url(url, has_secret=True)


@pytest.mark.parametrize(
    ("said", "version"),
    [("1.6.7", (1, 6)), ("v2.7.11", (2, 7)), ("3.0.1-beta", (3, 0)), ("1.8", (1, 8)), ("", None)],
)
def test_what_servers_say_of_themselves(said: str, version: tuple[int, int] | None) -> None:
    assert version_of(said) == version


async def test_a_store_is_opened_by_its_scheme(tmp_path: Path) -> None:
    influx = open_store(StoreSettings(url="influxdb://h/db"))
    duckdb = open_store(StoreSettings(url=f"duckdb:///{tmp_path}/t.duckdb"))

    assert isinstance(influx, InfluxStore)
    assert isinstance(duckdb, DuckDBStore)
    await duckdb.close()
    for url in ("duckdb:t.duckdb", "duckdb:///"):
        with pytest.raises(ConfigError):
            open_store(StoreSettings(url=url))


def test_a_missing_secret_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        open_store(StoreSettings(url="influxdbs://h/db", secret_file=tmp_path / "none"))
