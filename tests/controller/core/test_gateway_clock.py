"""Gateways whose clock is wrong, by a clock that is an argument."""

from pathlib import Path

import pytest

from campus_rules.signals import TransitionKind
from campus_wire.batch import encode_batch
from campus_wire.catalog import SampleClass
from campus_wire.messages import LinkState, Status, encode
from campus_wire.samples import ClockState
from controller.gateway_clock import ClockChange, GatewayClocks, outcome_of
from controller.outcome import LateData, StateChange
from tests.controller.core.parts import running
from tests.controller.core.samples import EPOCH, NOW_NS, SECOND, batch, catalog

GATEWAY = "gw-1"
OTHER_BOOT = "99999999-2222-4333-8444-555555555555"


def status(
    at_s: float, error_s: float, *, clock: ClockState = ClockState.SYNCED, boot: str = EPOCH
) -> Status:
    return Status(
        gateway=GATEWAY,
        state=LinkState.ONLINE,
        time_ns=NOW_NS + int((at_s + error_s) * SECOND),
        boot=boot,
        epoch=EPOCH,
        catalog=catalog(GATEWAY).revision,
        clock=clock,
    )


def hear(clocks: GatewayClocks, at_s: float, error_s: float) -> ClockChange | None:
    return clocks.hear(status(at_s, error_s), now_ns=NOW_NS + int(at_s * SECOND))


@pytest.mark.parametrize("error_s", [-3600.0, -61.0, 61.0, 3600.0])
def test_a_wrong_clock_is_found_by_two_statuses_and_right_by_one(error_s: float) -> None:
    clocks = GatewayClocks()

    assert hear(clocks, 0, error_s) is None
    assert hear(clocks, 30, error_s) == ClockChange(GATEWAY, wrong=True)
    assert hear(clocks, 60, error_s) is None
    assert hear(clocks, 90, 30 if error_s > 0 else -30) is None
    assert hear(clocks, 120, 1) == ClockChange(GATEWAY, wrong=False)
    assert hear(clocks, 150, 1) is None


def test_statuses_that_waited_on_the_way_accuse_nobody() -> None:
    clocks = GatewayClocks()

    # The controller, or the broker, stood still for two minutes and then hears all of them at once.
    assert [hear(clocks, 120, sent_s - 120) for sent_s in (0, 30, 60, 90, 120)] == [None] * 5
    # One that was resent after a minute, each time.
    assert [hear(clocks, at_s, error_s) for at_s, error_s in ((150, -70), (180, -90))] == [None] * 2


def test_a_wrong_clock_is_remembered_over_a_restart() -> None:
    clocks, after = GatewayClocks(), GatewayClocks()
    hear(clocks, 0, -3600)
    change = hear(clocks, 30, -3600)
    assert change is not None

    outcome = outcome_of(change, None, now_ns=NOW_NS)
    after.restore([*outcome.states, StateChange("other", GATEWAY, "{}")])

    assert [one.kind for one in outcome.transitions] == [TransitionKind.RAISED]
    assert hear(after, 60, -3600) is None
    assert hear(after, 90, 0) == ClockChange(GATEWAY, wrong=False)


def test_an_unsynced_clock_is_no_wrong_one_and_its_times_can_be_understood() -> None:
    clocks = GatewayClocks()
    for at_s, error_s in ((0, -1000.0), (30, -1001.0)):
        told = status(at_s, error_s, clock=ClockState.UNSYNCED)
        assert clocks.hear(told, now_ns=NOW_NS + at_s * SECOND) is None

    assert clocks.shift_ns(GATEWAY, EPOCH) == 1000 * SECOND  # as first heard: times stay in order
    assert clocks.shift_ns(GATEWAY, OTHER_BOOT) == 0
    assert clocks.shift_ns("gw-2", EPOCH) == 0
    hear(clocks, 60, 0)
    assert clocks.shift_ns(GATEWAY, EPOCH) == 0


async def test_an_unsynced_gateway_is_not_taken_for_a_late_one(tmp_path: Path) -> None:
    of = catalog(GATEWAY)
    behind_ns = 20 * 86_400 * SECOND
    async with running(tmp_path) as parts:
        late: list[LateData] = []
        parts.rules.evaluated.append(lambda outcome: late.extend(outcome.late))
        await parts.send_catalog(of)
        told = status(60, -20 * 86_400, clock=ClockState.UNSYNCED)
        await parts.send(GATEWAY, "status", encode(told))
        for first, boot in ((1, EPOCH), (4, OTHER_BOOT)):
            made = batch(
                of,
                first,
                time_ns=parts.now_ns - behind_ns,
                sample_class=SampleClass.SAFETY,
                clock=ClockState.UNSYNCED,
                boot=boot,
            )
            await parts.send(GATEWAY, "batch", encode_batch(made))
        await parts.settle()

        assert parts.sent.stored(GATEWAY) == {1, 2, 3, 4, 5, 6}
        assert [one.samples for one in late] == [3]  # of the other boot nothing is known
        times_ns = {time_ns for _, _, time_ns in parts.store.rows}
        assert max(times_ns) < parts.now_ns - behind_ns + SECOND  # stored as they came
