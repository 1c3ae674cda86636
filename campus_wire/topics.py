"""Topics: `campus/1/up/<gateway>/<kind>` and `campus/1/down/<gateway>/<kind>`.

The gateway has a level of its own, so that one broker ACL pattern each way confines it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from campus_wire.errors import MalformedError
from campus_wire.ids import is_gateway_id

PREFIX: Final = "campus/1"


class Up(StrEnum):
    """What a gateway publishes."""

    STATUS = "status"
    CATALOG = "catalog"
    BATCH = "batch"
    EVENT = "event"
    RECEIPT = "receipt"


class Down(StrEnum):
    """What the controller publishes to one gateway."""

    ACK = "ack"
    COMMAND = "command"
    CONFIG = "config"


@dataclass(frozen=True, slots=True)
class Address:
    """A parsed topic."""

    gateway: str
    kind: Up | Down

    @property
    def topic(self) -> str:
        """The topic this address was, or would be, parsed from."""
        direction = "up" if isinstance(self.kind, Up) else "down"
        return f"{PREFIX}/{direction}/{self.gateway}/{self.kind}"


def up(gateway: str, kind: Up) -> str:
    """Return the topic on which `gateway` publishes `kind`."""
    return _topic(gateway, kind)


def down(gateway: str, kind: Down) -> str:
    """Return the topic on which the controller publishes `kind` to `gateway`."""
    return _topic(gateway, kind)


def all_up(kind: Up | None = None) -> str:
    """Return the filter a controller subscribes to: one kind of every gateway, or all kinds."""
    return f"{PREFIX}/up/+/{kind or '+'}"


def all_down(gateway: str) -> str:
    """Return the filter a gateway subscribes to."""
    if not is_gateway_id(gateway):
        raise _bad_gateway(gateway)
    return f"{PREFIX}/down/{gateway}/+"


def parse(topic: str) -> Address:
    """Parse a topic of this contract.

    Raises:
        MalformedError: another prefix, number of levels, gateway or kind (reason `topic`).
    """
    levels = topic.split("/")
    if len(levels) != 5 or "/".join(levels[:2]) != PREFIX or not is_gateway_id(levels[3]):
        raise _bad_topic(topic)
    kinds: dict[str, type[Up | Down]] = {"up": Up, "down": Down}
    try:
        return Address(levels[3], kinds[levels[2]](levels[4]))
    except (KeyError, ValueError):
        raise _bad_topic(topic) from None


def _topic(gateway: str, kind: Up | Down) -> str:
    if not is_gateway_id(gateway):
        raise _bad_gateway(gateway)
    return Address(gateway, kind).topic


def _bad_gateway(gateway: str) -> MalformedError:
    return MalformedError(
        "gateway_id",
        f"{gateway[:64]!r} is no gateway id",
        remedy="3 to 32 of a-z, 0-9 and -, not beginning or ending with -",
    )


def _bad_topic(topic: str) -> MalformedError:
    return MalformedError("topic", f"{topic[:200]!r} is no topic of this contract")
