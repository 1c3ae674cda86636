"""Pumps and the frequency converters that drive them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from firmware_sims.world.area import Area
from firmware_sims.world.machine import Machine, towards


class PumpDrive(Machine):
    """A frequency converter on a pump: it ramps to its setpoint, and current follows the load.

    Affinity laws: pressure goes with the square of the speed, power with its cube.
    """

    shows: ClassVar[Mapping[str, tuple[str, str]]] = {
        "output frequency": ("frequency_hz", "Hz"),
        "frequency": ("frequency_hz", "Hz"),
        "frequency reference": ("reference_hz", "Hz"),
        "frequency percent": ("frequency_percent", "%"),
        "output frequency percent": ("frequency_percent", "%"),
        "frequency reference percent": ("reference_percent", "%"),
        "current": ("current_a", "A"),
        "power": ("power_w", "W"),
        "speed": ("speed_rpm", "rpm"),
        "motor voltage": ("motor_v", "V"),
        "dc voltage": ("dc_v", "V"),
        "dc link voltage": ("dc_v", "V"),
        "thermal load": ("thermal_percent", "%"),
        "heatsink temperature": ("heatsink_c", "°C"),
        "running": ("is_running", ""),
        "ready": ("one", ""),
        "remote control": ("one", ""),
        "pressure": ("pressure_pa", "Pa"),
        "flow": ("flow_m3_h", "m³/h"),
        "operating time": ("hours_s", "s"),
        "running hours": ("hours_s", "s"),
        "energy": ("energy_wh", "Wh"),
    }
    obeys: ClassVar[Mapping[str, tuple[str, str]]] = {
        "run": ("is_on", ""),
        "start": ("is_on", ""),
        "frequency setpoint": ("setpoint_hz", "Hz"),
        "setpoint": ("setpoint_percent", "%"),
        "frequency reference": ("setpoint_hz", "Hz"),
    }
    begins: ClassVar[Mapping[str, float]] = {
        "is_on": 1.0,
        "setpoint_hz": 40.0,
        "setpoint_percent": 80.0,
    }

    _RATED_HZ = 50.0
    _RATED_W = 4000.0
    _RAMP_HZ_S = 5.0

    def __init__(self, room: Area, seed: int) -> None:
        self._is_on = True
        self._setpoint_hz = 40.0
        self._frequency_hz = 0.0
        self._heatsink_c = 30.0
        self._hours_s = 3600.0 * 1200
        self._energy_wh = 2.0e6
        super().__init__(room, seed)

    def step(self, local_s: float, step_s: float) -> None:
        """Ramp."""
        del local_s
        target_hz = self._setpoint_hz if self._is_on else 0.0
        change = self._RAMP_HZ_S * step_s
        difference = target_hz - self._frequency_hz
        self._frequency_hz += max(-change, min(change, difference))
        self._heatsink_c = towards(self._heatsink_c, 28.0 + 35.0 * self._speed**3, step_s / 300)
        if self._frequency_hz > 0.1:
            self._hours_s += step_s
        self._energy_wh += self._power_w * step_s / 3600

    @property
    def _speed(self) -> float:
        return self._frequency_hz / self._RATED_HZ

    @property
    def _power_w(self) -> float:
        return self._RATED_W * self._speed**3 if self._frequency_hz > 0.1 else 0.0

    def table(self) -> Mapping[str, float]:
        """Motor, converter and water."""
        motor_v = 400.0 * min(1.0, self._speed)
        load = self._speed**2
        runs = self._frequency_hz > 0.1
        return {
            "frequency_hz": self._frequency_hz,
            "reference_hz": self._setpoint_hz,
            "frequency_percent": 100.0 * self._speed,
            "reference_percent": 100.0 * self._setpoint_hz / self._RATED_HZ,
            "current_a": (2.5 + 6.0 * load) if runs else 0.0,
            "power_w": self._power_w,
            "speed_rpm": 1450.0 * self._speed,
            "motor_v": motor_v,
            "dc_v": 560.0 + 4.0 * self.drift(30),
            "thermal_percent": 70.0 * load,
            "heatsink_c": self._heatsink_c,
            "is_running": float(runs),
            "one": 1.0,
            "pressure_pa": 600_000.0 * load,
            "flow_m3_h": 18.0 * self._speed,
            "hours_s": self._hours_s,
            "energy_wh": self._energy_wh,
        }

    def control(self, name: str, value: float) -> None:
        """Start, stop, or set the speed."""
        if name == "is_on":
            self._is_on = value > 0
        elif name == "setpoint_hz":
            self._setpoint_hz = value
        elif name == "setpoint_percent":
            self._setpoint_hz = value * self._RATED_HZ / 100
        else:
            raise KeyError(name)

    def words(self, name: str) -> Sequence[str]:
        """What its state is called."""
        return ("running", "on") if name == "is_running" and self._frequency_hz > 0.1 else ()
