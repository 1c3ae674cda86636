"""What the notifier needs of a channel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from controller.notify.notice import Notice
from controller.notify.pacing import Rate
from controller.notify.texts import Text


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent at once: one notice, or several as a digest. `key` stays the same on retry."""

    key: str
    notices: tuple[Notice, ...]
    text: Text


class Channel(Protocol):
    """Where notices go."""

    @property
    def id(self) -> str:
        """The channel's id."""

    @property
    def rate(self) -> Rate | None:
        """How many messages it takes, or None where nothing limits them."""

    async def send(self, message: Message, *, now_ns: int) -> None:
        """Deliver a message; returning means that the other side has accepted it.

        Raises:
            DeliveryDelayedError: it may be accepted later.
            DeliveryRefusedError: it never will.
        """

    async def close(self) -> None:
        """Free what the channel holds."""


Channels = Sequence[Channel]
