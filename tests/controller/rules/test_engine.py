"""The rule engine over frames."""

from __future__ import annotations

import orjson
import pytest

from campus_rules.signals import TransitionKind
from campus_wire.catalog import Catalog
from campus_wire.quality import Quality
from controller.frames import CatalogTable
from controller.outcome import CommandIntent, Outcome, RuleTransition, StateChange
from controller.rule_engine import RuleEngine
from controller.rule_instances import rule_ids
from tests.controller.rules.school import T0, Maker, S, catalog, rules

UP, DOWN = TransitionKind.RAISED, TransitionKind.CLEARED
GAS = ("nh3", "status")
AIR = ("temperature", "humidity")


class School:
    """An engine with one gateway, told in seconds after T0."""

    def __init__(self, engine: RuleEngine | None = None, rooms: int = 2) -> None:
        self.engine = engine or RuleEngine(rules())
        self.table = CatalogTable.of(catalog(rooms=rooms))
        self.make = Maker(self.table)
        self.engine.set_catalog(self.table, now_ns=T0)

    def gas(self, second: float, value: float | None, *, at: float | None = None) -> Outcome:
        return self.hear(GAS, "gas-1", second, (value, 0 if value is not None else None), at=at)

    def air(self, second: float, value: float | None, *, room: int = 1) -> Outcome:
        return self.hear(AIR, f"th-{room}", second, (value, 50.0))

    def hear(
        self,
        points: tuple[str, ...],
        device: str,
        second: float,
        values: tuple[float | None, ...],
        *,
        at: float | None = None,
    ) -> Outcome:
        time_ns = T0 + int(second * S)
        frame = self.make.frame(points, [(device, time_ns, values)])
        return self.engine.evaluate([frame], now_ns=time_ns if at is None else T0 + int(at * S))

    def tick(self, second: float) -> Outcome:
        return self.engine.tick(now_ns=T0 + int(second * S))


def told(outcome: Outcome) -> list[tuple[str, TransitionKind]]:
    return [(one.about.rule, one.kind) for one in outcome.transitions]


def test_a_value_over_its_limit_raises_with_all_that_people_need() -> None:
    school = School()

    [change] = school.gas(1, 30.0).transitions

    assert (change.kind, change.value, change.time_ns) == (UP, 30.0, T0 + S)
    about = change.about
    assert (about.rule, about.instance) == ("nh3-high", "gw-1/gas-1/nh3")
    assert (about.school, about.building, about.area) == ("sunrise", "b1", "chem")
    assert (about.unit, about.limit, about.above) == ("ppm", 25.0, True)
    assert about.point_label is not None
    assert about.point_label.zh == "氨气浓度"


def test_a_release_delay_ends_by_tick() -> None:
    school = School()
    school.gas(1, 30.0)
    for second in range(2, 21):
        assert told(school.gas(second, 10.0)) == []

    assert school.engine.next_wake_ns() is not None
    assert told(school.tick(22)) == [("nh3-high", DOWN)]


def test_redelivery_and_older_samples_change_nothing() -> None:
    school = School()
    assert told(school.gas(5, 10.0)) == []

    assert told(school.gas(5, 30.0)) == []
    assert told(school.gas(4, 30.0)) == []


def test_late_samples_page_nobody_and_command_nothing() -> None:
    school = School()

    outcome = school.gas(1, 99.0, at=302)

    assert outcome.transitions == ()
    assert outcome.commands == ()
    [late] = outcome.late
    assert (late.gateway, late.samples) == ("gw-1", 1)


def test_a_frame_half_late_is_evaluated_for_its_fresh_half() -> None:
    school = School()
    frame = school.make.frame(GAS, [("gas-1", T0 + S, (99.0, 0)), ("gas-1", T0 + 400 * S, (30, 0))])

    outcome = school.engine.evaluate([frame], now_ns=T0 + 400 * S)

    assert [change.value for change in outcome.transitions] == [30.0]
    assert [late.samples for late in outcome.late] == [1]


def test_several_samples_of_one_device_in_a_frame_are_taken_in_order_of_time() -> None:
    school = School()
    rows = [("gas-1", T0 + second * S, (value, 0)) for second, value in [(3, 30), (1, 30), (2, 10)]]

    outcome = school.engine.evaluate([school.make.frame(GAS, rows)], now_ns=T0 + 3 * S)

    assert [change.time_ns for change in outcome.transitions] == [T0 + S]


def test_a_silent_device_is_one_alarm_and_clears_when_heard() -> None:
    school = School()
    raised: list[tuple[str, TransitionKind]] = []
    for second in range(1, 120):
        raised += told(school.air(second, 21.0))
        raised += told(school.air(second, 21.0, room=2))
        raised += told(school.hear(("power",), "ac-1", second, (1,)))
        raised += told(school.hear(("power",), "ac-2", second, (1,)))
        raised += told(school.tick(second))
    assert raised == [("silent", UP)]

    assert told(school.gas(120, 5.0)) == [("silent", DOWN)]


def test_bad_values_count_as_silence() -> None:
    school = School()
    raised: list[RuleTransition] = []
    for second in range(1, 60):
        raised += school.gas(second, None).transitions
        raised += school.tick(second).transitions

    assert [change.about.device for change in raised] == ["gas-1"]


def test_a_gas_detector_is_blind_without_its_gas_even_when_its_status_is_fine() -> None:
    school = School()
    raised: list[RuleTransition] = []
    for second in range(1, 60):
        raised += school.hear(GAS, "gas-1", second, (None, 0)).transitions
        raised += school.tick(second).transitions

    assert [change.about.device for change in raised] == ["gas-1"]


def test_a_safety_rule_brings_its_own_no_data_alarm() -> None:
    only_safety = tuple(rule for rule in rules() if rule.id == "nh3-high")
    school = School(RuleEngine(only_safety))
    raised: list[RuleTransition] = []
    for second in range(1, 60):
        raised += school.gas(second, None).transitions
        raised += school.tick(second).transitions

    [change] = raised
    assert change.about.rule == "nh3-high.no-data"
    assert change.about.rule in rule_ids(only_safety)
    assert change.about.severity == "critical"


def test_a_dead_gateway_is_no_dead_devices() -> None:
    school = School()
    school.gas(1, 5.0)

    raised = [change for second in range(2, 600) for change in school.tick(second).transitions]

    assert raised == []


def test_a_gateway_that_returns_gives_each_device_its_time_again() -> None:
    school = School()
    for name in ("th-1", "th-2"):
        school.hear(AIR, name, 1, (21.0, 50.0))
    school.engine.hear_gateway("gw-1", now_ns=T0 + 3_600 * S, returned=True)
    school.gas(3_600, 5.0)
    raised: list[RuleTransition] = []
    for second in range(3_601, 3_640):
        raised += school.gas(second, 5.0).transitions
        raised += school.tick(second).transitions
    assert raised == []

    for second in range(3_640, 3_670):
        raised += school.gas(second, 5.0).transitions
        raised += school.tick(second).transitions
    assert {change.about.device for change in raised} == {"th-1", "th-2", "ac-1", "ac-2"}


def keep_alive(school: School, second: float) -> list[RuleTransition]:
    """Everything but the gas detector says something, and time passes."""
    raised = [*school.air(second, 21.0).transitions]
    raised += school.air(second, 21.0, room=2).transitions
    raised += school.hear(("power",), "ac-1", second, (1,)).transitions
    raised += school.hear(("power",), "ac-2", second, (1,)).transitions
    return [*raised, *school.tick(second).transitions]


@pytest.mark.parametrize("stood_still_s", [45, -3_600])
def test_a_controller_that_stood_still_or_was_set_back_accuses_nobody(stood_still_s: int) -> None:
    school = School()
    raised: list[RuleTransition] = []
    for second in range(1, 30):
        raised += school.gas(second, 5.0).transitions
        raised += keep_alive(school, second)
    # What waited in the meantime comes in bit by bit; the gas detector's is the last.
    start = 30 + stood_still_s
    for second in range(start, start + 25):
        raised += keep_alive(school, second)
    assert raised == []

    for second in range(start + 25, start + 60):
        raised += keep_alive(school, second)
    assert [change.about.device for change in raised] == ["gas-1"]  # it watches again


def test_after_its_own_link_was_gone_the_controller_listens_anew() -> None:
    school = School()
    raised: list[RuleTransition] = []
    for second in range(1, 60):
        raised += school.tick(second).transitions  # the broker is away, the controller is not
    school.engine.listen_anew(T0 + 60 * S)
    for second in range(60, 85):
        raised += keep_alive(school, second)

    assert raised == []


def test_a_room_is_heated_by_its_own_air_conditioner() -> None:
    school = School()

    commands = school.air(1, 15.0, room=2).commands

    assert [(one.device, one.point, one.value) for one in commands] == [
        ("ac-2", "mode", 4.0),
        ("ac-2", "setpoint", 20.0),
        ("ac-2", "power", 1.0),
    ]


def test_the_filter_does_not_make_a_room_look_lost() -> None:
    school = School()
    commands: list[CommandIntent] = []
    for second in range(0, 800, 10):
        commands += school.air(second, 22.0).commands
        commands += school.tick(second).commands

    assert [(one.point, one.value, one.time_ns) for one in commands] == [("power", 0.0, T0)]


def test_a_room_with_two_sensors_is_regulated_by_their_mean() -> None:
    school = School()
    plain = catalog().model_dump(mode="json", by_alias=True)
    for device in plain["devices"]:
        if device["id"] == "th-2":
            device["area"] = "r1"
    school.table = CatalogTable.of(Catalog.model_validate_json(orjson.dumps(plain)))
    school.make = Maker(school.table)
    school.engine.set_catalog(school.table, now_ns=T0)
    school.air(0, 22.0)
    school.air(1, 22.0, room=2)

    assert school.air(310, 24.0, room=2).commands == ()
    assert school.air(311, 17.0).commands == ()  # 20.5 in the mean
    assert {one.device for one in school.air(312, 15.0).commands} == {"ac-1"}  # 19.5


def test_a_new_catalog_loses_no_state() -> None:
    school = School()
    school.gas(1, 30.0)

    school.table = CatalogTable.of(catalog(rooms=3))
    school.make = Maker(school.table)
    assert school.engine.set_catalog(school.table, now_ns=T0 + 2 * S).transitions == ()

    assert told(school.gas(3, 31.0)) == []
    for second in range(4, 24):
        assert told(school.gas(second, 10.0)) == []
    assert told(school.tick(24)) == [("nh3-high", DOWN)]


def test_what_a_catalog_no_longer_holds_is_cleared() -> None:
    school = School()
    school.gas(1, 30.0)

    outcome = school.engine.set_catalog(
        CatalogTable.of(catalog(without=["gas-1"])), now_ns=T0 + 2 * S
    )

    assert told(outcome) == [("nh3-high", DOWN)]


def test_frames_of_an_older_catalog_still_count() -> None:
    school = School()
    school.engine.set_catalog(CatalogTable.of(catalog(rooms=3)), now_ns=T0)

    assert told(school.gas(1, 30.0)) == [("nh3-high", UP)]


def test_a_restart_raises_nothing_again_and_forgets_nothing() -> None:
    school = School()
    kept: dict[tuple[str, str], StateChange] = {}
    for outcome in (school.gas(1, 30.0), school.air(1, 10.0), school.air(2, 10.0)):
        kept |= {(one.rule, one.instance): one for one in outcome.states}
    for second in range(2, 60):
        outcome = school.gas(second, None)
        outcome += school.tick(second)
        kept |= {(one.rule, one.instance): one for one in outcome.states}

    again = RuleEngine(rules())
    again.restore(kept.values())
    after = School(again)

    assert told(after.gas(61, None)) == []
    assert told(after.gas(62, 31.0)) == [("silent", DOWN)]
    for second in range(63, 83):
        assert told(after.gas(second, 10.0)) == []
    assert ("nh3-high", DOWN) in told(after.tick(83))


def test_export_and_restore_are_exact() -> None:
    school = School()
    school.gas(1, 30.0)
    school.air(1, 31.0)
    again = RuleEngine(rules())
    again.restore(school.engine.export())
    after = School(again)

    thresholds = [one for one in school.engine.export() if '"kind":"threshold"' in one.body]
    assert [one for one in after.engine.export() if '"kind":"threshold"' in one.body] == thresholds
    for later in (school, after):
        for second in range(11, 61, 10):
            assert told(later.air(second, 31.0)) == []
    ends = [told(later.tick(61)) for later in (school, after)]
    assert ends[0] == ends[1]
    assert ("room-hot", UP) in ends[0]


@pytest.mark.parametrize("quality", [Quality.UNCERTAIN, Quality.REPEATED, Quality.CLOCK_UNSYNCED])
def test_an_uncertain_value_reaches_the_evaluator(quality: Quality) -> None:
    school = School()
    frame = school.make.frame(GAS, [("gas-1", T0 + S, (30.0, 0))], flaws={(0, 0): quality})

    assert told(school.engine.evaluate([frame], now_ns=T0 + S)) == [("nh3-high", UP)]


def test_a_gateway_without_a_catalog_is_no_matter() -> None:
    engine = RuleEngine(rules())
    table = CatalogTable.of(catalog("gw-2"))
    frame = Maker(table).frame(GAS, [("gas-1", T0, (99.0, 0))])

    assert engine.evaluate([frame], now_ns=T0).is_empty
    assert engine.next_wake_ns() is None
