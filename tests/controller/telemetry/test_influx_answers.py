"""What answers mean; a small real server gives each of them, by both ways of writing."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

import pytest

from campus_wire.errors import PermanentError, TransientError
from controller.errors import (
    ControllerError,
    SamplesRejectedError,
    StoreRejectedError,
    StoreUnavailableError,
)
from controller.telemetry.influx_answers import problem_of, retry_after_s
from controller.telemetry.influx_store import InfluxStore
from controller.telemetry.influx_url import parse_influx_url
from tests.controller.telemetry.making import frame
from tests.support.servers import free_port

ANY_STATUS: Final = range(100, 600)
Answer = tuple[int, str, bytes]


@pytest.mark.parametrize("body", [b"", b"<html>no</html>", b"[]", b'{"error":"x"}', b"\xff"])
def test_every_status_is_mapped(body: bytes) -> None:
    for status in ANY_STATUS:
        problem = problem_of(status, body, place="http://h")
        if status in {200, 204}:
            assert problem is None
            continue
        assert isinstance(problem, ControllerError)
        is_permanent = isinstance(problem, PermanentError)
        assert is_permanent != isinstance(problem, TransientError)
        says_so = status in {400, 422} and body == b'{"error":"x"}'
        assert is_permanent == (status == 413 or says_so), status


@pytest.mark.parametrize(
    ("status", "body", "kind", "reason"),
    [
        (400, b'{"error":"unable to parse"}', StoreRejectedError, "store_rejected"),
        (422, b'{"code":"invalid","message":"x"}', StoreRejectedError, "store_rejected"),
        (400, b"<html>proxy</html>", StoreUnavailableError, "store_strange"),
        (401, b'{"error":"authorization failed"}', StoreUnavailableError, "store_login"),
        (403, b'{"error":"not authorized"}', StoreUnavailableError, "store_login"),
        (404, b'{"error":"database not found"}', StoreUnavailableError, "store_missing"),
        (429, b"", StoreUnavailableError, "store_busy"),
        (500, b'{"error":"timeout"}', StoreUnavailableError, "store_failing"),
        (503, b"", StoreUnavailableError, "store_failing"),
        (301, b"", StoreUnavailableError, "store_strange"),
    ],
)  # fmt: skip
def test_reasons(status: int, body: bytes, kind: type[ControllerError], reason: str) -> None:
    problem = problem_of(status, body, place="http://h")

    assert isinstance(problem, kind)
    assert problem.reason == reason
    if reason in {"store_login", "store_missing", "store_strange"}:
        assert problem.remedy


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, 0),
        ("3", 3),
        ("99999", 60),
        ("Fri, 13 Feb 2009 23:31:40 GMT", 10),
        ("Fri, 13 Feb 2009 23:00:00 GMT", 0),
        ("Sat, 14 Feb 2019 23:00:00 GMT", 60),
        ("soon", 0),
        ("-5", 0),
    ],
)
def test_retry_after(header: str | None, seconds: float) -> None:
    assert retry_after_s(header, now_s=1_234_567_890) == seconds


# --- a small real server ----------------------------------------------------------------------


class Server:
    """Answers writes as `answer(lines)` says; None hangs up without an answer."""

    def __init__(self, answer: Callable[[list[str]], Answer | None], version: str) -> None:
        self.answer = answer
        self.version = version
        self.bodies: list[list[str]] = []
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._one(reader, writer):
                pass
        finally:
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in lines[1:])}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        if lines[0].split()[1].startswith("/ping"):
            writer.write(
                f"HTTP/1.1 204 No Content\r\nX-Influxdb-Version: {self.version}\r\n\r\n".encode()
            )
            return True
        text = gzip.decompress(body) if headers.get("content-encoding") == "gzip" else body
        self.bodies.append(text.decode().split("\n"))
        answer = self.answer(self.bodies[-1])
        if answer is None:
            return False
        status, extra, content = answer
        head_out = f"HTTP/1.1 {status} X\r\n{extra}Content-Length: {len(content)}\r\n\r\n"
        writer.write(head_out.encode() + content)
        return True


@asynccontextmanager
async def serving(
    answer: Callable[[list[str]], Answer | None], *, version: str, timeout_s: float = 5.0
) -> AsyncIterator[tuple[Server, InfluxStore]]:
    server = Server(answer, version)
    listener = await asyncio.start_server(_quiet(server), "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    store = InfluxStore(parse_influx_url(f"influxdb://127.0.0.1:{port}/db"), timeout_s=timeout_s)
    try:
        await store.start()
        yield server, store
    finally:
        await store.close()
        listener.close()


def _quiet(
    server: Server,
) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await server.serve(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            writer.close()

    return serve


BOTH = pytest.mark.parametrize("version", ["1.6.7", "1.8.10"])


@BOTH
@pytest.mark.parametrize("status", [401, 403, 404, 408, 429, 500, 502, 503, 504, 302])
async def test_transient_answers(version: str, status: int) -> None:
    async with serving(lambda _: (status, "", b""), version=version) as (_, store):
        with pytest.raises(StoreUnavailableError):
            await store.write([frame({"a": [1.0]})])


@BOTH
async def test_a_write_that_succeeds_after_failures(version: str) -> None:
    answers = iter([(503, "", b""), None, (204, "", b"")])
    async with serving(lambda _: next(answers), version=version) as (server, store):
        for _ in range(2):
            with pytest.raises(StoreUnavailableError):
                await store.write([frame({"a": [1.0]})])
        await store.write([frame({"a": [1.0]})])

    assert len(server.bodies) == 3


@BOTH
async def test_a_server_that_never_answers(version: str) -> None:
    event = asyncio.Event()

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if b"/ping" in head:
            answer = f"HTTP/1.1 204 X\r\nX-Influxdb-Version: {version}\r\n\r\n"
            writer.write(answer.encode())
        await event.wait()
        writer.close()

    listener = await asyncio.start_server(hang, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    store = InfluxStore(parse_influx_url(f"influxdb://127.0.0.1:{port}/db"), timeout_s=0.3)
    await store.start()
    with pytest.raises(StoreUnavailableError) as caught:
        await store.write([frame({"a": [1.0]})])
    await store.close()
    event.set()
    listener.close()

    assert caught.value.reason == "store_timeout"


async def test_nothing_listens_and_no_store_at_all() -> None:
    store = InfluxStore(parse_influx_url(f"influxdb://127.0.0.1:{free_port()}/db"))
    with pytest.raises(StoreUnavailableError) as caught:
        await store.start()
    assert caught.value.reason == "store_unreachable"
    with pytest.raises(StoreUnavailableError):
        await store.write([frame({"a": [1.0]})])
    await store.close()


async def test_a_server_without_a_version_asks_for_the_option() -> None:
    with pytest.raises(StoreUnavailableError, match="version"):
        async with serving(lambda _: (204, "", b""), version="?"):
            pass


@BOTH
async def test_one_bad_line_among_many_is_found_and_the_rest_is_stored(version: str) -> None:
    stored: set[str] = set()

    def answer(lines: list[str]) -> Answer:
        if any("a=13.0," in line for line in lines):
            return (400, "", b'{"code":"invalid","error":"bad point","message":"bad point"}')
        stored.update(lines)
        return (204, "", b"")

    frames = [frame({"a": [float(n) for n in range(k, k + 40)]}, first=k) for k in (1, 41, 81)]
    async with serving(answer, version=version) as (server, store):
        with pytest.raises(SamplesRejectedError) as caught:
            await store.write(frames)

    assert caught.value.samples == ((0, 12, "bad point"),)
    assert len(stored) == 119
    assert len(server.bodies) < 20


@BOTH
async def test_when_too_many_are_bad_the_caller_is_told_to_write_less(version: str) -> None:
    def answer(lines: list[str]) -> Answer:
        is_bad = any(int(line.split(" a=")[1].split(".")[0]) % 2 for line in lines)
        return (422, "", b'{"message":"odd"}') if is_bad else (204, "", b"")

    async with serving(answer, version=version) as (server, store):
        with pytest.raises(StoreRejectedError) as caught:
            await store.write([frame({"a": [float(n) for n in range(1000)]})])

    assert not isinstance(caught.value, SamplesRejectedError)
    assert len(server.bodies) < 200


@BOTH
async def test_too_large_a_body_is_halved(version: str) -> None:
    stored: list[str] = []

    def answer(lines: list[str]) -> Answer:
        if len(lines) > 30:
            return (413, "", b'{"error":"Request Entity Too Large"}')
        stored.extend(lines)
        return (204, "", b"")

    async with serving(answer, version=version) as (_, store):
        await store.write([frame({"a": [float(n) for n in range(200)]})])

    assert len(stored) == 200


@BOTH
async def test_a_server_that_asks_to_wait_is_left_alone(version: str) -> None:
    answers = iter([(429, "Retry-After: 1\r\n", b""), (204, "", b"")])
    async with serving(lambda _: next(answers), version=version) as (server, store):
        with pytest.raises(StoreUnavailableError):
            await store.write([frame({"a": [1.0]})])
        second = asyncio.create_task(store.write([frame({"a": [1.0]})]))
        await asyncio.sleep(0.3)
        assert len(server.bodies) == 1
        await second
        assert len(server.bodies) == 2
