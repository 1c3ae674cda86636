from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campus_wire.quality import Quality
from device_profiles.combining import Combiner
from device_profiles.decoding import decode_reply
from device_profiles.model import ModbusProfile
from device_profiles.model_modbus import ModbusPoint
from device_profiles.planning import plan_reads
from device_profiles.reading import Reading
from tests.profiles import build


def points(profile: ModbusProfile, *names: str) -> list[ModbusPoint]:
    found = [profile.find(name) for name in names]
    return [point for point in found if point is not None]


def combiner(profile: ModbusProfile, *names: str) -> Combiner:
    made = Combiner.of(profile, points(profile, *names))
    assert made is not None
    return made


def good(**values: float) -> dict[str, Reading]:
    return {name: Reading(name, value, Quality.GOOD) for name, value in values.items()}


def value(made: Combiner, **values: float) -> float | None:
    [reading] = made.combine(good(**values))
    return reading.value


def sunspec() -> ModbusProfile:
    return build.modbus(
        [
            build.point("sf", hidden=True, read=build.register(1, "int16", nan_value=0x8000)),
            build.point("power", maximum=10_000, read=build.register(0, scale_factor="sf")),
            build.point("plain", read=build.register(2)),
        ]
    )


def computed(compute: dict[str, Any], **keys: Any) -> ModbusProfile:
    names = ("a", "b", "c")
    inputs = [
        build.point(name, hidden=True, read=build.register(at, "int16"))
        for at, name in enumerate(names)
    ]
    return build.modbus([*inputs, build.point("x", compute=compute, **keys)])


def test_points_of_their_reply_alone_need_none() -> None:
    profile = sunspec()

    assert Combiner.of(profile, points(profile, "plain", "sf")) is None


def test_a_scale_factor() -> None:
    made = combiner(sunspec(), "power")

    assert made.points == ("power",)
    assert made.needs == ("sf", "power")
    assert value(made, power=2301, sf=-1) == 230.1
    assert repr(value(made, power=23, sf=2)) == "2300"
    assert value(made, power=2301, sf=0) == 2301


@given(raw=st.integers(0, 65_535), exponent=st.integers(-10, 10))
def test_scale_factors_are_exact(raw: int, exponent: int) -> None:
    profile = build.modbus(
        [
            build.point("sf", hidden=True, read=build.register(1, "int16")),
            build.point("x", read=build.register(0, scale_factor="sf")),
        ]
    )

    assert value(combiner(profile, "x"), x=raw, sf=exponent) == float(Decimal(raw).scaleb(exponent))


def test_the_decoder_leaves_the_range_to_the_combiner() -> None:
    profile = sunspec()
    [request] = plan_reads(profile, profile.points)
    known = {one.point: one for one in decode_reply(profile, request, [60_000, 0xFFFF, 5])}

    assert known["power"].value == 60_000
    made = combiner(profile, "plain", "power")
    assert made.combine(known) == [("plain", 5, 0), ("power", 6000, 0)]
    known = {one.point: one for one in decode_reply(profile, request, [60_000, 0, 5])}
    assert made.combine(known)[1] == ("power", None, Quality.OUT_OF_RANGE)


@pytest.mark.parametrize("exponent", [0.5, 21, -21, 65_535])
def test_what_is_no_exponent_makes_no_value(exponent: float) -> None:
    [reading] = combiner(sunspec(), "power").combine(good(power=1, sf=exponent))

    assert reading == ("power", None, Quality.UNDECODABLE)


def test_what_rests_on_nothing_has_no_value() -> None:
    made = combiner(sunspec(), "power", "plain")
    marked = {"sf": Reading("sf", None, Quality.INVALID_MARKER)}

    assert made.combine(good(power=5) | marked)[0].quality is Quality.INVALID_MARKER
    assert made.combine(good(sf=5))[0].quality is Quality.NEVER_READ
    assert made.combine({})[1] == ("plain", None, Quality.NEVER_READ)


def test_what_rests_on_the_uncertain_is_uncertain() -> None:
    uncertain = {"sf": Reading("sf", -1, Quality.UNCERTAIN)}

    [reading] = combiner(sunspec(), "power").combine(good(power=5) | uncertain)

    assert reading == ("power", 0.5, Quality.UNCERTAIN)


def test_a_factor_that_changes_is_seen() -> None:
    made = combiner(sunspec(), "power")

    assert [value(made, power=50, sf=sf) for sf in (-1, -2, -1, 0)] == [5, 0.5, 5, 50]


def test_multipliers_and_divisors() -> None:
    read = build.register(0, scale=0.001, multiplier=["ct", "pt"], divisor="n")
    helpers = [
        build.point(name, hidden=True, read=build.register(at))
        for at, name in enumerate(("ct", "pt", "n"), start=1)
    ]
    made = combiner(build.modbus([build.point("x", read=read), *helpers]), "x")

    assert value(made, x=0.123, ct=60, pt=2, n=3) == 4.92
    assert value(made, x=0.123, ct=0, pt=2, n=3) == 0
    [reading] = made.combine(good(x=1, ct=1, pt=1, n=0))
    assert reading == ("x", None, Quality.UNDECODABLE)


@pytest.mark.parametrize(
    ("compute", "expected"),
    [
        ({"sum": ["a", {"point": "b", "scale": 0.001}]}, 12.345),
        ({"sum": ["a", "b", "c"]}, 361),
        ({"difference": ["a", "b"]}, -333),
        ({"product": ["a", "b"], "scale": 0.1}, 414),
        ({"ratio": ["b", "a"], "scale": 100, "offset": 1}, 2876),
        ({"percent_of": ["c", "b"]}, 13.8),
    ],
)
def test_computed_points(compute: dict[str, Any], expected: float) -> None:
    assert value(combiner(computed(compute), "x"), a=12, b=345, c=4) == expected


def test_a_ratio_by_zero_is_undecodable() -> None:
    made = combiner(computed({"ratio": ["a", "b"]}), "x")

    assert made.combine(good(a=1, b=0)) == [("x", None, Quality.UNDECODABLE)]


def test_sums_of_decimals_are_decimals() -> None:
    assert value(combiner(computed({"sum": ["a", "b"]}), "x"), a=0.1, b=0.2) == 0.3


def test_results_are_judged() -> None:
    made = combiner(computed({"sum": ["a", "b"]}, maximum=10), "x")

    assert made.combine(good(a=5, b=6)) == [("x", None, Quality.OUT_OF_RANGE)]
    huge = combiner(computed({"product": ["a", "b", "c"]}), "x")
    assert huge.combine(good(a=1e300, b=1e300, c=1.0))[0].quality is Quality.OUT_OF_RANGE


def test_points_made_of_made_points() -> None:
    profile = build.modbus(
        [
            build.point("total", compute={"sum": ["p1", "p2"]}),
            build.point("share", compute={"ratio": ["p1", "total"]}),
            build.point("p1", read=build.register(0, scale_factor="sf")),
            build.point("p2", read=build.register(1)),
            build.point("sf", hidden=True, read=build.register(2)),
        ]
    )
    made = combiner(profile, "share")

    assert made.needs == ("p1", "p2", "sf")
    assert made.sources("share") == {"p1", "p2", "sf"}
    assert value(made, p1=3, p2=70, sf=1) == 0.3


@pytest.mark.parametrize("inputs", [good(), good(a=1), good(b=0)])
def test_what_is_missing_was_never_read(inputs: dict[str, Reading]) -> None:
    [reading] = combiner(computed({"ratio": ["a", "b"]}), "x").combine(inputs)

    assert reading == ("x", None, Quality.NEVER_READ)


@given(
    values=st.lists(
        st.one_of(st.integers(-(2**53), 2**53), st.floats(-1e300, 1e300)), min_size=3, max_size=3
    ),
    operation=st.sampled_from(["sum", "difference", "product", "ratio", "percent_of"]),
)
def test_no_values_raise(values: list[float], operation: str) -> None:
    made = combiner(computed({operation: ["a", "b"], "scale": 1e300}), "x")

    [reading] = made.combine(good(**dict(zip("abc", values, strict=True))))

    assert (reading.value is None) == (reading.quality >= 64)
