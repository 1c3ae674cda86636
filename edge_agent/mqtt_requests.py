"""What devices want to be sent so that they speak: which requests are due, and when again.

A gateway that serves many devices is asked once for all of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from device_profiles.messages import Request

AT_ONCE_MAX: Final = 16
"""Sent in one go; the others wait for the next."""
_NEVER_S: Final = float("inf")


class Requests:
    """The requests of one source, and when each is due."""

    def __init__(self) -> None:
        self._due_s: dict[Request, float] = {}

    def take(self, requests: Iterable[Request]) -> None:
        """Go on with these; those that are new are due at once."""
        self._due_s = {one: self._due_s.get(one, 0.0) for one in requests}

    def restart(self) -> None:
        """Let all be due: who kept count of them may have forgotten."""
        self._due_s = dict.fromkeys(self._due_s, 0.0)

    def due(self, now_s: float) -> list[tuple[str, bytes]]:
        """Return topic and payload of what is to be sent now, and take it for sent."""
        now_due = [one for one, due_s in self._due_s.items() if due_s <= now_s][:AT_ONCE_MAX]
        for one in now_due:
            self._due_s[one] = _NEVER_S if one.every_s is None else now_s + one.every_s
        return [(one.topic, one.payload) for one in now_due]
