"""The HTTP server against clients that take their time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from starlette.responses import PlainTextResponse

from controller import api_server
from controller.api_server import HEAD_BYTES_MAX, ApiServer
from controller.config import ApiSettings
from tests.support.process import free_port

REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n"


async def hello(scope: Any, receive: Any, send: Any) -> None:
    await PlainTextResponse("hello")(scope, receive, send)


@asynccontextmanager
async def serving() -> AsyncIterator[int]:
    port = free_port()
    server = ApiServer(hello, ApiSettings(port=port), stop_timeout_s=1.0)
    task = asyncio.create_task(server.run())
    try:
        yield port
    finally:
        server.stop()
        await task


async def read_all(reader: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(20):
        try:
            return await reader.read()
        except ConnectionResetError:
            return b""


@pytest.mark.parametrize("begun", [b"", b"GET / HT", REQUEST])
async def test_a_request_that_never_comes_is_not_waited_for(
    begun: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_server, "HEAD_TIMEOUT_S", 0.2)
    async with serving() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(begun)
        assert await read_all(reader) == b""
        writer.close()


async def test_a_second_request_that_never_ends_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(api_server, "HEAD_TIMEOUT_S", 0.2)
    async with serving() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(REQUEST + b"\r\n")
        assert b"200" in await reader.readuntil(b"hello")
        writer.write(REQUEST)
        assert await read_all(reader) == b""
        writer.close()


async def test_headers_without_end_are_cut_off() -> None:
    async with serving() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(REQUEST + b"X-Long: ")
        sent = 0
        try:
            while sent < 4 * HEAD_BYTES_MAX and not reader.at_eof():
                writer.write(b"a" * 4096)
                await writer.drain()
                sent += 4096
                await asyncio.sleep(0)
        except ConnectionError:
            pass
        assert b"200" not in await read_all(reader)
        writer.close()


async def test_a_request_in_pieces_is_served() -> None:
    async with serving() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for byte in REQUEST + b"Connection: close\r\n\r\n":
            writer.write(bytes([byte]))
            await writer.drain()
        assert b"hello" in await read_all(reader)
        writer.close()
