"""One simulated device that publishes: its numbers, its messages, what it obeys. No network."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from zlib import crc32

from firmware_sims.faults import Fault, FaultKind, Faults
from firmware_sims.message import Message
from firmware_sims.mqtt.voice import Heard, Voice
from firmware_sims.signals import Signal, noise

_MALFORMED = (
    b"",
    b'{"temperature":',
    b"\xff\xfe\x00garbage",
    b"[]",
    b'{"temperature":"warm","humidity":{}}',
    b"NaN",
    b"[" * 200,
)
_BADGE_WORDS = frozenset({"badge", "card", "uid", "tag", "rfid"})
_BADGE_S = 45.0
"""So often another badge is held to a reader."""
RECORDS_MAX = 16
"""What a device keeps of the time when nobody heard it."""

Control = Callable[[float, float], None]


class MqttDevice:
    """A device on a broker.

    Args:
        device_id: its name in the school and in the truth log.
        voice: how it speaks.
        signals: live points; the others hold what `initial` says, 0 where missing.
        controls: what a command to a point does to the world.
        sets: points that a written one sets with it.
        states: points whose change is published at once.
        interval_s: it publishes at least so often, and at once when a state changes.
        sequence_point: a point that counts the messages.
    """

    def __init__(
        self,
        device_id: str,
        voice: Voice,
        *,
        signals: Mapping[str, Signal],
        initial: Mapping[str, float],
        interval_s: float,
        controls: Mapping[str, Control] | None = None,
        sets: Mapping[str, Sequence[str]] | None = None,
        states: Sequence[str] = (),
        sequence_point: str | None = None,
    ) -> None:
        self.id = device_id
        self.voice = voice
        self.interval_s = interval_s
        self.faults = Faults()
        self.shown: dict[str, float | None] = {}
        self.texts: dict[str, str] = {}
        self._live = signals
        self._signals = dict(signals)
        self._held = {name: initial.get(name, 0.0) for name in voice.numbers}
        self._controls = controls or {}
        self._sets = sets or {}
        self._states = states
        self._sequence_point = sequence_point
        self._sequence = 0
        self._malformed = 0
        self._unheard: list[tuple[int, Mapping[str, float | None]]] = []

    @property
    def points(self) -> Sequence[str]:
        """The names of its points."""
        return [*self.voice.numbers, *self.voice.texts]

    def states(self, now_s: float) -> tuple[float | None, ...]:
        """The points whose change is published at once."""
        return tuple(self._number(name, now_s) for name in self._states)

    def numbers(self, now_s: float) -> dict[str, float | None]:
        """What every point is now."""
        return {name: self._number(name, now_s) for name in self.voice.numbers}

    def messages(self, now_s: float, time_ns: int) -> list[Message]:
        """What the device says now; each call counts as a message."""
        if self._sequence_point is not None:
            self._sequence += 1
            self._held[self._sequence_point] = float(self._sequence)
        texts = {name: self._text(name, now_s) for name in self.voice.texts}
        said = self.voice.messages(self.numbers(now_s), texts, time_ns)
        for message in said:
            self.shown.update(message.shown)
            self.texts.update(message.texts)
        if self._unheard:
            said = [*self.voice.history(self._unheard), *said]
            self._unheard.clear()
        return said

    def keep(self, now_s: float, time_ns: int) -> None:
        """Keep what it would have said, while nobody hears it."""
        self._unheard.append((time_ns, self.numbers(now_s)))
        del self._unheard[:-RECORDS_MAX]

    def greeting(self, now_s: float, time_ns: int) -> list[Message]:
        """What it says when it has connected: who it is."""
        return self.voice.greeting(self.numbers(now_s), time_ns)

    def malformed(self, now_s: float, time_ns: int) -> list[Message]:
        """What it says while its payloads are malformed; nothing can be read from them."""
        self._malformed += 1
        payload = _MALFORMED[self._malformed % len(_MALFORMED)]
        return [
            Message(one.topic, payload, one.shown, one.texts)
            for one in self.messages(now_s, time_ns)
        ]

    def hear(self, topic: str, payload: bytes, *, now_s: float, time_ns: int) -> Heard:
        """Obey a command; return what it set, and all that the device answers."""
        heard = self.voice.hear(topic, payload, time_ns)
        for name, number in heard.values.items():
            for one in (name, *self._sets.get(name, ())):
                self._write(one, number, now_s)
        answers = list(heard.answers)
        if heard.wants_all:
            answers += self.voice.greeting(self.numbers(now_s), time_ns)
        return replace(heard, answers=answers)

    def _write(self, name: str, number: float, now_s: float) -> None:
        self._held[name] = number
        self._signals.pop(name, None)
        control = self._controls.get(name)
        if control is not None:
            control(number, now_s)

    def hold(self, name: str, number: float | None) -> None:
        """Let a point hold a number, also one that lives; None lets it live again.

        Raises:
            KeyError: there is no such point.
        """
        if name not in self._held:
            raise KeyError(name)
        if number is not None:
            self._signals.pop(name, None)
            self._held[name] = number
        elif name in self._live:
            self._signals[name] = self._live[name]

    def first_delay_s(self, seed: int) -> float:
        """When to publish first, so that not all devices speak at once."""
        return min(self.interval_s, 2.0) * (0.5 + 0.5 * noise(seed, 0))

    def begin_fault(self, fault: Fault) -> None:
        """Let a fault begin."""
        self.faults.begin(fault)

    def end_fault(self, kind: FaultKind | None = None) -> list[FaultKind]:
        """End a fault, or all; return those that were under way."""
        return self.faults.end(kind)

    def _text(self, name: str, now_s: float) -> str:
        """An identifier: of the device, or of the badge that was held to it last."""
        is_badge = bool(_BADGE_WORDS & set(name.split("_")))
        turn = int(now_s / _BADGE_S) if is_badge else 0
        return f"{crc32(f'{self.id}/{name}/{turn}'.encode()):08X}"

    def _number(self, name: str, now_s: float) -> float | None:
        signal = self._signals.get(name)
        if signal is None:
            return self._held[name]
        number = signal.value(now_s)
        for fault in self.faults.numbers.values():
            if fault.point not in (None, name):
                continue
            if fault.kind is FaultKind.INVALID:
                return None
            if fault.kind is FaultKind.STUCK:
                return self.shown.get(name, number)
            number += fault.value * (now_s - fault.begin_s)
        return number
