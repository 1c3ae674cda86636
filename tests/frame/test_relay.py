"""The relay that stands for a broken link: what it swallows arrives later, and nobody is told."""

from __future__ import annotations

import asyncio

import pytest

from tests.support.relay import Relay


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(100):
        writer.write(data)
    writer.close()


async def test_relay_swallows_and_heals() -> None:
    server = await asyncio.start_server(_echo, "127.0.0.1", 0)
    with Relay(server.sockets[0].getsockname()[1]) as relay:
        reader, writer = await asyncio.open_connection("127.0.0.1", relay.port)
        writer.write(b"before")
        assert await reader.readexactly(6) == b"before"

        relay.swallow()
        await asyncio.sleep(0.05)
        writer.write(b"meanwhile")
        later_reader, later_writer = await asyncio.open_connection("127.0.0.1", relay.port)
        later_writer.write(b"late")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await reader.readexactly(1)

        relay.heal()
        assert await reader.readexactly(9) == b"meanwhile"
        assert await later_reader.readexactly(4) == b"late"
        writer.close()
        later_writer.close()
    server.close()
    await asyncio.sleep(0.1)  # for the echo's side of the connections to end
