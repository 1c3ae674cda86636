"""One message to publish, and what it shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Message:
    """One message to publish, and what it shows.

    Args:
        shown: the number of each point, as a reader without mistakes gets it; None is no reading.
        texts: the text points.
        is_retained: whether the broker keeps it.
        past: records of before in it: when, in ns, and what each shows.
    """

    topic: str
    payload: bytes
    shown: Mapping[str, float | None] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    is_retained: bool = False
    qos: int = 1
    past: Sequence[tuple[int, Mapping[str, float | None]]] = ()
