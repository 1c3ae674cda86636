"""Who listens to which topic: exact topics at once, filters with `+` level by level (pure)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")

_ANY = "+"
_REST = "#"


@dataclass(slots=True)
class _Node(Generic[T]):
    below: dict[str, _Node[T]] = field(default_factory=dict)
    here: list[T] = field(default_factory=list)


class TopicTree(Generic[T]):
    """Things by MQTT topic filters; a look-up costs by the levels of the topic, not by filters."""

    def __init__(self) -> None:
        self._exact: dict[str, list[T]] = {}
        self._root: _Node[T] = _Node()
        self._has_filters = False

    def add(self, topic_filter: str, thing: T) -> None:
        """Let a thing be found for every topic of a filter."""
        if _ANY not in topic_filter and _REST not in topic_filter:
            self._exact.setdefault(topic_filter, []).append(thing)
            return
        self._has_filters = True
        node = self._root
        for level in topic_filter.split("/"):
            node = node.below.setdefault(level, _Node())
        node.here.append(thing)

    def find(self, topic: str) -> list[T]:
        """Return what listens to a topic, each thing once."""
        exact = self._exact.get(topic, [])
        if not self._has_filters:
            return exact
        found = {id(thing): thing for thing in exact}
        for thing in _matching(self._root, topic.split("/")):
            found.setdefault(id(thing), thing)
        return list(found.values())


def _matching(root: _Node[T], levels: list[str]) -> Iterator[T]:
    # MQTT 3.1.1, 4.7.2: a filter that begins with a wildcard matches no topic that begins with $
    nodes = [root]
    for number, level in enumerate(levels):
        wild = number > 0 or not level.startswith("$")
        below: list[_Node[T]] = []
        for node in nodes:
            if wild and _REST in node.below:
                yield from node.below[_REST].here
            if level in node.below:
                below.append(node.below[level])
            if wild and _ANY in node.below:
                below.append(node.below[_ANY])
        nodes = below
    for node in nodes:
        yield from node.here
        if _REST in node.below:
            yield from node.below[_REST].here
