"""The HTTP requests of an InfluxDB that influxdb-client does not make: ping, 1.x writes, InfluxQL.

Over httpx, which the controller has for its webhooks anyway: a write is one request for some
thousand values, so what the client costs a request does not show.
"""

from __future__ import annotations

import asyncio
import gzip
import logging
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import httpx
import orjson

from controller.errors import StoreRejectedError, StoreUnavailableError
from controller.telemetry.influx_answers import problem_of, retry_after_s, utc_s
from controller.telemetry.influx_url import InfluxTarget

GZIP_LEVEL: Final = 1
"""Nine tenths of the gain of level 6 at a third of its cost."""
_ANSWER_BYTES_MAX: Final = 64 * 1024 * 1024
_TEXT: Final = "text/plain; charset=utf-8"

logging.getLogger("httpx").setLevel(logging.WARNING)  # it tells of every request


class Backpressure:
    """The moment before which a server has asked to be left alone."""

    def __init__(self) -> None:
        self._not_before_s = 0.0

    def hear(self, header: str | None) -> None:
        """Note a `Retry-After` header."""
        wait_s = retry_after_s(header, now_s=utc_s())
        self._not_before_s = asyncio.get_running_loop().time() + wait_s

    async def wait(self) -> None:
        """Wait until then, which is bounded."""
        await asyncio.sleep(self._not_before_s - asyncio.get_running_loop().time())


class InfluxHttp:
    """One server.

    Args:
        target: Where.
        secret: Password of 1.x, token of 2.x and 3.
        ca_file: Authority to trust, in place of the system's.
        timeout_s: For each request.
        backpressure: Told what the server asks.
    """

    def __init__(
        self,
        target: InfluxTarget,
        *,
        secret: str | None,
        ca_file: Path | None,
        timeout_s: float,
        backpressure: Backpressure,
    ) -> None:
        self._target = target
        self._timeout_s = timeout_s
        self._backpressure = backpressure
        self._headers: dict[str, str] = {}
        auth = None
        if target.user is not None:
            auth = httpx.BasicAuth(target.user, secret or "")
        elif secret is not None:
            self._headers["Authorization"] = f"Token {secret}"
        is_tls = target.root.startswith("https:")
        self._client = httpx.AsyncClient(
            base_url=target.root,
            auth=auth,
            timeout=None,  # noqa: S113  # each request has one limit for all of it, in `_request`
            follow_redirects=False,
            trust_env=False,  # a proxy for the outside world is not on the way to the store
            verify=ssl.create_default_context(cafile=ca_file) if is_tls else False,
        )

    def use_bearer(self) -> None:
        """Send the token as version 3 wants it (RFC 6750)."""
        token = self._headers.get("Authorization", "").removeprefix("Token ")
        if token:
            self._headers["Authorization"] = f"Bearer {token}"

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    async def ping(self) -> str:
        """Return the version the server says it is, or an empty text.

        Raises:
            StoreUnavailableError: no answer, or none that a store gives.
        """
        answer = await self._request("GET", "/ping", headers=self._headers)
        if answer.status_code not in {200, 204}:
            problem = problem_of(answer.status_code, answer.content, place=self._target.root)
            raise StoreUnavailableError(
                problem.reason if isinstance(problem, StoreUnavailableError) else "store_strange",
                f"/ping is answered with HTTP status {answer.status_code}",
                place=self._target.root,
                remedy="" if problem is None else problem.remedy,
            )
        said: str = answer.headers.get("x-influxdb-version", "")
        return said

    async def write(self, body: bytes) -> None:
        """Write line protocol by `/write`; return when it is durable.

        Raises:
            StoreUnavailableError: not confirmed.
            StoreRejectedError: as `influx_answers.problem_of` makes it.
        """
        parameters = {"db": self._target.database, "precision": "ns"}
        if self._target.retention_policy is not None:
            parameters["rp"] = self._target.retention_policy
        headers = self._headers | {"Content-Type": _TEXT}
        if self._target.gzip:
            headers["Content-Encoding"] = "gzip"
            body = await asyncio.to_thread(gzip.compress, body, GZIP_LEVEL)
        answer = await self._request(
            "POST", "/write", params=parameters, headers=headers, content=body
        )
        self._backpressure.hear(answer.headers.get("retry-after"))
        problem = problem_of(answer.status_code, answer.content, place=self._target.root)
        if problem is not None:
            raise problem

    async def query(self, influxql: str) -> list[dict[str, Any]]:
        """Run InfluxQL that reads and return its series.

        Raises:
            StoreUnavailableError: no answer.
            StoreRejectedError: the server does not take the statement.
        """
        parameters = {"db": self._target.database, "epoch": "ns"}
        if self._target.retention_policy is not None:
            parameters["rp"] = self._target.retention_policy
        answer = await self._request(
            "POST",
            "/query",
            params=parameters,
            headers=self._headers,
            data={"q": influxql},
        )
        if answer.status_code == 200 and len(answer.content) <= _ANSWER_BYTES_MAX:
            return self._series(answer.content)
        problem = problem_of(answer.status_code, answer.content, place=self._target.root)
        raise problem or StoreRejectedError(
            "store_answer", "the answer is too large", place=self._target.root
        )

    def _series(self, content: bytes) -> list[dict[str, Any]]:
        try:
            plain = orjson.loads(content)
            result = plain["results"][0]
        except (orjson.JSONDecodeError, KeyError, IndexError, TypeError):
            raise StoreUnavailableError(
                "store_strange", "the answer to a query is none", place=self._target.root
            ) from None
        if "error" in result:
            message = str(result["error"])[:300]
            if "not found" in message:
                remedy = "create the database, retention policy or mapping (docs/deploy.md)"
                raise StoreUnavailableError(
                    "store_missing", message, place=self._target.root, remedy=remedy
                )
            raise StoreRejectedError("store_query", message, place=self._target.root)
        series: list[dict[str, Any]] = result.get("series", [])
        return series

    async def _request(
        self, method: str, path: str, *, headers: Mapping[str, str], **parts: Any
    ) -> httpx.Response:
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._client.request(method, path, headers=headers, **parts)
        except TimeoutError:
            message = f"no answer within {self._timeout_s:g} s"
            raise StoreUnavailableError("store_timeout", message, place=self._target.root) from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise self._translated(error) from error

    def _translated(self, error: Exception) -> StoreUnavailableError:
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, ssl.SSLError):
                return StoreUnavailableError(
                    "store_certificate",
                    f"TLS fails: {cause}",
                    place=self._target.root,
                    remedy="name the authority of the store's certificate in ca_file",
                )
            cause = cause.__cause__ or cause.__context__
        text = str(error) or type(error).__name__
        return StoreUnavailableError("store_unreachable", text[:300], place=self._target.root)
