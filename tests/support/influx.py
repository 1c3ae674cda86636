"""Real time-series stores: InfluxDB 1.x, and VictoriaMetrics for InfluxDB's v2 write API."""

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any, ClassVar

from tests.support.process import Server, free_port

_HTTP_TIMEOUT_S = 30.0


class InfluxDB(Server):
    """InfluxDB 1.6: takes ``/write`` and answers InfluxQL at ``/query``.

    Args:
        directory: Where configuration, data and write-ahead log go.
        database: Created at the first start.
        auth: Ask every client for a user and password; the administrator is ``admin`` with
            ``admin_password``.
        admin_password: Password of the administrator.

    Attributes:
        rpc_port: Where ``influxd backup`` and ``influxd restore`` connect to.
    """

    program: ClassVar[str] = "influxd"
    package: ClassVar[str] = "influxdb"

    def __init__(
        self,
        directory: Path,
        *,
        database: str = "campus",
        auth: bool = False,
        admin_password: str = "only-for-tests",
    ) -> None:
        super().__init__(directory)
        self.host = "127.0.0.1"
        self.port = free_port()
        self.database = database
        self.rpc_port = free_port()
        self._auth = auth
        self._admin_password = admin_password

    @property
    def http_url(self) -> str:
        """Root address of the HTTP API."""
        return f"http://{self.host}:{self.port}"

    def start(self, *, timeout_s: float = 30.0) -> None:
        """Start, wait until it answers, and make the database (and the administrator) sure."""
        is_first_start = not (self.directory / "meta").exists()
        super().start(timeout_s=timeout_s)
        if self._auth and is_first_start:
            self._create_admin()
        self.create_database(self.database)

    def _create_admin(self) -> None:
        # Until there is an administrator this one statement is let through, without an account.
        password = self._admin_password
        influxql = f"CREATE USER admin WITH PASSWORD '{password}' WITH ALL PRIVILEGES"
        body = urllib.parse.urlencode({"q": influxql}).encode()
        http_request(f"{self.http_url}/query", body=body)

    def create_database(self, name: str) -> None:
        """Make a database; does nothing when it is there."""
        self.query(f'CREATE DATABASE "{name}"')

    def drop_database(self, name: str) -> None:
        """Remove a database with all its data."""
        self.query(f'DROP DATABASE "{name}"')

    def write(self, lines: str, *, database: str | None = None) -> None:
        """Write line protocol with nanosecond times.

        Raises:
            urllib.error.HTTPError: when the store refuses.
        """
        parameters = {"db": database or self.database, "precision": "ns"} | self._credentials()
        url = f"{self.http_url}/write?{urllib.parse.urlencode(parameters)}"
        http_request(url, body=lines.encode())

    def query(self, influxql: str, *, database: str | None = None) -> list[dict[str, Any]]:
        """Run InfluxQL and return its rows, each with column names, tags and ``measurement``.

        Times are nanoseconds.

        Raises:
            RuntimeError: when the store answers with an error.
        """
        # Credentials are only read from the address or a header, not from a form.
        parameters = {"db": database or self.database, "epoch": "ns"} | self._credentials()
        url = f"{self.http_url}/query?{urllib.parse.urlencode(parameters)}"
        body = urllib.parse.urlencode({"q": influxql}).encode()
        answer = json.loads(http_request(url, body=body))
        rows: list[dict[str, Any]] = []
        for result in answer["results"]:
            if "error" in result:
                raise RuntimeError(f"{influxql}: {result['error']}")
            for series in result.get("series", []):
                head = {"measurement": series.get("name"), **series.get("tags", {})}
                rows += [
                    head | dict(zip(series["columns"], row, strict=True))
                    for row in series.get("values", [])
                ]
        return rows

    def _credentials(self) -> dict[str, str]:
        return {"u": "admin", "p": self._admin_password} if self._auth else {}

    def _prepare(self) -> None:
        root = self.directory
        (root / "influxdb.conf").write_text(
            "reporting-disabled = true\n"
            f'bind-address = "127.0.0.1:{self.rpc_port}"\n'
            f'[meta]\ndir = "{root / "meta"}"\n'
            f'[data]\ndir = "{root / "data"}"\nwal-dir = "{root / "wal"}"\n'
            "query-log-enabled = false\n"
            f'[http]\nbind-address = "{self.host}:{self.port}"\nlog-enabled = false\n'
            f"auth-enabled = {'true' if self._auth else 'false'}\n"
            '[monitor]\nstore-enabled = false\n[logging]\nlevel = "warn"\n',
            encoding="utf-8",
        )

    def _arguments(self) -> Sequence[str]:
        return ["-config", str(self.directory / "influxdb.conf")]

    def _is_ready(self) -> bool:
        return _answers(f"{self.http_url}/ping")


class VictoriaMetrics(Server):
    """VictoriaMetrics: takes line protocol at ``/write`` and ``/api/v2/write``.

    It keeps times in milliseconds and numbers only, and shows written data after about a second
    (:meth:`flush` waits less).

    Args:
        directory: Where its data goes.
    """

    program: ClassVar[str] = "victoria-metrics"
    package: ClassVar[str] = "victoria-metrics"

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.host = "127.0.0.1"
        self.port = free_port()

    @property
    def http_url(self) -> str:
        """Root address of the HTTP API."""
        return f"http://{self.host}:{self.port}"

    def flush(self) -> None:
        """Make everything written so far visible to reads."""
        http_request(f"{self.http_url}/internal/force_flush")

    def export(self, selector: str) -> list[dict[str, Any]]:
        """Return every series that ``selector`` matches: ``metric``, ``values``, ``timestamps``.

        Args:
            selector: As in PromQL, for example ``{__name__=~"climate_.*"}``. A line's field
                becomes the series ``measurement_field``. Timestamps are milliseconds.
        """
        self.flush()
        query = urllib.parse.urlencode({"match[]": selector})
        answer = http_request(f"{self.http_url}/api/v1/export?{query}")
        return [json.loads(line) for line in answer.splitlines()]

    def _prepare(self) -> None:
        """Everything is on the command line."""

    def _arguments(self) -> Sequence[str]:
        return [
            f"-storageDataPath={self.directory / 'data'}",
            f"-httpListenAddr={self.host}:{self.port}",
            "-retentionPeriod=100y",
            "-search.latencyOffset=0s",
            "-loggerLevel=WARN",
        ]

    def _is_ready(self) -> bool:
        return _answers(f"{self.http_url}/health")


def http_request(url: str, *, body: bytes | None = None) -> bytes:
    """Fetch ``url``, or post ``body`` to it.

    Raises:
        urllib.error.HTTPError: when the answer is 400 or above.
        OSError: when there is no answer.
    """
    with urllib.request.urlopen(url, data=body, timeout=_HTTP_TIMEOUT_S) as response:
        content: bytes = response.read()
        return content


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1) as response:
            return bool(response.status < HTTPStatus.BAD_REQUEST)
    except OSError:
        return False
