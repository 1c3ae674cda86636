"""InfluxDB 1.x with the accounts of docs/deploy.md."""

import time
import urllib.error
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import servers
from tests.system import deploy_page

pytestmark = pytest.mark.integration

ADMIN = ("admin", "an-administrators-password")
CONTROLLER = ("controller", "the-controllers-password")
REPORTS = ("reports", "the-reports-password")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of an InfluxDB with authentication, set up by the statements of the page."""
    directory: Path = tmp_path_factory.mktemp("deploy-influx")
    with servers.InfluxDB(
        directory, database="other", auth=True, admin_password=ADMIN[1]
    ) as server:
        # The fixture made its administrator by this very statement; the page's must be the same.
        statement = deploy_page.block("influxdb 1 administrator").strip()
        run(server.http_url, ADMIN, statement)
        for line in deploy_page.block("influxdb 1 database").splitlines():
            run(server.http_url, ADMIN, line)
        yield server.http_url


def run(url: str, account: tuple[str, str], influxql: str, *, database: str = "campus") -> str:
    """Run InfluxQL as this account and return the answer's text."""
    query = urllib.parse.urlencode({"u": account[0], "p": account[1], "db": database})
    body = urllib.parse.urlencode({"q": influxql}).encode()
    answer = servers.http_request(f"{url}/query?{query}", body=body).decode()
    assert '"error"' not in answer, answer
    return answer


def write(url: str, account: tuple[str, str], *, database: str = "campus") -> None:
    """Write one sample as this account."""
    query = urllib.parse.urlencode({"u": account[0], "p": account[1], "db": database})
    line = f"climate,device=th-1 temperature=21.5,seq=1i {time.time_ns()}"
    servers.http_request(f"{url}/write?{query}", body=line.encode())


def test_controller_writes_and_reads_its_database(store: str) -> None:
    write(store, CONTROLLER)

    assert "21.5" in run(store, CONTROLLER, 'SELECT * FROM "kept"."climate"')
    assert "21.5" in run(store, REPORTS, "SELECT * FROM climate")


def test_controller_reaches_no_other_database(store: str) -> None:
    with pytest.raises(urllib.error.HTTPError, match="403"):
        write(store, CONTROLLER, database="other")


@pytest.mark.parametrize(
    "statement",
    ["CREATE DATABASE mine", 'DROP DATABASE "campus"', "SHOW USERS"],
)
def test_controller_is_no_administrator(store: str, statement: str) -> None:
    with pytest.raises(urllib.error.HTTPError, match="403"):
        run(store, CONTROLLER, statement)


def test_reports_only_read(store: str) -> None:
    with pytest.raises(urllib.error.HTTPError, match="403"):
        write(store, REPORTS)


@pytest.mark.parametrize("account", [("controller", "guessed"), ("nobody", "guessed"), ("", "")])
def test_wrong_accounts_are_refused(store: str, account: tuple[str, str]) -> None:
    with pytest.raises(urllib.error.HTTPError, match="401"):
        write(store, account)


def test_samples_beyond_retention_are_refused(store: str) -> None:
    """The page warns of it: the duration must be longer than any outage."""
    query = urllib.parse.urlencode({"u": CONTROLLER[0], "p": CONTROLLER[1], "db": "campus"})
    with pytest.raises(urllib.error.HTTPError, match="400"):
        servers.http_request(f"{store}/write?{query}", body=b"climate temperature=21.5 1")


def test_backup_brings_back_what_was_dropped(tmp_path: Path) -> None:
    backup = tmp_path / "backup"
    with servers.InfluxDB(tmp_path / "influx", database="campus") as server:
        server.write("climate,device=th-1 temperature=21.5 1700000000000000000")
        before = server.query("SELECT * FROM climate")
        replacements = (("8088", str(server.rpc_port)), ("/backup/influx", str(backup)))
        deploy_page.run("influxdb 1 backup", tmp_path, *replacements)
        server.drop_database("campus")
        deploy_page.run("influxdb 1 restore", tmp_path, *replacements)
        # A restored shard is enabled a moment after the command has ended.
        servers.wait_until(lambda: shows(server, before), what="restored", timeout_s=10)

    assert before[0]["temperature"] == 21.5


def shows(server: servers.InfluxDB, rows: list[dict[str, Any]]) -> bool:
    """Tell whether the store holds just these rows of climate."""
    try:
        return server.query("SELECT * FROM climate") == rows
    except RuntimeError:
        return False
