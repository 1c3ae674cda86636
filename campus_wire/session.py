"""One MQTT connection kept up for ever.

Sessions are always clean. A broker's memory of a session (`clean_session=False`) would spare some
redelivery after a short absence, at a price: the broker queues up to a silent limit (1,000 messages
in mosquitto) and then drops, forgets all at a restart without persistence, and floods the returning
client with what the redelivery brings anyway. Loss is prevented one layer up: a gateway keeps every
batch, event and receipt until the controller's own ack names it, and publishes it again without
one. A command is not kept for an absent gateway either: it must not act late.

The two sides of an address:

- Publishing returns upon PUBACK, which says that the broker has the message and nothing more.
- Received messages are handled one after the other, in order, also through a reconnect. Retained
  ones come again at each connect.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import aiomqtt
from paho.mqtt.reasoncodes import ReasonCode

from campus_wire.connection import Connection, Will
from campus_wire.errors import CampusError, CredentialsError, LinkDownError, WireError
from campus_wire.inbox import Inbox, Received
from campus_wire.settings import MqttSettings
from campus_wire.supervise import Backoff, Chance
from campus_wire.tls import client_context

__all__ = ["MqttSession", "SessionStats", "Will"]

_log: Final = logging.getLogger(__name__)
_SETTLED_S: Final = 30.0
_SUBSCRIBE_REFUSED: Final = 128

OnMessage = Callable[[str, bytes, bool], Awaitable[None]]
Hook = Callable[[], Awaitable[None]]


@dataclass(slots=True)
class SessionStats:
    """Counters since the session was made."""

    connects: int = 0
    losses: int = 0
    received: int = 0
    dropped: int = 0
    """Received while the inbox was full, or with a topic that is not UTF-8."""
    refused: int = 0
    """Received and refused by the handler."""
    published: int = 0


class MqttSession:
    """A connection to one broker that comes back by itself.

    Args:
        settings: Broker, credentials and limits.
        subscriptions: Topic filters with their QoS, subscribed at each connect.
        will: What the broker publishes when this side is lost; a callable is asked at each connect.
        on_message: Called with topic, payload and whether it was retained, one at a time. A
            `CampusError` it raises is counted and logged; anything else ends `run`.
        on_up: Called after each connect and subscribe. A transient error it raises ends the
            connection, which is then tried again.
        on_down: Called after each loss.
        on_stop: Called when `run` is cancelled while connected; may publish. It and the goodbye
            have `settings.timeout_s` together.
        chance: The source of the jitter.
    """

    def __init__(
        self,
        settings: MqttSettings,
        *,
        subscriptions: Sequence[tuple[str, int]],
        will: Will | Callable[[], Will] | None,
        on_message: OnMessage,
        on_up: Hook | None = None,
        on_down: Hook | None = None,
        on_stop: Hook | None = None,
        chance: Chance = random.random,
    ) -> None:
        self.stats = SessionStats()
        self._settings = settings
        self._subscriptions = list(subscriptions)
        self._subscribed: list[tuple[str, int]] = []
        self._wanted = asyncio.Event()
        self._will = will
        self._on_message = on_message
        self._on_up = on_up
        self._on_down = on_down
        self._on_stop = on_stop
        self._chance = chance
        self._backoff = Backoff(
            first_s=settings.reconnect_first_s,
            cap_s=settings.reconnect_max_s,
            settle_s=_SETTLED_S,
        )
        self._inbox = Inbox(
            messages_max=settings.received_max, bytes_max=settings.received_bytes_max
        )
        self._inflight = asyncio.Semaphore(settings.inflight_max)
        self._connection: Connection | None = None
        self._said = ""
        self._is_overflowing = False
        self._handler_said = ""

    @property
    def connected(self) -> bool:
        """Whether there is a connection with all subscriptions made."""
        return self._connection is not None and not self._connection.is_closed

    def subscribe_to(self, subscriptions: Sequence[tuple[str, int]]) -> None:
        """Listen to these topic filters from now on, and to no others.

        On a connection that is up, filters that stay are left alone: their retained messages do not
        come again.
        """
        self._subscriptions = list(subscriptions)
        self._wanted.set()

    async def run(self) -> None:
        """Keep the connection up until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._handle_messages(), name=f"handle {self._settings.address}")
            group.create_task(self._follow(), name=f"subscribe {self._settings.address}")
            await self._keep_up()

    async def publish(
        self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False
    ) -> None:
        """Publish, and return when the broker has confirmed (with QoS 0: when it is sent).

        Any number may wait at the same time; `settings.inflight_max` of them are under way.

        Raises:
            LinkDownError: at once when there is no connection, when it is lost meanwhile, and
                after `settings.timeout_s` without an answer. The message may have arrived.
        """
        connection = self._connection
        try:
            async with asyncio.timeout(self._settings.timeout_s), self._inflight:
                if connection is None or connection.is_closed:
                    raise self._link_down("link_down", "not connected")
                await connection.publish(topic, payload, qos, retain)
        except TimeoutError:
            waited = f"no answer to a publish within {self._settings.timeout_s:g} s"
            raise self._link_down("publish_timeout", waited) from None
        except aiomqtt.MqttError as error:
            raise self._link_down("link_down", f"cannot publish: {error}") from error
        if connection.is_closed:
            raise self._link_down("link_down", "connection lost before the answer to a publish")
        self.stats.published += 1

    def _link_down(self, reason: str, message: str) -> LinkDownError:
        return LinkDownError(reason, message, place=self._settings.address)

    # --- the connection ------------------------------------------------------------------------

    async def _keep_up(self) -> None:
        failures = 0
        while True:
            started_s = time.monotonic()
            try:
                await self._connect_and_stay()
            except (LinkDownError, CredentialsError) as error:
                self._say(error)
                failures = self._backoff.failures(failures, lasted_s=time.monotonic() - started_s)
                await asyncio.sleep(self._delay_s(error, failures))

    def _delay_s(self, error: WireError, failures: int) -> float:
        if isinstance(error, CredentialsError):
            return self._settings.reconnect_refused_s * (0.5 + 0.5 * self._chance())
        return self._backoff.delay_s(failures, self._chance())

    def _say(self, error: WireError) -> None:
        if error.reason != self._said:
            self._said = error.reason
            _log.warning("broker lost (%s): %s; trying again", error.reason, error)

    async def _connect_and_stay(self) -> None:
        connection = await self._open()
        try:
            await self._subscribe(connection, self._subscriptions)
            self._connection = connection
            self._wanted.set()  # they may have changed meanwhile
            self.stats.connects += 1
            await self._call_on_up()
            if self._said or self.stats.connects == 1:
                _log.info("connected to %s", self._settings.address)
                self._said = ""
            await connection.closed()
        except asyncio.CancelledError:
            await self._say_goodbye(connection)
            raise
        finally:
            was_up = self._connection is not None
            self._connection = None
            connection.abandon()
            if was_up:
                await self._call_on_down()

    async def _open(self) -> Connection:
        settings = self._settings
        password = await asyncio.to_thread(settings.password)
        tls = settings.tls
        connection = Connection(
            settings,
            password=None if password is None else password.get_secret_value(),
            tls_context=None if tls is None else await asyncio.to_thread(client_context, tls),
            will=self._will() if callable(self._will) else self._will,
            on_received=self._receive,
            on_undecodable=self._drop,
        )
        try:
            # Name, TCP, TLS and CONNACK, each of which paho gives the same time again.
            async with asyncio.timeout(settings.timeout_s):
                await connection.open()
        except TimeoutError:
            connection.abandon()
            waited = f"no answer within {settings.timeout_s:g} s"
            raise self._link_down("timeout", waited) from None
        except BaseException:
            connection.abandon()
            raise
        return connection

    async def _follow(self) -> None:
        """Let the connection that is up follow what is wanted."""
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            connection = self._connection
            if connection is None or connection.is_closed:
                continue  # the next one begins with what is wanted then
            try:
                await self._adjust(connection)
            except (LinkDownError, CredentialsError) as error:
                self._say(error)
                await self._begin_anew(connection)

    async def _begin_anew(self, connection: Connection) -> None:
        """End a connection that is not as wanted; the next one tries it all again."""
        with suppress(aiomqtt.MqttError, TimeoutError):
            async with asyncio.timeout(self._settings.timeout_s):
                await connection.close()

    async def _adjust(self, connection: Connection) -> None:
        before = list(self._subscribed)
        wanted = list(self._subscriptions)
        await self._subscribe(connection, [one for one in wanted if one not in before])
        self._subscribed = wanted
        dropped = {topic for topic, _ in before} - {topic for topic, _ in wanted}
        if not dropped:
            return
        try:
            async with asyncio.timeout(self._settings.timeout_s):
                await connection.unsubscribe(sorted(dropped))
        except TimeoutError:
            raise self._link_down("timeout", "no answer to UNSUBSCRIBE") from None
        except aiomqtt.MqttError as error:
            raise self._link_down("link_down", f"cannot unsubscribe: {error}") from error

    async def _subscribe(
        self, connection: Connection, subscriptions: Sequence[tuple[str, int]]
    ) -> None:
        self._subscribed = list(subscriptions)
        if not subscriptions:
            return
        try:
            async with asyncio.timeout(self._settings.timeout_s):
                codes = await connection.subscribe(list(subscriptions))
        except TimeoutError:
            raise self._link_down("timeout", "no answer to SUBSCRIBE") from None
        except aiomqtt.MqttError as error:
            raise self._link_down("link_down", f"cannot subscribe: {error}") from error
        numbers = [code.value if isinstance(code, ReasonCode) else code for code in codes]
        for (topic, _), number in zip(subscriptions, numbers, strict=True):
            if number >= _SUBSCRIBE_REFUSED:
                raise CredentialsError(
                    "subscription",
                    f"the broker refuses the subscription to {topic}",
                    place=self._settings.address,
                    remedy="let this account read it in the broker's access control file",
                )

    async def _call_on_up(self) -> None:
        if self._on_up is None:
            return
        try:
            await self._on_up()
        except LinkDownError:
            raise
        except CampusError as error:
            _log.warning("after connecting (%s): %s", error.reason, error)
            if error.transient:
                raise self._link_down("on_up", f"start of the session failed: {error}") from error

    async def _call_on_down(self) -> None:
        self.stats.losses += 1
        if self._on_down is None:
            return
        try:
            async with asyncio.timeout(self._settings.timeout_s):
                await self._on_down()
        except (CampusError, TimeoutError) as error:
            _log.warning("after losing the broker: %r", error)

    async def _say_goodbye(self, connection: Connection) -> None:
        try:
            async with asyncio.timeout(self._settings.timeout_s):
                if self._on_stop is not None and self.connected:
                    await self._on_stop()
                await connection.close()
        except (CampusError, TimeoutError, aiomqtt.MqttError) as error:
            _log.warning("no orderly goodbye to the broker: %r", error)

    # --- messages ------------------------------------------------------------------------------

    def _receive(self, message: Received) -> None:
        if self._inbox.put(message):
            self.stats.received += 1
        else:
            self._drop()

    def _drop(self) -> None:
        self.stats.dropped += 1
        if not self._is_overflowing:
            self._is_overflowing = True
            _log.warning("more messages than can be handled: dropping until there is room")

    async def _handle_messages(self) -> None:
        while True:
            message = await self._inbox.get()
            if not len(self._inbox):
                self._is_overflowing = False
            await self._handle(message)
            await asyncio.sleep(0)  # a full inbox must not keep the loop from all other work

    async def _handle(self, message: Received) -> None:
        try:
            await self._on_message(*message)
        except CampusError as error:
            self.stats.refused += 1
            if error.reason != self._handler_said:
                self._handler_said = error.reason
                _log.warning("%s refused (%s): %s", message.topic, error.reason, error)
