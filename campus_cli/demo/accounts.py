"""The demo's broker accounts: one each for controller, gateways and the sensors of the field.

Passwords are made anew for each run and never leave its directory.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Account:
    """Who may log in to the broker, and the topic filters open to them."""

    name: str
    password: str
    publish: tuple[str, ...]
    subscribe: tuple[str, ...]


FIELD_TOPICS = ("zigbee2mqtt/#",)
"""Where simulated sensors publish; a school would have a broker of its own for these."""


def make_accounts(gateways: Sequence[str]) -> list[Account]:
    """Return fresh accounts: a gateway reaches its own topics, the controller everybody's."""
    everywhere = ("campus/1/#", *FIELD_TOPICS)
    return [
        _account("controller", publish=("campus/1/down/#",), subscribe=("campus/1/up/#",)),
        _account("sensors", publish=FIELD_TOPICS, subscribe=FIELD_TOPICS),
        _account("onlooker", publish=(), subscribe=everywhere),
        *(
            _account(
                gateway,
                publish=(f"campus/1/up/{gateway}/#", *FIELD_TOPICS),
                subscribe=(f"campus/1/down/{gateway}/#", *_own_status(gateway), *FIELD_TOPICS),
            )
            for gateway in gateways
        ),
    ]


def _own_status(gateway: str) -> tuple[str, ...]:
    # An agent listens to its own status to notice a second agent with its identity.
    return (f"campus/1/up/{gateway}/status",)


def _account(name: str, *, publish: tuple[str, ...], subscribe: tuple[str, ...]) -> Account:
    return Account(name, secrets.token_urlsafe(24), publish, subscribe)


def mosquitto_acl(accounts: Sequence[Account]) -> str:
    """Return the text of mosquitto's access control file."""
    lines: list[str] = []
    for account in accounts:
        lines.append(f"user {account.name}")
        lines += [f"topic write {topic}" for topic in account.publish]
        lines += [f"topic read {topic}" for topic in account.subscribe]
    return "\n".join(lines) + "\n"


def save(accounts: Sequence[Account], path: Path) -> None:
    """Write the accounts where only the owner may read them."""
    write_secret(path, json.dumps([asdict(account) for account in accounts], indent=1))


def load(path: Path) -> list[Account]:
    """Read what `save` wrote."""
    return [
        Account(
            plain["name"], plain["password"], tuple(plain["publish"]), tuple(plain["subscribe"])
        )
        for plain in json.loads(path.read_text(encoding="utf-8"))
    ]


def write_secret(path: Path, text: str) -> Path:
    """Write a file that only its owner may read, from its first byte on."""
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_text(text, encoding="utf-8")
    return path
