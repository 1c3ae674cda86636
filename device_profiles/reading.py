"""What decoding yields."""

from __future__ import annotations

from typing import NamedTuple

from campus_wire.quality import Quality


class Reading(NamedTuple):
    """A point's value and quality; the value is None exactly where the quality is bad."""

    point: str
    value: float | None
    quality: Quality


class TextReading(NamedTuple):
    """What a text point says: printable, of one line, at most TEXT_CHARS_MAX characters.

    Telemetry is numbers, so a text (a serial number, a firmware version) travels as an event.
    """

    point: str
    text: str


class Saying(NamedTuple):
    """What a message says of one instant."""

    time_ns: int | None
    """The device's own time, where the message tells one that can be; None: the time of receipt."""
    readings: tuple[Reading, ...] = ()
    texts: tuple[TextReading, ...] = ()
    is_history: bool = False
    """A record from before: it proves no life and says nothing of now."""
