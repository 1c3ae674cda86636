"""A real HTTP server on the loopback that answers as it is told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self


@dataclass(frozen=True, slots=True)
class Received:
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What to answer; `drop` closes the connection after the request was taken."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    drop: bool = False
    delay_s: float = 0.0


Script = Callable[[Received, int], Answer]
"""From a request and how many came before it to the answer."""


class Sink:
    """Takes requests and remembers them."""

    def __init__(self, script: Script | None = None) -> None:
        self.script: Script = script or (lambda _request, _number: Answer())
        self.received: list[Received] = []
        self.accepted: list[Received] = []
        self.connections = 0
        self._arrived = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self.port = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._server is not None
        self._server.close()
        for writer in self._writers:
            writer.close()
        await self._server.wait_closed()

    @property
    def url(self) -> str:
        """Where to post to."""
        return f"http://127.0.0.1:{self.port}/hook"

    async def wait_for(self, count: int, *, accepted: bool = False) -> list[Received]:
        """Return the requests once there are `count`."""
        async with asyncio.timeout(15):
            while len(self.accepted if accepted else self.received) < count:
                self._arrived.clear()
                await self._arrived.wait()
        return self.accepted if accepted else self.received

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        try:
            while await self._serve_one(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {
            name.lower(): value.strip()
            for name, _, value in (line.partition(":") for line in head[1:] if line)
        }
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        request = Received(head[0].split(" ")[1], headers, body)
        answer = self.script(request, len(self.received))
        self.received.append(request)
        await asyncio.sleep(answer.delay_s)
        if answer.status < 300:
            self.accepted.append(request)
        self._arrived.set()
        if answer.drop:
            return False
        lines = [f"HTTP/1.1 {answer.status} Said", "Content-Length: 0"]
        lines += [f"{name}: {value}" for name, value in answer.headers.items()]
        writer.write("\r\n".join([*lines, "", ""]).encode())
        await writer.drain()
        return True
