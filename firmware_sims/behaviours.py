"""What a point of a device shows: told by its name, its unit and the device's category.

Profiles say where a number stands; they do not say what it would be. This table does, for every
profile alike, so that a new model of a known kind needs nothing here. A described school can say
otherwise for one device (`follows`, `values`, `drives`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final
from zlib import crc32

from firmware_sims.signals import Follow, QuantitySource, Signal, Wave
from firmware_sims.world.room import AcMode


@dataclass(frozen=True, slots=True)
class PointFacts:
    """What the table goes by.

    Args:
        states: for enumerations, each number's English label.
        is_hidden: a helper of other points.
        is_computed: it stands in no register of its own.
    """

    name: str
    unit: str
    category: str
    writable: bool
    minimum: float | None
    maximum: float | None
    states: Mapping[int, str]
    is_hidden: bool = False
    is_computed: bool = False


@dataclass(frozen=True, slots=True)
class _Rule:
    """A quantity of the area, and how the sensor shakes."""

    quantity: str
    noise: float = 0.0


_BY_NAME: Final[Mapping[str, _Rule]] = {
    "temperature": _Rule("temperature", 0.08),
    "humidity": _Rule("humidity", 0.4),
    "co2": _Rule("co2", 6.0),
    "illuminance": _Rule("light", 4.0),
    "light": _Rule("light", 4.0),
    "concentration": _Rule("gas", 0.4),
    "gas": _Rule("gas", 0.4),
    "contact": _Rule("door_closed"),
    "door": _Rule("door_open"),
    "door_open": _Rule("door_open"),
    "open": _Rule("door_open"),
    "presence": _Rule("occupied"),
    "occupancy": _Rule("occupied"),
    "people": _Rule("people"),
    "noise": _Rule("noise", 2.0),
    "leak": _Rule("leak"),
    "leak_detected": _Rule("leak"),
    "water_leak": _Rule("leak"),
    "summary_alarm": _Rule("leak"),
    "leak_distance": _Rule("leak_distance"),
    "leak_current": _Rule("leak_current", 1.0),
}
_BY_UNIT: Final[Mapping[str, _Rule]] = {
    "°C": _Rule("temperature", 0.08),
    "%RH": _Rule("humidity", 0.4),
    "lx": _Rule("light", 4.0),
    "V": _Rule("voltage", 1.5),
    "A": _Rule("current", 0.02),
    "W": _Rule("power", 3.0),
    "kW": _Rule("power", 3.0),
    "VA": _Rule("power", 3.0),
    "kVA": _Rule("power", 3.0),
    "Wh": _Rule("energy"),
    "kWh": _Rule("energy"),
    "Hz": _Rule("frequency", 0.03),
    "dB": _Rule("noise", 2.0),
}
# Who cannot show so much measures something else than the mains.
_USUALLY: Final[Mapping[str, float]] = {"V": 230.0, "Hz": 50.0}
_FACTORS: Final[Mapping[str, float]] = {"kW": 1e-3, "kVA": 1e-3, "kWh": 1e-3, "mV": 1e3, "mA": 1e3}

# Sensors that run on batteries and radio, whose numbers no room explains.
_WAVES: Final[Mapping[tuple[str, str], tuple[float, float, float]]] = {
    ("battery", "%"): (93.0, 2.0, 0.0),
    ("voltage", "mV"): (2985.0, 15.0, 2.0),
    ("battery_voltage", "mV"): (2985.0, 15.0, 2.0),
    ("link_quality", ""): (90.0, 25.0, 8.0),
    ("pressure", "hPa"): (1008.0, 6.0, 0.1),
    ("air_pressure", "hPa"): (1008.0, 6.0, 0.1),
}
_WAVE_PERIOD_S: Final = 7200.0

_CONSTANTS: Final[Mapping[str, float]] = {
    "power_factor": 0.95,
    "full_scale": 1000.0,
    "cable_length": 30.0,
    "firmware_version": 1.0,
    "supply_voltage": 24.0,
    "watchdog_timeout": 60.0,
    "failsafe_current": 6.0,
}

_AC_CATEGORIES: Final = frozenset({"air_conditioner", "thermostat"})
_AC_MODES: Final[Mapping[str, AcMode]] = {
    "heat": AcMode.HEAT,
    "heating": AcMode.HEAT,
    "cool": AcMode.COOL,
    "cooling": AcMode.COOL,
    "auto": AcMode.AUTO,
    "automatic": AcMode.AUTO,
    "dry": AcMode.DRY,
    "drying": AcMode.DRY,
    "fan": AcMode.FAN,
    "fan only": AcMode.FAN,
}
_AC_CONTROLS: Final[Mapping[str, str]] = {
    "power": "ac_power",
    "on": "ac_power",
    "active": "ac_power",
    "status": "ac_power",
    "mode": "ac_mode",
    "setpoint": "ac_setpoint",
    "fan": "ac_fan",
}


def seed_of(school_seed: int, device: str, point: str) -> int:
    """A seed of one point's own, the same in each run."""
    return (school_seed << 32) ^ crc32(f"{device}/{point}".encode())


def default_signal(facts: PointFacts, area: QuantitySource, seed: int) -> Signal | None:
    """What a point that is only read shows; None when it just holds a number."""
    if facts.writable:
        return None
    wave = _WAVES.get((facts.name, facts.unit))
    if wave is not None:
        mean, amplitude, shake = wave
        return Wave(mean, amplitude, _WAVE_PERIOD_S, seed=seed, noise_amplitude=shake)
    rule = _rule_for(facts)
    if rule is None:
        return None
    return follow(area, rule.quantity, facts.unit, seed, noise=rule.noise)


def follow(
    area: QuantitySource, quantity: str, unit: str, seed: int, *, noise: float = 0.0
) -> Signal:
    """A quantity of an area, in the point's unit."""
    factor = _FACTORS.get(unit, 1.0)
    return Follow(area, quantity, factor, noise_amplitude=noise * factor, seed=seed)


def _rule_for(facts: PointFacts) -> _Rule | None:
    by_name = _BY_NAME.get(facts.name)
    if by_name is not None:
        return by_name
    words = facts.name.split("_")
    if "setpoint" in words or "correction" in words:
        return None
    if "co2" in words and facts.unit == "ppm":
        return _BY_NAME["co2"]
    if facts.unit == "V" and "voltage" not in words:
        return None  # a signal of 0 to 10 V, no mains
    if facts.maximum is not None and facts.maximum < _USUALLY.get(facts.unit, facts.maximum):
        return None
    return _BY_UNIT.get(facts.unit)


def initial_number(facts: PointFacts) -> float:
    """What a point without a signal holds at first."""
    number = _CONSTANTS.get(facts.name)
    if number is None:
        number = 24.0 if "setpoint" in facts.name.split("_") and facts.unit == "°C" else 0.0
    return fitting(facts, number)


def fitting(facts: PointFacts, number: float) -> float:
    """The number, within what the point may hold."""
    if facts.minimum is not None:
        number = max(number, facts.minimum)
    if facts.maximum is not None:
        number = min(number, facts.maximum)
    if facts.states and int(number) not in facts.states:
        number = float(min(facts.states))
    return number


def default_control(facts: PointFacts) -> str | None:
    """Which control of its area a written point sets, if any."""
    if facts.category not in _AC_CATEGORIES or not facts.writable:
        return None
    words = facts.name.split("_")
    for word, control in _AC_CONTROLS.items():
        if word in words:
            return control
    return None


def control_value(facts: PointFacts, control: str, number: float) -> float:
    """A written number in the words of the area: modes are numbered as the room numbers them."""
    if control != "ac_mode":
        return number
    label = facts.states.get(int(number), "").lower()
    return float(_AC_MODES.get(label, AcMode.AUTO))


def followers(name: str, names: Iterable[str]) -> tuple[str, ...]:
    """The points that a written one sets with it: `all_relays` sets `relay_1` and the others."""
    if not (name.startswith("all_") and name.endswith("s")):
        return ()
    prefix = name[len("all_") : -1] + "_"
    return tuple(one for one in names if one.startswith(prefix))


def is_constant(name: str) -> bool:
    """Whether a helper holds what it holds: a ratio, a rating, a scale factor."""
    words = set(name.split("_"))
    return bool(words & {"ratio", "rating", "rated", "nominal", "sf", "ct", "pt", "vt", "factor"})


_EXPONENTS: Final[Mapping[str, int]] = {
    "V": -1,
    "A": -2,
    "Hz": -2,
    "°C": -1,
    "W": 0,
    "VA": 0,
    "var": 0,
    "Wh": 0,
    "kW": -2,
    "kWh": -1,
    "%": -1,
    "": -2,
}
_RATINGS: Final[Mapping[str, float]] = {"W": 5000.0, "kW": 50.0, "VA": 2000.0, "A": 100.0}


def usual_factor(kind: str, name: str, unit: str) -> float:
    """What a helper holds that others are multiplied or divided by.

    Args:
        kind: `power_of_ten`, `times` or `over`.
        name: of the helper.
        unit: of the point that it serves.
    """
    if kind == "power_of_ten":
        return float(_EXPONENTS.get(unit, 0))
    words = set(name.split("_"))
    if words & {"rating", "rated", "nominal"}:
        return _RATINGS.get(unit, 1000.0)
    if words & {"pt", "vt"} or "voltage" in words:
        return 1.0
    if words & {"ct", "current", "transformer"}:
        return 40.0
    return 10.0 if kind == "over" else 1.0
