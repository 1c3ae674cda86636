"""What is known of one device that publishes by itself (pure: time is an argument, in seconds)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from campus_wire.quality import Quality
from device_profiles.messages import MessageDecoder
from device_profiles.reading import Reading
from edge_agent.inventory import MqttDevice

MESSAGES_PER_S: Final = 5.0
MESSAGES_BURST: Final = 20.0
"""A device may say so many things at once; from then on only the newest of each topic counts."""
SILENT_INTERVALS: Final = 3


@dataclass(slots=True)
class TokenBucket:
    """Lets `rate_per_s` through on average, and `burst` at once."""

    rate_per_s: float
    burst: float
    tokens: float
    at_s: float

    def take(self, now_s: float) -> bool:
        """Take a token, or say that there is none."""
        self.tokens = min(self.burst, self.tokens + (now_s - self.at_s) * self.rate_per_s)
        self.at_s = now_s
        if self.tokens < 1.0:
            return False
        self.tokens -= 1.0
        return True


@dataclass(frozen=True, slots=True)
class Known:
    """The last value of a point, and when it came."""

    value: float | None
    at_s: float


class Listener:
    """One device: its topics, its rate, its silence, its last values.

    Args:
        device: from the inventory.
        start_s: the time now; silence counts from here.
    """

    def __init__(self, device: MqttDevice, *, start_s: float) -> None:
        self.device = device
        self.decoder = MessageDecoder(device.profile, device.config.topic)
        self.known: dict[str, Known] = {}
        self.seen = False
        """Whether it said a value of its own since the start."""
        self.dropped = 0
        """Messages that newer ones took the place of."""
        self.newest: dict[str, bytes] = {}
        """By topic, what waits for the rate limit."""
        self.absent: Quality | None = None
        """Why it counts as absent, None while it is there."""
        self.garbled_said = False
        self._heard_s = start_s
        self._bucket = TokenBucket(MESSAGES_PER_S, MESSAGES_BURST, MESSAGES_BURST, start_s)
        self._silence_s = SILENT_INTERVALS * device.config.interval_s

    @property
    def id(self) -> str:
        """The device's id."""
        return self.device.id

    def admit(self, topic: str, payload: bytes, now_s: float) -> bool:
        """Say whether a message counts now; otherwise it waits, in place of an older one."""
        if not self.newest and self._bucket.take(now_s):
            return True
        self.dropped += topic in self.newest
        self.newest[topic] = payload
        return False

    def release(self, now_s: float) -> list[tuple[str, bytes]]:
        """Return what waited and counts now."""
        released = []
        while self.newest and self._bucket.take(now_s):
            topic = next(iter(self.newest))
            released.append((topic, self.newest.pop(topic)))
        return released

    def heard(self, readings: Sequence[Reading], now_s: float) -> None:
        """Note what the device said itself."""
        self._heard_s = now_s
        self.absent = None
        for reading in readings:
            self.known[reading.point] = Known(reading.value, now_s)
            self.seen = self.seen or reading.value is not None

    def is_silent(self, now_s: float) -> bool:
        """Say whether it has just become silent for too long."""
        return self.absent is None and now_s - self._heard_s > self._silence_s

    def leave(self, quality: Quality) -> list[Reading]:
        """Let it be absent; return a bad reading of every point, or none when it was already."""
        if self.absent is quality:
            return []
        self.absent = quality
        self.known.clear()
        return [Reading(point.name, None, quality) for point in self.device.readable]

    def value(self, point: str, *, since_s: float = 0.0) -> Known | None:
        """Return the last value of a point, if it came after `since_s`."""
        known = self.known.get(point)
        return known if known is not None and known.at_s > since_s else None
