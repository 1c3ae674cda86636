"""A local broker that devices publish to, for example Zigbee2MQTT: a source and an actuator.

What a broker has kept (retained) may be hours old and proves no life: its values are uncertain
(REPEATED), and word of a device's absence counts as any other. A device that is silent for three of
its intervals, or whose broker is lost, gives one bad sample; its next message ends that.

A device may say when it measured. What it measured long ago, and records of before, become samples
of that time: they prove no life, and interlocks are not shown them.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from campus_wire.errors import LinkDownError
from campus_wire.quality import Quality
from campus_wire.session import MqttSession
from device_profiles.errors import MessageRefusedError
from device_profiles.messages import Message
from device_profiles.reading import Reading, Saying
from edge_agent.config import MqttSourceConfig
from edge_agent.inventory import MqttDevice
from edge_agent.mqtt_actuator import MqttActuator
from edge_agent.mqtt_listener import Listener
from edge_agent.mqtt_outlet import Outlet
from edge_agent.mqtt_requests import Requests
from edge_agent.ports import DatedSink, EdgeClock, EventSink, SampleSink, WriteResult
from edge_agent.topic_tree import TopicTree

if TYPE_CHECKING:
    from edge_agent.mqtt_sparkplug import EdgeNode

_log: Final = logging.getLogger(__name__)

LOOK_S: Final = 0.2
"""How often silence and waiting messages are looked at."""
_STOOD_STILL_S: Final = 2.0
_CATCH_UP_S: Final = 1.0
"""After this process stood still: messages of so long may have waited, nobody knows how long."""
BROKER_GRACE_S: Final = 10.0
"""A broker may be away for so long (a restart) before the values of its devices turn bad."""
HISTORY_MAX: Final = 1_000
"""Records that wait for the clock to be synced; the oldest are dropped first."""
_FROM_AVAILABILITY: Final = frozenset({Quality.DEVICE_OFFLINE})


class MqttSource:
    """The devices of one local broker.

    Args:
        config: the broker.
        devices: those that publish there.
        sink: takes the samples.
        clock: stamps samples, and tells silence.
        dated: takes samples with times of their own; without it they have the time of receipt,
            and history is left out.
        events: takes texts; without it they are left out.
    """

    def __init__(
        self,
        config: MqttSourceConfig,
        devices: Sequence[MqttDevice],
        *,
        sink: SampleSink,
        clock: EdgeClock,
        dated: DatedSink | None = None,
        events: EventSink | None = None,
    ) -> None:
        self._config = config
        self._outlet = Outlet(config.id, sink, clock, dated=dated, events=events)
        self._clock = clock
        now_s = self._now_s()
        self._listeners: dict[str, Listener] = {}
        self._by_topic: TopicTree[Listener] = TopicTree()
        self._nodes: list[EdgeNode] = []
        self._by_node: TopicTree[EdgeNode] = TopicTree()
        self._waiting: set[Listener] = set()
        self._history: deque[tuple[Listener, Saying]] = deque(maxlen=HISTORY_MAX)
        self._requests = Requests()
        self._commands: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue(maxsize=64)
        self._beat_s: float | None = None
        self._in_doubt_until_s = now_s
        self._down_since_s: float | None = now_s
        self._session = MqttSession(
            config.broker,
            subscriptions=self._take(devices),
            will=None,
            on_message=self.on_message,
            on_up=self._on_up,
            on_down=self._on_down,
        )
        self._actuator = MqttActuator(self._listeners, self._session, clock)

    @property
    def id(self) -> str:
        """The id in the configuration."""
        return self._config.id

    @property
    def dropped(self) -> int:
        """Messages left out because their device said too much."""
        return sum(listener.dropped for listener in self._listeners.values())

    def _now_s(self) -> float:
        return self._clock.monotonic_ns() / 1e9

    # --- devices --------------------------------------------------------------------------------

    def rebind(self, devices: Sequence[MqttDevice]) -> None:
        """Go on with other devices; those that stay as they were keep what is known of them."""
        self._session.subscribe_to(self._take(devices))

    def _take(self, devices: Sequence[MqttDevice]) -> list[tuple[str, int]]:
        """Listen for these devices; return what to subscribe to."""
        before = dict(self._listeners)
        self._listeners.clear()
        for device in devices:
            known = before.get(device.id)
            if known is not None and _is_same(known.device, device):
                known.go_on_as(device)
                self._listeners[device.id] = known
            else:
                self._listeners[device.id] = Listener(device, start_s=self._now_s())
        self._waiting = {one for one in self._waiting if self._listeners.get(one.id) is one}
        self._history = deque(
            ((one, saying) for one, saying in self._history if self._listeners.get(one.id) is one),
            maxlen=HISTORY_MAX,
        )
        self._by_topic = TopicTree()
        filters: dict[str, None] = {}
        of_nodes = []
        for listener in self._listeners.values():
            if listener.device.profile.mqtt.format == "sparkplug_b":
                of_nodes.append(listener)
                continue
            for topic in listener.decoder.topics:
                self._by_topic.add(topic, listener)
                filters[topic] = None
        self._take_nodes(of_nodes)
        listeners = self._listeners.values()
        self._requests.take(one for each in listeners for one in each.decoder.requests)
        for node in self._nodes:
            filters.update(dict.fromkeys(node.filters))
        return [(topic, 1) for topic in filters]

    def _take_nodes(self, listeners: list[Listener]) -> None:
        self._by_node = TopicTree()
        self._nodes = []
        if listeners:
            from edge_agent.mqtt_sparkplug import edge_nodes  # noqa: PLC0415 - rarely used

            self._nodes = edge_nodes(listeners)
            for node in self._nodes:
                for topic in node.filters:
                    self._by_node.add(topic, node)

    # --- life -----------------------------------------------------------------------------------

    async def run(self) -> None:
        """Listen until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._session.run(), name=f"session of {self.id}")
            group.create_task(self._keep_looking(), name=f"silence on {self.id}")
            group.create_task(self._keep_asking(), name=f"requests on {self.id}")

    async def _on_up(self) -> None:
        self._down_since_s = None
        self._requests.restart()
        for node in self._nodes:
            # births are not retained: who was born before would be unknown until it says something
            self._request(node.ask(now_s=self._now_s(), now_ns=self._clock.now_ns()))

    def _request(self, command: tuple[str, bytes] | None) -> None:
        if command is not None and not self._commands.full():
            self._commands.put_nowait(command)

    async def _on_down(self) -> None:
        self._down_since_s = self._now_s()
        for node in self._nodes:
            node.lose()

    async def _keep_asking(self) -> None:
        """Publish what devices are asked; who is not there now is asked again later."""
        while True:
            topic, payload = await self._commands.get()
            try:
                await self._session.publish(topic, payload, qos=0)
            except LinkDownError as error:
                _log.info("a request on %s is not sent: %s", self.id, error)

    # --- hearing --------------------------------------------------------------------------------

    async def on_message(self, topic: str, payload: bytes, retained: bool) -> None:  # noqa: FBT001
        """Take a message of the broker."""
        now_s = self._now_s()
        message = Message(topic, payload)
        for listener in self._by_topic.find(topic):
            if not self._concerns(listener, message):
                continue
            if listener.admit(topic, payload, now_s, retained=retained):
                self._hear(listener, message, retained=retained)
            else:
                self._waiting.add(listener)
        for node in self._by_node.find(topic):
            self._hear_node(node, topic, payload)

    def _concerns(self, listener: Listener, message: Message) -> bool:
        try:
            return listener.concerns(message, self._clock.now_ns())
        except MessageRefusedError as error:
            # of a topic that many share: whose message it was nobody can tell
            self._outlet.say_garbled(listener, error)
            return False

    def _hear(self, listener: Listener, message: Message, *, retained: bool) -> None:
        try:
            sayings = listener.decoder.say_message(message, self._clock.now_ns())
        except MessageRefusedError as error:
            self._outlet.say_garbled(listener, error)
            self._outlet.deliver(listener, listener.leave(Quality.GARBLED))
            return
        listener.garbled_said = False
        self._take_sayings(listener, sayings, retained=retained)

    def _take_sayings(
        self, listener: Listener, sayings: Iterable[Saying], *, retained: bool
    ) -> None:
        for saying in sayings:
            qualities = {reading.quality for reading in saying.readings}
            if qualities and qualities <= _FROM_AVAILABILITY:
                self._leave(listener)
            elif saying.is_history and not self._clock.is_synced:
                listener.dropped += len(self._history) == HISTORY_MAX
                self._history.append((listener, saying))
            else:
                self._take_saying(listener, saying, retained=retained)

    def _leave(self, listener: Listener) -> None:
        self._outlet.say_absent(listener, "says that it is offline")
        self._outlet.deliver(listener, listener.leave(Quality.DEVICE_OFFLINE))

    def _take_saying(self, listener: Listener, saying: Saying, *, retained: bool) -> None:
        now_ns = self._clock.now_ns()
        # before the first sync nobody can tell whose clock is right
        own = (
            saying
            if self._clock.is_synced and self._outlet.is_dated
            else saying._replace(time_ns=None)
        )
        dated = listener.date(own, now_ns)
        if dated is None:
            listener.dropped += 1
            return
        readings = self._judged(saying.readings, dated.time_ns, retained=retained)
        if dated.is_alive and not retained and (readings or saying.texts):
            if listener.absent is not None:
                _log.info("%s on %s is heard again", listener.id, self.id)
            listener.stale_said = False
            listener.heard(readings, self._now_s())
        elif not dated.is_alive and not saying.is_history and not retained:
            self._outlet.say_stale(listener, dated.time_ns, now_ns)
        if dated.time_ns is None:
            self._outlet.deliver(listener, readings)
        else:
            self._outlet.deliver_dated(listener, readings, dated.time_ns, is_fresh=dated.is_fresh)
        self._outlet.tell(listener, saying.texts, dated.time_ns or now_ns, retained=retained)
        self._actuator.changed.set()

    def _judged(
        self, readings: Sequence[Reading], time_ns: int | None, *, retained: bool
    ) -> list[Reading]:
        if retained:
            return [_as(Quality.REPEATED, reading) for reading in readings]
        if time_ns is None and self._is_in_doubt():
            return [_as(Quality.UNCERTAIN, reading) for reading in readings]
        return list(readings)

    def _hear_node(self, node: EdgeNode, topic: str, payload: bytes) -> None:
        now_ns = self._clock.now_ns()
        try:
            news = node.hear(topic, payload, now_s=self._now_s(), now_ns=now_ns)
        except MessageRefusedError as error:
            for listener in node.listeners.values():
                self._outlet.say_garbled(listener, error)
            return
        for listener in news.gone:
            self._leave(listener)
        for listener, saying in news.said:
            listener.garbled_said = False
            self._take_sayings(listener, [saying], retained=False)
        self._request(news.command)

    # --- silence --------------------------------------------------------------------------------

    async def _keep_looking(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            self.beat()
            self.look()
            self.ask()

    def ask(self) -> None:
        """Send what devices want to be sent before they speak, when it is due."""
        if self._down_since_s is None:
            for command in self._requests.due(self._now_s()):
                self._request(command)

    def beat(self) -> None:
        """Note that this process runs; a longer time without that makes what is heard doubtful."""
        self._is_in_doubt()
        self._beat_s = self._now_s()

    def _is_in_doubt(self) -> bool:
        """Say whether what is heard now may be old: it gets the time of its arrival."""
        now_s = self._now_s()
        if self._beat_s is not None and now_s - self._beat_s > _STOOD_STILL_S:
            self._in_doubt_until_s = now_s + _CATCH_UP_S
        return now_s < self._in_doubt_until_s

    def look(self) -> None:
        """Hear what waited for the rate limit or the clock, and find out who is silent."""
        now_s = self._now_s()
        for listener in tuple(self._waiting):
            for topic, payload, retained in listener.release(now_s):
                self._hear(listener, Message(topic, payload), retained=retained)
            if not listener.newest:
                self._waiting.discard(listener)
        while self._history and self._clock.is_synced:
            kept, saying = self._history.popleft()
            self._take_saying(kept, saying, retained=False)
        down = self._down_since_s is not None and now_s - self._down_since_s > BROKER_GRACE_S
        for listener in self._listeners.values():
            if down:
                if listener.absent is None:
                    self._outlet.deliver(listener, listener.leave(Quality.NOT_CONNECTED))
            elif listener.is_silent(now_s):
                self._outlet.say_absent(listener, "is silent")
                self._outlet.deliver(listener, listener.leave(Quality.DEVICE_OFFLINE))

    # --- acting ---------------------------------------------------------------------------------

    def refusal(self, device: str, point: str, value: float) -> str | None:
        """Return why the profile does not allow a write (a slug), or None."""
        return self._actuator.refusal(device, point, value)

    async def write(
        self, device: str, point: str, value: float, *, timeout_s: float
    ) -> WriteResult:
        """Publish a command once, then wait for the device to show the value by itself.

        A device that has said nothing since the start is not written to.
        """
        return await self._actuator.write(device, point, value, timeout_s=timeout_s)

    async def read(self, device: str, point: str, *, timeout_s: float) -> float | None:
        """Return the last value the device said; None when it is absent or never said one."""
        del timeout_s  # such a device cannot be asked
        return self._actuator.read(device, point)


def _is_same(before: MqttDevice, after: MqttDevice) -> bool:
    """Say whether a device is read as before, wherever it stands in the catalog now."""
    return (before.profile, before.config, before.points) == (
        after.profile,
        after.config,
        after.points,
    )


def _as(quality: Quality, reading: Reading) -> Reading:
    return reading._replace(quality=quality) if reading.quality is Quality.GOOD else reading
