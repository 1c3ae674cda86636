"""Samples in InfluxDB: written as line protocol, read by InfluxQL.

1.8 and later are written to by the v2 API through influxdb-client, earlier 1.x by `/write`. The
client is heavy (40 MB, half a second), so it is imported when a v2 server is met; its `Point` is
not used at all, being some fifty times dearer than `line_protocol`.
"""

from __future__ import annotations

import asyncio
import gzip
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any, Final

from controller.errors import SamplesRejectedError, StoreUnavailableError
from controller.frames import Frame
from controller.telemetry.base import HistoryQuery, HistoryResult
from controller.telemetry.influx_answers import (
    REASON,
    LinesRefusedError,
    TooLargeError,
    problem_of,
)
from controller.telemetry.influx_http import GZIP_LEVEL, Backpressure, InfluxHttp
from controller.telemetry.influx_url import InfluxTarget, version_of
from controller.telemetry.influxql import history_result, history_statement
from controller.telemetry.line_protocol import LineEncoder, bodies

_log: Final = logging.getLogger(__name__)
_V2_FROM: Final = (1, 8)
BODY_BYTES_MAX: Final = 900_000
"""aiohttp warns of bodies over 1 MiB; InfluxDB takes 25 MB and is fastest from 5,000 lines on."""
_EXTRA_REQUESTS_MAX: Final = 64
"""For finding refused lines within one write; beyond, the caller writes in smaller parts."""

Write = Callable[[bytes], Awaitable[None]]


class InfluxStore:
    """Samples in one database.

    Args:
        target: Where and how.
        secret: Password of 1.x, token of 2.x and 3.
        ca_file: Authority to trust, in place of the system's.
        timeout_s: For each request.
    """

    def __init__(
        self,
        target: InfluxTarget,
        *,
        secret: str | None = None,
        ca_file: Path | None = None,
        timeout_s: float = 10.0,
    ) -> None:
        self._target = target
        self._secret = secret
        self._ca_file = ca_file
        self._timeout_s = timeout_s
        self._encoder = LineEncoder()
        self._backpressure = Backpressure()
        self._http: InfluxHttp | None = None
        self._v2: _V2Writer | None = None
        self._write: Write | None = None

    async def start(self) -> None:
        """Find out what the server is. Raises as `TelemetryStore.start`."""
        await self.close()
        try:
            await self._connect()
        except BaseException:
            await self.close()
            raise

    async def _connect(self) -> None:
        self._http = InfluxHttp(
            self._target,
            secret=self._secret,
            ca_file=self._ca_file,
            timeout_s=self._timeout_s,
            backpressure=self._backpressure,
        )
        said = await self._http.ping()
        version = self._target.version or version_of(said)
        if version is None:
            raise StoreUnavailableError(
                "store_version",
                f"the server does not tell its version ({said!r})",
                place=self._target.root,
                remedy="add ?version=1.6, 1.8, 2 or 3 to the store's url",
            )
        if version >= (3, 0):
            self._http.use_bearer()
        if version >= _V2_FROM:
            self._v2 = _V2Writer(
                self._target,
                await asyncio.to_thread(_load_library),
                token=self._v2_token(version),
                ca_file=self._ca_file,
                timeout_s=self._timeout_s,
                backpressure=self._backpressure,
            )
        self._write = self._http.write if self._v2 is None else self._v2.write
        api = "/write" if self._v2 is None else "the v2 API"
        _log.info("store %s, version %s, written by %s", self._target.root, said or "?", api)

    def _v2_token(self, version: tuple[int, int]) -> str:
        if version < (2, 0) and self._target.user is not None:
            return f"{self._target.user}:{self._secret or ''}"  # 1.8 knows accounts, no tokens
        return self._secret or ""

    async def write(self, frames: Sequence[Frame]) -> None:
        """Write frames. Raises as `TelemetryStore.write`; `SamplesRejectedError` names samples."""
        if self._write is None:
            raise StoreUnavailableError("store_closed", "not started", place=self._target.root)
        await self._backpressure.wait()
        lines = [line for frame in frames for line in self._encoder.encode(frame)]
        sender = _Sender(self._write)
        start = 0
        for group in bodies(lines, bytes_max=BODY_BYTES_MAX):
            await sender.send(group, start)
            start += len(group)
        if sender.unclear is not None:
            raise sender.unclear
        if sender.refused:
            raise self._rejected(frames, sender.refused)

    def _rejected(self, frames: Sequence[Frame], refused: dict[int, str]) -> SamplesRejectedError:
        starts = [0, *accumulate(frame.sample_count for frame in frames)]
        samples = tuple(
            (index, line - starts[index], text)
            for line, text in sorted(refused.items())
            for index in [_frame_of(starts, line)]
        )
        message = f"{len(samples)} samples refused: {next(iter(refused.values()))}"
        return SamplesRejectedError(REASON, message, samples=samples, place=self._target.root)

    async def history(self, query: HistoryQuery) -> HistoryResult:
        """Answer a query. Raises as `TelemetryStore.history`."""
        if self._http is None:
            raise StoreUnavailableError("store_closed", "not started", place=self._target.root)
        statement = history_statement(query, retention_policy=self._target.retention_policy)
        return history_result(query, await self._http.query(statement))

    async def close(self) -> None:
        """Close all connections; a store can be started again."""
        http, v2 = self._http, self._v2
        self._http = self._v2 = self._write = None
        if http is not None:
            await http.close()
        if v2 is not None:
            await v2.close()


def _frame_of(starts: Sequence[int], line: int) -> int:
    return max(index for index, start in enumerate(starts[:-1]) if start <= line)


class _Sender:
    """Sends groups of lines; takes refused ones apart until the culprits are alone."""

    def __init__(self, write: Write) -> None:
        self._write = write
        self._extra = 0
        self.refused: dict[int, str] = {}
        self.unclear: LinesRefusedError | None = None
        """Somewhere in what was sent is more that is refused; where, would take too long."""

    async def send(self, lines: Sequence[str], start: int) -> None:
        """Send lines of which the first is number `start`."""
        try:
            await self._write("\n".join(lines).encode())
        except TooLargeError as error:
            if len(lines) == 1:
                self.refused[start] = error.message
            else:
                await self._send_halves(lines, start)
        except LinesRefusedError as error:
            are_all = error.dropped is not None and error.dropped >= len(lines)
            if are_all or len(lines) == 1:
                self.refused.update(dict.fromkeys(range(start, start + len(lines)), error.message))
            elif self._extra >= _EXTRA_REQUESTS_MAX:
                self.unclear = error
            else:
                self._extra += 2
                await self._send_halves(lines, start)

    async def _send_halves(self, lines: Sequence[str], start: int) -> None:
        middle = len(lines) // 2
        await self.send(lines[:middle], start)
        await self.send(lines[middle:], start + middle)


@dataclass(frozen=True, slots=True)
class _Library:
    """The parts of influxdb-client that are used; it annotates none of its methods."""

    client: Any
    service: Any
    refusal: type[Any]
    failures: tuple[type[Exception], ...]


def _load_library() -> _Library:
    import aiohttp  # noqa: PLC0415  # comes with influxdb-client
    from influxdb_client.client.influxdb_client_async import (  # noqa: PLC0415
        InfluxDBClientAsync,
    )
    from influxdb_client.rest import ApiException  # noqa: PLC0415
    from influxdb_client.service.write_service import WriteService  # noqa: PLC0415

    failures = (aiohttp.ClientError, OSError)
    return _Library(InfluxDBClientAsync, WriteService, ApiException, failures)


class _V2Writer:
    """The v2 write API, through influxdb-client."""

    def __init__(
        self,
        target: InfluxTarget,
        library: _Library,
        *,
        token: str,
        ca_file: Path | None,
        timeout_s: float,
        backpressure: Backpressure,
    ) -> None:
        self._target = target
        self._timeout_s = timeout_s
        self._backpressure = backpressure
        self._refusal = library.refusal
        self._failures = library.failures
        self._client = library.client(
            target.root,
            token=token,
            org=target.org,
            timeout=None,
            allow_redirects=False,
            ssl_ca_cert=None if ca_file is None else str(ca_file),
        )
        self._service = library.service(self._client.api_client)

    async def write(self, body: bytes) -> None:
        """As `InfluxHttp.write`."""
        encoding = "identity"
        if self._target.gzip:
            encoding = "gzip"
            body = await asyncio.to_thread(gzip.compress, body, GZIP_LEVEL)
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._service.post_write_async(
                    org=self._target.org,
                    bucket=self._target.bucket,
                    body=body,
                    precision="ns",
                    content_encoding=encoding,
                    content_type="text/plain; charset=utf-8",
                )
        except TimeoutError:
            message = f"no answer within {self._timeout_s:g} s"
            raise StoreUnavailableError("store_timeout", message, place=self._target.root) from None
        except self._refusal as error:
            raise self._translated(error) from error
        except self._failures as error:
            text = (str(error) or type(error).__name__)[:300]
            raise StoreUnavailableError(
                "store_unreachable", text, place=self._target.root
            ) from error

    def _translated(self, error: Any) -> Exception:
        headers = error.headers or {}
        self._backpressure.hear(headers.get("Retry-After"))
        content = error.body if isinstance(error.body, bytes) else str(error.body or "").encode()
        problem = problem_of(int(error.status or 0), content, place=self._target.root)
        return problem or StoreUnavailableError(
            "store_strange", "refused and done at once", place=self._target.root
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()
