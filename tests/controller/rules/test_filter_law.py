"""With and without the pre-filter the engine says the same, whatever comes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from campus_rules.load import AnyRule
from campus_wire.quality import Quality
from controller.frames import CatalogTable, Frame
from controller.outcome import Outcome
from controller.rule_engine import RuleEngine
from tests.controller.rules.school import RULES, T0, TEXTS, Maker, S, catalog, rules

DEVICES = {
    "gas-1": ("nh3", "status"),
    "th-1": ("temperature", "humidity"),
    "th-2": ("temperature",),
    "ac-1": ("power", "mode", "setpoint"),
}
LEVELS = [5.0, 10.0, 12.0, 15.0, 16.0, 17.0, 19.9, 20.0, 20.5, 25.0, 26.0, 29.0, 30.0, 31.0, 99.0]
values = st.one_of(st.sampled_from(LEVELS), st.floats(0, 100), st.just(float("nan")), st.none())
qualities = st.sampled_from([0] * 8 + [Quality.UNCERTAIN, Quality.REPEATED])


@dataclass(frozen=True)
class Reading:
    device: str
    lag_s: int
    values: tuple[float | None, ...]
    quality: int


@st.composite
def readings(draw: st.DrawFn) -> Reading:
    device = draw(st.sampled_from(sorted(DEVICES)))
    return Reading(
        device=device,
        lag_s=draw(st.sampled_from([0, 0, 0, 0, 1, 5, 40, 299, 300, 301, -2])),
        values=tuple(draw(values) for _ in DEVICES[device]),
        quality=draw(qualities),
    )


steps = st.lists(
    st.tuples(
        st.sampled_from([0, 1, 1, 1, 10, 10, 31, 80, 320, 1_000]),  # seconds passed
        st.sampled_from(["frames", "frames", "frames", "tick", "alive", "returned", "catalog"]),
        st.lists(readings(), min_size=1, max_size=6),
    ),
    max_size=40,
)

limits = st.sampled_from(["above", "at_or_above", "below", "at_or_below"])


@st.composite
def rule_sets(draw: st.DrawFn) -> tuple[AnyRule, ...]:
    text = RULES
    for number in range(draw(st.integers(0, 3))):
        text += f"""
  - id: random-{number}
    kind: threshold
    applies_to: {{points: [{draw(st.sampled_from(["nh3", "temperature", "humidity", "power"]))}]}}
    {draw(limits)}: {draw(st.sampled_from(LEVELS))}
    deadband: {draw(st.sampled_from([0, 0.5, 5]))}
    on_delay_s: {draw(st.sampled_from([0, 1, 10, 60]))}
    off_delay_s: {draw(st.sampled_from([0, 1, 10, 60]))}
    severity: warning
    alarm_class: comfort
{TEXTS}"""
    return rules(text)


class Pair:
    """Two engines that hear the same."""

    def __init__(self, those: tuple[AnyRule, ...]) -> None:
        self.table = CatalogTable.of(catalog())
        self.make = Maker(self.table)
        self.engines = [RuleEngine(those, prefilter=True), RuleEngine(those, prefilter=False)]
        self.both("set_catalog", self.table, now_ns=T0)

    def both(self, method: str, *args: Any, **options: Any) -> None:
        outcomes = [getattr(engine, method)(*args, **options) for engine in self.engines]
        said = [_said(one) for one in outcomes if isinstance(one, Outcome)]
        assert said[1:] == said[:1] or not said

    def frames(self, now_ns: int, those: list[Reading]) -> list[Frame]:
        frames = []
        for points in dict.fromkeys(DEVICES[one.device] for one in those):
            group = [one for one in those if DEVICES[one.device] == points]
            rows = [(one.device, now_ns - one.lag_s * S, one.values) for one in group]
            flaws = {
                (row, column): one.quality
                for row, one in enumerate(group)
                for column, value in enumerate(one.values)
                if one.quality and value is not None and not math.isnan(value)
            }
            frames.append(self.make.frame(points, rows, flaws=flaws))
        return frames


def _said(outcome: Outcome) -> Any:
    return (
        sorted(
            (one.about.rule, one.about.instance, one.kind, one.time_ns, one.condition_ns, one.value)
            for one in outcome.transitions
            if one.value is not None
        ),
        sorted(
            (one.about.rule, one.about.instance, one.kind, one.time_ns)
            for one in outcome.transitions
            if one.value is None
        ),
        sorted(  # in order for each device; which room comes first is all the same
            ((one.device, one.point, one.value, one.time_ns) for one in outcome.commands),
            key=lambda one: one[0],
        ),
        outcome.late,
    )


@settings(max_examples=200, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(rule_sets(), steps)
def test_the_filter_changes_nothing(
    those: tuple[AnyRule, ...], script: list[tuple[int, str, list[Reading]]]
) -> None:
    pair = Pair(those)
    now_ns = T0
    for passed_s, what, heard in script:
        now_ns += passed_s * S
        if what == "frames":
            pair.both("evaluate", pair.frames(now_ns, heard), now_ns=now_ns)
        elif what == "tick":
            pair.both("tick", now_ns=now_ns)
        elif what == "catalog":
            pair.both("set_catalog", pair.table, now_ns=now_ns)
        else:
            pair.both("hear_gateway", "gw-1", now_ns=now_ns, returned=what == "returned")
    now_ns += 400 * S
    pair.both("tick", now_ns=now_ns)


def reading(device: str, value: float) -> Reading:
    return Reading(device, 0, (value, *[50.0] * (len(DEVICES[device]) - 1)), 0)


@pytest.mark.parametrize("passed_s", [900, 1_000, 2_200, 2_300])
def test_a_heartbeat_and_the_end_of_lessons_pass_the_filter(passed_s: int) -> None:
    """Both fall due while the temperature stays in its band, and no tick comes before it."""
    pair = Pair(rules())
    pair.both("evaluate", pair.frames(T0, [reading("th-1", 22.0)]), now_ns=T0)
    later_ns = T0 + passed_s * S
    pair.both("evaluate", pair.frames(later_ns, [reading("th-1", 22.0)]), now_ns=later_ns)
