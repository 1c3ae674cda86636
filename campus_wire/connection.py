"""One MQTT connection, from its opening to its end: aiomqtt with the gaps closed that matter here.

What differs from `aiomqtt.Client` 2.5, and why:

- A broker that closes before its CONNACK ends the attempt at once instead of after the timeout.
- Nothing is left behind by a failed or abandoned attempt: no socket, reader or task.
- When the connection ends, publishes that wait for their PUBACK end with it.
- Received messages go to a queue bounded in bytes too, and a topic that is not UTF-8 is dropped;
  upstream that would end the connection, again and again with a retained one.
- A reset is noticed at once. uvloop stops watching a socket that was reset while data waited in it
  (seen after this process had stood still), which upstream notices by the keepalive alone.
- No error in a callback when the socket is gone before it is to be watched.

This and `session` are the only modules that know aiomqtt.
"""

from __future__ import annotations

import asyncio
import logging
import math
import select
import socket
import ssl
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import aiomqtt
from aiomqtt.exceptions import MqttConnectError
from paho.mqtt.client import MQTTMessage
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.reasoncodes import ReasonCode

from campus_wire.errors import CredentialsError, LinkDownError, WireError
from campus_wire.inbox import Received
from campus_wire.settings import MqttSettings

# Both libraries log every step of a broken connection; the session says the same once.
_library_log: Final = logging.getLogger("campus_wire.mqtt")
_library_log.setLevel(logging.CRITICAL)

_NO_DELAY: Final = (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
_REFUSED_CLIENT: Final = frozenset({133, 134, 135})
"""Client id, password or account not accepted: MQTT 5 codes, to which paho maps those of 3.1.1."""
_CAUSES: Final[tuple[tuple[type[OSError], str, str], ...]] = (
    (ConnectionRefusedError, "refused", "nothing listens there"),
    (TimeoutError, "timeout", "no answer"),
    (socket.gaierror, "name_unknown", "the host name cannot be resolved"),
    (OSError, "unreachable", "cannot be reached"),
)
_LEFT_MAX: Final = 200
"""Packets read in a row past the event loop, before other work has its turn."""
_CUT_OFF: Final = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError)


class Will(NamedTuple):
    """What the broker publishes when the connection ends without a goodbye."""

    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = True


class Connection(aiomqtt.Client):
    """A connection that is opened once.

    Args:
        settings: Broker and time limits.
        password: As read for this attempt.
        tls_context: As made for this attempt, or None for plain text.
        will: The last will, if any.
        on_received: Called with each message, on the event loop; must not block.
        on_undecodable: Called for each message whose topic is not UTF-8.
    """

    def __init__(
        self,
        settings: MqttSettings,
        *,
        password: str | None,
        tls_context: ssl.SSLContext | None,
        will: Will | None,
        on_received: Callable[[Received], None],
        on_undecodable: Callable[[], None],
    ) -> None:
        super().__init__(
            settings.host,
            settings.effective_port,
            username=settings.username,
            password=password,
            identifier=settings.client_id,
            clean_session=True,
            will=None if will is None else aiomqtt.Will(*will),
            timeout=math.inf,  # every caller has a timeout of its own around the call
            keepalive=settings.keepalive_s,
            tls_context=tls_context,
            max_inflight_messages=settings.inflight_max,
            socket_options=(_NO_DELAY,),
            logger=_library_log,
        )
        self.pending_calls_threshold = settings.inflight_max
        self._client.connect_timeout = settings.timeout_s
        self._settings = settings
        self._on_received = on_received
        self._on_undecodable = on_undecodable
        self._connect_error: Exception | None = None
        self._is_abandoned = False

    async def open(self) -> None:
        """Connect and log in.

        Raises:
            CredentialsError: password or certificate are not accepted.
            LinkDownError: anything else that keeps the connection from coming up.
        """
        try:
            await self.__aenter__()
        except aiomqtt.MqttError as error:
            raise self._translate(error) from error
        except UnicodeError as error:  # a host name that no resolver can be asked for
            raise self._down("name_unknown", f"not a host name: {error}") from error
        self._disconnected.add_done_callback(self._release_publishes)

    async def closed(self) -> None:
        """Wait for the end of the connection.

        Raises:
            LinkDownError: always, with what is known of the cause.
        """
        await asyncio.wait((self._disconnected,))
        cause = self._disconnected.exception()
        raise self._down("connection_lost", f"connection lost: {cause or 'closed'}") from cause

    @property
    def is_closed(self) -> bool:
        """Whether the connection has ended."""
        return self._disconnected.done()

    async def close(self) -> None:
        """Say goodbye to the broker, which then does not publish the will."""
        await self.__aexit__(None, None, None)

    def abandon(self) -> None:
        """Drop the socket, whatever state it is in; harmless when there is none."""
        self._is_abandoned = True
        self._client._sock_close()  # noqa: SLF001  # paho has no public way but a polite one

    def _client_connect(self) -> None:
        """Connect, in a thread of the executor."""
        try:
            super()._client_connect()
        except Exception as error:
            self._connect_error = error  # aiomqtt keeps only its text
            raise
        if self._is_abandoned:
            self._loop.call_soon_threadsafe(self.abandon)

    def _on_disconnect(
        self,
        client: Any,
        userdata: Any,
        flags: Any,
        reason_code: ReasonCode,
        properties: Any = None,
    ) -> None:
        if not self._connected.done():
            closed = aiomqtt.MqttCodeError(reason_code, "closed before the answer to CONNECT")
            self._connected.set_exception(closed)
        super()._on_disconnect(client, userdata, flags, reason_code, properties)

    def _on_message(
        self,
        client: Any,  # noqa: ARG002  # paho's signature
        userdata: Any,  # noqa: ARG002
        message: MQTTMessage,
    ) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            self._on_undecodable()
            return
        self._on_received(Received(topic, bytes(message.payload), message.retain))

    def _on_socket_register_write(
        self,
        client: Any,
        userdata: Any,  # noqa: ARG002
        sock: Any,
    ) -> None:
        def write() -> None:
            self._attempt(client.loop_write)

        def watch() -> None:
            if client.socket() is sock:  # else its number may be another's by now
                self._attempt(lambda: self._loop.add_writer(sock.fileno(), write))

        self._loop.call_soon_threadsafe(watch)

    async def _misc_loop(self) -> None:
        while self._client.loop_misc() == MQTTErrorCode.MQTT_ERR_SUCCESS:
            while self._attempt(self._read_what_is_left):  # noqa: ASYNC110  # nobody would tell
                await asyncio.sleep(0)
            await asyncio.sleep(1)

    def _read_what_is_left(self) -> bool:
        """Read in place of an event loop that has given up the socket; say if there is more."""
        sock = self._client.socket()
        if sock is None or sock.fileno() < 0:
            return False
        waiting = select.poll()
        waiting.register(sock, select.POLLIN)
        for _ in range(_LEFT_MAX):
            if not waiting.poll(0):
                return False
            if self._client.loop_read() != MQTTErrorCode.MQTT_ERR_SUCCESS:
                return False
        return True

    def _attempt(self, work: Callable[[], object]) -> bool:
        """Do something with the socket; when it cannot be done, the connection is over."""
        try:
            return bool(work())
        except (OSError, RuntimeError, ValueError) as error:
            if not self._disconnected.done():
                self._disconnected.set_exception(aiomqtt.MqttError(str(error)))
            return False

    def _release_publishes(self, _: asyncio.Future[None]) -> None:
        for confirmation in self._pending_publishes.values():
            confirmation.set()  # `MqttSession.publish` sees that the connection is closed

    def _translate(self, error: aiomqtt.MqttError) -> WireError:
        if isinstance(error, MqttConnectError):
            code = error.rc.value if isinstance(error.rc, ReasonCode) else error.rc
            if code in _REFUSED_CLIENT:
                return self._refused("credentials", f"the broker refuses the login: {error.rc}")
            return self._down("broker_refused", f"the broker refuses the connection: {error.rc}")
        cause = self._connect_error
        if isinstance(cause, ssl.SSLError) and not isinstance(cause, _CUT_OFF):
            return self._refused("certificate", f"TLS with the broker fails: {cause}")
        for kind, reason, message in _CAUSES:
            if isinstance(cause, kind):
                return self._down(reason, f"{message}: {cause}")
        remedy = "" if self._settings.tls is None else "it may want another client certificate"
        text = "the broker closed the connection before answering"
        return LinkDownError("closed_early", text, place=self._settings.address, remedy=remedy)

    def _down(self, reason: str, message: str) -> LinkDownError:
        return LinkDownError(reason, message, place=self._settings.address)

    def _refused(self, reason: str, message: str) -> CredentialsError:
        return CredentialsError(reason, message, place=self._settings.address)
