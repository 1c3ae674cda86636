"""Electric loads, as meters and plugs see them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

from firmware_sims.signals import noise
from firmware_sims.world.area import Area
from firmware_sims.world.machine import Machine

NOMINAL_V = 228.0
PHASE_SHARES = (0.38, 0.33, 0.29)
"""How a building's load stands on its three phases."""


class Load(Machine):
    """What an area uses, as a meter sees it: energy is power over time, S² = P² + Q²."""

    shows: ClassVar[Mapping[str, tuple[str, str]]] = {
        "active power": ("power_w", "W"),
        "power": ("power_w", "W"),
        "reactive power": ("reactive_var", "var"),
        "apparent power": ("apparent_va", "VA"),
        "power factor": ("power_factor", ""),
        "voltage": ("voltage_v", "V"),
        "current": ("current_a", "A"),
        "frequency": ("frequency_hz", "Hz"),
        "energy": ("energy_wh", "Wh"),
        "active energy": ("energy_wh", "Wh"),
        "import energy": ("energy_wh", "Wh"),
        "export energy": ("export_wh", "Wh"),
        "reactive energy": ("reactive_varh", "varh"),
        "demand": ("power_w", "W"),
    }
    obeys: ClassVar[Mapping[str, tuple[str, str]]] = {"switch": ("switch", "")}
    begins: ClassVar[Mapping[str, float]] = {"switch": 1.0}

    def __init__(self, room: Area, seed: int, *, first_wh: float = 0.0) -> None:
        self._power_w = 0.0
        self._factor = 0.95
        self._voltage_v = NOMINAL_V
        self._energy_wh = first_wh
        self._reactive_varh = 0.3 * first_wh
        self._is_on = True
        super().__init__(room, seed)

    def step(self, local_s: float, step_s: float) -> None:
        """Go on."""
        del local_s
        self._power_w = self._used_w() if self._is_on else 0.0
        self._voltage_v = NOMINAL_V + 3.0 * self.drift(20)
        self._factor = 0.94 + 0.04 * self.drift(60, 1)
        self._energy_wh += self._power_w * step_s / 3600
        self._reactive_varh += self._reactive_var * step_s / 3600

    def _used_w(self) -> float:
        return self.room.quantity("power")

    @property
    def _reactive_var(self) -> float:
        return self._power_w * math.tan(math.acos(self._factor))

    def table(self) -> Mapping[str, float]:
        """The whole, over all phases."""
        apparent_va = self._power_w / self._factor
        return {
            "power_w": self._power_w,
            "reactive_var": self._reactive_var,
            "apparent_va": apparent_va,
            "power_factor": self._factor,
            "voltage_v": self._voltage_v,
            "current_a": apparent_va / self._voltage_v,
            "frequency_hz": 50.0 + 0.02 * self.drift(10, 2),
            "energy_wh": self._energy_wh,
            "export_wh": 0.0,
            "reactive_varh": self._reactive_varh,
        }

    def part(self, name: str, index: int) -> float:
        """A phase's, or a channel's: currents and energies sum up to the whole of three."""
        whole = self.table()[name]
        if name == "voltage_v":
            return whole + 1.5 * noise(self.seed, index)
        if name in ("power_factor", "frequency_hz"):
            return whole
        return whole * PHASE_SHARES[(index - 1) % len(PHASE_SHARES)]

    def control(self, name: str, value: float) -> None:
        """Switch it."""
        if name != "switch":
            raise KeyError(name)
        self._is_on = value > 0


class PluggedLoad(Load):
    """One appliance in a socket, used while people are there."""

    def _used_w(self) -> float:
        busy = self.room.quantity("occupied")
        return 3.0 + busy * (90.0 + 20.0 * self.drift(30, 3))
