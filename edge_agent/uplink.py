"""The way to the controller: publishes what the spool holds until the controller has acked it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol

from campus_wire.catalog import Catalog, encode_catalog
from campus_wire.errors import LinkDownError
from campus_wire.messages import Ack, LinkState, decode, encode
from campus_wire.session import Will
from campus_wire.topics import Down, Up, parse, up
from edge_agent.config import UplinkConfig
from edge_agent.errors import SpoolError
from edge_agent.spool.records import Rank, StoredBatch, StoredMessage
from edge_agent.spool.writer import Spool
from edge_agent.status import StatusMaker
from edge_agent.takeover import TakeoverWatch
from edge_agent.uplink_flow import Flow

_log: Final = logging.getLogger(__name__)

_LIVE_AT_ONCE: Final = 16
_BACKLOG_AT_ONCE: Final = 4
_MESSAGES_AT_ONCE: Final = 8
_MESSAGES_MAX: Final = 200
_LOOK_S: Final = 1.0
_PATIENCE_S: Final = 10.0
_CATALOG_PAUSE_NS: Final = 5_000_000_000


class Link(Protocol):
    """The connection: `campus_wire.session.MqttSession`."""

    @property
    def connected(self) -> bool:
        """Whether it is up."""

    async def publish(
        self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False
    ) -> None:
        """Publish; raises LinkDownError."""


OnCommand = Callable[[bytes, bool], Awaitable[None]]
"""Takes the payload of a command and whether it was retained."""


class Uplink:
    """Publishes batches, events, receipts, the catalog and the status; takes acks.

    Args:
        config: rates and timeouts.
        catalog: the gateway's.
        spool: where everything waits.
        status: makes statuses.
        monotonic_ns: for rates and timeouts.
        on_command: gets commands.
    """

    def __init__(
        self,
        config: UplinkConfig,
        *,
        catalog: Catalog,
        spool: Spool,
        status: StatusMaker,
        monotonic_ns: Callable[[], int],
        on_command: OnCommand,
    ) -> None:
        self._config = config
        self._gateway = catalog.gateway
        self._revision = catalog.revision
        self._catalog_payload = encode_catalog(catalog)
        self._spool = spool
        self._status = status
        self._monotonic_ns = monotonic_ns
        self._on_command = on_command
        self._link: Link | None = None
        self._is_up = False
        self._flow = Flow(
            ack_timeout_s=config.ack_timeout_s,
            safety_ack_timeout_s=config.safety_ack_timeout_s,
            backlog_window=config.backlog_window,
        )
        self._takeover = TakeoverWatch()
        self._live = asyncio.Event()
        self._live_done = asyncio.Event()
        self._landed = asyncio.Event()
        self._is_draining = False
        self._messages = asyncio.Event()
        self._sent_messages: dict[str, int] = {}
        self._catalogs_sent: dict[str, int] = {}
        self._foreign_acks = 0
        spool.listen(self)

    def use(self, link: Link) -> None:
        """Publish through this connection, whose hooks are this object's."""
        self._link = link

    def rebind(self, catalog: Catalog) -> None:
        """Introduce the gateway by another catalog from now on."""
        self._revision = catalog.revision
        self._catalog_payload = encode_catalog(catalog)

    async def announce(self) -> None:
        """Publish catalog and status, if the link is up; else they follow when it is."""
        if not self._is_up:
            return
        try:
            await self._publish(Up.CATALOG, self._catalog_payload, retain=True)
            await self._publish_status(LinkState.ONLINE)
        except LinkDownError:
            _log.debug("the catalog waits for the link")

    async def run(self) -> None:
        """Publish until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._send_live(), name="uplink live")
            group.create_task(self._send_backlog(), name="uplink backlog")
            group.create_task(self._send_messages(), name="uplink messages")
            group.create_task(self._repeat_status(), name="uplink status")

    async def drain(self, timeout_s: float) -> None:
        """Begin no more backlog; wait until all that is under way has its ack, or for so long."""
        self._is_draining = True
        try:
            async with asyncio.timeout(timeout_s):
                while self._is_up and self._flow.in_flight:
                    self._landed.clear()
                    await self._landed.wait()
        except TimeoutError:
            left = self._flow.in_flight
            _log.info("%d batches without ack stay in the spool for the next start", left)

    # --- hooks of the connection ---------------------------------------------------------------

    def will(self) -> Will:
        """Return what the broker says when this agent is lost."""
        payload = encode(self._status.status(LinkState.OFFLINE))
        return Will(up(self._gateway, Up.STATUS), payload)

    async def on_up(self) -> None:
        """Introduce the gateway, then send everything that is not acked."""
        await self._publish(Up.CATALOG, self._catalog_payload, retain=True)
        await self._publish_status(LinkState.ONLINE)
        self._takeover.link_up(self._monotonic_ns())
        self._flow.reset()
        self._sent_messages.clear()
        self._is_up = True
        self._messages.set()

    async def on_down(self) -> None:
        """Stop publishing; what was under way will be sent again."""
        self._is_up = False
        self._flow.reset()
        self._live_done.set()
        self._landed.set()
        if self._takeover.link_down(self._monotonic_ns()):
            self._say_takeover("the broker keeps ending the connection")

    async def on_stop(self) -> None:
        """Say goodbye."""
        await self._publish_status(LinkState.STOPPING)

    async def on_message(self, topic: str, payload: bytes, retained: bool) -> None:  # noqa: FBT001
        """Take a message to this gateway.

        Raises:
            MalformedError: it breaks the contract.
        """
        match parse(topic).kind:
            case Down.ACK:
                await self._take_ack(decode(Ack, payload))
            case Down.COMMAND:
                await self._on_command(payload, retained)
            case _:
                _log.debug("nothing to do for a message on %s", topic)

    async def _take_ack(self, ack: Ack) -> None:
        if ack.epoch == self._spool.epoch:
            self._flow.acked(ack)
            self._landed.set()
        self._spool.ack(ack)
        if ack.messages:
            self._messages.set()  # there may be room for more
        if ack.wants_catalog is not None:
            await self._send_catalog(ack.wants_catalog)

    async def _send_catalog(self, revision: str) -> None:
        now_ns = self._monotonic_ns()
        sent_ns = self._catalogs_sent.get(revision)
        if sent_ns is not None and now_ns - sent_ns < _CATALOG_PAUSE_NS:
            return
        self._catalogs_sent = {revision: now_ns}
        if revision != self._revision:
            payload = await self._spool.catalog(revision)
            if payload is None:
                _log.warning("the controller asks for catalog %s, which is gone", revision)
            else:
                await self._publish(Up.CATALOG, payload, retain=False)
        # The current one last, so that who listens ends with it.
        await self._publish(Up.CATALOG, self._catalog_payload, retain=True)

    # --- hooks of the spool --------------------------------------------------------------------

    def on_stored(self, batches: Sequence[StoredBatch]) -> None:
        """These are on the disk: publish them at once."""
        if self._is_up:
            self._flow.offer(batches)
            self._live.set()

    def on_foreign_acks(self, count: int) -> None:
        """The controller acks samples of another epoch."""
        self._foreign_acks += count
        if self._takeover.foreign_acks(count, self._monotonic_ns()):
            self._say_takeover("the controller acks samples that this agent never sent")

    def on_message_stored(self) -> None:
        """An event or receipt waits."""
        self._messages.set()

    def _say_takeover(self, sign: str) -> None:
        _log.error(
            "another agent seems to run as gateway %s (%s): give each its own id and account",
            self._gateway,
            sign,
        )

    # --- batches -------------------------------------------------------------------------------

    async def _send_live(self) -> None:
        while True:
            await self._live.wait()
            batches = self._flow.next_live(_LIVE_AT_ONCE, now_ns=self._monotonic_ns())
            if not batches:
                self._live.clear()
                self._live_done.set()
                continue
            await self._send_all(batches)

    async def _send_backlog(self) -> None:
        pause_s = 1 / self._config.backlog_batches_per_s
        at_once = max(1, min(_BACKLOG_AT_ONCE, round(self._config.backlog_batches_per_s / 4)))
        while True:
            self._flow.expire(self._monotonic_ns())
            await self._examine_suspects()
            sent = 0
            if self._is_up and self._spool.counts.batches > self._flow.in_flight:
                await self._let_live_pass()
                batches = await self._next_backlog(at_once)
                await self._send_all(batches)
                sent = len(batches)
            await asyncio.sleep(sent * pause_s if sent else min(_LOOK_S, 4 * pause_s))

    async def _let_live_pass(self) -> None:
        """Wait for the live batches, but not for ever: the backlog must not starve."""
        try:
            async with asyncio.timeout(_PATIENCE_S):
                while self._flow.live_count:
                    self._live_done.clear()
                    await self._live_done.wait()
        except TimeoutError:
            _log.debug("the link is busy with live batches; some backlog goes nevertheless")

    async def _examine_suspects(self) -> None:
        for first in self._flow.take_suspects():
            try:
                is_sound = await self._spool.examine(first)
            except SpoolError as error:
                _log.error("batch %d cannot be examined: %s", first, error)
                continue
            if not is_sound:
                self._flow.gone(first)

    async def _next_backlog(self, at_once: int) -> list[StoredBatch]:
        chosen: list[StoredBatch] = []
        if self._is_draining:
            return chosen
        for rank in Rank:
            limit = min(at_once, len(chosen) + self._flow.backlog_room(rank))
            while len(chosen) < limit:
                found = await self._backlog_of(rank, limit - len(chosen))
                if not found:
                    break
                chosen += self._flow.take_backlog(found, now_ns=self._monotonic_ns())
        return chosen

    async def _backlog_of(self, rank: Rank, limit: int) -> list[StoredBatch]:
        try:
            return await self._spool.backlog(rank, after=self._flow.cursor(rank), limit=limit)
        except SpoolError as error:
            _log.error("the backlog cannot be read: %s", error)
            return []

    async def _send_all(self, batches: Sequence[StoredBatch]) -> None:
        await asyncio.gather(*(self._send(batch) for batch in batches))

    async def _send(self, batch: StoredBatch) -> None:
        try:
            payload = await self._final_payload(batch)
            if payload is not None:
                await self._publish(Up.BATCH, payload, retain=False)
        except (LinkDownError, SpoolError):
            self._flow.fell_out(batch.first)
            self._landed.set()

    async def _final_payload(self, batch: StoredBatch) -> bytes | None:
        if not batch.is_open:
            return batch.payload
        sealed = await self._spool.seal(batch.first)
        if sealed is None:
            self._flow.gone(batch.first)
            self._landed.set()
            return None
        return sealed.payload

    # --- events, receipts, status --------------------------------------------------------------

    async def _send_messages(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):  # time to look for what had no ack
                async with asyncio.timeout(self._config.ack_timeout_s / 4):
                    await self._messages.wait()
            self._messages.clear()
            if self._is_up:
                await self._send_new_messages()

    async def _send_new_messages(self) -> None:
        try:
            waiting = await self._spool.messages(_MESSAGES_MAX)
        except SpoolError as error:
            _log.error("events and receipts cannot be read: %s", error)
            return
        known = {message.id for message in waiting}
        since_ns = self._monotonic_ns() - round(self._config.ack_timeout_s * 1e9)
        self._sent_messages = {
            one: at_ns
            for one, at_ns in self._sent_messages.items()
            if one in known and at_ns > since_ns
        }
        new = [message for message in waiting if message.id not in self._sent_messages]
        for at in range(0, len(new), _MESSAGES_AT_ONCE):
            await asyncio.gather(
                *(self._send_message(one) for one in new[at : at + _MESSAGES_AT_ONCE])
            )

    async def _send_message(self, message: StoredMessage) -> None:
        try:
            await self._publish(message.kind, message.payload, retain=False)
        except LinkDownError:
            return
        self._sent_messages[message.id] = self._monotonic_ns()

    async def _repeat_status(self) -> None:
        while True:
            await asyncio.sleep(self._config.status_interval_s)
            await self.refresh_status()

    async def refresh_status(self) -> None:
        """Publish the status now, if the link is up."""
        if not self._is_up:
            return
        try:
            await self._publish_status(LinkState.ONLINE)
        except LinkDownError:
            _log.debug("the status waits for the link")

    async def _publish_status(self, state: LinkState) -> None:
        await self._publish(Up.STATUS, encode(self._status.status(state)), retain=True)

    async def _publish(self, kind: Up, payload: bytes, *, retain: bool) -> None:
        if self._link is None:
            raise LinkDownError("link_down", "there is no connection")
        await self._link.publish(up(self._gateway, kind), payload, retain=retain)
