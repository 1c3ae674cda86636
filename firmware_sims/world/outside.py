"""What stands outside: weather stations, and soil with its irrigation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from firmware_sims.signals import noise
from firmware_sims.world.area import Area
from firmware_sims.world.machine import Machine, towards

_DAY_S = 86_400.0


class WeatherStation(Machine):
    """The school's weather with wind in gusts and a shower now and then."""

    shows: ClassVar[Mapping[str, tuple[str, str]]] = {
        "temperature": ("temperature_c", "°C"),
        "humidity": ("humidity_percent", "%RH"),
        "relative humidity": ("humidity_percent", "%RH"),
        "air pressure": ("pressure_pa", "Pa"),
        "pressure": ("pressure_pa", "Pa"),
        "wind speed": ("wind_m_s", "m/s"),
        "wind direction": ("wind_degrees", "°"),
        "rainfall": ("rain_m", "m"),
        "precipitation": ("rain_m", "m"),
        "rain rate": ("rain_mm_h", "mm/h"),
        "solar radiation": ("sun_w_m2", "W/m²"),
        "illuminance": ("light_lx", "lx"),
        "rain": ("is_raining", ""),
    }

    _LX_PER_W_M2 = 120.0

    def __init__(self, room: Area, seed: int) -> None:
        self._wind_m_s = 2.5
        self._degrees = 140.0
        self._rain_m = 0.0
        self._local_s = room.surroundings.clock.local_s(0.0)
        super().__init__(room, seed)

    def step(self, local_s: float, step_s: float) -> None:
        """Go on."""
        self._local_s = local_s
        self._wind_m_s = max(0.0, 2.5 + 2.0 * self.drift(300) + 0.8 * self.drift(7, 1))
        self._degrees = (140.0 + 60.0 * self.drift(900, 2)) % 360
        self._rain_m += self._rain_mm_h / 1000 * step_s / 3600

    @property
    def _rain_mm_h(self) -> float:
        return max(0.0, 12.0 * (self.drift(1800, 3) - 0.6))

    def table(self) -> Mapping[str, float]:
        """Everything that it measures."""
        outdoor = self.room.surroundings.outdoor
        light_lx = outdoor.daylight_lx(self._local_s)
        swing = outdoor.temperature_c(self._local_s) - outdoor.mean_c
        return {
            "temperature_c": outdoor.temperature_c(self._local_s) + 0.1 * self.drift(10, 4),
            "humidity_percent": max(20.0, min(100.0, outdoor.relative_humidity - 3.0 * swing)),
            "pressure_pa": 100_800.0 + 600.0 * self.drift(3600, 5),
            "wind_m_s": self._wind_m_s,
            "wind_degrees": self._degrees,
            "rain_m": self._rain_m,
            "rain_mm_h": self._rain_mm_h,
            "sun_w_m2": light_lx / self._LX_PER_W_M2,
            "light_lx": light_lx,
            "is_raining": float(self._rain_mm_h > 0),
        }


class Soil(Machine):
    """A bed that dries in the sun and is watered by its valves."""

    shows: ClassVar[Mapping[str, tuple[str, str]]] = {
        "moisture": ("moisture_percent", "%"),
        "soil moisture": ("moisture_percent", "%"),
        "temperature": ("temperature_c", "°C"),
        "conductivity": ("conductivity", "µS/cm"),
        "ph": ("ph", "pH"),
        "flow": ("flow_m3_h", "m³/h"),
        "volume": ("volume_m3", "m³"),
        "pressure": ("pressure_pa", "Pa"),
        "rain": ("none", ""),
    }
    obeys: ClassVar[Mapping[str, tuple[str, str]]] = {"valve": ("valve", "")}

    _VALVE_M3_H = 0.9

    def __init__(self, room: Area, seed: int) -> None:
        self._moisture = 0.32
        self._temperature_c = room.surroundings.outdoor.mean_c
        self._volume_m3 = 120.0 + 40.0 * noise(seed, 0)
        self._valves: dict[int, float] = {}
        super().__init__(room, seed)

    @property
    def _flow_m3_h(self) -> float:
        return self._VALVE_M3_H * sum(1 for value in self._valves.values() if value > 0)

    def step(self, local_s: float, step_s: float) -> None:
        """Go on."""
        outdoor = self.room.surroundings.outdoor
        drying = 0.02 + 0.2 * outdoor.daylight_lx(local_s) / 100_000
        self._moisture = towards(self._moisture, 0.12, drying * step_s / _DAY_S)
        self._moisture = min(0.55, self._moisture + 0.08 * self._flow_m3_h * step_s / 3600)
        self._temperature_c = towards(
            self._temperature_c, outdoor.temperature_c(local_s), step_s / 14_400
        )
        self._volume_m3 += self._flow_m3_h * step_s / 3600

    def table(self) -> Mapping[str, float]:
        """Bed and water."""
        return {
            "moisture_percent": 100.0 * self._moisture,
            "temperature_c": self._temperature_c,
            "conductivity": 300.0 + 1500.0 * self._moisture,
            "ph": 6.6 + 0.1 * self.drift(600),
            "flow_m3_h": self._flow_m3_h,
            "volume_m3": self._volume_m3,
            "pressure_pa": 350_000.0 - 40_000.0 * self._flow_m3_h,
            "none": 0.0,
        }

    def control(self, name: str, value: float) -> None:
        """Open or close a valve."""
        base, _, index = name.partition("#")
        if base != "valve":
            raise KeyError(name)
        self._valves[int(index or 0)] = value
