"""The weather and the daylight outside, the same for all rooms of a school."""

from __future__ import annotations

import math
from dataclasses import dataclass

from firmware_sims.world.timetable import DAY_S

CO2_OUTDOOR_PPM = 420.0
_WARMEST_S = 15 * 3600  # two to three hours after noon
_SUNRISE_S = 6 * 3600
_DAYLIGHT_S = 12 * 3600


def saturation_humidity_g_m3(temperature_c: float) -> float:
    """Water vapour in saturated air.

    Magnus formula (WMO-No. 8, annex 4.B: e = 6.112 exp(17.62 t / (243.12 + t)) hPa) and the gas law
    with 216.7 g·K/(hPa·m³).
    """
    pressure_hpa = 6.112 * math.exp(17.62 * temperature_c / (243.12 + temperature_c))
    return 216.7 * pressure_hpa / (273.15 + temperature_c)


@dataclass(frozen=True, slots=True)
class Outdoor:
    """A day that repeats.

    Args:
        mean_c, swing_c: temperature's mean and its amplitude over the day.
        relative_humidity: in percent, at the mean temperature.
        noon_lx: daylight at noon.
    """

    mean_c: float = 12.0
    swing_c: float = 5.0
    relative_humidity: float = 65.0
    noon_lx: float = 40_000.0

    def temperature_c(self, local_s: float) -> float:
        """A sine over the day, warmest at three in the afternoon."""
        return self.mean_c + self.swing_c * math.cos(math.tau * (local_s - _WARMEST_S) / DAY_S)

    def humidity_g_m3(self) -> float:
        """Water vapour; it hardly changes over a day."""
        return self.relative_humidity / 100 * saturation_humidity_g_m3(self.mean_c)

    def daylight_lx(self, local_s: float) -> float:
        """Half a sine from sunrise at six to sunset at eighteen."""
        height = math.sin(math.pi * ((local_s % DAY_S) - _SUNRISE_S) / _DAYLIGHT_S)
        return self.noon_lx * max(0.0, height)
