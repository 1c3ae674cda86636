"""Notices through one of apprise's services. apprise is large: it is loaded with the first one."""

from __future__ import annotations

import asyncio
import warnings
from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from controller.notify.channel import Message
from controller.notify.errors import ChannelConfigError, DeliveryDelayedError
from controller.notify.pacing import ROBOT_RATE, Rate

if TYPE_CHECKING:
    import apprise

_ROBOTS: Final = frozenset({"dingtalk", "wecombot"})
"""Schemes whose robots refuse more than 20 messages a minute."""


_TAKEN_MAX: Final = 10_000
"""Notices remembered as taken by one URL; more than ever wait at once."""


class AppriseChannel:
    """Sends to one or several apprise URLs as one channel.

    A notice is accepted when every URL has taken it. One that has is not asked again while the
    others are: a wrong address in the file must not make a telephone ring twice a minute for a day.
    That is kept in memory, so a restart in between tells those once more.

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
        self._services = _load(channel_id, urls)
        self._taken: tuple[OrderedDict[str, None], ...] = tuple(OrderedDict() for _ in urls)
        robots = any(url.partition(":")[0].lower() in _ROBOTS for url in urls)
        self.rate: Rate | None = ROBOT_RATE if robots else None

    async def send(self, message: Message, *, now_ns: int) -> None:  # noqa: ARG002  # the seam's
        """Deliver a message. Raises as `Channel.send` does.

        apprise tells only whether it worked, so every failure counts as passing; what lasts for a
        day ends among the dead letters.
        """
        keys = [notice.key for notice in message.notices]
        missing = [
            number
            for number, taken in enumerate(self._taken)
            if not all(key in taken for key in keys)
        ]
        done = await asyncio.gather(*(self._send_to(number, message) for number in missing))
        for number, problem in zip(missing, done, strict=True):
            if problem is None:
                _remember(self._taken[number], keys)
        problems = [problem for problem in done if problem is not None]
        if problems:
            raise problems[0]

    async def _send_to(self, number: int, message: Message) -> DeliveryDelayedError | None:
        place = self.id if len(self._services) == 1 else f"{self.id}, URL {number + 1}"
        try:
            async with asyncio.timeout(self._timeout_s):
                done = await asyncio.to_thread(
                    self._services[number].notify,
                    body=message.text.body,
                    title=message.text.title,
                    body_format="text",
                )
        except TimeoutError:
            said = f"no answer within {self._timeout_s:g} s"
            return DeliveryDelayedError("timeout", said, place=place)
        if not done:
            return DeliveryDelayedError("not_accepted", "the service refused", place=place)
        return None

    async def close(self) -> None:
        """Nothing is held."""


def _remember(taken: OrderedDict[str, None], keys: Sequence[str]) -> None:
    taken.update(dict.fromkeys(keys))
    while len(taken) > _TAKEN_MAX:
        taken.popitem(last=False)


def read_urls(text: str) -> tuple[str, ...]:
    """Return the URLs of a file: one a line, `#` begins a comment."""
    lines = (line.strip() for line in text.splitlines())
    return tuple(line for line in lines if line and not line.startswith("#"))


def _load(channel_id: str, urls: Sequence[str]) -> tuple[apprise.Apprise, ...]:
    if not urls:
        raise ChannelConfigError("apprise_url", "there is no URL", place=channel_id)
    with warnings.catch_warnings():
        # Some of its hundred services import what later Pythons drop; that is not for our logs.
        warnings.simplefilter("ignore", DeprecationWarning)
        import apprise  # noqa: PLC0415  # takes a second and 20 MB; only for those who use it

        services = tuple(apprise.Apprise() for _ in urls)
        known = [bool(service.add(url)) for service, url in zip(services, urls, strict=True)]
    if not all(known):
        message = f"URL {known.index(False) + 1} is none that apprise knows"
        raise ChannelConfigError("apprise_url", message, place=channel_id)
    return services
