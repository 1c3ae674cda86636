"""The Sparkplug B edge nodes of one broker: their state is shared by the devices behind them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from device_profiles.errors import MessageRefusedError
from device_profiles.reading import Saying
from device_profiles.sparkplug.command import encode_command
from device_profiles.sparkplug.node import SparkplugNode
from device_profiles.sparkplug.topics import node_filters, parse_topic
from edge_agent.mqtt_listener import Listener

REBIRTH_EVERY_S: Final = 60.0
"""A node is asked to be born again at most so often: a birth may be as large as all its metrics."""

__all__ = ["EdgeNode", "SparkplugNews", "edge_nodes", "encode_command"]


@dataclass(slots=True)
class SparkplugNews:
    """What a message of an edge node comes to."""

    said: list[tuple[Listener, Saying]] = field(default_factory=list)
    gone: list[Listener] = field(default_factory=list)
    command: tuple[str, bytes] | None = None
    """To be published: the request to be born again."""


class EdgeNode:
    """One edge node with those of its devices that are configured.

    Args:
        group: its group.
        node: its name.
    """

    def __init__(self, group: str, node: str) -> None:
        self.listeners: dict[str, Listener] = {}
        """By the name of the device; the node's own is empty."""
        self._node = SparkplugNode(group, node)
        self._asked_s = float("-inf")

    @property
    def filters(self) -> tuple[str, ...]:
        """What to subscribe to."""
        return node_filters(self._node.group, self._node.node)

    def lose(self) -> None:
        """Forget what was born: the broker was lost, and messages with it."""
        self._node.lose()

    def hear(self, topic: str, payload: bytes, *, now_s: float, now_ns: int) -> SparkplugNews:
        """Take a message of the node.

        Raises:
            MessageRefusedError: it is no Sparkplug payload.
        """
        heard = self._node.hear(topic, payload)
        news = SparkplugNews()
        for device in heard.gone:
            # the death of the node is that of everything behind it
            every = self.listeners.values() if not device else ()
            one = self.listeners.get(device)
            news.gone += [*every] if every else [one] if one is not None else []
        for said in heard.news:
            listener = self.listeners.get(said.device)
            if listener is None:
                continue
            news.said += [
                (listener, saying)
                for saying in listener.decoder.say_document(
                    said.document, said.time_ns, is_history=said.historical
                )
            ]
        if heard.wants_rebirth:
            news.command = self.ask(now_s=now_s, now_ns=now_ns)
        return news

    def ask(self, *, now_s: float, now_ns: int) -> tuple[str, bytes] | None:
        """Return the request to be born again, or None where it was asked not long ago."""
        if now_s - self._asked_s < REBIRTH_EVERY_S:
            return None
        self._asked_s = now_s
        return self._node.rebirth(now_ns // 1_000_000)


def edge_nodes(listeners: Iterable[Listener]) -> list[EdgeNode]:
    """Return the edge nodes that these devices are, or are behind.

    Raises:
        MessageRefusedError: the topic of a device is none of Sparkplug's (`sparkplug`).
    """
    nodes: dict[tuple[str, str], EdgeNode] = {}
    for listener in listeners:
        topic = next(iter(listener.decoder.topics), "")
        at = parse_topic(topic)
        if at is None:
            meant = "is no topic such as spBv1.0/{group}/DDATA/{node}/{device}"
            raise MessageRefusedError("sparkplug", meant, place=topic)
        key = (at.group, at.node)
        if key not in nodes:
            nodes[key] = EdgeNode(at.group, at.node)
        nodes[key].listeners[at.device] = listener
    return list(nodes.values())
