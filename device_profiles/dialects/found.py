"""What a dialect finds, and what a dialect is."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, cast


@dataclass(frozen=True, slots=True)
class FoundDevice:
    """A device that described itself."""

    dialect: str
    id: str
    """What stays the same when it is renamed, where the dialect tells such a thing."""
    name: str
    """What the people there call it."""
    category: str
    profile: dict[str, Any]
    """A whole profile document, valid as `MqttProfile`."""
    topic: dict[str, str]
    """What stands for the captures of the profile's topics."""
    notes: tuple[str, ...] = ()
    """What it says that was not understood, or is left out."""


class Describer(Protocol):
    """The module of a dialect."""

    def describe(self, heard: Mapping[str, bytes]) -> list[FoundDevice]:
        """Return the devices that the messages describe; what is no such message is ignored."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """One way in which devices describe themselves over MQTT.

    Its module is imported when it is first asked: a running agent only needs to know the topics.
    """

    name: str
    descriptions: tuple[str, ...]
    """Filters of messages that describe; the newest of each topic counts."""
    messages: tuple[str, ...] = ()
    """Filters of ordinary messages whose form describes; they add up, as each says only a part."""
    told_by_value: frozenset[str] = field(default_factory=frozenset)
    """Keys of ordinary messages whose words are part of the description (units)."""

    @property
    def subscriptions(self) -> tuple[str, ...]:
        """The filters to listen on."""
        return (*self.descriptions, *self.messages)

    def describe(self, heard: Mapping[str, bytes]) -> list[FoundDevice]:
        """Return the devices that the messages describe, by topic; what is none is ignored."""
        module = importlib.import_module(f"device_profiles.dialects.{self.name}")
        return cast("Describer", module).describe(heard)
