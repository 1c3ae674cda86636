"""Two agents with one identity, by a clock that is an argument."""

from campus_rules.signals import TransitionKind
from campus_wire.messages import LinkState, Status
from controller.gateway_twins import WINDOW_NS, GatewayTwins, TwinChange, outcome_of
from tests.controller.core.samples import EPOCH, NOW_NS, SECOND

GATEWAY = "gw-1"
OTHER = "22222222-2222-4333-8444-555555555555"
THIRD = "33333333-2222-4333-8444-555555555555"


def hear(twins: GatewayTwins, at_s: float, epoch: str | None) -> TwinChange | None:
    now_ns = NOW_NS + int(at_s * SECOND)
    status = Status(
        gateway=GATEWAY, state=LinkState.ONLINE, time_ns=now_ns, boot=EPOCH, epoch=epoch
    )
    return twins.hear(status, now_ns=now_ns)


def test_epochs_in_turns_are_two_agents() -> None:
    twins = GatewayTwins()
    heard = [hear(twins, 5 * n, epoch) for n, epoch in enumerate([EPOCH, OTHER] * 4)]

    assert [one for one in heard if one is not None] == [TwinChange(GATEWAY, twins=True)]


def test_a_new_spool_now_and_then_is_no_twin() -> None:
    twins = GatewayTwins()
    heard = [hear(twins, at_s, epoch) for at_s, epoch in enumerate([EPOCH, OTHER, None, THIRD])]
    heard += [hear(twins, 60 + 30 * n, THIRD) for n in range(40)]
    # An agent that was repaired: its spool of old is back, once.
    heard += [hear(twins, 2_000 + n, epoch) for n, epoch in enumerate([OTHER, THIRD, THIRD])]

    assert heard == [None] * len(heard)


def test_it_is_over_when_one_of_them_was_quiet_for_long_also_after_a_restart() -> None:
    twins, after = GatewayTwins(), GatewayTwins()
    changes = [hear(twins, n, epoch) for n, epoch in enumerate([EPOCH, OTHER, EPOCH, OTHER, EPOCH])]
    assert changes[-1] is not None
    outcome = outcome_of(changes[-1], None, now_ns=NOW_NS)
    assert [one.kind for one in outcome.transitions] == [TransitionKind.RAISED]
    after.restore(outcome.states, now_ns=NOW_NS)

    for one in (twins, after):
        assert hear(one, WINDOW_NS / SECOND - 1, EPOCH) is None
        assert hear(one, WINDOW_NS / SECOND + 60, EPOCH) == TwinChange(GATEWAY, twins=False)
        assert hear(one, WINDOW_NS / SECOND + 90, EPOCH) is None
