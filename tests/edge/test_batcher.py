"""When batches close, and what happens to times on the way."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from campus_wire.batch import Sample
from campus_wire.catalog import SampleClass
from campus_wire.messages import ClockState
from campus_wire.quality import Quality
from edge_agent.batcher import Batcher
from edge_agent.pipeline import Pipeline, is_sound, mended
from edge_agent.spool.records import Draft, Stamp
from tests.edge.kit import BOOT, MS, SYNCED, T0_NS, S, sample

NORMAL, SAFETY, SLOW = SampleClass.NORMAL, SampleClass.SAFETY, SampleClass.SLOW


@dataclass
class Timer:
    due_s: float
    call: Callable[[], object]
    is_cancelled: bool = False

    def cancel(self) -> None:
        self.is_cancelled = True


@dataclass
class FakeLoop:
    now_s: float = 0.0
    timers: list[Timer] = field(default_factory=list)

    def call_later(self, delay: float, callback: Callable[..., object], *args: object) -> Timer:
        timer = Timer(self.now_s + delay, lambda: callback(*args))
        self.timers.append(timer)
        return timer

    def call_soon(self, callback: Callable[..., object], *args: object) -> Timer:
        return self.call_later(0, callback, *args)

    def advance(self, seconds: float) -> None:
        self.now_s += seconds
        due = [timer for timer in self.timers if timer.due_s <= self.now_s]
        self.timers = [timer for timer in self.timers if timer.due_s > self.now_s]
        for timer in due:
            if not timer.is_cancelled:
                timer.call()


@dataclass
class Sink:
    is_busy: bool = False
    drafts: list[Draft] = field(default_factory=list)
    skipped: list[tuple[int, str]] = field(default_factory=list)

    def put(self, draft: Draft) -> None:
        self.drafts.append(draft)

    def skip(self, count: int, reason: str) -> None:
        self.skipped.append((count, reason))


@dataclass
class StampedClock:
    stamp: Stamp = SYNCED
    time_ns: int = T0_NS

    def now_ns(self) -> int:
        return self.time_ns


class Bench:
    def __init__(self) -> None:
        self.sink, self.clock, self.loop = Sink(), StampedClock(), FakeLoop()
        self.batcher = Batcher(self.sink, self.clock, catalog="0" * 16, devices=600, loop=self.loop)

    def add(self, *samples: Sample, kind: SampleClass = NORMAL) -> None:
        self.batcher.add(samples, kind)

    def sizes(self) -> list[int]:
        return [len(draft.samples) for draft in self.sink.drafts]


def test_a_batch_closes_one_second_after_its_first_sample() -> None:
    bench = Bench()
    bench.add(sample())
    bench.loop.advance(0.9)
    bench.add(sample(T0_NS + S))
    assert bench.sizes() == []

    bench.loop.advance(0.1)

    assert bench.sizes() == [2]


def test_a_batch_closes_at_500_values() -> None:
    bench = Bench()

    bench.add(*(sample(T0_NS + at * MS) for at in range(600)))

    assert bench.sizes() == [250, 250]
    bench.loop.advance(1)
    assert bench.sizes() == [250, 250, 100]


def test_safety_samples_of_one_round_travel_together_and_at_once() -> None:
    bench = Bench()
    for device in range(50):
        bench.add(sample(device=device), kind=SAFETY)
    assert bench.sizes() == []

    bench.loop.advance(0)

    assert bench.sizes() == [50]
    assert bench.sink.drafts[0].sample_class is SAFETY


def test_while_the_spool_writes_safety_samples_gather() -> None:
    bench = Bench()
    bench.sink.is_busy = True
    for device in range(3):
        bench.add(sample(device=device), kind=SAFETY)
        bench.loop.advance(0)
    assert bench.sizes() == []

    bench.sink.is_busy = False
    bench.batcher.flush_safety()

    assert bench.sizes() == [3]


def test_classes_have_batches_of_their_own() -> None:
    bench = Bench()
    for kind in (NORMAL, SLOW, SAFETY):
        bench.add(sample(device=len(kind)), kind=kind)

    bench.batcher.flush()

    assert {draft.sample_class for draft in bench.sink.drafts} == {NORMAL, SLOW, SAFETY}


def test_a_change_of_the_clock_closes_what_was_stamped_before() -> None:
    bench = Bench()
    unsynced = Stamp(ClockState.UNSYNCED, BOOT, 5)
    bench.clock.stamp = unsynced
    bench.add(sample())
    bench.clock.stamp = SYNCED
    bench.add(sample(T0_NS + S))
    bench.batcher.flush()

    assert [draft.stamp for draft in bench.sink.drafts] == [unsynced, SYNCED]


def test_after_a_step_back_times_begin_again() -> None:
    bench = Bench()
    bench.add(sample(T0_NS))
    bench.clock.stamp = Stamp(ClockState.SYNCED, BOOT, 1)
    bench.clock.time_ns = T0_NS - 3600 * S
    bench.add(sample(T0_NS - 3600 * S))
    bench.batcher.flush()

    assert bench.sink.drafts[1].samples[0].time_ns == T0_NS - 3600 * S


def test_a_device_that_sends_faster_than_a_millisecond_loses_by_name() -> None:
    bench = Bench()
    bench.add(*(sample(T0_NS) for _ in range(1100)))

    bench.batcher.flush()

    assert sum(bench.sizes()) == 1002
    assert bench.sink.skipped == [(1, "too_fast")] * 98


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(-5 * MS, 5 * MS)), max_size=80))
def test_times_are_whole_ms_and_increase_for_each_device(steps: list[tuple[int, int]]) -> None:
    bench = Bench()
    time_ns = T0_NS
    for device, step_ns in steps:
        time_ns += step_ns
        bench.add(sample(time_ns, device=device), kind=NORMAL if step_ns % 2 else SAFETY)
        if step_ns % 3 == 0:
            bench.batcher.flush()
    bench.batcher.flush()

    taken = [one for draft in bench.sink.drafts for one in draft.samples]
    assert len(taken) == len(steps)
    for device in range(4):
        times = sorted(one.time_ns for one in taken if one.device == device)
        assert len(set(times)) == len(times)
        assert all(one % MS == 0 for one in times)


NUMBERS = st.one_of(st.none(), st.floats(), st.integers(-10, 10).map(float))


@given(st.lists(st.tuples(NUMBERS, st.sampled_from(list(Quality))), min_size=1, max_size=8))
def test_what_leaves_the_pipeline_is_fit_for_the_wire(
    pairs: list[tuple[float | None, Quality]],
) -> None:
    values, qualities = zip(*pairs, strict=True)
    raw = Sample(0, tuple(range(len(pairs))), T0_NS, values, qualities)

    sound = raw if is_sound(raw) else mended(raw)

    for value, quality in zip(sound.values, sound.qualities, strict=True):
        assert (value is None) == (quality >= Quality.BAD)
        assert value is None or abs(value) <= 1e300


def test_observers_see_samples_before_they_are_batched() -> None:
    bench = Bench()
    seen: list[int] = []

    class Observer:
        def observe(self, samples: Sequence[Sample]) -> None:
            seen.append(len(bench.sink.drafts) + len(samples))

    pipeline = Pipeline(bench.batcher)
    pipeline.show_to(Observer())
    pipeline.accept([sample(T0_NS + at * MS) for at in range(250)], NORMAL)

    assert seen == [250]
    assert bench.sizes() == [250]
    assert (pipeline.samples, pipeline.values) == (250, 500)


def test_with_another_catalog_open_batches_close_and_times_go_on_by_device() -> None:
    bench = Bench()
    bench.add(sample(device=0), sample(T0_NS + 5 * MS, device=1))

    bench.batcher.rebind("1" * 16, [None, 0, 1])

    bench.add(sample(device=0), sample(device=1), sample(device=2))
    bench.batcher.flush()
    before, after = bench.sink.drafts
    assert (before.catalog, after.catalog) == ("0" * 16, "1" * 16)
    assert [one.device for one in before.samples] == [0, 1]
    times = [(one.device, one.time_ns - T0_NS) for one in after.samples]
    assert times == [(0, 0), (1, MS), (2, 6 * MS)]
