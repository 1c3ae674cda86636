"""Notices through one of apprise's services. apprise is large: it is loaded with the first one."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from controller.notify.channel import Message
from controller.notify.errors import ChannelConfigError, DeliveryDelayedError
from controller.notify.pacing import ROBOT_RATE, Rate

if TYPE_CHECKING:
    import apprise

_ROBOTS: Final = frozenset({"dingtalk", "wecombot"})
"""Schemes whose robots refuse more than 20 messages a minute."""


class AppriseChannel:
    """Sends to one or several apprise URLs as one channel.

    Args:
        channel_id: the channel's id.
        urls: apprise URLs; they hold secrets, so no message and no log ever shows one.
        timeout_s: for the whole of one delivery.

    Raises:
        ChannelConfigError: apprise does not know the service, or misses a part of the URL.
    """

    def __init__(self, channel_id: str, urls: Sequence[str], *, timeout_s: float = 20.0) -> None:
        self.id = channel_id
        self._timeout_s = timeout_s
        self._service = _load(channel_id, urls)
        robots = any(url.partition(":")[0].lower() in _ROBOTS for url in urls)
        self.rate: Rate | None = ROBOT_RATE if robots else None

    async def send(self, message: Message, *, now_ns: int) -> None:  # noqa: ARG002  # the seam's
        """Deliver a message. Raises as `Channel.send` does.

        apprise tells only whether it worked, so every failure counts as passing; what lasts for a
        day ends among the dead letters.
        """
        try:
            async with asyncio.timeout(self._timeout_s):
                done = await asyncio.to_thread(
                    self._service.notify,
                    body=message.text.body,
                    title=message.text.title,
                    body_format="text",
                )
        except TimeoutError as error:
            said = f"no answer within {self._timeout_s:g} s"
            raise DeliveryDelayedError("timeout", said, place=self.id) from error
        if not done:
            raise DeliveryDelayedError("not_accepted", "the service refused", place=self.id)

    async def close(self) -> None:
        """Nothing is held."""


def read_urls(text: str) -> tuple[str, ...]:
    """Return the URLs of a file: one a line, `#` begins a comment."""
    lines = (line.strip() for line in text.splitlines())
    return tuple(line for line in lines if line and not line.startswith("#"))


def _load(channel_id: str, urls: Sequence[str]) -> apprise.Apprise:
    if not urls:
        raise ChannelConfigError("apprise_url", "there is no URL", place=channel_id)
    with warnings.catch_warnings():
        # Some of its hundred services import what later Pythons drop; that is not for our logs.
        warnings.simplefilter("ignore", DeprecationWarning)
        import apprise  # noqa: PLC0415  # takes a second and 20 MB; only for those who use it

        service = apprise.Apprise()
        known = [bool(service.add(url)) for url in urls]
    if not all(known):
        message = f"URL {known.index(False) + 1} is none that apprise knows"
        raise ChannelConfigError("apprise_url", message, place=channel_id)
    return service
