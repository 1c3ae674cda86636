"""A webhook receiver that writes down what it accepts: the far end of a notice in the demo.

It checks the signature and answers a key it has seen before without writing it again, as a real
receiver should. Run as `python -m campus_cli.demo.sink --port PORT --secret FILE --log FILE`.
"""

from __future__ import annotations

import argparse
import hashlib
import hmac
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

if TYPE_CHECKING:
    from starlette.requests import Request

_BODY_BYTES_MAX = 256 * 1024
_AGE_S_MAX = 300


class Sink:
    """Accepts signed notices and appends each, once, to a JSON Lines file."""

    def __init__(self, secret: bytes, log: Path) -> None:
        self._secret = secret
        self._log = log
        self._seen: set[str] = set()

    async def accept(self, request: Request) -> JSONResponse:
        """Check and keep one notice."""
        received_ns = time.time_ns()
        body = await request.body()
        if len(body) > _BODY_BYTES_MAX:
            return JSONResponse({"error": "too large"}, status_code=413)
        if not self._is_genuine(request, body):
            return JSONResponse({"error": "signature"}, status_code=401)
        key = request.headers.get("idempotency-key", "")
        if key not in self._seen:
            self._seen.add(key)
            line = {"t": received_ns, "key": key, "notice": json.loads(body)}
            with self._log.open("a", encoding="utf-8") as log:
                log.write(json.dumps(line, ensure_ascii=False) + "\n")
        return JSONResponse({"accepted": key})

    def _is_genuine(self, request: Request, body: bytes) -> bool:
        stamp = request.headers.get("x-campus-timestamp", "")
        if not stamp.isdigit() or abs(time.time() - int(stamp)) > _AGE_S_MAX:
            return False
        wanted = hmac.new(self._secret, stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
        given = request.headers.get("x-campus-signature", "").removeprefix("v1=")
        return hmac.compare_digest(wanted, given)


def main() -> None:
    """Parse the options and serve on loopback until stopped."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--secret", type=Path, required=True)
    parser.add_argument("--log", type=Path, required=True)
    options = parser.parse_args()
    sink = Sink(options.secret.read_bytes().strip(), options.log)
    app = Starlette(routes=[Route("/notices", sink.accept, methods=["POST"])])
    uvicorn.run(app, host="127.0.0.1", port=options.port, log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
