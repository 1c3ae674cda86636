"""Interval sets are sets."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from controller.dedupe import EpochLedger, Intervals

NUMBERS = st.integers(1, 60)
SPANS = st.tuples(NUMBERS, st.integers(0, 12)).map(lambda one: (one[0], one[0] + one[1]))


def members(intervals: Intervals) -> set[int]:
    return {number for first, last in intervals for number in range(first, last + 1)}


def numbers(spans: list[tuple[int, int]]) -> set[int]:
    return {number for first, last in spans for number in range(first, last + 1)}


def is_normal(intervals: Intervals) -> bool:
    spans = list(intervals)
    apart = all(before[1] + 1 < after[0] for before, after in pairwise(spans))
    return apart and all(first <= last for first, last in spans)


OPERATIONS = st.lists(st.tuples(st.sampled_from(["add", "remove"]), SPANS), max_size=30)


@given(OPERATIONS)
def test_adding_and_removing_is_that_of_sets(operations: list[tuple[str, tuple[int, int]]]) -> None:
    intervals, model = Intervals(), set[int]()
    for name, (first, last) in operations:
        span = set(range(first, last + 1))
        if name == "add":
            intervals.add(first, last)
            model |= span
        else:
            intervals.remove(first, last)
            model -= span

        assert members(intervals) == model
        assert is_normal(intervals)
        assert intervals.count == len(model)
        assert intervals.last == max(model, default=0)


@given(st.lists(SPANS, max_size=15), SPANS)
def test_what_is_missing_and_within_partition_a_span(
    spans: list[tuple[int, int]], asked: tuple[int, int]
) -> None:
    intervals = Intervals(spans)

    missing, within = intervals.missing(*asked), intervals.within(*asked)

    assert numbers(missing) == set(range(asked[0], asked[1] + 1)) - members(intervals)
    assert numbers(within) == set(range(asked[0], asked[1] + 1)) & members(intervals)
    assert intervals.covers(*asked) == (not missing)
    assert is_normal(Intervals(missing))


@given(st.lists(SPANS, max_size=15), st.randoms())
def test_order_does_not_matter(spans: list[tuple[int, int]], random: object) -> None:
    shuffled = spans.copy()
    random.shuffle(shuffled)  # type: ignore[attr-defined]

    assert Intervals(spans) == Intervals(shuffled)


@given(st.lists(SPANS, max_size=15))
def test_text_round_trip(spans: list[tuple[int, int]]) -> None:
    assert Intervals.load(Intervals(spans).dump()) == Intervals(spans)


def test_a_ledger_tells_what_is_left_to_do() -> None:
    ledger = EpochLedger()
    ledger.mark_processed(1, 10)
    ledger.mark_pending(1, 4)
    ledger.mark_stored(5, 6)
    ledger.mark_refused(7, 7)

    assert ledger.fresh(9, 12) == [(11, 12)]
    assert ledger.unstored(1, 10) == [(8, 10)]
    assert ledger.is_settled(5, 7)
    assert not ledger.is_settled(4, 7)

    ledger.drop_pending(1, 4)

    assert ledger.unstored(1, 10) == [(1, 4), (8, 10)]


def test_holes_are_what_has_not_come() -> None:
    ledger = EpochLedger()
    ledger.mark_processed(3, 4)
    ledger.mark_processed(8, 9)

    assert ledger.holes() == [(1, 2), (5, 7)]
