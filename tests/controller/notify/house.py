"""A state database with an alarm book, and channels at the seam."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from sqlalchemy import select

from campus_rules.signals import TransitionKind
from controller.alarms import AlarmBook
from controller.notify.channel import Channel, Message
from controller.notify.errors import DeliveryRefusedError
from controller.notify.muting import Mute
from controller.notify.notifier import Notifier
from controller.notify.pacing import Rate
from controller.notify.texts import Style
from controller.outcome import About, Outcome, RuleTransition
from controller.state.database import Database
from controller.state.schema import outbox as outbox_table
from tests.controller.notify.samples import T0, about

STYLE = Style(page_url="https://campus.example")
SECRET = b"0123456789abcdef"
RULE = about().rule
REFUSED = DeliveryRefusedError("http_404", "answered 404")


@dataclass(frozen=True)
class Route:
    id: str
    severities: Sequence[str] = ("critical", "warning", "info")


@dataclass
class Clock:
    """A clock that only moves when told, or when a channel's pause has to pass."""

    now_ns: int = T0

    def __call__(self) -> int:
        return self.now_ns


@dataclass
class FakeChannel:
    """A channel at the seam: answers with what `fails` returns."""

    id: str
    rate: Rate | None = None
    failure: Exception | None = None
    sent: list[Message] = field(default_factory=list)
    tries: int = 0
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    async def send(self, message: Message, *, now_ns: int) -> None:  # noqa: ARG002  # the seam
        self.tries += 1
        self.arrived.set()
        if self.failure is not None:
            raise self.failure
        self.sent.append(message)

    async def close(self) -> None:
        pass

    async def wait_sent(self, count: int) -> None:
        async with asyncio.timeout(15):
            while len(self.sent) < count:
                self.arrived.clear()
                await self.arrived.wait()


@dataclass
class House:
    """A state database with an alarm book."""

    database: Database
    book: AlarmBook
    clock: Clock

    async def record(self, kind: TransitionKind, *abouts: About, time_ns: int = T0) -> int:
        changes = tuple(RuleTransition(one, kind, time_ns, time_ns, 42.0) for one in abouts)
        outcome = Outcome(transitions=changes)
        return await self.database.write(lambda c: self.book.record(c, outcome, self.clock()))

    async def states(self, channel: str) -> list[tuple[str, str]]:
        columns = (outbox_table.c.key, outbox_table.c.state)
        statement = select(*columns).where(outbox_table.c.channel == channel)
        rows = await self.database.read(
            lambda c: list(c.execute(statement.order_by(outbox_table.c.id)))
        )
        return [(row.key, row.state) for row in rows]

    @asynccontextmanager
    async def notifying(
        self, *channels: Channel, mutes: Sequence[Mute] = ()
    ) -> AsyncIterator[Notifier]:
        notifier = Notifier(
            database=self.database,
            book=self.book,
            channels=channels,
            style=STYLE,
            clock_ns=self.clock,
            jitter=lambda: 0.0,
            mutes=lambda: mutes,
        )
        task = asyncio.create_task(notifier.run())
        try:
            yield notifier
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await notifier.close()

    async def tried(self, channel: str, attempts: int) -> None:
        """Wait until a failed attempt is written down."""
        statement = select(outbox_table.c.attempts).where(outbox_table.c.channel == channel)
        async with asyncio.timeout(15):
            while await self.database.read(lambda c: c.scalar(statement)) != attempts:  # noqa: ASYNC110  # a database tells nobody
                await asyncio.sleep(0.01)

    async def settle(self, channel: str, state: str, count: int) -> None:
        """Wait until so many rows of a channel are in a state."""
        async with asyncio.timeout(15):
            while [one for _, one in await self.states(channel)].count(state) < count:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
