"""What a device that describes itself can have: named as the product names it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, slots=True)
class Quantity:
    """One thing that a device measures, tells or lets be set.

    Args:
        category: of a device that has it.
        states: 0 and 1, or more, in words; empty for numbers.
        is_set: whether it can be set.
    """

    name: str
    unit: str
    category: str
    decimals: int = 1
    states: Mapping[int, str] = field(default_factory=dict)
    is_set: bool = False
    minimum: float | None = None
    maximum: float | None = None
    step: float = 1.0

    def rounded(self, number: float | None) -> float | int | None:
        """The number with the decimals that such devices print."""
        if number is None or number != number:  # noqa: PLR0124 - NaN differs from itself
            return None
        if self.states:
            return int(number >= 0.5)
        value = round(number, self.decimals)
        return int(value) if value == int(value) else value


_ALARM: Final = {0: "normal", 1: "alarm"}
_OFF_ON: Final = {0: "off", 1: "on"}


def _all() -> Sequence[Quantity]:
    return (
        Quantity("temperature", "°C", "temperature_humidity", 2),
        Quantity("relative_humidity", "%RH", "temperature_humidity", 1),
        Quantity("air_pressure", "hPa", "weather_station", 1),
        Quantity("co2", "ppm", "co2", 0),
        Quantity("pm2_5", "µg/m³", "air_quality", 0),
        Quantity("illuminance", "lx", "light", 0),
        Quantity("noise", "dB", "noise", 1),
        Quantity("soil_moisture", "%", "soil", 0),
        Quantity("battery", "%", "other", 0),
        Quantity("open", "", "door_contact", states={0: "closed", 1: "open"}),
        Quantity("occupancy", "", "presence", states={0: "vacant", 1: "occupied"}),
        Quantity("water_leak", "", "water_leak", states={0: "dry", 1: "leak"}),
        Quantity("smoke", "", "smoke_fire", states=_ALARM),
        Quantity("gas_alarm", "", "gas_detector", states=_ALARM),
        Quantity("panic", "", "panic_button", states=_ALARM),
        Quantity("vibration", "", "sports_equipment", states={0: "none", 1: "vibrating"}),
        Quantity("active_power", "W", "electricity_meter", 1),
        Quantity("voltage", "V", "electricity_meter", 1),
        Quantity("current", "A", "electricity_meter", 3),
        Quantity("active_energy", "kWh", "electricity_meter", 3),
        Quantity("relay", "", "relay", states=_OFF_ON, is_set=True),
        Quantity("light", "", "lighting_controller", states=_OFF_ON, is_set=True),
        Quantity("position", "%", "curtain", 0, is_set=True, minimum=0, maximum=100),
        Quantity(
            "temperature_setpoint",
            "°C",
            "thermostat",
            1,
            is_set=True,
            minimum=5,
            maximum=30,
            step=0.5,
        ),
    )


QUANTITIES: Final[Mapping[str, Quantity]] = {one.name: one for one in _all()}
