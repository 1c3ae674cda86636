"""The demo speaks to the controller as central IT does: over its HTTP API, with a token."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, Self

import httpx

from campus_wire.errors import TransientError

Json = dict[str, Any]
_TIMEOUT_S: Final = 10.0


class ApiFailedError(TransientError):
    """The controller did not answer, or refused."""


class ApiClient:
    """A thin client of the calls the demo needs. Raises `ApiFailedError`."""

    def __init__(self, url: str, token_file: Path) -> None:
        self._token_file = token_file
        self._http = httpx.AsyncClient(base_url=url, timeout=_TIMEOUT_S)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def is_ready(self) -> bool:
        """Say whether samples flow all the way; False while there is no answer."""
        try:
            return (await self._http.get("/readyz")).is_success and self._token_file.exists()
        except httpx.TransportError:
            return False

    async def get(self, path: str, **query: str | int) -> Any:
        """Return the answer to a GET below `/api/v1`."""
        return await self._call("GET", path, params=query)

    async def post(self, path: str, body: Json) -> Any:
        """Return the answer to a POST below `/api/v1`."""
        return await self._call("POST", path, json=body)

    async def metric(self, name: str) -> float:
        """Return the value of a metric without labels."""
        answer = await self._send("GET", "/metrics")
        lines = (line.split() for line in answer.text.splitlines() if line.startswith(name))
        found = [float(words[1]) for words in lines if words[0] == name]
        if not found:
            raise KeyError(name)
        return found[0]

    async def _call(self, method: str, path: str, **request: Any) -> Any:
        answer = await self._send(method, f"/api/v1{path}", **request)
        return answer.json()

    async def _send(self, method: str, path: str, **request: Any) -> httpx.Response:
        try:
            answer = await self._http.request(method, path, headers=self._headers(), **request)
        except httpx.HTTPError as error:
            raise ApiFailedError("api_failed", repr(error), place=f"{method} {path}") from error
        if answer.is_error:
            raise ApiFailedError("api_refused", answer.text[:500], place=f"{method} {path}")
        return answer

    def _headers(self) -> dict[str, str]:
        token = self._token_file.read_text(encoding="utf-8").strip()
        return {"Authorization": f"Bearer {token}"}
