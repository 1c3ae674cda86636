"""Variants: conditions, changes and the mistakes they can make."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from pydantic import ValidationError

from device_profiles.model import ModbusProfile
from device_profiles.model_modbus import ModbusPoint
from device_profiles.model_variants import VariantCondition
from device_profiles.resolving import Facts, resolve
from tests.profiles import build

ALSO = "points.3.write.also_writes.0"
SAYS_NOTHING = "says nothing of it; give one of equals, one_of, at_least, below, starts_with"
UNIT = build.point("unit", hidden=True, read=build.register(0))
FIRMWARE = build.point(
    "firmware", read={"input_type": "holding", "address": 50, "data_type": "string", "length": 4}
)
TEMPERATURE = build.point("temperature", unit="°C", read=build.register(10, "int16", scale=0.1))
SETPOINT = build.point(
    "setpoint",
    unit="°C",
    read=build.register(11, "int16", scale=0.1),
    write={"function": 6, "minimum": 16, "maximum": 30, "also_writes": ["temperature"]},
)
POINTS = [UNIT, FIRMWARE, TEMPERATURE, SETPOINT]
FAHRENHEIT: dict[str, Any] = {
    "name": "fahrenheit",
    "when": {"point": "unit", "equals": 1},
    "points": {"temperature": {"read": {"scale": 0.0556, "offset": -17.78}}},
}


def variant(**keys: Any) -> ModbusProfile:
    return build.model(POINTS, variants=[FAHRENHEIT | keys])


def find(profile: ModbusProfile, name: str) -> ModbusPoint:
    point = profile.find(name)
    assert point is not None
    return point


@pytest.mark.parametrize(
    ("condition", "said", "holds"),
    [
        ({"equals": 1}, 1.0, True),
        ({"equals": 1}, 2.0, False),
        ({"equals": "A1"}, "A1", True),
        ({"one_of": [1, 3]}, 3.0, True),
        ({"one_of": [1, 3]}, 2.0, False),
        ({"at_least": 2}, 2.0, True),
        ({"at_least": 2}, 1.9, False),
        ({"below": 2}, 1.9, True),
        ({"below": 2}, 2.0, False),
        ({"at_least": "1.10"}, "V1.9", False),
        ({"at_least": "1.10"}, "V1.10.2", True),
        ({"below": "1.10"}, "1.9", True),
        ({"starts_with": "PM5"}, "PM5110", True),
        ({"starts_with": "PM5"}, "xPM5", False),
    ],
)
def test_conditions(condition: dict[str, Any], said: float | str, holds: bool) -> None:
    numbers = {"x": said} if isinstance(said, float) else {}
    texts = {"x": said} if isinstance(said, str) else {}
    checked = VariantCondition.model_validate_json(orjson.dumps({"point": "x", **condition}))

    assert checked.holds(numbers, texts) is holds
    assert not checked.holds({}, {}), "what was not said holds nothing"


def test_all_conditions_of_a_list_must_hold() -> None:
    when = [{"point": "unit", "equals": 1}, {"point": "firmware", "starts_with": "2"}]
    profile = variant(when=when)

    one = resolve(profile, Facts(numbers={"unit": 1}))
    both = resolve(profile, Facts(numbers={"unit": 1}, texts={"firmware": "2.1"}))

    assert profile.read_location(find(one, "temperature")).scale == 0.1
    assert profile.read_location(find(both, "temperature")).scale == 0.0556


def test_keys_that_are_not_named_stay() -> None:
    profile = variant(
        points={
            "temperature": {"minimum": -40, "read": {"scale": 0.5, "address": 20}},
            "setpoint": {"write": {"maximum": 35, "also_writes": None}},
        }
    )

    resolved = resolve(profile, Facts(numbers={"unit": 1}))

    place = resolved.read_location(find(resolved, "temperature"))
    assert (place.address, place.scale, place.data_type) == (20, 0.5, "int16")
    assert find(resolved, "temperature").minimum == -40
    write = find(resolved, "setpoint").write
    assert write is not None
    assert (write.minimum, write.maximum, write.also_writes) == (16, 35, ())


def test_several_variants_apply_in_the_order_of_the_file() -> None:
    second = {
        "name": "moved",
        "when": {"point": "unit", "at_least": 0},
        "points": {"temperature": {"read": {"address": 77, "scale": 0.01}}},
    }
    profile = build.model(POINTS, variants=[FAHRENHEIT, second])

    resolved = resolve(profile, Facts(numbers={"unit": 1}))

    place = resolved.read_location(find(resolved, "temperature"))
    assert (place.address, place.scale, place.offset) == (77, 0.01, -17.78)


def test_points_come_and_go() -> None:
    humidity = build.point("humidity", unit="%RH", read=build.register(30))
    profile = variant(points={}, remove=["setpoint"], add=[humidity])

    plain = resolve(profile, Facts())
    other = resolve(profile, Facts(numbers={"unit": 1}))

    assert [one.name for one in profile.points][-2:] == ["setpoint", "humidity"]
    assert find(profile, "humidity").unit == "%RH"
    assert [one.name for one in plain.points] == ["unit", "firmware", "temperature", "setpoint"]
    assert [one.name for one in other.points] == ["unit", "firmware", "temperature", "humidity"]


def test_a_read_point_may_become_a_computed_one() -> None:
    change = {"read": None, "compute": {"sum": ["setpoint"]}}
    profile = variant(points={"temperature": change})

    temperature = find(resolve(profile, Facts(numbers={"unit": 1})), "temperature")

    assert temperature.read is None
    assert temperature.compute is not None


def test_the_section_may_differ() -> None:
    profile = build.model(
        POINTS,
        variants=[FAHRENHEIT | {"points": {}, "modbus": {"byte_order": "CDAB"}}],
        max_word_registers_per_request=40,
    )

    resolved = resolve(profile, Facts(numbers={"unit": 1}))

    assert resolved.modbus.byte_order == "CDAB"
    assert resolved.modbus.defaults.byte_order == "CDAB"
    assert resolved.modbus.max_word_registers_per_request == 40
    assert profile.modbus.byte_order == "ABCD"


def test_a_star_means_all_instances() -> None:
    room = build.point("room", read=build.register(100))
    group = {
        "name": "indoor",
        "labels": build.LABELS,
        "repeat": {"count": 3, "stride": 10},
        "points": [room],
    }
    change = FAHRENHEIT | {"points": {"indoor_*_room": {"read": {"scale": 2}}}}
    profile = build.model(POINTS, groups=[group], variants=[change])

    resolved = resolve(profile, Facts(numbers={"unit": 1}))

    places = [resolved.read_location(find(resolved, f"indoor_{n}_room")) for n in (1, 2, 3)]
    assert [(place.address, place.scale) for place in places] == [(100, 2), (110, 2), (120, 2)]


@pytest.mark.parametrize(
    ("keys", "key", "said"),
    [
        (
            {"points": {"temprature": {"read": {"scale": 2}}}},
            "points.temprature",
            "temprature is no point of this profile",
        ),
        ({"points": {"x_*": {"minimum": 1}}}, "points.x_*", "no point's name looks like x_*"),
        (
            {"points": {"temperature": {"unit": "K"}}},
            "points.temperature.unit",
            "unit cannot change, as catalogs are made before a device is asked",
        ),
        (
            {"points": {"temperature": {"read": {"scael": 2}}}},
            "points.temperature.read.scael",
            "unknown key",
        ),
        (
            {"points": {"temperature": {"read": {"address": 11, "data_type": "int32"}}}},
            "points.temperature.read.address",
            "shares some, but not all registers with setpoint",
        ),
        (
            {"points": {"temperature": {"read": {"address": 70_000}}}},
            "points.temperature.read.address",
            "70000 lies outside the addresses 0 to 65535",
        ),
        (
            {"points": {"*": {"read": {"address": 7}}}},
            "points.*.read.address",
            "would be the same for several points",
        ),
        (
            {"points": {}, "remove": ["temperature"]},
            "",
            f"in this variant, {ALSO}: temperature is no point of this profile",
        ),
        (
            {"points": {}, "add": [TEMPERATURE]},
            "add.0.name",
            "temperature is a point of every device",
        ),
        (
            {"points": {}, "remove": ["temperature"], "add": [TEMPERATURE | {"unit": "K"}]},
            "add.0.unit",
            "is another one than that of temperature elsewhere",
        ),
        (
            {"points": {}, "modbus": {"byte_order": "BACD"}},
            "modbus.byte_order",
            "must be 'ABCD', 'CDAB', 'BADC' or 'DCBA', not 'BACD'",
        ),
        (
            {"points": {}, "modbus": {"forbidden": [{"input_type": "holding", "first": 10,
                                                     "last": 10}]}},
            "",
            "in this variant, points.2.read.address: lies in a forbidden range",
        ),
        ({"points": {}}, "", "changes nothing; give points, remove, add or modbus"),
        (
            {"when": {"point": "uint", "equals": 1}},
            "when.point",
            "uint is no point of this profile",
        ),
        (
            {"when": [{"point": "unit", "equals": "x"}]},
            "when.0.point",
            "unit is a number, and is compared with text",
        ),
        (
            {"when": {"point": "firmware", "at_least": 2}},
            "when.point",
            "firmware is text, and is compared with a number",
        ),
        ({"when": {"point": "unit"}}, "when.one", SAYS_NOTHING),
    ],
)  # fmt: skip
def test_mistakes_are_said_where_they_stand(keys: dict[str, Any], key: str, said: str) -> None:
    with pytest.raises(ValidationError) as caught:
        variant(**keys)

    whole = f"variants.0.{key}".strip(".")
    assert (whole, said) in build.mistakes(caught.value)


def test_a_name_is_meant() -> None:
    with pytest.raises(ValidationError) as caught:
        variant(points={"temprature": {"read": {"scale": 2}}})

    [detail] = caught.value.errors()
    assert detail["ctx"]["mistakes"][0]["suggestion"] == "temperature"


def test_what_decides_is_read_as_it_is() -> None:
    computed = build.point("made", compute={"sum": ["unit"]})

    with pytest.raises(ValidationError) as caught:
        build.model(
            [*POINTS, computed], variants=[FAHRENHEIT | {"when": {"point": "made", "equals": 1}}]
        )

    [(key, said)] = build.mistakes(caught.value)
    assert key == "variants.0.when.point"
    assert said == "made must be read from a register as it is"


def test_one_name_is_one_thing_in_all_variants() -> None:
    extra = build.point("extra", unit="V", read=build.register(90))
    variants = [
        FAHRENHEIT | {"add": [extra]},
        FAHRENHEIT | {"name": "other", "add": [extra | {"unit": "A"}]},
    ]

    with pytest.raises(ValidationError) as caught:
        build.model(POINTS, variants=variants)

    assert build.mistakes(caught.value) == [
        ("variants.1.add.0.unit", "is another one than that of extra elsewhere")
    ]
