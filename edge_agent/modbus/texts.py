"""What devices say in words, told as events: when it is new, and when it has changed."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Final

from campus_wire.messages import Event
from device_profiles.reading import TextReading
from edge_agent.inventory import ModbusDevice
from edge_agent.ports import EdgeClock, EventSink

TEXTS_PER_S: Final = 1.0
TEXTS_BURST: Final = 100.0
"""Events are kept one by one: no device may fill the spool with texts that change all the time.
What could not be told is told by a later reading."""


class TextTeller:
    """Tells the texts of the devices of one bus.

    Args:
        clock: stamps events.
        events: takes them; None: nobody wants to know.
    """

    def __init__(self, clock: EdgeClock, events: EventSink | None) -> None:
        self._clock = clock
        self._events = events
        self._told: dict[str, dict[str, str]] = {}
        self._tokens = TEXTS_BURST
        self._filled_s = 0.0

    def tell(self, device: ModbusDevice, texts: Iterable[TextReading]) -> None:
        """Tell what is news among the texts that a device just gave."""
        if self._events is None:
            return
        used = {point.name for point in device.texts}
        told = self._told.setdefault(device.id, {})
        for one in texts:
            if one.point in used and told.get(one.point) != one.text and self._may_tell():
                told[one.point] = one.text
                self._events.post(
                    Event(
                        id=str(uuid.uuid4()),
                        time_ns=self._clock.now_ns(),
                        kind="text",
                        device=device.id,
                        attributes={"point": one.point, "text": one.text},
                    )
                )

    def forget(self, device_id: str) -> None:
        """Tell everything anew should a device of this id come again."""
        self._told.pop(device_id, None)

    def _may_tell(self) -> bool:
        now_s = self._clock.monotonic_ns() / 1e9
        filled = self._tokens + (now_s - self._filled_s) * TEXTS_PER_S
        self._tokens, self._filled_s = min(TEXTS_BURST, filled), now_s
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True
