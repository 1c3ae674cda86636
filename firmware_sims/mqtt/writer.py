"""One kind of message of a device: which points stand in it, and how it is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from firmware_sims.message import Message
from firmware_sims.mqtt.clock_text import time_raw, written
from firmware_sims.mqtt.lorawan import Clock
from firmware_sims.mqtt.meaning import Meaning, Raw
from firmware_sims.mqtt.notations import as_bytes, plain
from firmware_sims.mqtt.tree import Leaf, Node

_MOMENT = "YYYY-MM-DD hh:mm:ss"


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a point stands; a text has no meaning as a number."""

    name: str
    leaf: Leaf
    meaning: Meaning | None


@dataclass(frozen=True, slots=True)
class TimeSpot:
    """Where the message says when it was measured; a moment may be in several parts."""

    leaves: Sequence[Leaf]
    form: str
    utc_offset: str

    def put(self, time_ns: int) -> None:
        """Let the leaves say a time."""
        if len(self.leaves) == 1:
            self.leaves[0].raw = time_raw(time_ns, self.form, self.utc_offset)
            return
        pattern = _MOMENT if self.form in ("auto", "iso") else self.form
        parts = written(time_ns, pattern, self.utc_offset).split(" ")
        for leaf, part in zip(self.leaves, parts, strict=True):
            leaf.raw = part


@dataclass
class MessageWriter:
    """Writes the messages of one kind.

    Args:
        topic: with every place filled.
        charset: of texts.
        clock: shared with the notations that write the time themselves.
    """

    topic: str
    charset: str
    clock: Clock
    root: Node = field(default_factory=Node)
    spots: list[Spot] = field(default_factory=list)
    times: list[TimeSpot] = field(default_factory=list)
    levels: dict[int, Leaf] = field(default_factory=dict)
    """What levels of the topic tell, by their position."""

    def level(self, position: int) -> Leaf:
        """The leaf of a level of the topic; negative positions count from its end."""
        return self.levels.setdefault(position % len(self.topic.split("/")), Leaf())

    def message(
        self, numbers: Mapping[str, float | None], texts: Mapping[str, str], time_ns: int
    ) -> Message:
        """The message that shows these numbers and texts."""
        self.clock.time_ns = time_ns
        for leaf, spots in self._by_leaf():
            if not leaf.is_fixed:
                leaf.raw = _raw(spots, numbers, texts)
        for time in self.times:
            time.put(time_ns)
        built = self.root.built()
        payload = b"null" if built is None else as_bytes(built, self.charset)
        shown: dict[str, float | None] = {}
        told: dict[str, str] = {}
        for spot in self.spots:
            if spot.leaf.is_left_out:
                continue
            if spot.meaning is None:
                told[spot.name] = plain(spot.leaf.raw)
            else:
                shown[spot.name] = spot.meaning.number(spot.leaf.raw)
        return Message(self._topic(), payload, shown, told)

    def _topic(self) -> str:
        if not self.levels:
            return self.topic
        levels = self.topic.split("/")
        for position, leaf in self.levels.items():
            levels[position] = plain(leaf.raw)
        return "/".join(levels)

    def _by_leaf(self) -> list[tuple[Leaf, list[Spot]]]:
        groups: dict[int, tuple[Leaf, list[Spot]]] = {}
        for spot in self.spots:
            groups.setdefault(id(spot.leaf), (spot.leaf, []))[1].append(spot)
        return list(groups.values())


def _raw(
    spots: Sequence[Spot], numbers: Mapping[str, float | None], texts: Mapping[str, str]
) -> Raw:
    """What stands at a leaf that several points share: bits together, else the plainest."""
    bits = 0
    best: tuple[bool, Raw] | None = None
    for spot in spots:
        if spot.meaning is None:
            return texts.get(spot.name, "")
        number = numbers.get(spot.name)
        if spot.meaning.bit is not None:
            raw = spot.meaning.raw(number)
            bits |= raw if isinstance(raw, int) else 0
            continue
        has_words = bool(spot.meaning.words)
        if best is None or (best[0] and not has_words):
            best = has_words, spot.meaning.raw(number)
    return bits if best is None else best[1]
