"""What is known of one device that publishes by itself (pure: time is an argument)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from campus_wire.quality import Quality
from device_profiles.messages import Message, MessageDecoder
from device_profiles.reading import Reading, Saying, TextReading
from edge_agent.clock import BUILD_NS
from edge_agent.inventory import MqttDevice

MESSAGES_PER_S: Final = 5.0
MESSAGES_BURST: Final = 20.0
"""A device may say so many things at once; from then on only the newest of each topic counts."""
TEXTS_PER_S: Final = 1.0
TEXTS_BURST: Final = 20.0
"""Texts become events, which are kept one by one: no device may fill the spool with them."""
SILENT_INTERVALS: Final = 3
STALE_S: Final = 600.0
"""What a device measured longer ago says nothing of now: interlocks are not shown it. That it lives
is proven a little longer, by what it measured within three of its intervals."""

SAMPLES_APART: Final = 4
"""The samples of one message, one of each class, lie 1 ms apart; those of the next, beyond them."""

_S: Final = 1_000_000_000
_MS: Final = 1_000_000


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


class Dated(NamedTuple):
    """When a saying counts."""

    time_ns: int | None
    """Its own time; None: the time of receipt."""
    is_fresh: bool
    """Whether it says something of now."""
    is_alive: bool
    """Whether it proves that the device lives."""


class Listener:
    """One device: its topics, its rate, its silence, its last values.

    Args:
        device: from the inventory.
        start_s: the time now; silence counts from here.

    Raises:
        TopicParameterError: the configuration lacks what its topics ask for.
    """

    def __init__(self, device: MqttDevice, *, start_s: float) -> None:
        self.device = device
        self.decoder = MessageDecoder(device.profile, device.config.topic)
        self.known: dict[str, Known] = {}
        self.seen = False
        """Whether it said a value of its own since the start."""
        self.dropped = 0
        """Messages that newer ones took the place of, texts and records that could not be kept."""
        self.newest: dict[str, tuple[bytes, bool]] = {}
        """By topic, what waits for the rate limit, and whether it was retained."""
        self.absent: Quality | None = None
        """Why it counts as absent, None while it is there."""
        self.garbled_said = False
        self.stale_said = False
        self._texts: dict[str, str] = {}
        self._on_change = frozenset(
            point.name
            for point in device.profile.points
            if point.read is not None and point.read.on_change
        )
        self._used_texts = frozenset(point.name for point in device.texts)
        self._dated_ns: list[int] = []
        self._heard_s = start_s
        self._bucket = TokenBucket(MESSAGES_PER_S, MESSAGES_BURST, MESSAGES_BURST, start_s)
        self._text_bucket = TokenBucket(TEXTS_PER_S, TEXTS_BURST, TEXTS_BURST, start_s)
        self._silence_s = SILENT_INTERVALS * device.config.interval_s
        self._stale_ns = round(max(STALE_S, self._silence_s) * _S)

    @property
    def id(self) -> str:
        """The device's id."""
        return self.device.id

    def concerns(self, message: Message, now_ns: int) -> bool:
        """Say whether a message may be about this device.

        Only where many devices share a topic the message itself has to tell. What cannot be read
        may be about any of them: it is refused later, once.

        Raises:
            MessageRefusedError: it cannot be read.
        """
        if not self.decoder.shares_topics:
            return True
        return bool(self.decoder.say_message(message, now_ns))

    def admit(self, topic: str, payload: bytes, now_s: float, *, retained: bool = False) -> bool:
        """Say whether a message counts now; otherwise it waits, in place of an older one."""
        if not self.newest and self._bucket.take(now_s):
            return True
        self.dropped += topic in self.newest
        self.newest[topic] = (payload, retained)
        return False

    def release(self, now_s: float) -> list[tuple[str, bytes, bool]]:
        """Return what waited and counts now: topic, payload, and whether it was retained."""
        released = []
        while self.newest and self._bucket.take(now_s):
            topic = next(iter(self.newest))
            released.append((topic, *self.newest.pop(topic)))
        return released

    # --- time -----------------------------------------------------------------------------------

    def date(self, saying: Saying, now_ns: int) -> Dated | None:
        """Return when a saying counts; None for a record whose time cannot be.

        A time ahead of now, or from before this software, is a mistake of the device's clock: what
        it says now then counts at the time of receipt. What it measured long ago is not fresh,
        however it comes: as a record, or in a message that waited somewhere.
        """
        time_ns = saying.time_ns
        if time_ns is None or not BUILD_NS <= time_ns <= now_ns:
            return None if saying.is_history else Dated(None, is_fresh=True, is_alive=True)
        time_ns -= time_ns % _MS
        if saying.is_history:
            return Dated(time_ns, is_fresh=False, is_alive=False)
        age_ns = now_ns - time_ns
        is_alive = age_ns <= self._stale_ns
        return Dated(self._apart(time_ns), is_fresh=age_ns <= STALE_S * _S, is_alive=is_alive)

    def _apart(self, time_ns: int) -> int:
        """Return a time that no other of the last messages has: clocks of devices tick in s."""
        recent = self._dated_ns
        while time_ns in recent:
            time_ns += SAMPLES_APART * _MS
        recent.append(time_ns)
        del recent[:-64]
        return time_ns

    # --- what it says ---------------------------------------------------------------------------

    def heard(self, readings: Sequence[Reading], now_s: float) -> None:
        """Note what the device said itself, of now."""
        self._heard_s = now_s
        self.absent = None
        for reading in readings:
            self.known[reading.point] = Known(reading.value, now_s)
            self.seen = self.seen or reading.value is not None

    def texts_to_tell(
        self, texts: Sequence[TextReading], now_s: float, *, retained: bool
    ) -> list[TextReading]:
        """Return the texts that are news: all, but of retained and repeated ones only changes."""
        told = []
        for one in texts:
            if one.point not in self._used_texts:
                continue
            is_same = self._texts.get(one.point) == one.text
            self._texts[one.point] = one.text
            if is_same and (retained or one.point in self._on_change):
                continue
            if self._text_bucket.take(now_s):
                told.append(one)
            else:
                self.dropped += 1
        return told

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

    def go_on_as(self, device: MqttDevice) -> None:
        """Go on as the same device of another configuration: its places in the catalog changed."""
        self.device = device
        self._used_texts = frozenset(point.name for point in device.texts)
