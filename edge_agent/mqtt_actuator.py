"""Commands to devices on a local broker: published once, then shown by the device itself."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

from campus_wire.errors import LinkDownError
from campus_wire.session import MqttSession
from device_profiles.errors import TopicParameterError, WriteRefusedError
from device_profiles.messages import encode_message_command
from device_profiles.model_mqtt import MqttPoint
from device_profiles.writing import read_back_point
from edge_agent.mqtt_listener import Listener
from edge_agent.ports import EdgeClock, WriteResult

READ_BACK_TOLERANCE: Final = 1e-6


class MqttActuator:
    """Writes to the devices of one broker.

    Args:
        listeners: by device; the mapping may change.
        session: the connection to the broker.
        clock: for Sparkplug commands, which carry their time.
    """

    def __init__(
        self, listeners: Mapping[str, Listener], session: MqttSession, clock: EdgeClock
    ) -> None:
        self._listeners = listeners
        self._session = session
        self._clock = clock
        self.changed = asyncio.Event()
        """Set when a device has said something."""

    def refusal(self, device: str, point: str, value: float) -> str | None:
        """Return why the profile does not allow a write (a slug), or None."""
        listener = self._listeners.get(device)
        if listener is None:
            return "unknown_device"
        try:
            self._command(listener, point, value)
        except (WriteRefusedError, TopicParameterError) as error:
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
        if profile.mqtt.format == "sparkplug_b":
            from edge_agent.mqtt_sparkplug import encode_command  # noqa: PLC0415 - rarely used

            payload = encode_command(payload, now_ms=self._clock.now_ns() // 1_000_000)
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
                    return await self._shown(device, shown_by, value, since_s=before_s)
        except LinkDownError as error:
            return WriteResult("unknown", reason=error.reason)
        except TimeoutError:
            known = listener.value(shown_by, since_s=before_s) if shown_by is not None else None
            if known is None or known.value is None:
                return WriteResult("unknown", reason="no_answer")
            return WriteResult("failed", known.value, "read_back_differs")
        return WriteResult("unknown", reason="no_read_back")

    async def _shown(self, device: str, point: str, value: float, *, since_s: float) -> WriteResult:
        while True:
            self.changed.clear()
            listener = self._listeners.get(device)
            known = listener.value(point, since_s=since_s) if listener is not None else None
            read = known.value if known is not None else None
            if read is not None and abs(read - value) <= READ_BACK_TOLERANCE:
                return WriteResult("succeeded", read)
            await self.changed.wait()

    def read(self, device: str, point: str) -> float | None:
        """Return the last value the device said; None when it is absent or never said one."""
        listener = self._listeners.get(device)
        known = listener.value(point) if listener is not None else None
        return known.value if known is not None else None

    def _now_s(self) -> float:
        return self._clock.monotonic_ns() / 1e9
