"""The controller as a process of its own, and a gateway that speaks to it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

from campus_wire.catalog import Catalog, encode_catalog
from campus_wire.messages import Ack, Command, LinkState, Status, decode, encode
from campus_wire.session import MqttSession
from campus_wire.settings import MqttSettings
from campus_wire.topics import Down, Up, all_down, up
from tests.controller.core.samples import EPOCH
from tests.support.servers import Mosquitto


class TestGateway:
    """Publishes what a test tells it to and remembers what it hears."""

    __test__ = False

    def __init__(self, broker: Mosquitto, catalog: Catalog) -> None:
        self.catalog = catalog
        self.gateway = catalog.gateway
        self.stored: set[int] = set()
        self.commands: list[Command] = []
        self._heard = asyncio.Event()
        self.session = MqttSession(
            MqttSettings(host=broker.host, port=broker.port),
            subscriptions=[(all_down(self.gateway), 1)],
            will=None,
            on_message=self._on_message,
        )

    async def publish(self, kind: Up, payload: bytes, *, retain: bool = False) -> None:
        await self.session.publish(up(self.gateway, kind), payload, retain=retain)

    async def introduce(self, *, time_ns: int) -> None:
        status = Status(
            gateway=self.gateway,
            state=LinkState.ONLINE,
            time_ns=time_ns,
            boot=EPOCH,
            epoch=EPOCH,
            catalog=self.catalog.revision,
        )
        await self.publish(Up.CATALOG, encode_catalog(self.catalog), retain=True)
        await self.publish(Up.STATUS, encode(status), retain=True)

    async def until(self, condition: Callable[[], bool], *, timeout_s: float = 20) -> None:
        """Wait until something heard makes the condition true."""
        async with asyncio.timeout(timeout_s):
            while not condition():
                self._heard.clear()
                await self._heard.wait()

    async def _on_message(self, topic: str, payload: bytes, _retained: bool) -> None:
        if topic.endswith(f"/{Down.ACK}"):
            ack = decode(Ack, payload)
            for one in ack.stored:
                self.stored |= set(range(one.first, one.last + 1))
        elif topic.endswith(f"/{Down.COMMAND}"):
            self.commands.append(decode(Command, payload))
        self._heard.set()


@contextlib.asynccontextmanager
async def gateway(broker: Mosquitto, catalog: Catalog) -> AsyncIterator[TestGateway]:
    """A connected gateway."""
    one = TestGateway(broker, catalog)
    task = asyncio.create_task(one.session.run())
    try:
        async with asyncio.timeout(20):
            while not one.session.connected:  # noqa: ASYNC110  # the session tells nobody else
                await asyncio.sleep(0.01)
        yield one
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
