"""The working part of `campus wire show`: a session whose messages are printed."""

from __future__ import annotations

import asyncio
import logging
import sys
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import orjson
from rich.console import Console
from rich.text import Text

from campus_wire import topics
from campus_wire.session import MqttSession
from campus_wire.settings import MqttSettings
from campus_wire.view import View, Viewer

_COLOURS: Final = {
    "batch": "cyan",
    "ack": "green",
    "catalog": "blue",
    "status": "magenta",
    "event": "yellow",
    "command": "bold yellow",
    "receipt": "yellow",
    "config": "blue",
}


@dataclass(frozen=True, slots=True)
class Filter:
    """What to show; nothing given means everything."""

    gateway: str | None = None
    kinds: frozenset[str] = frozenset()

    def shows(self, view: View) -> bool:
        """Say whether the message is wanted."""
        return (self.gateway is None or view.gateway == self.gateway) and (
            not self.kinds or view.kind in self.kinds
        )

    def subscription(self) -> str:
        """Return the topics to subscribe to: catalogs too, since they name what batches number.

        Raises:
            MalformedError: `gateway` is no gateway id.
        """
        if self.gateway is None:
            return f"{topics.PREFIX}/#"
        return topics.all_down(self.gateway).replace("/down/", "/+/")


class Printer:
    """Writes views to standard output, as text or as JSON Lines."""

    def __init__(self, *, samples_max: int, language: str, as_json: bool) -> None:
        self.viewer = Viewer(samples_max=samples_max, language=language)
        self._as_json = as_json
        self._console = Console(highlight=False, soft_wrap=True)

    def show(self, view: View) -> None:
        """Print one message."""
        now = datetime.now(UTC)
        if self._as_json:
            plain = orjson.dumps({"received": now.isoformat(), **view.plain}).decode()
            print(plain, flush=True)  # noqa: T201  # rich would wrap and colour it
            return
        text = Text(f"{now:%H:%M:%S}.{now.microsecond // 1000:03d} ", style="dim")
        text.append(f"{view.gateway or '?'} ", style="bold")
        text.append(f"{view.kind:8}", style=_COLOURS.get(view.kind, ""))
        text.append(view.headline, style="red" if view.is_refused else "")
        for line in view.details:
            text.append(f"\n    {line}", style="dim")
        self._console.print(text)


def watch(
    settings: MqttSettings,
    wanted: Filter,
    printer: Printer,
    *,
    count: int | None,
    seconds: float | None,
) -> bool:
    """Print messages until `count` or `seconds` are reached, or Ctrl-C.

    Returns:
        Whether what was asked for was seen: `count` messages, or without `count` a connection.
    """
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    with suppress(KeyboardInterrupt):
        return asyncio.run(_watch(settings, wanted, printer, count=count, seconds=seconds))
    return True


async def _watch(
    settings: MqttSettings,
    wanted: Filter,
    printer: Printer,
    *,
    count: int | None,
    seconds: float | None,
) -> bool:
    shown = 0
    finished = asyncio.Event()

    async def on_message(topic: str, payload: bytes, retained: bool) -> None:  # noqa: FBT001
        nonlocal shown
        view = printer.viewer.read(topic, payload, retained=retained)
        if wanted.shows(view) and not finished.is_set():
            printer.show(view)
            shown += 1
            if shown == count:
                finished.set()

    session = MqttSession(
        settings, subscriptions=[(wanted.subscription(), 1)], will=None, on_message=on_message
    )
    running = asyncio.create_task(session.run())
    waiting = asyncio.create_task(finished.wait())
    done, _ = await asyncio.wait(
        {running, waiting}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED
    )
    waiting.cancel()
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    return waiting in done if count is not None else session.stats.connects > 0
