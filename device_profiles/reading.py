"""What decoding yields."""

from __future__ import annotations

from typing import NamedTuple

from campus_wire.quality import Quality


class Reading(NamedTuple):
    """A point's value and quality; the value is None exactly where the quality is bad."""

    point: str
    value: float | None
    quality: Quality
