"""Rules as data. What every key means, and the exact semantics, are in docs/rules.md."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from campus_rules.climate import Climate, Limits, OnLost, Setting
from campus_rules.no_data import NoData
from campus_rules.selectors import AppliesTo, Names
from campus_rules.threshold import Threshold
from campus_rules.timetable import Period, Timetable, TimeZone
from campus_wire.catalog import Label
from campus_wire.config_file import ConfigModel, mistake_at
from campus_wire.ids import Name, PointName
from campus_wire.limits import VALUE_ABS_MAX

_NS: Final = 1_000_000_000
_GAP_INTERVALS: Final = 3
"""A delay survives this many missed samples (see `Threshold.gap_ns`)."""

SETPOINT_GAP_K_MIN: Final = 0.56
"""Least distance between heating and cooling set-points (1 °F, as in ASHRAE Guideline 36)."""
TEMPERATURE_AGE_S_MAX: Final = 300.0
"""A command never follows from an older sample."""

RESERVED_PREFIX: Final = "system."

Number = Annotated[float, Field(ge=-VALUE_ABS_MAX, le=VALUE_ABS_MAX, allow_inf_nan=False)]
Delay = Annotated[float, Field(ge=0, le=7 * 86_400)]
Celsius = Annotated[float, Field(ge=-30, le=60)]


class Severity(StrEnum):
    """How bad; decides who is told."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"


class AlarmClass(StrEnum):
    """What is at stake. Alarms of class safety are never muted."""

    SAFETY = "safety"
    COMPLIANCE = "compliance"
    COMFORT = "comfort"
    MAINTENANCE = "maintenance"
    DIAGNOSTIC = "diagnostic"


class _Rule(ConfigModel):
    id: Name
    name: Label
    applies_to: AppliesTo
    enabled: bool = True


class AlarmRule(_Rule):
    """What alarm rules share. Nobody can act on an alarm without consequence and action."""

    severity: Severity
    alarm_class: AlarmClass
    consequence: Label
    """What happens when nobody does anything."""
    action: Label
    """What to do about it."""
    basis: Label | None = None
    """Where the limit comes from: a standard with its clause, or a decision of the school."""


class ThresholdRule(AlarmRule):
    """A value beyond a limit."""

    kind: Literal["threshold"]
    above: Number | None = None
    at_or_above: Number | None = None
    below: Number | None = None
    at_or_below: Number | None = None
    deadband: Annotated[float, Field(ge=0, le=VALUE_ABS_MAX)]
    on_delay_s: Delay = 0.0
    off_delay_s: Delay = 0.0

    @model_validator(mode="after")
    def _one_limit_on_named_points(self) -> Self:
        names = ("above", "at_or_above", "below", "at_or_below")
        given = [name for name in names if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"a threshold has exactly one of {', '.join(names)}")
        if self.applies_to.points is None:
            raise mistake_at(("applies_to",), "a threshold needs points: which values it watches")
        return self

    @property
    def limit(self) -> float:
        """The limit, whichever of the four keys gave it."""
        given = (self.above, self.at_or_above, self.below, self.at_or_below)
        return next(limit for limit in given if limit is not None)

    @property
    def is_above(self) -> bool:
        """Whether larger values are the bad ones."""
        return self.above is not None or self.at_or_above is not None

    def numbers(self, *, interval_s: float) -> Threshold:
        """Return what the evaluator needs, for a device read every `interval_s`."""
        limit = self.limit
        return Threshold(
            limit=limit,
            release=limit - self.deadband if self.is_above else limit + self.deadband,
            above=self.is_above,
            limit_included=self.at_or_above is not None or self.at_or_below is not None,
            on_delay_ns=int(self.on_delay_s * _NS),
            off_delay_ns=int(self.off_delay_s * _NS),
            gap_ns=int(_GAP_INTERVALS * interval_s * _NS),
        )


class NoDataRule(AlarmRule):
    """A device that says nothing, or nothing usable."""

    kind: Literal["no_data"]
    intervals: Annotated[int, Field(ge=1, le=1_000)] = 3
    pending_s: Delay = 30.0

    def numbers(self, *, interval_s: float) -> NoData:
        """Return what the evaluator needs, for a device read every `interval_s`."""
        return NoData(silence_ns=int((self.intervals * interval_s + self.pending_s) * _NS))


class Band(ConfigModel):
    """Heat below `heating_c`, cool above `cooling_c`."""

    heating_c: Celsius
    cooling_c: Celsius

    @model_validator(mode="after")
    def _apart(self) -> Self:
        # with room for the rounding of decimals: 22.56 - 22 is a little less than 0.56
        if self.cooling_c - self.heating_c < SETPOINT_GAP_K_MIN - 1e-9:
            message = f"must be at least {SETPOINT_GAP_K_MIN} K above heating_c"
            raise mistake_at(("cooling_c",), message)
        return self


class Sensor(ConfigModel):
    """Which values are the room's temperature; the mean is taken where there are several."""

    categories: Names
    point: PointName = "temperature"


Writes = Annotated[
    dict[PointName, Number | Literal["setpoint"]], Field(min_length=1, max_length=16)
]
"""Point → value, written in this order; `setpoint` stands for the band's set-point."""


class Actuator(ConfigModel):
    """Which devices of the room are commanded, and what each mode writes to them."""

    categories: Names
    heat: Writes | None = None
    cool: Writes | None = None
    off: Writes

    @model_validator(mode="after")
    def _does_something(self) -> Self:
        if self.heat is None and self.cool is None:
            raise ValueError("needs heat or cool, or both")
        if "setpoint" in self.off.values():
            raise mistake_at(("off",), "an air conditioner that is off has no set-point")
        return self


class Hold(ConfigModel):
    """Keep on as before for a while, then switch off."""

    hold_for_s: Annotated[float, Field(gt=0, le=7_200)]


class ClimateRule(_Rule):
    """A room's temperature kept in a band by its air conditioner."""

    kind: Literal["climate"]
    sensor: Sensor
    actuator: Actuator
    timezone: TimeZone = "Asia/Shanghai"
    timetable: Annotated[tuple[Period, ...], Field(max_length=100)]
    occupied: Band
    unoccupied: Band
    hysteresis_k: Annotated[float, Field(gt=0, le=5)] = 0.5
    min_on_s: Annotated[float, Field(ge=60, le=3_600)] = 300.0
    min_off_s: Annotated[float, Field(ge=60, le=3_600)] = 300.0
    heartbeat_s: Annotated[float, Field(ge=60, le=86_400)] = 900.0
    sensor_lost_after_s: Annotated[float, Field(ge=10, le=TEMPERATURE_AGE_S_MAX)] = 300.0
    on_sensor_lost: Literal["off", "setback"] | Hold

    @model_validator(mode="after")
    def _modes_cannot_meet(self) -> Self:
        for name, band in (("occupied", self.occupied), ("unoccupied", self.unoccupied)):
            if self.hysteresis_k >= band.cooling_c - band.heating_c:
                message = f"must be smaller than the {name} band"
                raise mistake_at(("hysteresis_k",), message)
        if self.applies_to.points is not None:
            raise mistake_at(("applies_to", "points"), "name the point under sensor instead")
        return self

    def numbers(self) -> Climate:
        """Return what the evaluator needs."""
        lost = self.on_sensor_lost
        return Climate(
            timetable=Timetable(timezone=self.timezone, periods=self.timetable),
            occupied=Limits(self.occupied.heating_c, self.occupied.cooling_c),
            unoccupied=Limits(self.unoccupied.heating_c, self.unoccupied.cooling_c),
            hysteresis_k=self.hysteresis_k,
            min_on_ns=int(self.min_on_s * _NS),
            min_off_ns=int(self.min_off_s * _NS),
            heartbeat_ns=int(self.heartbeat_s * _NS),
            lost_after_ns=int(self.sensor_lost_after_s * _NS),
            on_lost=OnLost.HOLD if isinstance(lost, Hold) else OnLost(lost),
            hold_ns=int(lost.hold_for_s * _NS) if isinstance(lost, Hold) else 0,
            off=_setting(self.actuator.off),
            heat=_setting(self.actuator.heat) if self.actuator.heat is not None else None,
            cool=_setting(self.actuator.cool) if self.actuator.cool is not None else None,
        )


def _setting(writes: dict[str, float | Literal["setpoint"]]) -> Setting:
    return tuple((point, None if value == "setpoint" else value) for point, value in writes.items())


Rule = Annotated[ThresholdRule | NoDataRule | ClimateRule, Field(discriminator="kind")]


class RuleSet(ConfigModel):
    """The content of a rule file."""

    rules: Annotated[tuple[Rule, ...], Field(max_length=10_000)] = ()

    @model_validator(mode="after")
    def _ids_differ(self) -> Self:
        seen: set[str] = set()
        for index, rule in enumerate(self.rules):
            if rule.id.startswith(RESERVED_PREFIX):
                message = f"ids that begin with {RESERVED_PREFIX} are the controller's own"
                raise mistake_at(("rules", index, "id"), message)
            if rule.id in seen:
                raise mistake_at(("rules", index, "id"), f"rule {rule.id} is given twice")
            seen.add(rule.id)
        return self
