"""A webhook receiver that nobody kills: it checks signatures and writes down every delivery.

Standard library only. Now and then it keeps a notice and hangs up without an answer, as a receiver
with a broken proxy does: the sender must come again, with the same key.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

_BODY_BYTES_MAX = 256 * 1024


class Sink:
    """Listens on a loopback port while used as a context.

    Args:
        port: where.
        secret: what notices are signed with.
        log: JSON Lines: `{"t": ns, "key": …, "notice": {…}, "hung_up": false}`.
        hangs_up: asked for each delivery whether to drop the answer.
    """

    def __init__(
        self, port: int, *, secret: bytes, log: Path, hangs_up: Callable[[], bool]
    ) -> None:
        self.refused = 0
        self._secret = secret
        self._log = log
        self._hangs_up = hangs_up
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        sink = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                received_ns = time.time_ns()
                length = int(self.headers.get("Content-Length", "0"))
                body = self.rfile.read(min(length, _BODY_BYTES_MAX))
                if not sink.is_genuine(self.headers, body):
                    self._answer(401)
                    return
                hung_up = sink.keep(received_ns, self.headers["Idempotency-Key"], body)
                if hung_up:
                    self.close_connection = True
                else:
                    self._answer(200)

            def _answer(self, status: int) -> None:
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Say nothing."""

        return Handler

    def is_genuine(self, headers: Any, body: bytes) -> bool:
        """Check the signature: HMAC-SHA256 over time stamp, a dot and the body."""
        stamp = headers.get("X-Campus-Timestamp", "")
        wanted = hmac.new(self._secret, stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
        given = headers.get("X-Campus-Signature", "").removeprefix("v1=")
        genuine = hmac.compare_digest(wanted, given)
        self.refused += not genuine
        return genuine

    def keep(self, received_ns: int, key: str, body: bytes) -> bool:
        """Write a delivery down; return whether to hang up without an answer."""
        hung_up = self._hangs_up()
        line = {"t": received_ns, "key": key, "hung_up": hung_up, "notice": json.loads(body)}
        with self._lock, self._log.open("a", encoding="utf-8") as log:
            log.write(json.dumps(line, ensure_ascii=False) + "\n")
        return hung_up
