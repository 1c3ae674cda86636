"""Live before backlog, safety first, and nothing forgotten."""

import pytest

from campus_wire.messages import Ack, Range, Refusal
from edge_agent.spool.ranges import covers, merged, overlap, without
from edge_agent.spool.records import Rank, StoredBatch
from edge_agent.takeover import TakeoverWatch
from edge_agent.uplink_flow import Flow
from tests.edge.kit import BOOT, S


def batch(first: int, *, rank: Rank = Rank.NORMAL, held: bool = False) -> StoredBatch:
    return StoredBatch(first, first + 9, rank, b"", "0" * 16, is_held=held)


def firsts(batches: list[StoredBatch]) -> list[int]:
    return [one.first for one in batches]


@pytest.fixture
def flow() -> Flow:
    return Flow(ack_timeout_s=30, backlog_window=4, live_max=3)


def test_live_goes_out_safety_first(flow: Flow) -> None:
    flow.offer([batch(1), batch(11, rank=Rank.SAFETY), batch(21)])

    assert firsts(flow.next_live(10, now_ns=0)) == [11, 1, 21]
    assert flow.in_flight == 3


def test_with_too_many_live_the_oldest_becomes_backlog(flow: Flow) -> None:
    flow.take_backlog([batch(1)], now_ns=0)
    flow.offer([batch(first) for first in (11, 21, 31, 41)])

    assert firsts(flow.next_live(10, now_ns=0)) == [21, 31, 41]
    assert flow.cursor(Rank.NORMAL) <= 10


def test_the_backlog_never_sends_what_is_in_flight(flow: Flow) -> None:
    flow.offer([batch(11)])
    flow.next_live(1, now_ns=0)

    assert firsts(flow.take_backlog([batch(1), batch(11), batch(21)], now_ns=0)) == [1, 21]
    assert flow.cursor(Rank.NORMAL) == 21


def test_the_window_bounds_the_backlog_and_acks_open_it(flow: Flow) -> None:
    flow.take_backlog([batch(first) for first in (1, 11, 21, 31)], now_ns=0)
    assert flow.backlog_room() == 0

    flow.acked(Ack(epoch=BOOT, stored=(Range(first=1, last=15),)))
    assert flow.backlog_room() == 1
    flow.acked(Ack(epoch=BOOT, refused=(Refusal(first=16, last=20, reason="schema"),)))

    assert flow.backlog_room() == 1  # 11 to 20 was covered by two acks: its timeout ends it


def test_without_an_ack_a_batch_is_backlog_again(flow: Flow) -> None:
    flow.offer([batch(1)])
    flow.next_live(1, now_ns=0)
    flow.take_backlog([batch(11)], now_ns=20 * S)

    assert flow.expire(29 * S) == 0
    assert flow.expire(30 * S) == 1
    assert flow.cursor(Rank.NORMAL) == 0
    assert flow.in_flight == 1


def test_a_safety_batch_comes_again_soon_and_then_less_often() -> None:
    flow = Flow(ack_timeout_s=30, safety_ack_timeout_s=4, backlog_window=4)
    flow.offer([batch(1, rank=Rank.SAFETY), batch(11)])
    flow.next_live(2, now_ns=0)
    late_s = []
    sent_s = 0
    for now_s in range(200):
        if flow.expire(now_s * S) and flow.cursor(Rank.SAFETY) == 0:
            late_s.append(now_s - sent_s)
            sent_s = now_s
            flow.take_backlog([batch(1, rank=Rank.SAFETY)], now_ns=now_s * S)

    assert late_s[:5] == [4, 8, 16, 30, 30]


def test_safety_batches_have_room_beyond_a_full_window(flow: Flow) -> None:
    flow.take_backlog([batch(first) for first in (1, 11, 21, 31)], now_ns=0)

    assert flow.backlog_room(Rank.NORMAL) == 0
    assert flow.backlog_room(Rank.SAFETY) > 0


def _send_in_vain(flow: Flow, first: int, at_s: int, *, acked: int | None) -> None:
    """Publish a batch at `at_s`, have another acked that was sent later, and let it expire."""
    flow.take_backlog([batch(first)], now_ns=at_s * S)
    if acked is not None:
        flow.offer([batch(acked)])
        flow.next_live(1, now_ns=(at_s + 1) * S)
        flow.acked(Ack(epoch=BOOT, stored=(Range(first=acked, last=acked + 9),)))
    assert flow.expire((at_s + 30) * S) == 1


def test_a_batch_ignored_three_times_while_others_are_acked_is_a_suspect(flow: Flow) -> None:
    for round_ in range(3):
        assert flow.take_suspects() == []
        _send_in_vain(flow, 1, round_ * 100, acked=101 + round_ * 10)

    assert flow.take_suspects() == [1]
    assert flow.take_suspects() == []


def test_while_nothing_is_acked_nobody_is_a_suspect(flow: Flow) -> None:
    _send_in_vain(flow, 1, 0, acked=11)
    for round_ in range(1, 9):
        _send_in_vain(flow, 1, round_ * 100, acked=None)

    assert flow.take_suspects() == []


def test_what_is_remembered_of_ignored_batches_is_bounded() -> None:
    flow = Flow(ack_timeout_s=30, safety_ack_timeout_s=4, backlog_window=10_000)
    everything = [batch(first * 10 + 1, rank=Rank.SAFETY) for first in range(3000)]
    flow.take_backlog(everything, now_ns=0)
    flow.offer([batch(100_001)])
    flow.next_live(1, now_ns=S)
    flow.acked(Ack(epoch=BOOT, stored=(Range(first=100_001, last=100_010),)))

    assert flow.expire(10 * S) == 3000
    assert flow.remembered <= 2000


def test_a_live_batch_that_still_waits_does_not_expire(flow: Flow) -> None:
    flow.offer([batch(1)])

    assert flow.expire(1000 * S) == 0


def test_held_batches_are_found_by_the_backlog_later(flow: Flow) -> None:
    flow.take_backlog([batch(51)], now_ns=0)
    flow.offer([batch(31, held=True)])

    assert flow.live_count == 0
    assert flow.cursor(Rank.NORMAL) == 30


def test_a_new_connection_begins_with_everything_as_backlog(flow: Flow) -> None:
    flow.offer([batch(1), batch(11)])
    flow.take_backlog([batch(21)], now_ns=0)

    flow.reset()

    assert flow.in_flight == flow.live_count == 0
    assert [flow.cursor(rank) for rank in Rank] == [0, 0, 0]


def test_ranges() -> None:
    assert merged([(5, 6), (1, 2), (3, 3), (9, 9)]) == [(1, 3), (5, 6), (9, 9)]
    assert covers([(1, 3), (4, 6)], (2, 5))
    assert not covers([(1, 3), (5, 6)], (2, 5))
    assert overlap((1, 5), (5, 9)) == (5, 5)
    assert overlap((1, 4), (5, 9)) is None
    assert without((1, 10), [(2, 3), (9, 20)]) == [(1, 1), (4, 8)]
    assert without((1, 10), [(0, 99)]) == []


# --- two agents with one identity --------------------------------------------------------------


def test_a_broker_that_keeps_ending_the_connection_is_said_once() -> None:
    watch = TakeoverWatch()
    said = []
    for at in range(8):
        watch.link_up(at * 10 * S)
        said.append(watch.link_down(at * 10 * S + S))

    assert said == [False, False, False, True, False, False, False, False]


def test_an_ordinary_loss_of_the_link_is_no_takeover() -> None:
    watch = TakeoverWatch()
    said = []
    for at in range(20):
        watch.link_up(at * 100 * S)
        said.append(watch.link_down(at * 100 * S + 60 * S))

    assert not any(said)


def test_a_few_acks_for_an_old_epoch_are_harmless_and_many_are_not() -> None:
    watch = TakeoverWatch()

    assert not watch.foreign_acks(5, 0)
    assert not watch.foreign_acks(4, S)
    assert watch.foreign_acks(4, 2 * S)
