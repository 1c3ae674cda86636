"""Water that stands: the swimming pool and tanks."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

from firmware_sims.world.area import Area
from firmware_sims.world.machine import Machine, towards


class Pool(Machine):
    """Water that loses chlorine to sun and swimmers, and gets it back from its pump.

    The redox potential follows the free chlorine's logarithm, 60 mV a decade at pH 7.2.
    """

    shows: ClassVar[Mapping[str, tuple[str, str]]] = {
        "ph": ("ph", "pH"),
        "chlorine": ("chlorine_mg_l", "mg/l"),
        "free chlorine": ("chlorine_mg_l", "mg/l"),
        "orp": ("orp_v", "V"),
        "redox": ("orp_v", "V"),
        "turbidity": ("turbidity", "NTU"),
        "temperature": ("temperature_c", "°C"),
        "conductivity": ("conductivity", "µS/cm"),
        "level": ("level_m", "m"),
    }
    obeys: ClassVar[Mapping[str, tuple[str, str]]] = {"pump": ("pump", ""), "dosing": ("pump", "")}

    def __init__(self, room: Area, seed: int) -> None:
        self._chlorine_mg_l = 0.6
        self._ph = 7.2
        self._turbidity = 0.2
        self._pump: float | None = None
        super().__init__(room, seed)

    def step(self, local_s: float, step_s: float) -> None:
        """Until somebody writes to it, the pump doses by itself below 0.5 mg/l."""
        del local_s
        swimmers = self.room.quantity("people")
        used_mg_l = (0.02 + 0.004 * swimmers) * step_s / 3600
        self._chlorine_mg_l = max(0.0, self._chlorine_mg_l - used_mg_l)
        doses = self._chlorine_mg_l < 0.5 if self._pump is None else self._pump > 0
        if doses:
            self._chlorine_mg_l = towards(self._chlorine_mg_l, 1.0, step_s / 3600)
        self._turbidity = towards(self._turbidity, 0.2 + 0.01 * swimmers, step_s / 3600)
        self._ph = 7.2 + 0.15 * self.drift(1200)

    def table(self) -> Mapping[str, float]:
        """The water."""
        chlorine = max(0.01, self._chlorine_mg_l)
        return {
            "ph": self._ph,
            "chlorine_mg_l": self._chlorine_mg_l,
            "orp_v": 0.72 + 0.06 * math.log10(chlorine / 0.5) - 0.03 * (self._ph - 7.2),
            "turbidity": self._turbidity,
            "temperature_c": 27.0 + 0.3 * self.drift(900, 1),
            "conductivity": 1800.0,
            "level_m": 1.35 + 0.005 * self.drift(60, 2),
        }

    def control(self, name: str, value: float) -> None:
        """Switch the dosing pump."""
        if name != "pump":
            raise KeyError(name)
        self._pump = value


class Tank(Machine):
    """A water tank that people empty and a pump fills between 30 and 90 percent."""

    shows: ClassVar[Mapping[str, tuple[str, str]]] = {
        "level": ("level_m", "m"),
        "fill": ("fill_percent", "%"),
        "high level": ("is_high", ""),
        "low level": ("is_low", ""),
        "volume": ("volume_m3", "m³"),
    }

    _HEIGHT_M = 2.0

    def __init__(self, room: Area, seed: int) -> None:
        self._part = 0.7
        self._fills = False
        super().__init__(room, seed)

    def step(self, local_s: float, step_s: float) -> None:
        """Go on."""
        del local_s
        if self._part < 0.3:
            self._fills = True
        elif self._part > 0.9:
            self._fills = False
        used = (0.01 + 0.002 * self.room.quantity("people")) * step_s / 3600
        gained = 0.8 * step_s / 3600 if self._fills else 0.0
        self._part = max(0.0, min(1.0, self._part - used + gained))

    def table(self) -> Mapping[str, float]:
        """How full it is."""
        return {
            "level_m": self._HEIGHT_M * self._part,
            "fill_percent": 100.0 * self._part,
            "is_high": float(self._part > 0.95),
            "is_low": float(self._part < 0.2),
            "volume_m3": 8.0 * self._part,
        }
