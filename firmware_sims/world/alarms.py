"""What alarms people: detectors of gas, fire panels, panic buttons."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from firmware_sims.world.area import Area
from firmware_sims.world.machine import Machine, towards

_LEL_PPM_PER_PERCENT = 500.0
"""Methane explodes from 5 % by volume, so 1 %LEL is 500 ppm (IEC 60079-20-1)."""


class GasDetector(Machine):
    """Sees the gas of a chemical store, elsewhere next to nothing; alarms at 25 and 50 ppm."""

    shows: ClassVar[Mapping[str, tuple[str, str]]] = {
        "concentration": ("gas_ppm", "ppm"),
        "concentration lel": ("lel_percent", "%LEL"),
        "gas": ("gas_ppm", "ppm"),
        "low alarm": ("is_low", ""),
        "high alarm": ("is_high", ""),
        "over range": ("is_over", ""),
        "days since service": ("days_s", "s"),
        "max days": ("year_s", "s"),
        "full scale": ("full_ppm", "ppm"),
    }

    def step(self, local_s: float, step_s: float) -> None:
        """A detector remembers nothing."""

    @property
    def _gas_ppm(self) -> float:
        known = "gas" in self.room.quantities()
        gas_ppm = self.room.quantity("gas") if known else 0.5
        return max(0.0, gas_ppm + 0.4 * self.shake())

    def table(self) -> Mapping[str, float]:
        """Concentration and what it gives rise to."""
        gas_ppm = self._gas_ppm
        return {
            "gas_ppm": gas_ppm,
            "lel_percent": gas_ppm / _LEL_PPM_PER_PERCENT,
            "is_low": float(gas_ppm >= 25),
            "is_high": float(gas_ppm >= 50),
            "is_over": float(gas_ppm > 1000),
            "days_s": 40 * 86_400.0,
            "year_s": 365 * 86_400.0,
            "full_ppm": 1000.0,
        }


class FirePanel(Machine):
    """Smoke when its area has a `fire`; the alarm stays until somebody resets it."""

    shows: ClassVar[Mapping[str, tuple[str, str]]] = {
        "smoke density": ("smoke_percent", "%"),
        "fire alarm": ("alarm", ""),
        "pre alarm": ("pre_alarm", ""),
        "alarm fire": ("alarm", ""),
        "alarm alert": ("pre_alarm", ""),
        "alarm action": ("pre_alarm", ""),
        "relay fire": ("alarm", ""),
        "relay alert": ("pre_alarm", ""),
        "zones": ("alarm", ""),
        "mains fault": ("mains_fault", ""),
        "fan speed": ("fan_rpm", "rpm"),
        "lifetime": ("life_s", "s"),
    }
    obeys: ClassVar[Mapping[str, tuple[str, str]]] = {
        "reset": ("reset", ""),
        "silence": ("reset", ""),
    }

    def __init__(self, room: Area, seed: int) -> None:
        self._smoke = 0.0
        self._is_alarmed = False
        super().__init__(room, seed)

    def step(self, local_s: float, step_s: float) -> None:
        """Smoke comes and goes."""
        del local_s
        self._smoke = towards(self._smoke, self.room.quantity("fire"), step_s / 30)
        if self._smoke > 0.5:
            self._is_alarmed = True

    def table(self) -> Mapping[str, float]:
        """Smoke and alarms."""
        return {
            "smoke_percent": 100.0 * self._smoke + 0.5 + 0.3 * self.drift(30),
            "alarm": float(self._is_alarmed),
            "pre_alarm": float(self._smoke > 0.2 or self._is_alarmed),
            "mains_fault": float(self.room.quantity("mains") <= 0),
            "fan_rpm": 2850.0 + 60.0 * self.drift(20, 1),
            "life_s": 900 * 86_400.0,
        }

    def control(self, name: str, value: float) -> None:
        """Reset the alarm."""
        if name != "reset":
            raise KeyError(name)
        if value > 0:
            self._is_alarmed = False


class AlarmButton(Machine):
    """Pressed while its area's `panic` is on, and a moment longer."""

    shows: ClassVar[Mapping[str, tuple[str, str]]] = {
        "pressed": ("is_pressed", ""),
        "alarm": ("is_pressed", ""),
        "battery low": ("none", ""),
    }

    _HOLDS_S = 5.0

    def __init__(self, room: Area, seed: int) -> None:
        self._left_s = 0.0
        super().__init__(room, seed)

    def step(self, local_s: float, step_s: float) -> None:
        """Go on."""
        del local_s
        pressed = self.room.quantity("panic") > 0
        self._left_s = self._HOLDS_S if pressed else max(0.0, self._left_s - step_s)

    def table(self) -> Mapping[str, float]:
        """Whether it is pressed."""
        return {"is_pressed": float(self._left_s > 0), "none": 0.0}
