"""The embedded MQTT broker of the demo: amqtt on a loopback port, with accounts and topic lists.

Good for about 1,000 messages/s; production uses mosquitto. Run as
`python -m campus_cli.demo.broker --port PORT --accounts FILE`.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from amqtt.broker import Broker
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from campus_cli.demo.accounts import Account, load, write_secret

_BIND = "127.0.0.1"


def configuration(accounts: list[Account], port: int, passwords: Path) -> dict[str, Any]:
    """Return the broker's configuration, having written its password file."""
    # One cheap round: the passwords are random, 192 bits long and live for one demo.
    hasher = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1),))
    lines = [f"{account.name}:{hasher.hash(account.password)}" for account in accounts]
    write_secret(passwords, "\n".join(lines) + "\n")
    return {
        "listeners": {"default": {"type": "tcp", "bind": f"{_BIND}:{port}"}},
        "plugins": {
            "amqtt.plugins.authentication.FileAuthPlugin": {"password_file": str(passwords)},
            "amqtt.plugins.topic_checking.TopicAccessControlListPlugin": {
                "publish_acl": {account.name: list(account.publish) for account in accounts},
                # Its configuration knows the subscriptions' list by the old name only.
                "acl": {account.name: list(account.subscribe) for account in accounts},
            },
        },
    }


class Steady(dict[str, Any]):
    """A dictionary whose loops run over what was there when they began.

    amqtt 0.12 awaits within loops over its subscriptions and retained messages. With a plain
    dictionary, a client that subscribes meanwhile ends such a loop with an error: a message is lost
    for everybody, or a client waits for ever for its SUBACK.
    """

    def __iter__(self) -> Iterator[str]:
        return iter([*super().__iter__()])

    def items(self) -> Any:
        """Return the items as they are now, lists among them copied."""
        return [
            (key, [*value] if isinstance(value, list) else value) for key, value in super().items()
        ]


def make_broker(config: dict[str, Any]) -> Broker:
    """Return a broker whose tables may change while it works through them."""
    broker = Broker(config)
    broker._subscriptions = Steady()  # noqa: SLF001 - amqtt has no other way in
    broker._retained_messages = Steady()  # noqa: SLF001
    return broker


async def serve(port: int, accounts: Path) -> None:
    """Serve until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    passwords = accounts.with_suffix(".passwords")
    broker = make_broker(configuration(load(accounts), port, passwords))
    await broker.start()
    await stop.wait()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(3):
            await broker.shutdown()


def main() -> None:
    """Parse the two options and serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--accounts", type=Path, required=True)
    options = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    asyncio.run(serve(options.port, options.accounts))


if __name__ == "__main__":
    main()
