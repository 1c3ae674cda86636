"""A stretch of network between a client and a server that can be made to swallow everything.

While it swallows, no byte and no end of a connection passes in either direction, and new
connections lead nowhere; nobody is told. It can also swallow in one direction alone. Afterwards
what was under way arrives, as the retransmissions of TCP would bring it. A thread of its own with
an event loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from concurrent.futures import Future
from typing import Final, Self

_CHUNK_BYTES: Final = 64 * 1024


class Relay:
    """Passes a loopback port on to another while used as a context.

    Args:
        target_port: where connections lead; may be set until they come.
    """

    def __init__(self, target_port: int) -> None:
        self.port = 0
        self.target_port = target_port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._is_open = asyncio.Event()
        self._is_open_back = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._near: set[asyncio.StreamWriter] = set()

    def __enter__(self) -> Self:
        self._thread.start()
        self._run(self._start()).result()
        return self

    def __exit__(self, *_: object) -> None:
        self._run(self._stop()).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def swallow(self) -> None:
        """Let nothing pass from now on."""
        self._loop.call_soon_threadsafe(self._is_open.clear)

    def swallow_answers(self) -> None:
        """Let nothing pass from the server to the client from now on."""
        self._loop.call_soon_threadsafe(self._is_open_back.clear)

    def heal(self) -> None:
        """Let everything pass, also what was held back."""
        self._loop.call_soon_threadsafe(self._is_open.set)
        self._loop.call_soon_threadsafe(self._is_open_back.set)

    def reset(self) -> None:
        """End every connection at once, as a reset does."""
        self._loop.call_soon_threadsafe(self._reset)

    def _reset(self) -> None:
        for writer in list(self._near):
            # Without time to linger the kernel sends RST in place of FIN.
            linger = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            writer.transport.abort()

    def _run(self, work: object) -> Future[None]:
        return asyncio.run_coroutine_threadsafe(work, self._loop)  # type: ignore[arg-type]

    async def _start(self) -> None:
        self._is_open.set()
        self._is_open_back.set()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _stop(self) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()
        await asyncio.sleep(0.05)  # closed connections still have to leave the event loop

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._near.add(writer)
        try:
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await self._pass_on(reader, writer)
        finally:
            self._tasks.discard(task)
            self._near.discard(writer)
            writer.close()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._is_open.wait()
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target_port)
        try:
            there = asyncio.create_task(self._pump(reader, far_writer))
            back = asyncio.create_task(self._pump(far_reader, writer, is_back=True))
            try:
                await asyncio.wait({there, back}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in (there, back):
                    task.cancel()
                await asyncio.gather(there, back, return_exceptions=True)
        finally:
            far_writer.close()

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_back: bool = False
    ) -> None:
        while True:
            data = await reader.read(_CHUNK_BYTES)
            await self._is_open.wait()
            if is_back:
                await self._is_open_back.wait()
            if not data:
                return
            writer.write(data)
            await writer.drain()
