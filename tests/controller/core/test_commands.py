"""Commands: what is refused, what is signed, and how each ends."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from sqlalchemy import select

from campus_wire import signing
from campus_wire.errors import LinkDownError
from campus_wire.messages import Command, Outcome, Receipt, decode, encode
from controller import audit
from controller.commands import CommandRequest
from controller.errors import RefusedError
from controller.state.schema import receipts
from tests.controller.core.parts import SECRET, Parts, running
from tests.controller.core.samples import SECOND, catalog

GATEWAY = "gw-1"
CATALOG = catalog(GATEWAY)


def request(
    value: float = 22.0, *, point: str = "set_temperature", life_s: float | None = None
) -> CommandRequest:
    return CommandRequest(
        gateway=GATEWAY, device="th-0", point=point, value=value, by="duty desk", life_s=life_s
    )


def receipt(of: Command, outcome: Outcome = Outcome.SUCCEEDED, *, number: int = 1) -> Receipt:
    return Receipt(
        id=f"00000000-0000-4000-8000-{number:012d}",
        command=of.id,
        outcome=outcome,
        value_read=of.value,
        time_ns=of.issued_ns + SECOND,
    )


@pytest.fixture
async def parts(tmp_path: Path) -> AsyncIterator[Parts]:
    async with running(tmp_path) as parts:
        await parts.send_catalog(CATALOG)
        await parts.settle()
        yield parts


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110  # state of others, without an event
            await asyncio.sleep(0.01)


async def test_a_command_is_signed_with_the_gateways_key_and_published(parts: Parts) -> None:
    command = await parts.commands.issue(request())
    await until(lambda: bool(parts.sent.commands))

    [(topic, payload)] = parts.sent.commands
    assert topic == f"campus/1/down/{GATEWAY}/command"
    assert decode(Command, payload) == command
    assert signing.is_signed(command, signing.gateway_key(SECRET, GATEWAY))
    assert not signing.is_signed(command, signing.gateway_key(SECRET, "gw-2"))


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        (request(31.0), "value_range"),
        (request(float("nan")), "value_range"),
        (request(point="temperature"), "read_only"),
        (request(point="nonsense"), "point_unknown"),
        (request(life_s=301.0), "command_life"),
        (request(life_s=0.0), "command_life"),
    ],
)
async def test_what_cannot_be_done_is_refused(
    parts: Parts, wanted: CommandRequest, reason: str
) -> None:
    with pytest.raises(RefusedError) as caught:
        await parts.commands.issue(wanted)

    assert caught.value.reason == reason
    assert parts.commands.open_count == 0


async def test_its_receipt_ends_it_once(parts: Parts) -> None:
    command = await parts.commands.issue(request())
    for number in (1, 2):
        late = receipt(command, Outcome.SUCCEEDED if number == 1 else Outcome.FAILED, number=number)
        await parts.send(GATEWAY, "receipt", encode(late))
        await parts.settle()

    entry = await parts.commands.get(command.id)
    assert entry is not None
    assert (entry.outcome, entry.value_read) == (Outcome.SUCCEEDED, 22.0)
    assert parts.commands.open_count == 0
    assert len(await parts.database.read(lambda c: c.execute(select(receipts)).all())) == 2
    acked = [one for _, ack in parts.sent.acks for one in ack.messages]
    assert acked == [receipt(command, number=1).id, receipt(command, number=2).id]


async def test_a_receipt_of_another_gateway_ends_nothing(parts: Parts) -> None:
    command = await parts.commands.issue(request())
    await parts.send("gw-2", "receipt", encode(receipt(command)))
    await parts.settle()

    entry = await parts.commands.get(command.id)
    assert entry is not None
    assert entry.outcome is None


async def test_without_a_receipt_it_is_unknown_until_one_comes(parts: Parts) -> None:
    command = await parts.commands.issue(request())
    await until(lambda: bool(parts.sent.commands))
    parts.now_ns += 120 * SECOND
    await until(lambda: parts.commands.open_count == 0)
    entry = await parts.commands.get(command.id)
    assert entry is not None
    assert (entry.outcome, entry.published) == (Outcome.UNKNOWN, True)

    await parts.send(GATEWAY, "receipt", encode(receipt(command)))
    await parts.settle()

    entry = await parts.commands.get(command.id)
    assert entry is not None
    assert entry.outcome is Outcome.SUCCEEDED


async def test_one_that_never_left_expires(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    async def no_broker(_topic: str, _payload: bytes) -> None:
        raise LinkDownError("link_down", "not connected")

    monkeypatch.setattr(parts.commands, "_publish", no_broker)
    command = await parts.commands.issue(request())
    parts.now_ns += 31 * SECOND
    await until(lambda: parts.commands.open_count == 0)

    entry = await parts.commands.get(command.id)
    assert entry is not None
    assert (entry.outcome, entry.published) == (Outcome.EXPIRED, False)


async def test_after_a_restart_it_is_followed_on(tmp_path: Path) -> None:
    async with running(tmp_path) as parts:
        await parts.send_catalog(CATALOG)
        await parts.settle()
        command = await parts.commands.issue(request())
        await until(lambda: bool(parts.sent.commands))
    async with running(tmp_path) as parts:
        await parts.commands.start()
        assert parts.commands.open_count == 1
        await parts.send(GATEWAY, "receipt", encode(receipt(command)))
        await parts.settle()

        assert parts.commands.open_count == 0
        entry = await parts.commands.get(command.id)
        assert entry is not None
        assert entry.outcome is Outcome.SUCCEEDED


async def test_issue_and_end_are_audited(parts: Parts) -> None:
    command = await parts.commands.issue(request())
    await parts.send(GATEWAY, "receipt", encode(receipt(command)))
    await parts.settle()

    verdict = await parts.database.read(audit.verify)

    assert (verdict.rows, verdict.broken_at) == (2, None)
