"""Sources of electricity: solar panels, and supplies with a battery."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from firmware_sims.signals import noise
from firmware_sims.world.area import Area
from firmware_sims.world.electric import NOMINAL_V
from firmware_sims.world.machine import Machine, towards


class SolarInverter(Machine):
    """Panels in the daylight of the school, and what their inverter feeds in."""

    shows: ClassVar[Mapping[str, tuple[str, str]]] = {
        "active power": ("ac_w", "W"),
        "power": ("ac_w", "W"),
        "dc power": ("dc_w", "W"),
        "dc voltage": ("dc_v", "V"),
        "dc current": ("dc_a", "A"),
        "voltage": ("voltage_v", "V"),
        "current": ("current_a", "A"),
        "frequency": ("frequency_hz", "Hz"),
        "total yield": ("total_wh", "Wh"),
        "energy": ("total_wh", "Wh"),
        "today yield": ("today_wh", "Wh"),
        "temperature": ("temperature_c", "°C"),
        "state": ("state", ""),
    }
    obeys: ClassVar[Mapping[str, tuple[str, str]]] = {"power limit": ("limit_percent", "%")}
    begins: ClassVar[Mapping[str, float]] = {"limit_percent": 100.0}

    _PEAK_W = 30_000.0
    _FULL_LX = 100_000.0

    def __init__(self, room: Area, seed: int) -> None:
        self._sun = 0.0
        self._total_wh = 12_000_000.0 + 1_000_000.0 * noise(seed, 0)
        self._today_wh = 0.0
        self._day = -1
        self._limit_percent = 100.0
        super().__init__(room, seed)

    def step(self, local_s: float, step_s: float) -> None:
        """Go on; clouds come and go."""
        day = int(local_s // 86_400)
        if day != self._day:
            self._day, self._today_wh = day, 0.0
        light = self.room.surroundings.outdoor.daylight_lx(local_s) / self._FULL_LX
        self._sun = light * (0.8 + 0.2 * self.drift(120))
        self._today_wh += self._ac_w * step_s / 3600
        self._total_wh += self._ac_w * step_s / 3600

    @property
    def _ac_w(self) -> float:
        return min(self._sun * 0.97, self._limit_percent / 100) * self._PEAK_W

    def table(self) -> Mapping[str, float]:
        """DC side, AC side and counters; 0.97 is the inverter's efficiency."""
        dc_w = self._ac_w / 0.97
        dc_v = 620.0 + 60.0 * self._sun if self._sun > 0 else 0.0
        return {
            "ac_w": self._ac_w,
            "dc_w": dc_w,
            "dc_v": dc_v,
            "dc_a": dc_w / dc_v if dc_v else 0.0,
            "voltage_v": NOMINAL_V,
            "current_a": self._ac_w / (3 * NOMINAL_V),
            "frequency_hz": 50.0,
            "total_wh": self._total_wh,
            "today_wh": self._today_wh,
            "temperature_c": self.room.quantity("outdoor_c") + 28.0 * self._sun + 8.0,
            "state": float(self._ac_w > 0),
        }

    def part(self, name: str, index: int) -> float:
        """A phase's: all three carry the same."""
        del index
        whole = self.table()[name]
        return whole / 3 if name in ("ac_w", "total_wh", "today_wh") else whole

    def words(self, name: str) -> Sequence[str]:
        """What its state is called."""
        if name != "state":
            return ()
        running = ("mppt", "running", "grid", "feeding", "on", "normal", "ok")
        return running if self._ac_w > 0 else ("sleep", "standby", "waiting", "off", "stop")

    def control(self, name: str, value: float) -> None:
        """Hold its power down."""
        if name != "limit_percent":
            raise KeyError(name)
        self._limit_percent = value


class BatterySupply(Machine):
    """A UPS: with the mains (`mains` of its area) gone, the battery runs down."""

    shows: ClassVar[Mapping[str, tuple[str, str]]] = {
        "supply state": ("on_battery", ""),
        "battery state": ("on_battery", ""),
        "input voltage": ("input_v", "V"),
        "bypass voltage": ("input_v", "V"),
        "output voltage": ("output_v", "V"),
        "battery voltage": ("battery_v", "V"),
        "frequency": ("frequency_hz", "Hz"),
        "output frequency": ("output_hz", "Hz"),
        "load": ("load_percent", "%"),
        "output current": ("current_a", "A"),
        "output power": ("power_w", "W"),
        "apparent power": ("apparent_va", "VA"),
        "battery charge": ("charge_percent", "%"),
        "battery runtime": ("runtime_s", "s"),
        "temperature": ("temperature_c", "°C"),
        "low battery": ("is_low", ""),
        "rated power": ("rated_va", "VA"),
        "battery packs": ("one", ""),
        "capacity": ("charge_percent", "%"),
    }

    _RATED_VA = 2000.0
    _CAPACITY_WH = 400.0

    def __init__(self, room: Area, seed: int) -> None:
        self._charge_wh = self._CAPACITY_WH
        self._load_w = 600.0
        self._has_mains = True
        super().__init__(room, seed)

    def step(self, local_s: float, step_s: float) -> None:
        """Charge or discharge."""
        del local_s
        self._has_mains = self.room.quantity("mains") > 0
        self._load_w = 600.0 + 80.0 * self.drift(90)
        if self._has_mains:
            self._charge_wh = towards(self._charge_wh, self._CAPACITY_WH, step_s / 7200)
        else:
            self._charge_wh = max(0.0, self._charge_wh - self._load_w / 0.9 * step_s / 3600)

    def table(self) -> Mapping[str, float]:
        """Input, output and battery."""
        is_supplied = self._has_mains or self._charge_wh > 0
        load_w = self._load_w if is_supplied else 0.0
        charge = self._charge_wh / self._CAPACITY_WH
        input_v = NOMINAL_V + 3.0 * self.drift(20) if self._has_mains else 0.0
        return {
            "on_battery": float(not self._has_mains),
            "input_v": input_v,
            "output_v": 230.0 if is_supplied else 0.0,
            "battery_v": 44.0 + 10.0 * charge,
            "frequency_hz": 50.0 if self._has_mains else 0.0,
            "output_hz": 50.0 if is_supplied else 0.0,
            "power_w": load_w,
            "apparent_va": load_w / 0.9,
            "current_a": load_w / 0.9 / 230.0,
            "load_percent": 100.0 * load_w / 0.9 / self._RATED_VA,
            "charge_percent": 100.0 * charge,
            "runtime_s": 3600.0 * self._charge_wh * 0.9 / self._load_w,
            "temperature_c": 27.0 + (4.0 if not self._has_mains else 0.0),
            "is_low": float(charge < 0.2),
            "rated_va": self._RATED_VA,
            "one": 1.0,
        }

    def words(self, name: str) -> Sequence[str]:
        """What its state is called."""
        if name == "is_low":
            return ()
        if name != "on_battery":
            return ()
        if not self._has_mains:
            return ("battery", "discharging", "inverter")
        return ("charging", "float", "mains", "normal", "line", "online")
