"""A local broker that devices publish to, for example Zigbee2MQTT: a source and an actuator.

What a broker has kept (retained) may be hours old and proves no life: its values are uncertain
(REPEATED), and word of a device's absence counts as any other. A device that is silent for three of
its intervals, or whose broker is lost, gives one bad sample; its next message ends that.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Final

from campus_wire.errors import LinkDownError
from campus_wire.quality import Quality
from campus_wire.session import MqttSession
from device_profiles.errors import MessageRefusedError, WriteRefusedError
from device_profiles.messages import encode_message_command
from device_profiles.model_mqtt import MqttPoint
from device_profiles.reading import Reading
from device_profiles.writing import read_back_point
from edge_agent.config import MqttSourceConfig
from edge_agent.inventory import MqttDevice
from edge_agent.mqtt_listener import Listener
from edge_agent.ports import EdgeClock, SampleSink, WriteResult

_log: Final = logging.getLogger(__name__)

LOOK_S: Final = 0.2
_STOOD_STILL_S: Final = 2.0
_CATCH_UP_S: Final = 1.0
"""After this process stood still: messages of so long may have waited, nobody knows how long."""
"""How often silence and waiting messages are looked at."""
BROKER_GRACE_S: Final = 10.0
"""A broker may be away for so long (a restart) before the values of its devices turn bad."""
READ_BACK_TOLERANCE: Final = 1e-6
_FROM_AVAILABILITY: Final = frozenset({Quality.DEVICE_OFFLINE})


class MqttSource:
    """The devices of one local broker.

    Args:
        config: the broker.
        devices: those that publish there.
        sink: takes the samples.
        clock: stamps samples, and tells silence.
    """

    def __init__(
        self,
        config: MqttSourceConfig,
        devices: Sequence[MqttDevice],
        *,
        sink: SampleSink,
        clock: EdgeClock,
    ) -> None:
        self._config = config
        self._sink = sink
        self._clock = clock
        now_s = self._now_s()
        self._listeners = {device.id: Listener(device, start_s=now_s) for device in devices}
        self._by_topic: dict[str, list[Listener]] = {}
        for listener in self._listeners.values():
            for topic in listener.decoder.topics:
                self._by_topic.setdefault(topic, []).append(listener)
        self._waiting: set[Listener] = set()
        self._changed = asyncio.Event()
        self._beat_s: float | None = None
        self._in_doubt_until_s = now_s
        self._down_since_s: float | None = now_s
        self._session = MqttSession(
            config.broker,
            subscriptions=[(topic, 1) for topic in self._by_topic],
            will=None,
            on_message=self.on_message,
            on_up=self._on_up,
            on_down=self._on_down,
        )

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

    async def run(self) -> None:
        """Listen until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._session.run(), name=f"session of {self.id}")
            group.create_task(self._keep_looking(), name=f"silence on {self.id}")

    async def _on_up(self) -> None:
        self._down_since_s = None

    async def _on_down(self) -> None:
        self._down_since_s = self._now_s()

    # --- hearing --------------------------------------------------------------------------------

    async def on_message(self, topic: str, payload: bytes, retained: bool) -> None:  # noqa: FBT001
        """Take a message of the broker."""
        now_s = self._now_s()
        for listener in self._by_topic.get(topic, ()):
            if listener.admit(topic, payload, now_s):
                self._hear(listener, topic, payload, retained=retained)
            else:
                self._waiting.add(listener)

    def _hear(self, listener: Listener, topic: str, payload: bytes, *, retained: bool) -> None:
        try:
            readings = listener.decoder.decode(topic, payload)
        except MessageRefusedError as error:
            self._say_garbled(listener, error)
            self._deliver(listener, listener.leave(Quality.GARBLED))
            return
        listener.garbled_said = False
        if readings and {reading.quality for reading in readings} <= _FROM_AVAILABILITY:
            self._say_absent(listener, "says that it is offline")
            self._deliver(listener, listener.leave(Quality.DEVICE_OFFLINE))
        elif retained:
            self._deliver(listener, [_as_repeated(reading) for reading in readings])
        elif readings:
            if self._is_in_doubt():
                readings = [_as_uncertain(reading) for reading in readings]
            if listener.absent is not None:
                _log.info("%s on %s is heard again", listener.id, self.id)
            listener.heard(readings, self._now_s())
            self._deliver(listener, readings)
            self._changed.set()

    def _deliver(self, listener: Listener, readings: Sequence[Reading]) -> None:
        if readings:
            for sample_class, sample in listener.device.samples(readings, self._clock.now_ns()):
                self._sink.accept((sample,), sample_class)

    def _say_garbled(self, listener: Listener, error: MessageRefusedError) -> None:
        if not listener.garbled_said:
            listener.garbled_said = True
            _log.warning("a message of %s on %s is refused: %s", listener.id, self.id, error)

    def _say_absent(self, listener: Listener, why: str) -> None:
        if listener.absent is None:
            _log.warning("%s on %s %s", listener.id, self.id, why)

    # --- silence --------------------------------------------------------------------------------

    async def _keep_looking(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            self.beat()
            self.look()

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
        """Hear what waited for the rate limit, and find out who is silent."""
        now_s = self._now_s()
        for listener in tuple(self._waiting):
            for topic, payload in listener.release(now_s):
                self._hear(listener, topic, payload, retained=False)
            if not listener.newest:
                self._waiting.discard(listener)
        down = self._down_since_s is not None and now_s - self._down_since_s > BROKER_GRACE_S
        for listener in self._listeners.values():
            if down:
                if listener.absent is None:
                    self._deliver(listener, listener.leave(Quality.NOT_CONNECTED))
            elif listener.is_silent(now_s):
                self._say_absent(listener, "is silent")
                self._deliver(listener, listener.leave(Quality.DEVICE_OFFLINE))

    # --- acting ---------------------------------------------------------------------------------

    def refusal(self, device: str, point: str, value: float) -> str | None:
        """Return why the profile does not allow a write (a slug), or None."""
        listener = self._listeners.get(device)
        if listener is None:
            return "unknown_device"
        try:
            self._command(listener, point, value)
        except WriteRefusedError as error:
            return error.reason
        return None

    def _command(
        self, listener: Listener, point: str, value: float
    ) -> tuple[MqttPoint, str, bytes]:
        profile = listener.device.profile
        found = profile.find(point)
        if found is None:
            raise WriteRefusedError("unknown_point", f"{profile.id} has no point {point}")
        topic, payload = encode_message_command(profile, found, value, listener.device.config.topic)
        return found, topic, payload

    async def write(
        self, device: str, point: str, value: float, *, timeout_s: float
    ) -> WriteResult:
        """Publish a command once, then wait for the device to show the value by itself.

        A device that has said nothing since the start is not written to.
        """
        reason = self.refusal(device, point, value)
        if reason is None and not self._listeners[device].seen:
            reason = "no_valid_reading"
        if reason is None and not self._session.connected:
            reason = "not_connected"
        if reason is not None:
            return WriteResult("failed", reason=reason)
        listener = self._listeners[device]
        found, topic, payload = self._command(listener, point, value)
        shown_by = read_back_point(found)
        before_s = self._now_s()
        try:
            async with asyncio.timeout(timeout_s):
                qos = found.write.qos if found.write is not None else 1
                await self._session.publish(topic, payload, qos=qos)
                if shown_by is not None:
                    return await self._shown(listener, shown_by, value, since_s=before_s)
        except LinkDownError as error:
            return WriteResult("unknown", reason=error.reason)
        except TimeoutError:
            known = listener.value(shown_by, since_s=before_s) if shown_by is not None else None
            if known is None or known.value is None:
                return WriteResult("unknown", reason="no_answer")
            return WriteResult("failed", known.value, "read_back_differs")
        return WriteResult("unknown", reason="no_read_back")

    async def _shown(
        self, listener: Listener, point: str, value: float, *, since_s: float
    ) -> WriteResult:
        while True:
            self._changed.clear()
            known = listener.value(point, since_s=since_s)
            read = known.value if known is not None else None
            if read is not None and abs(read - value) <= READ_BACK_TOLERANCE:
                return WriteResult("succeeded", read)
            await self._changed.wait()

    async def read(self, device: str, point: str, *, timeout_s: float) -> float | None:
        """Return the last value the device said; None when it is absent or never said one."""
        del timeout_s  # such a device cannot be asked
        listener = self._listeners.get(device)
        known = listener.value(point) if listener is not None else None
        return known.value if known is not None else None


def _as_uncertain(reading: Reading) -> Reading:
    if reading.quality is Quality.GOOD:
        return reading._replace(quality=Quality.UNCERTAIN)
    return reading


def _as_repeated(reading: Reading) -> Reading:
    if reading.quality is Quality.GOOD:
        return reading._replace(quality=Quality.REPEATED)
    return reading
