"""What is left out because it hardly changed, and what counts as stuck."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campus_wire.batch import Sample
from campus_wire.catalog import Label, SampleClass
from campus_wire.quality import Quality
from device_profiles.library import Library
from edge_agent.config import DeviceConfig, ReportConfig
from edge_agent.config_reports import report_mistakes, told_every_s
from edge_agent.reporting import Reporter
from edge_agent.stuck import StuckWatch

S = 1_000_000_000


@dataclass(frozen=True)
class Listed:
    config: DeviceConfig
    index: int = 3
    point_indices: Mapping[str, int] = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        object.__setattr__(self, "point_indices", {"temperature": 7, "relative_humidity": 8})


def device(profile: str = "xy-md02", **options: object) -> DeviceConfig:
    return DeviceConfig.model_validate(
        {
            "id": "room-1",
            "profile": profile,
            "area": "room",
            "name": Label(zh="教室", en="room"),
            "interval_s": 10,
            **options,
        }
    )


def reporter(**report: object) -> Reporter:
    return Reporter([Listed(device(report={"temperature": ReportConfig.model_validate(report)}))])


def sample(time_s: float, value: float | None, *, quality: int = 0, humidity: float = 50) -> Sample:
    values = (None if quality >= 64 else value, humidity)
    return Sample(3, (7, 8), round(time_s * S), values, (quality, 0))


def temperatures(reporter: Reporter, *samples: Sample) -> list[tuple[float, float | None]]:
    told = [one for each in samples for one in reporter.news([each])]
    return [(one.time_ns / S, one.values[one.points.index(7)]) for one in told if 7 in one.points]


def test_only_what_moved_by_the_deadband_is_told() -> None:
    told = temperatures(
        reporter(deadband=0.5),
        *(sample(at, value) for at, value in enumerate([20, 20.3, 20.49, 20.5, 20.2, 19.9])),
    )

    assert told == [(0, 20), (3, 20.5), (5, 19.9)]


def test_a_deadband_in_percent_is_of_the_value_told_last() -> None:
    told = temperatures(
        reporter(deadband_percent=10),
        *(sample(at, value) for at, value in enumerate([100, 109, 110])),
    )

    assert told == [(0, 100), (2, 110)]


def test_after_the_longest_silence_the_newest_reading_is_told_with_its_own_time() -> None:
    told = temperatures(
        reporter(deadband=5, longest_silence_s=60),
        *(sample(at, 20 + at / 100) for at in range(0, 130, 10)),
    )

    assert told == [(0, 20), (60, 20.6), (120, 21.2)]


def test_a_change_of_quality_is_told_at_once_and_so_is_the_way_back() -> None:
    told = temperatures(
        reporter(deadband=5),
        sample(0, 20),
        sample(1, 20, quality=Quality.NO_ANSWER),
        sample(2, 20, quality=Quality.NO_ANSWER),
        sample(3, 20),
    )

    assert told == [(0, 20), (1, None), (3, 20)]


def test_points_that_do_not_ask_for_it_are_told_at_every_reading() -> None:
    one = reporter(deadband=5)

    told = [each for at in range(5) for each in one.news([sample(at, 20)])]

    assert [each.points for each in told] == [(7, 8), (8,), (8,), (8,), (8,)]
    assert one.left_out == 4


def test_devices_that_do_not_ask_for_it_pass_untouched() -> None:
    plain = Sample(4, (1,), 0, (5.0,), (0,))

    assert reporter(deadband=1).news([plain, plain]) == [plain, plain]


def test_a_new_configuration_keeps_what_was_told() -> None:
    one = reporter(deadband=1)
    one.news([sample(0, 20)])

    moved = Listed(device(report={"temperature": ReportConfig(deadband=1)}), index=9)
    one.use([moved])

    again = Sample(9, (7,), S, (20.2,), (0,))
    assert list(one.news([again])) == []


@given(
    values=st.lists(st.floats(-100, 100) | st.none(), min_size=1, max_size=60),
    deadband=st.floats(0.01, 50),
    silence=st.integers(1, 30),
)
def test_whoever_listens_is_never_off_by_the_deadband_nor_without_word_for_too_long(
    values: list[float | None], deadband: float, silence: int
) -> None:
    one = reporter(deadband=deadband, longest_silence_s=silence)
    known: tuple[int, float | None] | None = None
    for at, value in enumerate(values):
        quality = Quality.NO_ANSWER if value is None else 0
        for time_s, told in temperatures(one, sample(at, value, quality=quality)):
            assert time_s == at, "an old reading"
            known = (at, told)
        assert known is not None
        assert at - known[0] < silence
        assert (value is None) == (known[1] is None)
        if value is not None and known[1] is not None:
            assert abs(value - known[1]) < deadband


class Watched:
    """A watch, and the clock that it goes by."""

    def __init__(self) -> None:
        self.now_s = 0.0
        listed = Listed(device(stuck_after_s={"temperature": 60}))
        self.watch = StuckWatch([listed], lambda: round(self.now_s * S))

    def quality(self, at_s: float, one: Sample) -> int:
        self.now_s = at_s
        [judged] = self.watch.judged([one])
        assert (judged.values[0] is None) == (judged.qualities[0] >= 64)
        assert judged.values[1] == 50, "its neighbour is untouched"
        return judged.qualities[0]


def qualities(*readings: tuple[float, float]) -> list[int]:
    watched = Watched()
    return [watched.quality(at, sample(at, value)) for at, value in readings]


def test_a_number_that_stands_still_for_too_long_is_bad_until_it_moves() -> None:
    still = [(at, 20.0) for at in (0, 30, 59, 60, 90)]

    told = qualities(*still, (91, 20.1), (100, 20.1))

    assert told == [0, 0, 0, Quality.STUCK, Quality.STUCK, 0, 0]


def test_an_interruption_does_not_hide_that_it_is_stuck() -> None:
    watched = Watched()
    bad = sample(30, 20, quality=Quality.NO_ANSWER)

    told = [
        watched.quality(0, sample(0, 20)),
        watched.quality(30, bad),
        watched.quality(61, sample(61, 20)),
    ]

    assert told == [0, Quality.NO_ANSWER, Quality.STUCK]


@pytest.mark.parametrize("step_s", [3_600, -3_600, 1_790_000_000])
def test_a_step_of_the_wall_clock_makes_nothing_stuck(step_s: int) -> None:
    watched = Watched()

    told = [
        watched.quality(at, sample(4_000 + at + (step_s if at else 0), 20))
        for at in (0, 10, 59, 60)
    ]

    assert told == [0, 0, 0, Quality.STUCK]


LIBRARY = Library.builtin()


@pytest.mark.parametrize(
    ("profile", "options", "said"),
    [
        ("xy-md02", {"report": {"temprature": {}}}, "temprature is no point"),
        ("xy-md02", {"stuck_after_s": {"co2": 3600}}, "co2 is no point"),
        ("xy-md02", {"stuck_after_s": {"temperature": 60}, "interval_s": 30}, "fewer than three"),
        ("copeland-c-series", {"report": {"concentration": {"deadband": 1}}}, "class safety"),
        (
            "copeland-c-series",
            {"report": {"full_scale": {"longest_silence_s": 60}}},
            "has safety points",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(
    profile: str, options: dict[str, object], said: str
) -> None:
    [mistake] = report_mistakes(device(profile, **options), LIBRARY.get(profile).points)

    assert said in mistake[1]


def test_a_device_that_may_be_silent_for_longer_is_not_missed_sooner() -> None:
    config = device(report={"temperature": ReportConfig(longest_silence_s=600)})

    assert told_every_s(config) == 600
    assert told_every_s(device()) == 10
    assert not list(report_mistakes(config, LIBRARY.get("xy-md02").points))
    assert SampleClass.SAFETY not in {point.point_class for point in LIBRARY.get("xy-md02").points}
