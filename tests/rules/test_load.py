"""Rule files: what loads, and what is refused, where and with which advice."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from campus_rules.load import load_rules
from campus_rules.model import ClimateRule, NoDataRule, ThresholdRule
from campus_rules.selectors import AppliesTo, Subject
from campus_wire.config_file import ConfigFileError

EXAMPLE = Path(__file__).parent.parent.parent / "examples" / "rules.yaml"

LABEL = {"zh": "名", "en": "name"}
THRESHOLD: dict[str, Any] = {
    "id": "r",
    "kind": "threshold",
    "name": LABEL,
    "applies_to": {"points": ["nh3"]},
    "at_or_above": 25,
    "deadband": 5,
    "severity": "critical",
    "alarm_class": "safety",
    "consequence": LABEL,
    "action": LABEL,
}
NO_DATA: dict[str, Any] = {
    "id": "r",
    "kind": "no_data",
    "name": LABEL,
    "applies_to": {},
    "severity": "warning",
    "alarm_class": "diagnostic",
    "consequence": LABEL,
    "action": LABEL,
}
CLIMATE: dict[str, Any] = {
    "id": "r",
    "kind": "climate",
    "name": LABEL,
    "applies_to": {"area_kinds": ["classroom"]},
    "sensor": {"categories": ["t"]},
    "actuator": {"categories": ["ac"], "heat": {"p": "setpoint"}, "off": {"p": 0}},
    "timetable": [{"days": ["mon"], "from": "07:30", "to": "17:30"}],
    "occupied": {"heating_c": 20, "cooling_c": 26},
    "unoccupied": {"heating_c": 16, "cooling_c": 30},
    "on_sensor_lost": "off",
}


def load(tmp_path: Path, *rules: dict[str, Any]) -> Any:
    path = tmp_path / "rules.yaml"
    path.write_bytes(orjson.dumps({"rules": rules}, option=orjson.OPT_INDENT_2))  # JSON is YAML
    return load_rules([path])


def without(rule: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in rule.items() if key not in keys}


def test_the_example_loads() -> None:
    kinds = {type(rule) for rule in load_rules([EXAMPLE])}

    assert kinds == {ThresholdRule, NoDataRule, ClimateRule}


def test_each_kind_loads(tmp_path: Path) -> None:
    rules = load(tmp_path, THRESHOLD, NO_DATA | {"id": "n"}, CLIMATE | {"id": "c"})

    assert [rule.id for rule in rules] == ["r", "n", "c"]


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (without(THRESHOLD, "consequence"), "consequence"),
        (without(THRESHOLD, "action"), "action"),
        (without(NO_DATA, "action"), "action"),
        (THRESHOLD | {"action": {"zh": "做"}}, "action.en: missing"),
        (without(THRESHOLD, "at_or_above"), "exactly one of"),
        (THRESHOLD | {"above": 3}, "exactly one of"),
        (without(THRESHOLD, "deadband"), "deadband"),
        (THRESHOLD | {"deadband": -1}, "deadband"),
        (THRESHOLD | {"at_or_above": "25"}, "at_or_above"),
        (THRESHOLD | {"on_delay_s": -1}, "on_delay_s"),
        (THRESHOLD | {"applies_to": {"categories": ["gas"]}}, "points"),
        (THRESHOLD | {"severity": "fatal"}, "severity"),
        (THRESHOLD | {"kind": "treshold"}, "did you mean threshold?"),
        (THRESHOLD | {"on_dealy_s": 5}, "did you mean on_delay_s?"),
        (THRESHOLD | {"id": "a b"}, "id"),
        (THRESHOLD | {"id": "system.mine"}, "controller's own"),
        (without(CLIMATE, "on_sensor_lost"), "on_sensor_lost: missing"),
        (CLIMATE | {"on_sensor_lost": "panic"}, "on_sensor_lost"),
        (CLIMATE | {"occupied": {"heating_c": 25.5, "cooling_c": 26}}, "0.56 K"),
        (CLIMATE | {"hysteresis_k": 5, "occupied": {"heating_c": 22, "cooling_c": 26}}, "smaller"),
        (CLIMATE | {"min_on_s": 5}, "min_on_s"),
        (CLIMATE | {"sensor_lost_after_s": 900}, "sensor_lost_after_s"),
        (CLIMATE | {"actuator": {"categories": ["ac"], "off": {"p": 0}}}, "heat or cool"),
        (
            CLIMATE | {"actuator": CLIMATE["actuator"] | {"off": {"p": "setpoint"}}},
            "no set-point",
        ),
        (CLIMATE | {"timezone": "Mars/Base"}, "time zone"),
        (CLIMATE | {"applies_to": {"points": ["t"]}}, "under sensor"),
    ],
)
def test_a_mistake_is_told_with_its_line(
    tmp_path: Path, rule: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigFileError) as caught:
        load(tmp_path, rule)

    assert message in str(caught.value)
    assert "rules.yaml:" in str(caught.value)


def test_an_id_twice_is_refused_within_a_file_and_across(tmp_path: Path) -> None:
    with pytest.raises(ConfigFileError, match="given twice"):
        load(tmp_path, THRESHOLD, NO_DATA)
    with pytest.raises(ConfigFileError, match="another file"):
        load_rules([EXAMPLE, EXAMPLE])


def test_a_set_point_gap_of_one_degree_fahrenheit_is_enough(tmp_path: Path) -> None:
    band = {"heating_c": 22, "cooling_c": 22.56}
    [rule] = load(tmp_path, CLIMATE | {"occupied": band, "hysteresis_k": 0.5})

    assert rule.occupied.cooling_c == 22.56


def test_hold_is_a_choice(tmp_path: Path) -> None:
    [rule] = load(tmp_path, CLIMATE | {"on_sensor_lost": {"hold_for_s": 600}})

    assert rule.numbers().hold_ns == 600 * 10**9


SUBJECT = Subject(
    gateway="gw-1",
    device="gas-1",
    category="gas",
    profile="p1",
    school="s1",
    areas=frozenset({"b1", "chem"}),
    area_kinds=frozenset({"building", "chemical_store"}),
)


@pytest.mark.parametrize(
    ("selectors", "selected"),
    [
        ({}, True),
        ({"categories": ("gas", "co2")}, True),
        ({"categories": ("co2",)}, False),
        ({"areas": ("b1",)}, True),  # a building means all its rooms
        ({"areas": ("b2",)}, False),
        ({"area_kinds": ("chemical_store",)}, True),
        ({"schools": ("s2",)}, False),
        ({"profiles": ("p1",), "schools": ("s1",)}, True),
        ({"devices": ("gas-1",)}, True),
        ({"devices": ("gw-1/gas-1",)}, True),
        ({"devices": ("gw-2/gas-1",)}, False),
        ({"categories": ("gas",), "devices": ("gas-2",)}, False),  # all must fit
    ],
)
def test_selectors(selectors: dict[str, tuple[str, ...]], selected: bool) -> None:
    assert AppliesTo(**selectors).selects(SUBJECT) is selected
