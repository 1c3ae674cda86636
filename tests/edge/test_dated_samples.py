"""Samples with times of their own, on their way to the spool."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from campus_wire.batch import Sample
from campus_wire.catalog import SampleClass
from edge_agent.pipeline import Pipeline
from tests.edge.kit import T0_NS, S, sample
from tests.edge.test_batcher import Bench

NORMAL, SAFETY = SampleClass.NORMAL, SampleClass.SAFETY


class Observer:
    def __init__(self) -> None:
        self.seen: list[Sample] = []

    def observe(self, samples: Sequence[Sample]) -> None:
        self.seen += samples


def test_an_older_time_stays_what_it_is_and_moves_no_other() -> None:
    bench = Bench()
    bench.add(sample(T0_NS + 100 * S))
    bench.batcher.add_dated([sample(T0_NS), sample(T0_NS - 3_600 * S)], NORMAL)
    bench.add(sample(T0_NS + 101 * S))
    bench.batcher.flush()

    [draft] = bench.sink.drafts
    assert [(one.time_ns - T0_NS) // S for one in draft.samples] == [100, 0, -3_600, 101]
    assert bench.sink.skipped == []


def test_a_dated_safety_sample_closes_its_batch_at_once() -> None:
    bench = Bench()
    bench.batcher.add_dated([sample()], SAFETY)
    bench.loop.advance(0)

    assert bench.sizes() == [1]


@pytest.mark.parametrize("is_fresh", [True, False])
def test_interlocks_see_only_fresh_ones(*, is_fresh: bool) -> None:
    bench = Bench()
    pipeline = Pipeline(bench.batcher)
    observer = Observer()
    pipeline.show_to(observer)

    pipeline.accept_dated([sample()], NORMAL, is_fresh=is_fresh)
    bench.batcher.flush()

    assert len(observer.seen) == is_fresh
    assert bench.sizes() == [1]
    assert pipeline.samples == 1
