"""How a device speaks: its messages, what it says when it connects, and what it understands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from campus_wire.session import Will
from firmware_sims.message import Message

Numbers = Mapping[str, float | None]
Texts = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Heard:
    """What a message to the device is.

    Args:
        values: the points that it sets.
        answers: what the device answers at once.
        speaks: whether it lets the device say at once how things are.
        wants_all: whether it asks for everything that the device says when it connects.
    """

    values: Mapping[str, float] = field(default_factory=dict)
    answers: Sequence[Message] = ()
    speaks: bool = False
    wants_all: bool = False


class Hub(Protocol):
    """What holds a connection, or speaks for several: a bridge, a node, the device itself."""

    @property
    def connects(self) -> bool:
        """Whether its devices have a connection of their own."""

    def will(self) -> Will | None:
        """What the broker says when it is lost; asked at each connect."""

    def opening(self, time_ns: int) -> list[Message]:
        """What it says before its devices, when it has connected."""


class Voice(Protocol):
    """A way of speaking: a profile's, or that of a bridge or firmware."""

    @property
    def numbers(self) -> Sequence[str]:
        """The points that are numbers."""

    @property
    def texts(self) -> Sequence[str]:
        """The points that are texts."""

    @property
    def hub(self) -> Hub | None:
        """What holds its connection; None: the connection that all others share."""

    @property
    def filters(self) -> Sequence[str]:
        """The topics that it listens to."""

    def messages(self, numbers: Numbers, texts: Texts, time_ns: int) -> list[Message]:
        """What the device says now."""

    def greeting(self, numbers: Numbers, time_ns: int) -> list[Message]:
        """What it says when it has connected: who it is."""

    def availability(self, *, there: bool) -> list[Message]:
        """What tells that it is there, or gone."""

    def hear(self, topic: str, payload: bytes, time_ns: int) -> Heard:
        """What a message to it means."""

    def history(self, records: Sequence[tuple[int, Numbers]]) -> list[Message]:
        """What it measured while nobody heard it, where it keeps that."""
