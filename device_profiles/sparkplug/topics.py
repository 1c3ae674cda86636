"""Sparkplug B topics: `spBv1.0/<group>/<type>/<edge node>[/<device>]` (3.0.0, chapter 4)."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple

NAMESPACE: Final = "spBv1.0"


class Verb(StrEnum):
    """The types of message that edge nodes send."""

    NBIRTH = "NBIRTH"
    NDEATH = "NDEATH"
    NDATA = "NDATA"
    DBIRTH = "DBIRTH"
    DDEATH = "DDEATH"
    DDATA = "DDATA"


class SparkplugTopic(NamedTuple):
    """A topic taken apart."""

    group: str
    verb: Verb
    node: str
    device: str
    """Empty for the edge node itself."""


def parse_topic(topic: str) -> SparkplugTopic | None:
    """Return the parts of a topic that an edge node sends on, or None for any other.

    >>> parse_topic("spBv1.0/school/DDATA/gw1/meter").device
    'meter'
    """
    namespace, *levels = topic.split("/")
    if namespace != NAMESPACE or not 3 <= len(levels) <= 4 or not all(levels):
        return None
    group, verb, node, *device = levels
    if verb not in Verb.__members__ or (verb[0] == "D") != bool(device):
        return None
    return SparkplugTopic(group, Verb(verb), node, device[0] if device else "")


def node_filters(group: str, node: str) -> tuple[str, ...]:
    """Return the filters to hear all of one edge node."""
    return (f"{NAMESPACE}/{group}/+/{node}", f"{NAMESPACE}/{group}/+/{node}/+")
