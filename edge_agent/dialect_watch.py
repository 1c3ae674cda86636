"""Listens on a local broker for devices that describe themselves, and keeps what they say.

It has a connection of its own: what describes is rare and large, and must not stand in the way of
what measures.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from campus_wire.session import MqttSession
from campus_wire.settings import MqttSettings
from device_profiles.dialects import DIALECTS
from device_profiles.dialects.keeping import Kept
from edge_agent.dialect_births import DATA_FILTERS, BirthRequests
from edge_agent.dialect_store import load_descriptions, save_descriptions

_log: Final = logging.getLogger(__name__)

SETTLE_S: Final = 2.0
"""Descriptions come in heaps: after the first one so long is waited for more."""
LIFT_S: Final = 30.0
"""Between two new configurations, however much is heard."""

OnDescribed = Callable[[], Awaitable[None]]


class DialectWatch:
    """Keeps the descriptions heard on one broker.

    Args:
        source: the id of the local broker.
        broker: how to reach it.
        dialects: the names of those listened for.
        path: the file that keeps them.
        on_described: called when something new was described and is in the file.
        settle_s: how long to wait for more.
        lift_s: the shortest time between two calls.
    """

    def __init__(
        self,
        source: str,
        broker: MqttSettings,
        dialects: tuple[str, ...],
        *,
        path: Path,
        on_described: OnDescribed,
        settle_s: float = SETTLE_S,
        lift_s: float = LIFT_S,
    ) -> None:
        self._source = source
        self._path = path
        self._on_described = on_described
        self._settle_s = settle_s
        self._lift_s = lift_s
        chosen = [DIALECTS[name] for name in dialects]
        self._kept = Kept(chosen, load_descriptions(path))
        speaks_sparkplug = "sparkplug" in dialects
        self._births = BirthRequests() if speaks_sparkplug else None
        self._births_wanted = DATA_FILTERS if speaks_sparkplug else ()
        self._changed = asyncio.Event()
        self._dropped_said = 0
        own = None if broker.client_id is None else f"{broker.client_id}-descriptions"
        self._session = MqttSession(
            broker.model_copy(update={"client_id": own}),  # two of one name would oust each other
            subscriptions=[(one, 0) for one in (*self._kept.filters, *self._births_wanted)],
            will=None,
            on_message=self.on_message,
        )

    async def run(self) -> None:
        """Listen until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._session.run(), name=f"descriptions on {self._source}")
            group.create_task(self._keep(), name=f"keeping descriptions of {self._source}")

    async def on_message(self, topic: str, payload: bytes, retained: bool) -> None:  # noqa: FBT001
        """Take a message of the broker."""
        del retained  # a description that the broker kept is as good as any
        if self._kept.take(topic, payload):
            self._changed.set()
        if self._births is not None:
            request = self._births.request(
                topic, self._kept.messages, now_s=time.monotonic(), now_ns=time.time_ns()
            )
            if request is not None:
                await self._session.publish(*request, qos=0)
        if self._kept.dropped > self._dropped_said == 0:
            _log.warning("%s describes more than is kept: the rest is left out", self._source)
            self._dropped_said = self._kept.dropped

    async def _keep(self) -> None:
        while True:
            await self._changed.wait()
            await asyncio.sleep(self._settle_s)
            self._changed.clear()
            if await self._save():
                await self._on_described()
            await asyncio.sleep(max(0.0, self._lift_s - self._settle_s))

    async def _save(self) -> bool:
        heard = dict(self._kept.messages)
        try:
            await asyncio.to_thread(save_descriptions, self._path, heard)
        except OSError as error:
            _log.warning("descriptions of %s cannot be kept: %s", self._source, error)
            return False
        return True
