"""Refrigerators and freezers: a two-point controller, doors that are opened, defrosting."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from firmware_sims.signals import noise
from firmware_sims.world.area import Area
from firmware_sims.world.machine import Machine, towards

_DEFROST_EVERY_S = 6 * 3600
_DEFROST_S = 20 * 60


class Refrigerator(Machine):
    """Cold air that warms through the walls and faster through an open door.

    The compressor runs from one kelvin above the setpoint down to it.
    """

    shows: ClassVar[Mapping[str, tuple[str, str]]] = {
        "temperature": ("air_c", "°C"),
        "air temperature": ("air_c", "°C"),
        "displayed temperature": ("air_c", "°C"),
        "evaporator temperature": ("evaporator_c", "°C"),
        "temperature setpoint": ("setpoint_c", "°C"),
        "door open": ("is_open", ""),
        "door": ("is_open", ""),
        "compressor": ("is_cooling", ""),
        "cooling relay": ("is_cooling", ""),
        "fan relay": ("fan", ""),
        "defrost relay": ("is_defrosting", ""),
        "defrosting": ("is_defrosting", ""),
        "high temperature alarm": ("is_warm", ""),
        "door alarm": ("is_long_open", ""),
        "alarm": ("is_warm", ""),
        "humidity": ("humidity_percent", "%RH"),
    }
    obeys: ClassVar[Mapping[str, tuple[str, str]]] = {"setpoint": ("setpoint_c", "°C")}
    begins: ClassVar[Mapping[str, float]] = {"setpoint_c": 4.0}

    def __init__(self, room: Area, seed: int) -> None:
        self._setpoint_c = 4.0
        self._air_c = 5.0
        self._evaporator_c = -2.0
        self._is_cooling = True
        self._open_left_s = 0.0
        self._open_for_s = 0.0
        self._clock_s = _DEFROST_EVERY_S * 0.5 * (1 + noise(seed, 0))
        super().__init__(room, seed)

    @property
    def _is_defrosting(self) -> bool:
        return self._clock_s % _DEFROST_EVERY_S < _DEFROST_S

    def step(self, local_s: float, step_s: float) -> None:
        """Go on; while people are there, somebody opens the door now and then."""
        del local_s
        self._clock_s += step_s
        somebody = self.room.quantity("occupied") > 0 or self.room.quantity("people") > 0
        chance = (0.002 if somebody else 0.0) * step_s
        if self._open_left_s <= 0 and self.shake(1) > 1 - 2 * min(0.5, chance):
            self._open_left_s = 12.0 + 10.0 * self.shake(2)
        is_open = self._open_left_s > 0
        self._open_left_s -= step_s
        self._open_for_s = self._open_for_s + step_s if is_open else 0.0
        if self._air_c > self._setpoint_c + 1.0:
            self._is_cooling = True
        elif self._air_c <= self._setpoint_c:
            self._is_cooling = False
        warmth_c = self.room.quantity("temperature")
        self._air_c = towards(self._air_c, warmth_c, step_s / (600 if is_open else 9000))
        if self._runs:
            self._air_c = towards(self._air_c, self._setpoint_c - 10.0, step_s / 1200)
        target_c = 6.0 if self._is_defrosting else self._air_c - (8.0 if self._runs else 1.0)
        self._evaporator_c = towards(self._evaporator_c, target_c, step_s / 120)

    @property
    def _runs(self) -> bool:
        return self._is_cooling and not self._is_defrosting

    def table(self) -> Mapping[str, float]:
        """Temperatures and what runs."""
        return {
            "air_c": self._air_c,
            "evaporator_c": self._evaporator_c,
            "setpoint_c": self._setpoint_c,
            "is_open": float(self._open_left_s > 0),
            "is_long_open": float(self._open_for_s > 60),
            "is_cooling": float(self._runs),
            "is_defrosting": float(self._is_defrosting),
            "fan": float(not self._is_defrosting),
            "is_warm": float(self._air_c > self._setpoint_c + 6.0),
            "humidity_percent": 60.0 + 5.0 * self.drift(60),
        }

    def control(self, name: str, value: float) -> None:
        """Set the temperature."""
        if name != "setpoint_c":
            raise KeyError(name)
        self._setpoint_c = value
