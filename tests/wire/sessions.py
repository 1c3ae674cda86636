"""A running `MqttSession` with its history, for tests against a real broker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from campus_wire.session import MqttSession, Will
from campus_wire.settings import MqttSettings
from tests.support.servers import Mosquitto


class Recorder:
    """Takes the place of the handlers and remembers what they were called with."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, bytes, bool]] = []
        self.ups = 0
        self.downs = 0
        self.failure: Exception | None = None

    async def on_message(self, topic: str, payload: bytes, retained: bool) -> None:
        self.messages.append((topic, payload, retained))
        if self.failure is not None:
            raise self.failure

    async def on_up(self) -> None:
        self.ups += 1

    async def on_down(self) -> None:
        self.downs += 1


def settings_for(broker: Mosquitto, **changes: Any) -> MqttSettings:
    """Settings with short times, so that a test need not wait."""
    plain: dict[str, Any] = {
        "host": broker.host,
        "port": broker.port,
        "timeout_s": 5.0,
        "reconnect_first_s": 0.05,
        "reconnect_max_s": 0.2,
        "reconnect_refused_s": 0.2,
    }
    return MqttSettings.model_validate(plain | changes)


@asynccontextmanager
async def running(
    settings: MqttSettings,
    recorder: Recorder | None = None,
    *,
    subscriptions: Sequence[tuple[str, int]] = (),
    will: Will | None = None,
    wait: bool = True,
    **hooks: Any,
) -> AsyncIterator[MqttSession]:
    """Run a session for the length of the block, connected at its start if `wait`."""
    recorder = recorder or Recorder()
    hooks = {"on_up": recorder.on_up, "on_down": recorder.on_down} | hooks
    session = MqttSession(
        settings,
        subscriptions=subscriptions,
        will=will,
        on_message=recorder.on_message,
        **hooks,
    )
    task = asyncio.create_task(session.run())
    try:
        if wait:
            await until(lambda: session.connected or task.done())
        yield session
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(condition: Callable[[], bool], *, timeout_s: float = 20.0) -> None:
    """Wait until the condition holds; TimeoutError when it does not."""
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110  # any condition, also of another process
            await asyncio.sleep(0.01)


def secret_file(directory: Path, text: str) -> Path:
    """Write a password file."""
    path = directory / "password"
    path.write_text(text + "\n", encoding="utf-8")
    return path
