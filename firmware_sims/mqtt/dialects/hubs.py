"""What the voices of all dialects have in common, and what holds their connections."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar, cast

from campus_wire.session import Will
from firmware_sims.errors import SchoolError
from firmware_sims.message import Message
from firmware_sims.mqtt.dialects.quantities import QUANTITIES, Quantity
from firmware_sims.mqtt.voice import Heard, Hub, Numbers, Texts

H = TypeVar("H", bound=Hub)


@dataclass(frozen=True)
class Kit:
    """What a described school says of a device that describes itself.

    Args:
        device: its id in the school.
        names: its quantities.
        places: its `topic`.
        generation: of Shelly devices, 1 or 2.
    """

    device: str
    names: Sequence[str]
    places: Mapping[str, str]
    generation: int = 2

    @property
    def quantities(self) -> list[Quantity]:
        """What it has."""
        return [QUANTITIES[name] for name in self.names]

    @property
    def mac(self) -> str:
        """An address of its own, twelve hexadecimal digits."""
        return f"A4CF12{zlib.crc32(self.device.encode()) & 0xFFFFFF:06X}"

    def place(self, name: str) -> str:
        """What `topic` says.

        Raises:
            SchoolError: it does not say that.
        """
        if name not in self.places:
            raise SchoolError("topic", f"topic: has no {name}", place=self.device)
        return self.places[name]

    def known(self, names: Sequence[str] | Mapping[str, object], dialect: str) -> None:
        """Say so where the dialect cannot say one of the quantities.

        Raises:
            SchoolError: that is so.
        """
        for name in self.names:
            if name not in names:
                raise SchoolError(
                    "quantities",
                    f"{dialect} does not say {name} here",
                    place=self.device,
                    remedy=f"one of {', '.join(names)}",
                )


class Hubs:
    """The bridges and nodes of one broker, each there once for all its devices."""

    def __init__(self) -> None:
        self._by_key: dict[str, Hub] = {}

    def get(self, key: str, make: Callable[[], H]) -> H:
        """The hub of a key, made when it is asked for first."""
        return cast("H", self._by_key.setdefault(key, make()))


class DialectVoice(Protocol):
    """A voice, and what it is told by."""

    @property
    def quantities(self) -> Sequence[Quantity]:
        """What the device has."""

    @property
    def hub(self) -> Hub | None:
        """What holds its connection."""

    @property
    def numbers(self) -> Sequence[str]:
        """The points that are numbers."""

    @property
    def texts(self) -> Sequence[str]:
        """The points that are texts."""

    @property
    def filters(self) -> Sequence[str]:
        """The topics that it listens to."""

    def messages(self, numbers: Numbers, texts: Texts, time_ns: int) -> list[Message]:
        """What the device says now."""

    def greeting(self, numbers: Numbers, time_ns: int) -> list[Message]:
        """What it says when it has connected."""

    def availability(self, *, there: bool) -> list[Message]:
        """What tells that it is there, or gone."""

    def hear(self, topic: str, payload: bytes, time_ns: int) -> Heard:
        """What a message to it means."""

    def history(self, records: Sequence[tuple[int, Numbers]]) -> list[Message]:
        """Nothing: such devices keep none."""


class PlainVoice:
    """A voice without texts and history; dialects add what they say."""

    def __init__(self, kit: Kit, hub: Hub | None) -> None:
        self.kit = kit
        self.quantities: Sequence[Quantity] = kit.quantities
        self.hub = hub
        self.numbers: Sequence[str] = list(kit.names)
        self.texts: Sequence[str] = []
        self.filters: Sequence[str] = []

    def greeting(self, numbers: Numbers, time_ns: int) -> list[Message]:
        """Nothing of its own."""
        del numbers, time_ns
        return []

    def availability(self, *, there: bool) -> list[Message]:
        """Nothing of its own."""
        del there
        return []

    def history(self, records: Sequence[tuple[int, Numbers]]) -> list[Message]:
        """Nothing: such devices keep none."""
        del records
        return []


class OwnConnection:
    """A device that has its connection for itself, with a last will."""

    connects = True

    def __init__(self, will: Will) -> None:
        self._will = will

    def will(self) -> Will | None:
        """What the broker says when the device is lost."""
        return self._will

    def opening(self, time_ns: int) -> list[Message]:
        """Nothing before the device itself."""
        del time_ns
        return []
