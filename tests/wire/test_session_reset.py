"""A connection that is reset while nobody looks."""

import asyncio
import socket
import struct
from collections.abc import Callable
from typing import Any

import pytest
import uvloop

from campus_wire.settings import MqttSettings
from tests.wire.sessions import running, until


class RudeBroker:
    """Answers CONNECT and SUBSCRIBE; then floods its client and resets the connection."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]

    def accept(self) -> socket.socket:
        connection, _ = self._listener.accept()
        connection.recv(1000)  # CONNECT
        connection.sendall(b"\x20\x02\x00\x00")
        subscribe = connection.recv(1000)
        connection.sendall(b"\x90\x03" + subscribe[2:4] + b"\x00")
        return connection

    def be_rude(self, connection: socket.socket) -> None:
        connection.sendall(b"\x30\x07\x00\x04noise" * 2000)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()

    def close(self) -> None:
        self._listener.close()


@pytest.mark.parametrize("make_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
@pytest.mark.parametrize("publishes", [0, 5])
def test_a_reset_while_the_process_stood_still_is_noticed_at_once(
    make_loop: Callable[[], asyncio.AbstractEventLoop], publishes: int
) -> None:
    broker = RudeBroker()
    errors: list[dict[str, Any]] = []

    async def run() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, error: errors.append(error))
        settings = MqttSettings(host="127.0.0.1", port=broker.port, reconnect_first_s=0.05)
        first = asyncio.create_task(asyncio.to_thread(broker.accept))
        async with running(settings, subscriptions=[("noise", 0)]) as session:
            connection = await first
            sending = [
                asyncio.create_task(session.publish("x", b"y", qos=0)) for _ in range(publishes)
            ]
            broker.be_rude(connection)  # nothing else runs meanwhile, as after a SIGSTOP
            second = asyncio.create_task(asyncio.to_thread(broker.accept))
            await until(lambda: session.stats.connects == 2)  # the keepalive would take 40 s
            (await second).close()
            await asyncio.gather(*sending, return_exceptions=True)

    try:
        with asyncio.Runner(loop_factory=make_loop) as runner:
            runner.run(run())
    finally:
        broker.close()
    assert errors == []
