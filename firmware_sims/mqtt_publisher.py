"""The devices of one broker: publishes what they say, and logs it once the broker has it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence

from campus_wire.errors import LinkDownError
from campus_wire.session import MqttSession, Will
from campus_wire.settings import MqttSettings
from firmware_sims.faults import FaultKind
from firmware_sims.message import Message
from firmware_sims.mqtt_device import MqttDevice
from firmware_sims.truth import TruthLog, values_text

CHECK_INTERVAL_S = 0.5
"""How soon a change of state is published."""
FLOOD_BURST_S = 0.02


class MqttPublisher:
    """A bridge with its devices, on one connection.

    Args:
        settings: the broker.
        devices: who speaks.
        bridge: base topic whose `bridge/state` is kept, or None.
        elapsed_s: seconds since the run began.
    """

    def __init__(
        self,
        settings: MqttSettings,
        devices: Iterable[MqttDevice],
        *,
        bridge: str | None,
        elapsed_s: Callable[[], float],
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
        will = None
        if bridge is not None:
            will = Will(f"{bridge}/bridge/state", b'{"state":"offline"}', retain=True)
        self._session = MqttSession(
            settings, subscriptions=[], will=will, on_message=_ignore, on_up=self._announce
        )

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

    async def _announce(self) -> None:
        if self._bridge is not None:
            topic = f"{self._bridge}/bridge/state"
            await self._session.publish(topic, b'{"state":"online"}', retain=True)
        for device in self.devices:
            await self._say_availability(device)

    async def _say_availability(self, device: MqttDevice) -> None:
        gone = FaultKind.OFFLINE in device.faults.wire
        for topic, there_payload, gone_payload in device.availability:
            payload = gone_payload if gone else there_payload
            await self._session.publish(topic, payload, retain=True)

    async def _speak(self, device: MqttDevice, number: int) -> None:
        await asyncio.sleep(device.first_delay_s(self._seed + number))
        due_s = self._elapsed_s()
        said = None
        was_gone = False
        while True:
            now_s = self._elapsed_s()
            faults = device.faults.wire
            gone = FaultKind.OFFLINE in faults
            if gone != was_gone and await self._availability_said(device):
                was_gone = gone
            if gone or FaultKind.SILENCE in faults or not self._session.connected:
                # what is due, or has changed, is said when the fault is over or the broker is back
                await asyncio.sleep(CHECK_INTERVAL_S)
                continue
            if FaultKind.FLOOD in faults:
                per_burst = faults[FaultKind.FLOOD].value * FLOOD_BURST_S
                await self._burst(device, max(1, round(per_burst)))
                continue
            if now_s >= due_s or device.states(now_s) != said:
                said = device.states(now_s)
                due_s = max(due_s + device.interval_s, now_s)
                await self._publish(device, now_s)
            wait_s = min(CHECK_INTERVAL_S, due_s - self._elapsed_s())
            await asyncio.sleep(max(wait_s, 0.01))

    async def _availability_said(self, device: MqttDevice) -> bool:
        try:
            await self._say_availability(device)
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
        messages = device.malformed(now_s) if broken else device.messages(now_s)
        for message in messages:
            await self._publish_one(device, message, ',"broken":"malformed"' if broken else "")

    async def _publish_one(self, device: MqttDevice, message: Message, mark: str) -> None:
        time_ns = time.time_ns()
        try:
            await self._session.publish(message.topic, message.payload)
        except LinkDownError:
            mark += ',"sure":false'  # it may have arrived all the same
        self.messages += 1
        self._truth.reading(
            device.id,
            time_ns,
            values_text(message.shown),
            len(message.shown),
            how="mqtt",
            mark=mark,
        )


async def _ignore(topic: str, payload: bytes, retained: bool) -> None:  # noqa: FBT001
    """Nothing is subscribed to."""
