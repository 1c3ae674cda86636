"""Many Modbus TCP devices in one process, as cheap as can be: they are not what is measured.

Prints the ports as one line of JSON, then serves until its input closes.
"""

from __future__ import annotations

import asyncio
import json
import struct
import sys
import time
from typing import cast

import uvloop

_REQUEST = struct.Struct(">HHHBBHH")
_REPLY = struct.Struct(">HHHBBB")
REGISTERS = 64


class _Device(asyncio.Protocol):
    """One connection. Register n holds a number that goes up and down with time and n."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop has classes of its own

    def data_received(self, data: bytes) -> None:
        tenth = int(time.monotonic() * 10) % 200
        image = struct.pack(f">{REGISTERS}H", *((200 + tenth + n) for n in range(REGISTERS)))
        for at in range(0, len(data), _REQUEST.size):
            transaction, _, _, unit, function, address, count = _REQUEST.unpack_from(data, at)
            head = _REPLY.pack(transaction, 0, 3 + 2 * count, unit, function, 2 * count)
            self._transport.write(head + image[2 * address : 2 * (address + count)])


async def _serve(devices: int) -> None:
    loop = asyncio.get_running_loop()
    servers = [await loop.create_server(_Device, "127.0.0.1", 0) for _ in range(devices)]
    print(json.dumps([server.sockets[0].getsockname()[1] for server in servers]), flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1])))
