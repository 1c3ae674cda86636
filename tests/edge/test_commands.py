"""Commands: believed only when signed, executed once, answered always."""

import asyncio
from typing import Any

import pytest

from campus_wire.messages import Command, Expectation, Outcome
from campus_wire.signing import sign
from edge_agent.commands import LANE_MAX
from edge_agent.ports import WriteResult
from tests.edge.command_rig import KEY, FakeLedger, Rig
from tests.edge.fakes import S


async def test_a_command_is_written_once_and_answered() -> None:
    rig = Rig()
    command = rig.command()
    async with rig.running():
        await rig.give(command)

    assert rig.actuator.writes == [("ac", "temperature_setpoint", 24.0)]
    [receipt] = rig.ledger.receipts
    assert (receipt.command, receipt.outcome) == (command.id, Outcome.SUCCEEDED)
    assert receipt.value_read == 24.0
    assert rig.events.events == []


async def test_redelivered_commands_act_once_and_are_answered_again() -> None:
    rig = Rig()
    command = rig.command()
    async with rig.running():
        await rig.give(command, command)
        rig.clock.advance(60)  # expired by now, but it succeeded
        await rig.give(command, command)

    assert len(rig.actuator.writes) == 1
    assert rig.outcomes == [(Outcome.SUCCEEDED, None)]
    assert rig.ledger.repeated == [command.id]  # twins of one under way are left out


async def test_a_replayed_command_is_told_to_the_audit() -> None:
    rig = Rig()
    command = rig.command()
    async with rig.running():
        await rig.give(command)
        await rig.give(command)
        await rig.give(command)

    [event] = rig.events.events
    assert event.kind == "command_rejected"
    assert event.attributes == {"reason": "repeated", "command": command.id, "more_before": 0}


async def test_a_command_interrupted_by_a_crash_is_unknown_and_never_acts_again() -> None:
    ledger = FakeLedger()
    rig = Rig(ledger=ledger)
    rig.actuator.wait = asyncio.Event()
    command = rig.command()
    async with rig.running():
        await rig.give(command)  # the write is under way when the agent dies
    assert rig.outcomes == []

    after = Rig(ledger=ledger)
    async with after.running():
        assert after.outcomes == [(Outcome.UNKNOWN, "interrupted")]
        await after.give(command)

    assert after.actuator.writes == []
    assert ledger.repeated == [command.id]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"device": "nobody"}, "unknown_device"),
        ({"point": "nothing"}, "unknown_point"),
        ({"value": 2e9}, "above_maximum"),
        ({"issued_ns": 1_800_001_200 * S, "expires_ns": 1_800_001_230 * S}, "issued_in_the_future"),
        ({"expect": Expectation(point="nothing", value=1.0)}, "unknown_expected_point"),
    ],
)
async def test_what_is_not_allowed_is_rejected_with_its_reason(
    changes: dict[str, Any], reason: str
) -> None:
    rig = Rig()
    async with rig.running():
        await rig.give(rig.command(**changes))

    assert rig.outcomes == [(Outcome.REJECTED, reason)]
    assert rig.actuator.writes == []
    assert rig.ledger.claimed == {}


@pytest.mark.parametrize(("age_s", "outcome"), [(29.999, "succeeded"), (30.0, "expired")])
async def test_a_command_acts_until_it_expires_and_not_at_it(age_s: float, outcome: str) -> None:
    rig = Rig()
    command = rig.command()
    rig.clock.advance(age_s)
    async with rig.running():
        await rig.give(command)

    assert [str(one) for one, _ in rig.outcomes] == [outcome]
    assert len(rig.actuator.writes) == (outcome == "succeeded")


async def test_without_a_synced_clock_only_safe_values_act() -> None:
    rig = Rig()
    rig.clock.is_synced = False
    async with rig.running():
        await rig.give(rig.command(value=24.0))
        await rig.give(rig.command(value=26.0))  # the profile's safe value

    assert rig.outcomes == [(Outcome.REJECTED, "clock_unsynced"), (Outcome.SUCCEEDED, None)]


async def test_what_expires_while_it_waits_for_the_disk_does_not_act() -> None:
    rig = Rig()
    command = rig.command()
    claim = rig.ledger.claim

    async def slow(command_id: str, expires_ns: int) -> bool:
        rig.clock.advance(31)
        return await claim(command_id, expires_ns)

    rig.ledger.claim = slow  # type: ignore[method-assign]
    async with rig.running():
        await rig.give(command)

    assert rig.outcomes == [(Outcome.EXPIRED, "expired")]
    assert rig.actuator.writes == []


async def test_what_cannot_be_noted_on_disk_does_not_act() -> None:
    rig = Rig()
    rig.ledger.is_writable = False
    async with rig.running():
        await rig.give(rig.command())

    assert rig.outcomes == [(Outcome.UNKNOWN, "not_claimed")]
    assert rig.actuator.writes == []


def altered(command: Command, **changes: Any) -> Command:
    return command.model_copy(update=changes)


@pytest.mark.parametrize("how", ["unsigned", "altered", "other gateway", "other key", "retained"])
async def test_what_is_not_believed_is_audited_and_not_answered(how: str) -> None:
    rig = Rig()
    command = rig.command()
    if how == "unsigned":
        command = altered(command, signature="")
    elif how == "altered":
        command = altered(command, value=16.0)
    elif how == "other gateway":
        command = sign(altered(command, gateway="gw-other"), KEY)
    elif how == "other key":
        command = sign(command, b"x" * 32)
    async with rig.running():
        await rig.give(command, retained=how == "retained")

    assert rig.actuator.writes == []
    assert rig.ledger.receipts == []
    assert rig.ledger.claimed == {}
    [event] = rig.events.events
    assert event.kind == "command_rejected"
    assert event.attributes["reason"] in {"signature", "other_gateway", "retained"}
    assert event.attributes["command"] == command.id


async def test_without_a_key_every_command_is_refused() -> None:
    rig = Rig(key=None)
    async with rig.running():
        await rig.give(rig.command())

    assert rig.actuator.writes == []
    assert [event.attributes["reason"] for event in rig.events.events] == ["no_key"]


@pytest.mark.parametrize(
    "payload",
    [b"", b"{}", b"[1]", b"\xff", b"{" * 100, b'{"v":2}', b"x" * 300_000],
    ids=lambda payload: f"{payload[:6]!r}",
)
async def test_garbage_is_audited_and_the_next_command_acts(payload: bytes) -> None:
    rig = Rig()
    async with rig.running():
        await rig.commands.on_message(payload, retained=False)
        await rig.give(rig.command())

    assert rig.events.kinds == ["command_rejected"]
    assert rig.outcomes == [(Outcome.SUCCEEDED, None)]


async def test_a_flood_of_forgeries_makes_few_events_and_counts_the_rest() -> None:
    rig = Rig()
    async with rig.running():
        for _ in range(500):
            await rig.give(altered(rig.command(), signature="0" * 64))
        rig.clock.advance(11)
        await rig.give(altered(rig.command(), signature="0" * 64))

    assert [event.attributes["more_before"] for event in rig.events.events] == [0, 499]


async def test_a_command_against_an_interlock_is_rejected_and_one_along_with_it_is_not() -> None:
    rig = Rig()
    async with rig.running():
        await rig.give(rig.command(device="relay", point="relay_1", value=0.0))
        rig.see_gas(5)
        await rig.give(rig.command(device="relay", point="relay_1", value=1.0))
        rig.see_gas(30)
        await rig.give(rig.command(device="relay", point="relay_1", value=0.0))
        await rig.give(rig.command(device="relay", point="relay_1", value=1.0))

    assert rig.outcomes == [
        (Outcome.REJECTED, "interlock_unchecked"),
        (Outcome.SUCCEEDED, None),
        (Outcome.REJECTED, "interlock_active"),
        (Outcome.SUCCEEDED, None),
    ]


async def test_how_a_write_ends_is_how_the_command_ends() -> None:
    rig = Rig()
    rig.actuator.results = [
        WriteResult("failed", 22.0, "read_back_differs"),
        WriteResult("unknown", None, "no_answer"),
    ]
    async with rig.running():
        await rig.give(rig.command())
        await rig.give(rig.command())

    assert rig.outcomes == [
        (Outcome.FAILED, "read_back_differs"),
        (Outcome.UNKNOWN, "no_answer"),
    ]
    assert rig.ledger.receipts[0].value_read == 22.0


async def test_an_expectation_decides() -> None:
    rig = Rig()
    expected = Expectation(point="room_temperature", value=24.0, tolerance=0.5, within_s=0.05)
    async with rig.running():
        await rig.give(rig.command(expect=expected))
        await asyncio.sleep(0.1)
        rig.actuator.shown = {("ac", "room_temperature"): 30.0}
        await rig.give(rig.command(expect=expected))
        await asyncio.sleep(0.1)
        rig.actuator.shown = {("ac", "room_temperature"): 24.4}
        await rig.give(rig.command(expect=expected))

    assert rig.outcomes == [
        (Outcome.UNKNOWN, "no_answer"),
        (Outcome.FAILED, "expectation_not_met"),
        (Outcome.SUCCEEDED, None),
    ]


async def test_commands_to_one_device_keep_their_order() -> None:
    rig = Rig()
    async with rig.running():
        await rig.give(*(rig.command(value=float(value)) for value in range(16, 31)))

    assert rig.actuator.values == [float(value) for value in range(16, 31)]


async def test_more_commands_than_can_wait_are_rejected_at_once() -> None:
    rig = Rig()
    rig.actuator.wait = asyncio.Event()
    async with rig.running():
        await rig.give(*(rig.command() for _ in range(LANE_MAX + 5)))
        assert rig.outcomes == [(Outcome.REJECTED, "too_many_commands")] * 5
        rig.actuator.wait.set()
        for _ in range(20):
            await rig.settle()

    assert len(rig.actuator.writes) == LANE_MAX
