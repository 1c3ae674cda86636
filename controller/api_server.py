"""The HTTP server around the API: uvicorn within this process's event loop."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from controller.config import ApiSettings
from controller.errors import ConfigError

_BACKLOG: Final = 128
_KEEP_ALIVE_S: Final = 15
_CONCURRENCY_MAX: Final = 200
"""Connections and tasks at the same time; more are answered with 503."""
HEAD_TIMEOUT_S: Final = 10.0
"""For a request's line and headers. uvicorn waits for ever, and so a few hundred connections of
somebody without a token would keep everybody else out."""
HEAD_BYTES_MAX: Final = 64 * 1024


class _Impatient(HttpToolsProtocol):
    """Closes a connection whose request does not come, in time and size."""

    _head_timer: asyncio.TimerHandle | None = None
    _head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        super().connection_made(transport)
        self._expect_head()

    def on_message_begin(self) -> None:
        self._expect_head()
        super().on_message_begin()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._head_timer is not None:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES_MAX:
                self._hang_up()

    def on_headers_complete(self) -> None:
        self._head_came()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_came()
        super().connection_lost(exc)

    def _expect_head(self) -> None:
        if self._head_timer is None:
            self._head_bytes = 0
            self._head_timer = self.loop.call_later(HEAD_TIMEOUT_S, self._hang_up)

    def _head_came(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _hang_up(self) -> None:
        self._head_came()
        self.transport.close()


class _Server(uvicorn.Server):
    """Leaves signals to the process."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class ApiServer:
    """Serves an ASGI application until it is stopped.

    Args:
        app: The application.
        settings: Where it listens.
        stop_timeout_s: How long requests may still take when it stops.
    """

    def __init__(self, app: Any, settings: ApiSettings, *, stop_timeout_s: float) -> None:
        self._settings = settings
        tls = settings.tls
        self._server = _Server(
            uvicorn.Config(
                app,
                loop="none",
                http=_Impatient,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                limit_concurrency=_CONCURRENCY_MAX,
                timeout_keep_alive=_KEEP_ALIVE_S,
                timeout_graceful_shutdown=max(1, int(stop_timeout_s)),
                ssl_certfile=None if tls is None else str(tls.cert_file),
                ssl_keyfile=None if tls is None else str(tls.key_file),
            )
        )
        self._socket = _listen(settings)

    @property
    def url(self) -> str:
        """Where it answers."""
        scheme = "http" if self._settings.tls is None else "https"
        host = f"[{self._settings.host}]" if ":" in self._settings.host else self._settings.host
        return f"{scheme}://{host}:{self._settings.port}"

    async def run(self) -> None:
        """Serve until `stop`."""
        try:
            await self._server.serve(sockets=[self._socket])
        finally:
            self._socket.close()

    def stop(self) -> None:
        """Take no new requests and end when the running ones are answered."""
        self._server.should_exit = True


def _listen(settings: ApiSettings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((settings.host, settings.port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        place = f"{settings.host}:{settings.port}"
        message = f"the HTTP API cannot listen: {error.strerror or error}"
        raise ConfigError("api_address", message, place=place) from error
    return listener
