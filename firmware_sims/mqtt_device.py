"""One simulated device that publishes: its numbers and its messages. Touches no network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from firmware_sims.faults import Fault, FaultKind, Faults
from firmware_sims.message import Message, MessagePoint, make_messages
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


class MqttDevice:
    """A device behind a bridge.

    Args:
        device_id: its name in the school and in the truth log.
        points: where its numbers stand in its messages.
        signals: live points; the others hold what `initial` says, 0 where missing.
        availability: topics that say whether it is there, each with its payloads for there and
            gone.
        interval_s: it publishes at least so often, and at once when a state changes.
        sequence_point: a point that counts the messages.
    """

    def __init__(
        self,
        device_id: str,
        points: Sequence[MessagePoint],
        *,
        signals: Mapping[str, Signal],
        initial: Mapping[str, float],
        interval_s: float,
        availability: Sequence[tuple[str, bytes, bytes]] = (),
        sequence_point: str | None = None,
    ) -> None:
        self.id = device_id
        self.interval_s = interval_s
        self.availability = list(availability)
        self.faults = Faults()
        self.shown: dict[str, float | None] = {}
        self._points = list(points)
        self._live = signals
        self._signals = dict(signals)
        self._held = {point.name: initial.get(point.name, 0.0) for point in points}
        self._sequence_point = sequence_point
        self._sequence = 0
        self._malformed = 0

    @property
    def points(self) -> Sequence[str]:
        """The names of its points."""
        return [point.name for point in self._points]

    def states(self, now_s: float) -> tuple[float | None, ...]:
        """The points whose change is published at once."""
        return tuple(
            point.content(self._number(point.name, now_s))[1]
            for point in self._points
            if point.words or point.is_boolean
        )

    def messages(self, now_s: float) -> list[Message]:
        """What the device says now; each call counts as a message."""
        if self._sequence_point is not None:
            self._sequence += 1
            self._held[self._sequence_point] = float(self._sequence)
        numbers = {point.name: self._number(point.name, now_s) for point in self._points}
        messages = make_messages(self._points, numbers)
        for message in messages:
            self.shown.update(message.shown)
        return messages

    def malformed(self, now_s: float) -> list[Message]:
        """What it says while its payloads are malformed; nothing can be read from them."""
        self._malformed += 1
        payload = _MALFORMED[self._malformed % len(_MALFORMED)]
        return [Message(one.topic, payload, one.shown) for one in self.messages(now_s)]

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
