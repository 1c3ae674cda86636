"""Time between syncs, before the first one, and when somebody sets the clock."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campus_wire.batch import Batch, blocks_of, decode_batch, encode_batch
from campus_wire.ids import is_uuid
from campus_wire.messages import ClockState
from edge_agent.clock import BUILD_NS, Clock, ClockChange, guess_origin_ns
from edge_agent.clock_source import KernelClock, Reading, SystemClock, boot_id
from edge_agent.spool.restamp import restamp
from tests.edge.kit import BOOT, MS, T0_NS, S, sample


class Machine:
    """A machine whose wall clock can be set."""

    def __init__(self) -> None:
        self.true_ns = T0_NS
        self.monotonic_ns = 50 * S
        self.offset_ns = 0
        self.is_trusted = True
        self.clock = Clock(
            boot=BOOT,
            origin_ns=T0_NS - 3600 * S,
            monotonic_ns=lambda: self.monotonic_ns,
            holdover_s=3600,
        )

    def run(self, seconds: float) -> list[ClockChange]:
        changes = []
        for _ in range(round(seconds)):
            self.true_ns += S
            self.monotonic_ns += S
            change = self.look()
            if change is not None:
                changes.append(change)
        return changes

    def look(self) -> ClockChange | None:
        wall_ns = self.true_ns + self.offset_ns
        return self.clock.look(Reading(wall_ns, self.monotonic_ns, self.is_trusted))

    @property
    def error_s(self) -> float:
        return (self.clock.now_ns() - self.true_ns) / S


def test_before_the_first_sync_time_is_a_guess_and_marked() -> None:
    machine = Machine()
    machine.is_trusted = False

    assert machine.run(5) == []

    assert not machine.clock.is_synced
    assert machine.clock.stamp.state is ClockState.UNSYNCED
    assert machine.error_s == pytest.approx(-3600 + 50, abs=1)


def test_the_first_sync_is_taken_at_once() -> None:
    machine = Machine()

    assert machine.run(1) == [ClockChange.SYNCED]

    assert machine.clock.is_synced
    assert abs(machine.error_s) < 0.001


def test_a_wall_clock_set_by_hand_moves_no_sample() -> None:
    machine = Machine()
    machine.run(3)
    machine.offset_ns = 3600 * S
    machine.is_trusted = False  # the kernel says so after a clock was set

    assert machine.run(600) == []

    assert abs(machine.error_s) < 0.001


@pytest.mark.parametrize("step_s", [3600, -3600])
def test_a_jump_is_believed_only_when_it_stays_and_is_trusted(step_s: int) -> None:
    machine = Machine()
    machine.run(3)
    machine.offset_ns = step_s * S

    assert machine.run(9) == []
    assert abs(machine.error_s) < 0.001
    assert machine.run(3) == [ClockChange.STEPPED]

    assert machine.error_s == pytest.approx(step_s, abs=0.001)


def test_a_jump_that_is_taken_back_is_ignored() -> None:
    machine = Machine()
    machine.run(3)
    machine.offset_ns = 3600 * S
    machine.run(5)
    machine.offset_ns = 0

    assert machine.run(60) == []
    assert abs(machine.error_s) < 0.001


def test_small_errors_are_followed() -> None:
    machine = Machine()
    machine.run(3)
    machine.offset_ns = 300 * MS

    assert machine.run(1) == []

    assert machine.error_s == pytest.approx(0.3, abs=0.001)


def test_the_clock_is_trusted_for_a_while_without_discipline() -> None:
    machine = Machine()
    machine.run(3)
    machine.is_trusted = False

    assert machine.run(3600) == []
    assert machine.run(2) == [ClockChange.LOST]
    assert not machine.clock.is_synced
    machine.is_trusted = True
    assert machine.run(1) == [ClockChange.SYNCED]


def test_a_clock_before_the_build_date_is_never_believed() -> None:
    machine = Machine()
    machine.true_ns = 0

    assert machine.run(100) == []
    assert not machine.clock.is_synced


def test_a_change_of_state_makes_a_new_stamp_and_slewing_does_not() -> None:
    machine = Machine()
    before = machine.clock.stamp
    machine.run(1)
    synced = machine.clock.stamp
    machine.offset_ns = 100 * MS
    machine.run(5)

    assert before is not synced
    assert machine.clock.stamp is synced


@given(
    wall_ns=st.integers(0, 4 * 10**18),
    monotonic_ns=st.integers(0, 10**17),
    last_time_ns=st.integers(0, 4 * 10**18),
)
def test_a_guess_lies_never_before_what_is_known(
    wall_ns: int, monotonic_ns: int, last_time_ns: int
) -> None:
    origin_ns = guess_origin_ns(
        wall_ns=wall_ns, monotonic_ns=monotonic_ns, last_time_ns=last_time_ns
    )

    assert origin_ns + monotonic_ns >= max(BUILD_NS, last_time_ns)


@given(
    steps_ms=st.lists(st.integers(1, 10_000), min_size=1, max_size=40),
    shift_ns=st.integers(-(10**17), 10**17),
)
def test_restamping_keeps_order_distance_values_and_numbers(
    steps_ms: list[int], shift_ns: int
) -> None:
    times = [T0_NS + sum(steps_ms[: at + 1]) * MS for at in range(len(steps_ms))]
    samples = [sample(time_ns, values=(float(at), 2.5)) for at, time_ns in enumerate(times)]
    batch = Batch(
        epoch=BOOT,
        first=17,
        catalog="0123456789abcdef",
        blocks=blocks_of(samples),
        clock=ClockState.UNSYNCED,
        boot=BOOT,
    )

    after = decode_batch(restamp(encode_batch(batch), shift_ns=shift_ns))

    moved = list(after.blocks[0].times_ns)
    assert [b - a for a, b in pairwise(moved)] == [b - a for a, b in pairwise(times)]
    assert abs(moved[0] - times[0] - shift_ns) <= MS // 2
    assert (after.first, after.last, after.boot) == (batch.first, batch.last, BOOT)
    assert after.clock is ClockState.RESTAMPED
    assert [list(column) for column in after.blocks[0].columns] == [
        [float(at) for at in range(len(times))],
        [2.5] * len(times),
    ]


def test_the_kernels_clock_is_close_to_the_systems() -> None:
    kernel, system = KernelClock().read(), SystemClock().read()

    assert abs(kernel.wall_ns - system.wall_ns) < S
    assert abs(kernel.monotonic_ns - system.monotonic_ns) < S
    assert system.is_trusted


def test_the_boot_id_stays_the_same() -> None:
    assert boot_id() == boot_id()
    assert is_uuid(boot_id())
