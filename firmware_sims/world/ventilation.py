"""Ventilation units: supply and exhaust air, with a heat exchanger."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from firmware_sims.world.area import Area
from firmware_sims.world.machine import Machine, towards

_AIR_WH_M3_K = 0.335
"""1.2 kg/m³ and 1005 J/(kg·K)."""


class VentilationUnit(Machine):
    """Supply and exhaust fans with a heat exchanger: more fan, less CO2 in the area."""

    shows: ClassVar[Mapping[str, tuple[str, str]]] = {
        "supply temperature": ("supply_c", "°C"),
        "exhaust temperature": ("exhaust_c", "°C"),
        "extract temperature": ("room_c", "°C"),
        "outdoor temperature": ("outdoor_c", "°C"),
        "room temperature": ("room_c", "°C"),
        "antifreeze temperature": ("supply_c", "°C"),
        "return water temperature": ("water_c", "°C"),
        "air flow": ("flow_m3_h", "m³/h"),
        "supply pressure": ("supply_pa", "Pa"),
        "exhaust pressure": ("supply_pa", "Pa"),
        "filter pressure": ("filter_pa", "Pa"),
        "filter dirty": ("is_dirty", ""),
        "fan output": ("fan_v", "V"),
        "rotor output": ("rotor_v", "V"),
        "heater output": ("none", "V"),
        "cooler output": ("none", "V"),
        "input": ("fan_v", "V"),
        "fan speed": ("fan_rpm", "rpm"),
        "co2": ("co2_ppm", "ppm"),
        "humidity": ("humidity_percent", "%RH"),
        "fault": ("none", ""),
    }
    obeys: ClassVar[Mapping[str, tuple[str, str]]] = {
        "power": ("is_on", ""),
        "fan stage": ("stage", ""),
        "fan speed": ("stage", ""),
        "fan": ("fan_percent", "%"),
        "air flow": ("flow_m3_h", "m³/h"),
    }
    begins: ClassVar[Mapping[str, float]] = {
        "is_on": 1.0,
        "stage": 1.0,
        "fan_percent": 40.0,
        "flow_m3_h": 480.0,
    }

    _FULL_M3_H = 1200.0
    _RECOVERY = 0.75
    _STAGES = 3.0

    def __init__(self, room: Area, seed: int) -> None:
        self._is_on = True
        self._part = 1.0 / 3.0
        self._fan = 0.0
        self._filter = 0.3
        super().__init__(room, seed)

    def step(self, local_s: float, step_s: float) -> None:
        """The fan follows; filters clog over months."""
        del local_s
        self._fan = towards(self._fan, self._part if self._is_on else 0.0, step_s / 20)
        self._filter += self._fan * step_s / (200 * 86_400)
        self.room.influence("air_m3_h", self.seed, self._flow_m3_h)
        # the area already loses the warmth of all its air; what is recovered comes back
        lost_k = self.room.quantity("temperature") - self.room.quantity("outdoor_c")
        recovered_w = _AIR_WH_M3_K * self._flow_m3_h * self._RECOVERY * lost_k
        self.room.influence("heat_w", self.seed, recovered_w)
        self.room.influence("power_w", self.seed, 300.0 * self._fan**3)

    @property
    def _flow_m3_h(self) -> float:
        return self._FULL_M3_H * self._fan

    def table(self) -> Mapping[str, float]:
        """Air, fans and filters."""
        outdoor_c, room_c = self.room.quantity("outdoor_c"), self.room.quantity("temperature")
        supply_c = outdoor_c + self._RECOVERY * (room_c - outdoor_c)
        dirt = min(1.0, self._filter)
        return {
            "supply_c": supply_c,
            "exhaust_c": room_c - self._RECOVERY * (room_c - outdoor_c),
            "outdoor_c": outdoor_c,
            "room_c": room_c,
            "water_c": 30.0,
            "flow_m3_h": self._flow_m3_h,
            "supply_pa": 250.0 * self._fan**2,
            "filter_pa": (60.0 + 240.0 * dirt) * self._fan**2,
            "is_dirty": float(dirt >= 1.0),
            "fan_v": 10.0 * self._fan,
            "rotor_v": 10.0 if self._fan > 0.05 else 0.0,
            "fan_rpm": 2600.0 * self._fan,
            "co2_ppm": self.room.quantity("co2"),
            "humidity_percent": self.room.quantity("humidity"),
            "none": 0.0,
        }

    def control(self, name: str, value: float) -> None:
        """Switch it or set its fan."""
        base = name.partition("#")[0]
        if base == "is_on":
            self._is_on = value > 0
        elif base == "stage":
            self._part = max(0.0, min(1.0, value / self._STAGES))
        elif base == "fan_percent":
            self._part = max(0.0, min(1.0, value / 100))
        elif base == "flow_m3_h":
            self._part = max(0.0, min(1.0, value / self._FULL_M3_H))
        else:
            raise KeyError(name)
