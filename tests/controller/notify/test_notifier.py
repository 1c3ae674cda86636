"""The notifier with a real state database and real HTTP servers."""

import asyncio
from collections.abc import Callable, Sequence

import orjson
import pytest
from sqlalchemy import Connection

from campus_rules.model import AlarmClass, Severity
from campus_rules.signals import TransitionKind
from controller.alarms import AlarmBook, AlarmQuery, find
from controller.notify import drainer as drainer_module
from controller.notify import outbox
from controller.notify.channel import Message
from controller.notify.errors import DeliveryDelayedError, DeliveryRefusedError
from controller.notify.muting import Mute
from controller.notify.notifier import Notifier
from controller.notify.pacing import Rate
from controller.notify.webhook import WebhookChannel
from controller.state.schema import outbox as outbox_table
from controller.system_alarms import UNDELIVERED
from tests.controller.notify.house import (
    REFUSED,
    RULE,
    SECRET,
    STYLE,
    Clock,
    FakeChannel,
    House,
    Route,
)
from tests.controller.notify.samples import T0, S, about
from tests.controller.notify.sink import Answer, Received, Sink


def hook(sink: Sink, *, channel: str = "ops", timeout_s: float = 5.0) -> WebhookChannel:
    return WebhookChannel(
        channel, sink.url, secret=SECRET, style=STYLE, allow_private=True, timeout_s=timeout_s
    )


def keys(received: Sequence[Received]) -> list[str]:
    return [request.headers["idempotency-key"] for request in received]


async def test_a_notice_is_delivered_once_and_recorded(house: House) -> None:
    async with Sink() as sink, house.notifying(hook(sink)) as notifier:
        await house.record(TransitionKind.RAISED, about())
        notifier.wake()
        await sink.wait_for(1)
        await house.settle("ops", outbox.SENT, 1)
        notifier.wake()
        await asyncio.sleep(0.05)

        assert len(sink.received) == 1


async def test_an_alarm_and_its_end_come_in_order(house: House) -> None:
    async with Sink() as sink:
        await house.record(TransitionKind.RAISED, about())
        await house.record(TransitionKind.CLEARED, about(), time_ns=T0 + S)
        async with house.notifying(hook(sink)):
            await sink.wait_for(2)

        kinds = [orjson.loads(request.body)["kind"] for request in sink.received]
        assert kinds == ["raised", "cleared"]


async def test_what_waited_when_the_process_ended_goes_out_after_the_start(house: House) -> None:
    await house.record(TransitionKind.RAISED, about())
    async with Sink() as sink, house.notifying(hook(sink)):
        await sink.wait_for(1)


async def test_a_restart_tells_nobody_twice(house: House) -> None:
    async with Sink() as sink:
        await house.record(TransitionKind.RAISED, about())
        async with house.notifying(hook(sink)):
            await sink.wait_for(1)
            await house.settle("ops", outbox.SENT, 1)
        assert await house.record(TransitionKind.RAISED, about()) == 0
        async with house.notifying(hook(sink)):
            await asyncio.sleep(0.1)

        assert len(sink.received) == 1


async def test_a_dropped_reply_is_sent_again_with_the_same_key(house: House) -> None:
    async with Sink(lambda _r, number: Answer(drop=number == 0)) as sink:
        async with house.notifying(hook(sink)) as notifier:
            await house.record(TransitionKind.RAISED, about())
            notifier.wake()
            await _wake_until(notifier, sink, 2, clock=house.clock)

        assert len(set(keys(sink.received))) == 1


@pytest.mark.parametrize("status", [429, 500])
async def test_it_tries_again_until_accepted(house: House, status: int) -> None:
    async with Sink(lambda _r, number: Answer(200 if number >= 3 else status)) as sink:
        async with house.notifying(hook(sink)) as notifier:
            await house.record(TransitionKind.RAISED, about())
            await _wake_until(notifier, sink, 4, clock=house.clock)
            await house.settle("ops", outbox.SENT, 1)

        assert len(set(keys(sink.received))) == 1


async def test_retry_after_is_kept_to(house: House) -> None:
    answer = Answer(429, {"Retry-After": "100"})
    async with Sink(lambda _r, number: answer if number == 0 else Answer()) as sink:
        async with house.notifying(hook(sink)) as notifier:
            await house.record(TransitionKind.RAISED, about())
            notifier.wake()
            await house.tried("ops", 1)
            house.clock.now_ns += 99 * S
            notifier.wake()
            await asyncio.sleep(0.05)
            before = len(sink.received)
            house.clock.now_ns += 2 * S
            await _wake_until(notifier, sink, 2)

        assert before == 1


async def test_a_lasting_refusal_is_a_dead_letter_and_an_alarm_elsewhere(house: House) -> None:
    async with (
        Sink(lambda _r, _n: Answer(410)) as gone,
        Sink() as other,
        house.notifying(hook(gone), hook(other, channel="duty")) as notifier,
    ):
        await house.record(TransitionKind.RAISED, about())
        notifier.wake()
        await other.wait_for(2)
        await house.settle("ops", outbox.DEAD, 1)

        rules = {orjson.loads(request.body)["rule"] for request in other.received}
        assert rules == {"nh3-high", UNDELIVERED}
        assert len(gone.received) == 1


async def test_the_channels_alarm_clears_with_its_next_success(house: House) -> None:
    ops = FakeChannel("ops", failure=DeliveryRefusedError("http_410", "gone"))
    duty = FakeChannel("duty")
    async with house.notifying(ops, duty) as notifier:
        await house.record(TransitionKind.RAISED, about())
        notifier.wake()
        await duty.wait_sent(2)
        ops.failure = None
        await house.record(TransitionKind.RAISED, about(instance="gw-1/gas-2/nh3"))
        notifier.wake()
        await duty.wait_sent(4)

        told = [message.notices[0] for message in duty.sent]
        assert [(one.kind, one.about.rule) for one in told if one.about.rule == UNDELIVERED] == [
            ("raised", UNDELIVERED),
            ("cleared", UNDELIVERED),
        ]
        [alarm] = await house.database.read(lambda c: find(c, AlarmQuery(rule=UNDELIVERED)))
        assert alarm.state == "cleared_unacknowledged"


async def test_after_a_day_a_notice_is_dead(house: House) -> None:
    ops = FakeChannel("ops", failure=DeliveryDelayedError("http_503", "down"))
    async with house.notifying(ops, FakeChannel("duty")) as notifier:
        await house.record(TransitionKind.RAISED, about())
        notifier.wake()
        await house.tried("ops", 1)
        house.clock.now_ns += 25 * 3_600 * S
        await _until(lambda: ops.tries >= 2, notifier)
        await house.settle("ops", outbox.DEAD, 1)


async def test_a_channel_that_fails_for_long_is_an_alarm_before_its_letters_die(
    house: House,
) -> None:
    ops = FakeChannel("ops", failure=DeliveryDelayedError("http_503", "down"))
    duty = FakeChannel("duty")
    async with house.notifying(ops, duty) as notifier:
        await house.record(TransitionKind.RAISED, about())
        notifier.wake()
        await duty.wait_sent(1)
        await house.tried("ops", 1)
        house.clock.now_ns += drainer_module.ALARM_AFTER_NS + S
        await _until(lambda: len(duty.sent) >= 2, notifier)

        assert duty.sent[1].notices[0].about.rule == UNDELIVERED
        assert [state for _, state in await house.states("ops")] == [outbox.PENDING]


async def test_one_dead_channel_does_not_hold_up_another(house: House) -> None:
    async with (
        Sink(lambda _r, _n: Answer(delay_s=30)) as stuck,
        Sink() as other,
        house.notifying(hook(stuck), hook(other, channel="duty")) as notifier,
    ):
        await house.record(TransitionKind.RAISED, about())
        notifier.wake()
        await other.wait_for(1, accepted=True)

        assert stuck.accepted == []


async def test_a_robot_gets_a_digest_and_safety_keeps_its_lane(house: House) -> None:
    robot = FakeChannel("ops", rate=Rate(per_minute=10, burst=6, reserved=3))
    comfort = [
        about(rule="hot", instance=f"gw-1/th-{n}", alarm_class=AlarmClass.COMFORT)
        for n in range(40)
    ]
    safety = [about(instance=f"gw-1/gas-{n}/nh3") for n in range(2)]
    await house.record(TransitionKind.RAISED, *comfort, *safety)
    async with house.notifying(robot, FakeChannel("duty")):
        await robot.wait_sent(3)
        await house.settle("ops", outbox.SENT, 42)

    assert sorted(len(message.notices) for message in robot.sent) == [1, 1, 40]
    singles = [message for message in robot.sent if len(message.notices) == 1]
    assert {message.notices[0].about.alarm_class for message in singles} == {AlarmClass.SAFETY}


async def test_a_mute_holds_back_and_its_end_lets_go(house: House) -> None:
    channel = FakeChannel("ops")
    quiet = about(rule="hot", instance="gw-1/th-1", alarm_class=AlarmClass.COMFORT)
    mute = Mute(until_ns=T0 + 100 * S, by="王老师", reason="维修", school="sunrise")
    async with house.notifying(channel, FakeChannel("duty"), mutes=[mute]) as notifier:
        await house.record(TransitionKind.RAISED, quiet, about())
        notifier.wake()
        await channel.wait_sent(1)
        await asyncio.sleep(0.05)
        told = [message.notices[0].about.rule for message in channel.sent]
        house.clock.now_ns += 101 * S
        await _until(lambda: len(channel.sent) >= 2, notifier)

        assert told == ["nh3-high"]  # safety is never muted
        assert channel.sent[1].notices[0].about.rule == "hot"


async def test_a_row_that_cannot_be_read_is_dead_and_blocks_nobody(house: House) -> None:
    channel = FakeChannel("ops")
    await house.record(TransitionKind.RAISED, about())
    statement = outbox_table.update().values(body="{}")
    await house.database.write(lambda c: c.execute(statement).rowcount)
    await house.record(TransitionKind.RAISED, about(instance="gw-1/gas-2/nh3"))
    async with house.notifying(channel, FakeChannel("duty")):
        await channel.wait_sent(1)
        await house.settle("ops", outbox.DEAD, 1)


async def test_what_waits_for_a_channel_that_is_no_more_is_dead(house: House) -> None:
    await house.record(TransitionKind.RAISED, about())
    async with house.notifying(FakeChannel("duty")):
        await house.settle("ops", outbox.DEAD, 1)


async def test_severities_route(house: House) -> None:
    book = AlarmBook([Route("ops", ("critical",)), Route("duty", ("critical", "warning"))])
    house.book = book

    made = await house.record(
        TransitionKind.RAISED, about(), about(instance="x", severity=Severity.WARNING)
    )

    assert made == 3
    assert len(await house.states("ops")) == 1


async def _wake_until(
    notifier: Notifier, sink: Sink, count: int, clock: Clock | None = None
) -> None:
    async def pass_time() -> None:
        while True:
            if clock is not None:
                clock.now_ns += 40 * S
            notifier.wake()
            await asyncio.sleep(0.02)

    task = asyncio.create_task(pass_time())
    try:
        await sink.wait_for(count)
    finally:
        task.cancel()


async def _until(reached: object, notifier: Notifier) -> None:
    assert callable(reached)
    async with asyncio.timeout(15):
        while not reached():
            notifier.wake()
            await asyncio.sleep(0.02)


async def test_what_ended_long_ago_is_forgotten_and_the_alarm_stays(house: House) -> None:
    await house.record(TransitionKind.RAISED, about())
    async with house.notifying(FakeChannel("ops"), FakeChannel("duty", failure=REFUSED)):
        await house.settle("ops", outbox.SENT, 1)
        await house.settle("duty", outbox.DEAD, 1)
    await house.record(TransitionKind.CLEARED, about(), time_ns=T0 + S)
    before = await house.states("ops")

    def forget(later_ns: int) -> Callable[[Connection], int]:
        return lambda one: outbox.forget_old(one, T0 + later_ns)

    assert await house.database.write(forget(outbox.KEPT_NS - S)) == 0
    assert await house.states("ops") == before
    assert await house.database.write(forget(outbox.KEPT_NS + 3_600 * S)) > 0
    # What waits is never forgotten, however old it is.
    assert {state for _, state in await house.states("ops")} == {outbox.PENDING}
    assert len(await house.database.read(lambda one: find(one, AlarmQuery(rule=RULE)))) == 1


async def test_a_clock_set_back_does_not_silence_a_channel_that_failed(house: House) -> None:
    channel = FakeChannel("ops", failure=DeliveryDelayedError("down", "down"))
    async with house.notifying(channel) as notifier:
        await house.record(TransitionKind.RAISED, about())
        notifier.wake()
        await house.tried("ops", 1)
        channel.failure = None
        house.clock.now_ns -= 3_600 * S
        await house.record(TransitionKind.RAISED, about(instance="another"))
        notifier.wake()
        await channel.wait_sent(1)


class Picky(FakeChannel):
    """Takes everything but what is about one device."""

    async def send(self, message: Message, *, now_ns: int) -> None:
        is_refused = any(notice.about.instance == "odd" for notice in message.notices)
        self.failure = DeliveryDelayedError("http_500", "answered 500") if is_refused else None
        await super().send(message, now_ns=now_ns)


async def test_a_notice_that_never_goes_through_holds_up_no_other(house: House) -> None:
    channel = Picky("ops")
    async with house.notifying(channel) as notifier:
        await house.record(TransitionKind.RAISED, about(instance="odd"))
        notifier.wake()
        await house.tried("ops", 1)
        # The clock stands still, so the rest after the failure never ends.
        for number in range(3):
            await house.record(TransitionKind.RAISED, about(instance=f"new-{number}"))
            notifier.wake()
            await channel.wait_sent(number + 1)
        await house.settle("ops", outbox.SENT, 3)
    assert [state for _, state in await house.states("ops")].count(outbox.PENDING) == 1


async def test_a_rest_that_was_asked_for_is_kept_for_every_notice(house: House) -> None:
    channel = FakeChannel("ops", failure=DeliveryDelayedError("429", "busy", retry_after_s=60))
    async with house.notifying(channel) as notifier:
        await house.record(TransitionKind.RAISED, about())
        notifier.wake()
        await house.tried("ops", 1)
        await house.record(TransitionKind.RAISED, about(instance="new"))
        notifier.wake()
        await asyncio.sleep(0.1)
    assert channel.tries == 1
