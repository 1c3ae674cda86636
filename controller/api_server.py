"""The HTTP server around the API: uvicorn within this process's event loop."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import uvicorn

from controller.config import ApiSettings
from controller.errors import ConfigError

_BACKLOG: Final = 128
_KEEP_ALIVE_S: Final = 15
_CONCURRENCY_MAX: Final = 200
"""Connections and tasks at the same time; more are answered with 503."""


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
                http="httptools",
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
