"""Saying that a bus cannot keep up, once when it begins and once when it is over."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Sequence
from typing import Final

from campus_wire.messages import Event
from edge_agent.ports import EdgeClock, EventSink

_log: Final = logging.getLogger(__name__)

SAID_AFTER_S: Final = 10.0
"""An overload shorter than this, such as at the start, is not worth saying."""
OVER_AFTER_S: Final = 60.0
BEGUN: Final = "bus_overloaded"
ENDED: Final = "bus_keeps_up"
_WORTH_SAYING: Final = 1.05


class OverloadNotice:
    """Watches how far intervals are stretched.

    Args:
        bus_id: what to call the bus.
        clock: stamps events.
        events: takes them; None: only the log says it.
    """

    def __init__(self, bus_id: str, clock: EdgeClock, events: EventSink | None) -> None:
        self._bus_id = bus_id
        self._clock = clock
        self._events = events
        self._since_s: float | None = None
        self._said = False

    @property
    def is_said(self) -> bool:
        """Whether the bus is said to be overloaded."""
        return self._said

    def look(self, stretches: Sequence[float], *, load: float, now_s: float) -> None:
        """Look at the factors by which safety, normal and slow intervals are stretched."""
        is_over = max(stretches) > _WORTH_SAYING
        if is_over is self._said:
            self._since_s = None
        elif self._since_s is None:
            self._since_s = now_s
        elif now_s - self._since_s >= (OVER_AFTER_S if self._said else SAID_AFTER_S):
            self._since_s = None
            self._said = is_over
            self._say(stretches, load)

    def _say(self, stretches: Sequence[float], load: float) -> None:
        safety, normal, slow = (round(factor, 2) for factor in stretches)
        if self._said:
            _log.warning(
                "bus %s cannot keep up: polls ask for %d %% of its time; intervals stretch: "
                "safety x %g, normal x %g, slow x %g",
                *(self._bus_id, round(100 * load), safety, normal, slow),
            )
        else:
            _log.info("bus %s keeps up again", self._bus_id)
        if self._events is None:
            return
        attributes: dict[str, float | str | None] = {"bus": self._bus_id, "load": round(load, 3)}
        if self._said:
            attributes |= {"safety": safety, "normal": normal, "slow": slow}
        self._events.post(
            Event(
                id=str(uuid.uuid4()),
                time_ns=self._clock.now_ns(),
                kind=BEGUN if self._said else ENDED,
                attributes=attributes,
            )
        )
