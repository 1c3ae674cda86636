"""The embedded broker: accounts, topic lists, and clients that come while messages pass."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import aiomqtt
import pytest

from campus_cli.demo.accounts import Account, make_accounts, save
from campus_cli.demo.broker import Steady
from tests.support.servers import accepts_connections, free_port, wait_until

GATEWAY = "sunrise-1"


@dataclass
class Embedded:
    port: int
    accounts: dict[str, Account]
    log: Path

    def client(self, name: str, *, password: str | None = None) -> aiomqtt.Client:
        secret = self.accounts[name].password if password is None else password
        return aiomqtt.Client("127.0.0.1", self.port, username=name, password=secret, timeout=5)


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[Embedded]:
    accounts = make_accounts([GATEWAY, "sunrise-2"])
    save(accounts, tmp_path / "accounts.json")
    port = free_port()
    command = [sys.executable, "-m", "campus_cli.demo.broker", "--port", str(port)]
    log = tmp_path / "broker.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "--accounts", str(tmp_path / "accounts.json")], stdout=output, stderr=output
        )
    try:
        wait_until(lambda: accepts_connections(port), what="the embedded broker")
        yield Embedded(port, {account.name: account for account in accounts}, log)
    finally:
        process.terminate()
        process.wait(10)


def test_a_steady_table_can_change_within_a_loop() -> None:
    table = Steady({"a": [1, 2], "b": [3]})
    seen = []
    for key, values in table.items():
        for value in values:
            seen.append((key, value))
            table[f"{key}{value}"] = []
            table["a"].clear()
    for key in table:
        table.pop(key)

    assert seen == [("a", 1), ("a", 2), ("b", 3)]
    assert not table


@pytest.mark.integration
async def test_no_message_is_lost_while_others_subscribe(embedded: Embedded) -> None:
    """With amqtt's own tables some of the first hundred messages are lost."""
    count = 300
    heard: list[int] = []

    async def listen(client: aiomqtt.Client) -> None:
        async for message in client.messages:
            assert isinstance(message.payload, bytes)
            heard.append(int(message.payload))
            if len(heard) == count:
                return

    async def subscribe_on_and_on(client: aiomqtt.Client) -> None:
        for number in itertools.count():
            await client.subscribe(f"campus/1/down/{GATEWAY}/{number}", 1)

    async with (
        embedded.client("controller") as listener,
        embedded.client("onlooker") as onlooker,
        embedded.client(GATEWAY) as sender,
    ):
        await listener.subscribe("campus/1/up/#", 1)
        listening = asyncio.create_task(listen(listener))
        subscribing = asyncio.create_task(subscribe_on_and_on(onlooker))
        for number in range(count):
            await sender.publish(f"campus/1/up/{GATEWAY}/batch", str(number), qos=1)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(10):
                await listening
        subscribing.cancel()
        await asyncio.gather(subscribing, listening, return_exceptions=True)

    assert heard == list(range(count))
    assert "changed size" not in embedded.log.read_text(encoding="utf-8")


@pytest.mark.integration
@pytest.mark.parametrize(
    ("name", "password"), [("controller", "wrong"), (GATEWAY, ""), ("sensors", "wrong")]
)
async def test_nobody_comes_in_without_their_password(
    embedded: Embedded, name: str, password: str
) -> None:
    with pytest.raises(aiomqtt.MqttError):
        async with embedded.client(name, password=password):
            pass


@pytest.mark.integration
async def test_a_gateway_reaches_its_own_topics_only(embedded: Embedded) -> None:
    other = "sunrise-2"
    heard: list[str] = []

    async def listen(client: aiomqtt.Client, last: str) -> None:
        async for message in client.messages:
            heard.append(str(message.topic))
            if heard[-1] == last:
                return

    async with embedded.client("onlooker") as onlooker, embedded.client(GATEWAY) as gateway:
        await onlooker.subscribe("campus/1/#", 1)
        listening = asyncio.create_task(listen(onlooker, f"campus/1/up/{GATEWAY}/event"))
        foreign = [f"campus/1/up/{other}/batch", f"campus/1/down/{GATEWAY}/command"]
        await publish_all(gateway, [*foreign, f"campus/1/up/{GATEWAY}/event"])
        async with asyncio.timeout(10):
            await listening
        granted = await gateway.subscribe(f"campus/1/down/{other}/#", 1)

    assert [getattr(code, "value", code) for code in granted] == [0x80], "refused"
    assert heard == [f"campus/1/up/{GATEWAY}/event"]


async def publish_all(client: aiomqtt.Client, topics: Sequence[str]) -> None:
    for topic in topics:
        await client.publish(topic, b"{}", qos=1)


@pytest.mark.integration
def test_it_listens_on_the_loopback_address_alone(embedded: Embedded) -> None:
    own = socket.gethostbyname(socket.gethostname())
    if own.startswith("127."):
        own = "127.0.0.2"  # this machine has one address: another one of the loopback network
    with pytest.raises(OSError, match="refused"), socket.create_connection((own, embedded.port), 2):
        pass
