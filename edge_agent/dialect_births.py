"""Sparkplug nodes that were born before anybody listened: they are asked to be born again.

Births are not kept by the broker. Whoever hears data without the birth before it asks for one
(Sparkplug 3.0.0, chapter 5.4, "NCMD rebirth").
"""

from __future__ import annotations

from collections.abc import Container
from typing import Final

from device_profiles.sparkplug.node import SparkplugNode
from device_profiles.sparkplug.topics import NAMESPACE, Verb, parse_topic

DATA_FILTERS: Final = (f"{NAMESPACE}/+/{Verb.NDATA}/+", f"{NAMESPACE}/+/{Verb.DDATA}/+/+")
ASK_EVERY_S: Final = 60.0
NODES_MAX: Final = 1_000
_BIRTHS: Final = {Verb.NDATA: Verb.NBIRTH, Verb.DDATA: Verb.DBIRTH}


class BirthRequests:
    """Decides which nodes are asked, each at most once a minute."""

    def __init__(self) -> None:
        self._asked_s: dict[tuple[str, str], float] = {}

    def request(
        self, topic: str, births: Container[str], *, now_s: float, now_ns: int
    ) -> tuple[str, bytes] | None:
        """Return topic and payload of the request that a message calls for, if any.

        Args:
            topic: of the message.
            births: the topics of births that are known.
            now_s: monotonic time.
            now_ns: wall time.
        """
        at = parse_topic(topic)
        if at is None or at.verb not in _BIRTHS:
            return None
        tail = f"/{at.device}" if at.device else ""
        if f"{NAMESPACE}/{at.group}/{_BIRTHS[at.verb]}/{at.node}{tail}" in births:
            return None
        key = (at.group, at.node)
        if now_s - self._asked_s.get(key, float("-inf")) < ASK_EVERY_S:
            return None
        if key not in self._asked_s and len(self._asked_s) >= NODES_MAX:
            return None
        self._asked_s[key] = now_s
        return SparkplugNode(*key).rebirth(now_ns // 1_000_000)
