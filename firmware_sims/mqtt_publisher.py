"""The devices of one broker: publishes what they say, hands them commands, and logs both."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence

from campus_wire.errors import LinkDownError
from campus_wire.session import MqttSession, Will
from campus_wire.settings import MqttSettings
from firmware_sims.faults import FaultKind
from firmware_sims.message import Message
from firmware_sims.mqtt.voice import Hub
from firmware_sims.mqtt_device import MqttDevice
from firmware_sims.truth import TruthLog, texts_text, values_text

CHECK_INTERVAL_S = 0.5
"""How soon a change of state is published."""
FLOOD_BURST_S = 0.02
ElapsedS = Callable[[], float]


class MqttPublisher:
    """Devices that share one connection: a bridge with what is behind it, or one device alone.

    Args:
        settings: the broker.
        devices: who speaks.
        bridge: base topic whose `bridge/state` is kept, or None.
        elapsed_s: seconds since the run began.
        seed: decides when who speaks first.
    """

    def __init__(
        self,
        settings: MqttSettings,
        devices: Iterable[MqttDevice],
        *,
        bridge: str | None,
        elapsed_s: ElapsedS,
        truth: TruthLog,
        seed: int,
    ) -> None:
        self.devices: Sequence[MqttDevice] = list(devices)
        self.settings = settings
        self.messages = 0
        self._elapsed_s = elapsed_s
        self._truth = truth
        self._seed = seed
        self._bridge = bridge
        hubs = {id(hub): hub for device in self.devices if (hub := device.voice.hub) is not None}
        self._hubs = list(hubs.values())
        self._listeners = [(one, device) for device in self.devices for one in device.voice.filters]
        self._hurry = {device.id: asyncio.Event() for device in self.devices}
        self._session = MqttSession(
            settings,
            subscriptions=[(one, 1) for one in sorted({one for one, _ in self._listeners})],
            will=self._will(),
            on_message=self._take,
            on_up=self._announce,
        )

    def _will(self) -> Will | Callable[[], Will] | None:
        if self._bridge is not None:
            return Will(f"{self._bridge}/bridge/state", b'{"state":"offline"}', retain=True)
        hub = next((hub for hub in self._hubs if hub.connects), None)
        return None if hub is None else _asked(hub)

    @property
    def connected(self) -> bool:
        """Whether the broker is there."""
        return self._session.connected

    async def run(self) -> None:
        """Publish until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._session.run(), name=f"session {self.settings.address}")
            for number, device in enumerate(self.devices):
                group.create_task(self._speak(device, number), name=f"device {device.id}")

    # --- what it says ----------------------------------------------------------------------------

    async def _announce(self) -> None:
        if self._bridge is not None:
            topic = f"{self._bridge}/bridge/state"
            await self._session.publish(topic, b'{"state":"online"}', retain=True)
        for message in [one for hub in self._hubs for one in hub.opening(time.time_ns())]:
            await self._send(message)
        for device in self.devices:
            await self._say_availability(device)
            for message in self._greeting_of(device):
                await self._send_logged(device, message)

    def _greeting_of(self, device: MqttDevice) -> Sequence[Message]:
        return device.greeting(self._elapsed_s(), time.time_ns())

    async def _say_availability(self, device: MqttDevice) -> None:
        gone = FaultKind.OFFLINE in device.faults.wire
        for message in device.voice.availability(there=not gone):
            await self._send(message)

    async def _speak(self, device: MqttDevice, number: int) -> None:
        await asyncio.sleep(device.first_delay_s(self._seed + number))
        due_s = self._elapsed_s()
        said: object = None
        was_gone = False
        hurry = self._hurry[device.id]
        while True:
            now_s = self._elapsed_s()
            faults = device.faults.wire
            gone = FaultKind.OFFLINE in faults
            if gone != was_gone and await self._availability_said(device, back=was_gone):
                was_gone = gone
            if gone or FaultKind.SILENCE in faults or not self._session.connected:
                # what is due, or has changed, is said when the fault is over or the broker is back
                if now_s >= due_s and FaultKind.SILENCE in faults:
                    device.keep(now_s, time.time_ns())
                    due_s = max(due_s + device.interval_s, now_s)
                await asyncio.sleep(CHECK_INTERVAL_S)
                continue
            if FaultKind.FLOOD in faults:
                per_burst = faults[FaultKind.FLOOD].value * FLOOD_BURST_S
                await self._burst(device, max(1, round(per_burst)))
                continue
            if now_s >= due_s or hurry.is_set() or device.states(now_s) != said:
                hurry.clear()
                said = device.states(now_s)
                due_s = max(due_s + device.interval_s, now_s)
                await self._publish(device, now_s)
            await _first_of(hurry, min(CHECK_INTERVAL_S, due_s - self._elapsed_s()))

    async def _availability_said(self, device: MqttDevice, *, back: bool) -> bool:
        try:
            await self._say_availability(device)
            for message in self._greeting_of(device) if back else ():
                await self._send_logged(device, message)
        except LinkDownError:
            return False  # said by `_announce` when the broker is back, and tried again here
        return True

    async def _burst(self, device: MqttDevice, count: int) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(count):
                group.create_task(self._publish(device, self._elapsed_s()))
            await asyncio.sleep(FLOOD_BURST_S)

    async def _publish(self, device: MqttDevice, now_s: float) -> None:
        if not self._session.connected:
            return  # nothing leaves the device, so nothing is counted or logged
        broken = FaultKind.MALFORMED in device.faults.wire
        time_ns = time.time_ns()
        messages = device.malformed(now_s, time_ns) if broken else device.messages(now_s, time_ns)
        for message in messages:
            await self._publish_one(device, message, ',"broken":"malformed"' if broken else "")

    async def _publish_one(self, device: MqttDevice, message: Message, mark: str) -> None:
        time_ns = time.time_ns()
        try:
            await self._send(message)
        except LinkDownError:
            mark += ',"sure":false'  # it may have arrived all the same
        self._log(device, message, time_ns, mark)

    async def _send_logged(self, device: MqttDevice, message: Message) -> None:
        time_ns = time.time_ns()
        await self._send(message)
        if message.shown:
            self._log(device, message, time_ns, "")

    async def _send(self, message: Message) -> None:
        await self._session.publish(
            message.topic, message.payload, qos=message.qos, retain=message.is_retained
        )

    def _log(self, device: MqttDevice, message: Message, time_ns: int, mark: str) -> None:
        self.messages += 1
        said = [*message.past]
        if message.shown or message.texts or not said:
            said.append((time_ns, message.shown))
        for when_ns, shown in said:
            texts = texts_text(message.texts) if when_ns == time_ns else ""
            self._truth.reading(
                device.id,
                when_ns,
                values_text(shown),
                len(shown),
                how="mqtt",
                mark=mark,
                texts=texts,
            )

    # --- what it hears ---------------------------------------------------------------------------

    async def _take(self, topic: str, payload: bytes, retained: bool) -> None:  # noqa: FBT001
        """Hand a command to whom it is for; what the broker kept is no command."""
        if retained:
            return
        for one, device in self._listeners:
            faults = device.faults.wire
            deaf = FaultKind.OFFLINE in faults or FaultKind.SILENCE in faults
            if not deaf and matches(one, topic):
                await self._obey(device, topic, payload)

    async def _obey(self, device: MqttDevice, topic: str, payload: bytes) -> None:
        time_ns = time.time_ns()
        heard = device.hear(topic, payload, now_s=self._elapsed_s(), time_ns=time_ns)
        if heard.values:
            self._truth.written(device.id, time_ns, heard.values)
        if heard.values or heard.speaks:
            self._hurry[device.id].set()
        for message in heard.answers:
            await self._send_logged(device, message)


def _asked(hub: Hub) -> Callable[[], Will]:
    def will() -> Will:
        said = hub.will()
        assert said is not None, "who has a connection of its own has a will"
        return said

    return will


async def _first_of(hurry: asyncio.Event, wait_s: float) -> None:
    """Wait so long, or until there is something to say at once."""
    try:
        async with asyncio.timeout(max(wait_s, 0.01)):
            await hurry.wait()
    except TimeoutError:
        return


def matches(pattern: str, topic: str) -> bool:
    """Whether a topic fits a filter with `+` and `#`."""
    wanted, levels = pattern.split("/"), topic.split("/")
    for index, one in enumerate(wanted):
        if one == "#":
            return True
        if index >= len(levels) or one not in ("+", levels[index]):
            return False
    return len(wanted) == len(levels)
