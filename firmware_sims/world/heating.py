"""Heat in pipes: boilers, heat pumps, and the meters in their circuits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from firmware_sims.signals import noise
from firmware_sims.world.area import Area
from firmware_sims.world.machine import Machine, towards

WATER_WH_M3_K = 1163.0
"""4.187 kJ/(kg·K) and 1000 kg/m³."""


class Heating(Machine):
    """A heating circuit with what heats it: power = flow · ΔT · c, by the weather's curve.

    Serves boilers, heat pumps and the heat meters in such a circuit. What is written (power,
    setpoint) acts, and the heat goes to the area.
    """

    shows: ClassVar[Mapping[str, tuple[str, str]]] = {
        "flow temperature": ("flow_c", "°C"),
        "outgoing temperature": ("flow_c", "°C"),
        "return temperature": ("return_c", "°C"),
        "temperature difference": ("spread_k", "K"),
        "storage temperature": ("flow_c", "°C"),
        "hot water temperature": ("hot_water_c", "°C"),
        "hot gas temperature": ("hot_gas_c", "°C"),
        "flue gas temperature": ("flue_c", "°C"),
        "outdoor temperature": ("outdoor_c", "°C"),
        "source temperature": ("outdoor_c", "°C"),
        "collector temperature": ("outdoor_c", "°C"),
        "room temperature": ("room_c", "°C"),
        "flow": ("flow_m3_h", "m³/h"),
        "volume": ("volume_m3", "m³"),
        "power": ("heat_w", "W"),
        "active power": ("electric_w", "W"),
        "heat energy": ("heat_wh", "Wh"),
        "energy": ("heat_wh", "Wh"),
        "heating energy": ("heat_wh", "Wh"),
        "hot water energy": ("hot_water_wh", "Wh"),
        "consumed energy": ("electric_wh", "Wh"),
        "consumed energy heating": ("electric_wh", "Wh"),
        "consumed energy hot water": ("electric_water_wh", "Wh"),
        "cooling energy": ("none", "Wh"),
        "burner": ("is_running", ""),
        "compressor": ("is_running", ""),
        "modulation": ("modulation_percent", "%"),
        "pressure": ("pressure_pa", "Pa"),
    }
    obeys: ClassVar[Mapping[str, tuple[str, str]]] = {
        "power": ("is_on", ""),
        "temperature setpoint": ("setpoint_c", "°C"),
        "setpoint": ("setpoint_c", "°C"),
    }
    begins: ClassVar[Mapping[str, float]] = {"is_on": 1.0, "setpoint_c": 55.0}

    _RATED_W = 24_000.0
    _RATED_M3_H = 1.4

    def __init__(self, room: Area, seed: int) -> None:
        self._is_on = True
        self._setpoint_c = 55.0
        self._flow_c = self._return_c = 30.0
        self._heat_wh = 4.0e7 * (1.0 + 0.5 * noise(seed, 0))
        self._electric_wh = self._heat_wh / 3.4
        self._volume_m3 = self._heat_wh / WATER_WH_M3_K / 12
        super().__init__(room, seed)

    def step(self, local_s: float, step_s: float) -> None:
        """The flow goes to what the weather asks for; what comes back has heated the rooms."""
        del local_s
        outdoor_c = self.room.quantity("outdoor_c")
        room_c = self.room.quantity("temperature")
        asked_c = min(self._setpoint_c, 22.0 + 1.4 * max(0.0, 20.0 - outdoor_c))
        target_c = asked_c if self._is_on and room_c < 24.0 else room_c
        self._flow_c = towards(self._flow_c, target_c, step_s / 600)
        return_c = room_c + 0.62 * max(0.0, self._flow_c - room_c)
        self._return_c = min(self._flow_c, return_c)
        heat_wh = self._heat_w * step_s / 3600
        self._heat_wh += heat_wh
        self._electric_wh += heat_wh / 3.4
        self._volume_m3 += self._flow_m3_h * step_s / 3600
        self.room.influence("heat_w", self.seed, 0.15 * self._heat_w)

    @property
    def _flow_m3_h(self) -> float:
        return self._RATED_M3_H if self._is_on else 0.0

    @property
    def _heat_w(self) -> float:
        return WATER_WH_M3_K * self._flow_m3_h * (self._flow_c - self._return_c)

    def table(self) -> Mapping[str, float]:
        """Temperatures, flow, powers and counters."""
        running = self._is_on and self._heat_w > 200
        part = min(1.0, self._heat_w / self._RATED_W)
        return {
            "flow_c": self._flow_c,
            "return_c": self._return_c,
            "spread_k": self._flow_c - self._return_c,
            "hot_water_c": 50.0 + 2.0 * self.drift(900),
            "hot_gas_c": self._flow_c + (25.0 if running else 0.0),
            "flue_c": 40.0 + 60.0 * part if running else 25.0,
            "outdoor_c": self.room.quantity("outdoor_c"),
            "room_c": self.room.quantity("temperature"),
            "flow_m3_h": self._flow_m3_h,
            "volume_m3": self._volume_m3,
            "heat_w": self._heat_w,
            "electric_w": self._heat_w / 3.4,
            "heat_wh": self._heat_wh,
            "hot_water_wh": 0.25 * self._heat_wh,
            "electric_wh": self._electric_wh,
            "electric_water_wh": 0.25 * self._electric_wh,
            "none": 0.0,
            "is_running": float(running),
            "modulation_percent": 100.0 * part,
            "pressure_pa": 160_000.0 + 400.0 * (self._flow_c - 30.0),
        }

    def control(self, name: str, value: float) -> None:
        """Switch it, or set the highest temperature of its flow."""
        if name == "is_on":
            self._is_on = value > 0
        elif name == "setpoint_c":
            self._setpoint_c = value
        else:
            raise KeyError(name)
