"""Fixtures that every test may ask for."""

import itertools
import os
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.support import servers

# A machine that is busy must not fail a law.
settings.register_profile("house", deadline=None)
settings.load_profile("house")

_gateway_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def mosquitto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Mosquitto]:
    """One broker for the whole run of this worker; use ``gateway_id`` to keep apart in it.

    A test that stops, kills or wipes a broker starts its own.
    """
    with servers.Mosquitto(tmp_path_factory.mktemp("mosquitto")) as server:
        yield server


@pytest.fixture(scope="session")
def influx_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.InfluxDB]:
    """One InfluxDB 1.6 for the whole run of this worker."""
    with servers.InfluxDB(tmp_path_factory.mktemp("influx")) as server:
        yield server


@pytest.fixture
def influx(influx_server: servers.InfluxDB) -> Iterator[servers.InfluxDB]:
    """The worker's InfluxDB, with an empty database ``campus``."""
    influx_server.create_database(influx_server.database)
    yield influx_server
    influx_server.drop_database(influx_server.database)


@pytest.fixture(scope="session")
def victoria(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.VictoriaMetrics]:
    """One VictoriaMetrics for the whole run of this worker; keep apart by a tag."""
    with servers.VictoriaMetrics(tmp_path_factory.mktemp("victoria")) as server:
        yield server


@pytest.fixture
def serial_pair(tmp_path: Path) -> Iterator[servers.SerialPair]:
    """A serial line of this test's own."""
    with servers.SerialPair(tmp_path / "serial") as pair:
        yield pair


@pytest.fixture
def free_port() -> int:
    """A loopback TCP port that nobody else gets."""
    return servers.free_port()


@pytest.fixture
def gateway_id() -> str:
    """A gateway id that no other test of this run uses."""
    return f"gw-{os.getpid()}-{next(_gateway_numbers)}"


@pytest.fixture
def make_gateway_id() -> Callable[[], str]:
    """Make as many unused gateway ids as the test needs."""
    return lambda: f"gw-{os.getpid()}-{next(_gateway_numbers)}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
    call: pytest.CallInfo[None],
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the ends of the servers' logs with a failure."""
    report = yield
    if report.failed:
        add_server_logs(report.sections)
    return report


def add_server_logs(sections: list[tuple[str, str]]) -> None:
    """Append one section for every running server."""
    sections.extend(
        (f"end of {server.log_path}", server.log_tail()) for server in servers.running_servers()
    )
