"""Bounds on what a request may cost, kept before any route sees it."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from controller.api.problems import problem

BODY_BYTES_MAX: Final = 64 * 1024
QUERY_BYTES_MAX: Final = 8 * 1024
REQUESTS_MAX: Final = 64
"""Requests served at once; more wait for nothing and are told to come again."""


class BoundedRequests:
    """Middleware: refuses long bodies and queries, and ends a request after `timeout_s`."""

    def __init__(self, app: ASGIApp, timeout_s: float) -> None:
        self._app = app
        self._timeout_s = timeout_s
        self._running = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request within the bounds."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        self._running += 1
        try:
            await self._within_time(scope, receive, send)
        finally:
            self._running -= 1

    def _refusal(self, scope: Scope) -> ASGIApp | None:
        if self._running >= REQUESTS_MAX:
            return problem(HTTPStatus.SERVICE_UNAVAILABLE, "busy", "too many requests at once")
        if len(scope["query_string"]) > QUERY_BYTES_MAX:
            return problem(HTTPStatus.REQUEST_URI_TOO_LONG, "query_too_long", "a shorter query")
        lengths = [value for name, value in scope["headers"] if name == b"content-length"]
        if lengths and (not lengths[0].isdigit() or int(lengths[0]) > BODY_BYTES_MAX):
            return _body_too_large()
        return None

    async def _within_time(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def watched_send(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            async with asyncio.timeout(self._timeout_s):
                await self._app(scope, _bounded(receive), watched_send)
        except TimeoutError:
            if not started:
                late = problem(HTTPStatus.GATEWAY_TIMEOUT, "timeout", "the answer took too long")
                await late(scope, receive, send)


def _bounded(receive: Receive) -> Receive:
    """Cut a body that is longer than it may be: without a length it shows only on the way."""
    total = 0

    async def bounded_receive() -> Message:
        nonlocal total
        message = await receive()
        total += len(message.get("body", b""))
        if total > BODY_BYTES_MAX:
            return {"type": "http.disconnect"}
        return message

    return bounded_receive


def _body_too_large() -> ASGIApp:
    detail = f"a request's body has up to {BODY_BYTES_MAX} bytes"
    return problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body_too_large", detail)
