"""A gateway that sends bad messages to a running controller, and a good batch after each."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import time
import uuid
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Final

import aiomqtt

from campus_wire.batch import Batch, Sample, blocks_of, encode_batch
from campus_wire.catalog import Catalog, encode_catalog
from campus_wire.messages import Ack, LinkState, Status, decode, encode
from campus_wire.topics import Down, Up, down, up

GOOD_WITHIN_S: Final = 1.0
_PATIENCE_S: Final = 20.0
_BOOT: Final = "b5b0a9de-43f1-4f4c-8c86-7a9b2d3c4e5f"


class Prober:
    """One connection that speaks for one gateway.

    Args:
        client: connected and subscribed to the gateway's acks.
        catalog: what its good batches speak of.
    """

    def __init__(self, client: aiomqtt.Client, catalog: Catalog) -> None:
        self.client = client
        self.catalog = catalog
        self.refused: dict[str, dict[int, str]] = {}
        """Reasons by epoch and first sample of the range."""
        self.slowest_s = 0.0
        # Of its own: what was stored before would be acked again at once, whatever came between.
        self._epoch = str(uuid.uuid4())
        self._stored: set[int] = set()
        self._next = 1
        self._heard = asyncio.Event()

    async def listen(self) -> None:
        """Take acks until cancelled."""
        async for message in self.client.messages:
            assert isinstance(message.payload, bytes)
            ack = decode(Ack, message.payload)
            if ack.epoch == self._epoch:
                self._stored |= {n for one in ack.stored for n in range(one.first, one.last + 1)}
            reasons = self.refused.setdefault(ack.epoch, {})
            for one in ack.refused:
                reasons |= dict.fromkeys(
                    range(one.first, min(one.last, one.first + 10) + 1), one.reason
                )
            self._heard.set()

    async def introduce(self) -> None:
        """Publish catalog and status."""
        gateway = self.catalog.gateway
        status = Status(
            gateway=gateway,
            state=LinkState.ONLINE,
            time_ns=time.time_ns(),
            boot=_BOOT,
            epoch=self._epoch,
            catalog=self.catalog.revision,
        )
        await self.client.publish(up(gateway, Up.CATALOG), encode_catalog(self.catalog), 1, True)
        await self.client.publish(up(gateway, Up.STATUS), encode(status), 1)

    async def send(self, topic: str, payload: bytes) -> None:
        """Publish anything."""
        await self.client.publish(topic, payload, 1, timeout=_PATIENCE_S)

    async def good_one(self) -> float:
        """Send a good sample; return after how many seconds it was acked as stored."""
        number = self._next
        self._next += 1
        sample = Sample(
            device=0,
            points=(0, 1),
            time_ns=time.time_ns() // 10**6 * 10**6,
            values=(21.5, 40.0),
            qualities=(0, 0),
        )
        batch = Batch(
            epoch=self._epoch,
            first=number,
            catalog=self.catalog.revision,
            blocks=blocks_of([sample]),
        )
        started_s = time.monotonic()
        await self.send(up(self.catalog.gateway, Up.BATCH), encode_batch(batch))
        await self.until(lambda: number in self._stored)
        took_s = time.monotonic() - started_s
        self.slowest_s = max(self.slowest_s, took_s)
        return took_s

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until something heard makes the condition true."""
        async with asyncio.timeout(_PATIENCE_S):
            while not condition():
                self._heard.clear()
                await self._heard.wait()


@contextlib.asynccontextmanager
async def probing(port: int, catalog: Catalog) -> AsyncIterator[Prober]:
    """A connected gateway that the controller knows."""
    async with aiomqtt.Client("127.0.0.1", port, max_queued_outgoing_messages=0) as client:
        await client.subscribe(down(catalog.gateway, Down.ACK), 1)
        prober = Prober(client, catalog)
        listening = asyncio.create_task(prober.listen())
        try:
            await prober.introduce()
            await prober.good_one()
            prober.slowest_s = 0.0
            yield prober
        finally:
            listening.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await listening


def quarantined(state: Path, *, after: int) -> list[tuple[int, str, str]]:
    """Return (id, kind, reason) of what a controller quarantined after a row."""
    with contextlib.closing(sqlite3.connect(f"file:{state}?mode=ro", uri=True)) as connection:
        query = "SELECT id, kind, reason FROM quarantine WHERE id > ? ORDER BY id"
        return connection.execute(query, (after,)).fetchall()
