"""A laboratory's protection: fume hoods, and cabinets for chemicals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from firmware_sims.world.area import Area
from firmware_sims.world.machine import Machine, towards


class FumeHood(Machine):
    """Velocity in the sash's opening is flow over area; the fan holds it at its setpoint."""

    shows: ClassVar[Mapping[str, tuple[str, str]]] = {
        "face velocity": ("velocity_m_s", "m/s"),
        "sash position": ("sash_percent", "%"),
        "sash": ("sash_percent", "%"),
        "flow": ("flow_m3_h", "m³/h"),
        "low flow alarm": ("is_low", ""),
        "sash alarm": ("is_high", ""),
        "occupied": ("occupied", ""),
    }
    obeys: ClassVar[Mapping[str, tuple[str, str]]] = {
        "fan": ("fan", ""),
        "velocity setpoint": ("setpoint_m_s", "m/s"),
    }
    begins: ClassVar[Mapping[str, float]] = {"fan": 1.0, "setpoint_m_s": 0.5}

    _OPENING_M2 = 0.9
    _FLOW_MAX_M3_H = 1600.0

    def __init__(self, room: Area, seed: int) -> None:
        self._sash = 0.1
        self._setpoint_m_s = 0.5
        self._fan = 1.0
        self._flow_m3_h = 200.0
        super().__init__(room, seed)

    def step(self, local_s: float, step_s: float) -> None:
        """Somebody works with the sash half open, and closes it on leaving."""
        del local_s
        works = self.room.quantity("people") > 0
        self._sash = towards(
            self._sash, 0.3 + 0.15 * self.drift(120) if works else 0.05, step_s / 5
        )
        wanted = 3600 * self._setpoint_m_s * self._OPENING_M2 * self._sash if self._fan > 0 else 0.0
        self._flow_m3_h = towards(self._flow_m3_h, min(wanted, self._FLOW_MAX_M3_H), step_s / 4)
        self.room.influence("air_m3_h", self.seed, self._flow_m3_h)

    @property
    def _velocity_m_s(self) -> float:
        return self._flow_m3_h / 3600 / (self._OPENING_M2 * self._sash)

    def table(self) -> Mapping[str, float]:
        """Flow, sash and alarms."""
        return {
            "velocity_m_s": self._velocity_m_s,
            "sash_percent": 100.0 * self._sash,
            "flow_m3_h": self._flow_m3_h,
            "is_low": float(self._velocity_m_s < 0.3),
            "is_high": float(self._sash > 0.5),
            "occupied": self.room.quantity("occupied"),
        }

    def control(self, name: str, value: float) -> None:
        """Switch the fan or set the velocity."""
        if name == "fan":
            self._fan = value
        elif name == "setpoint_m_s":
            self._setpoint_m_s = value
        else:
            raise KeyError(name)


class ChemicalCabinet(Machine):
    """A locked cabinet on scales: somebody with a badge takes something out now and then."""

    shows: ClassVar[Mapping[str, tuple[str, str]]] = {
        "door": ("is_open", ""),
        "door open": ("is_open", ""),
        "voc": ("voc_ppm", "ppm"),
        "temperature": ("temperature_c", "°C"),
        "humidity": ("humidity_percent", "%RH"),
        "relative humidity": ("humidity_percent", "%RH"),
        "weight": ("weight_kg", "kg"),
        "badge": ("badge", ""),
        "leak": ("leak", ""),
        "extraction running": ("extraction", ""),
        "held open": ("is_long_open", ""),
        "forced": ("none", ""),
    }
    obeys: ClassVar[Mapping[str, tuple[str, str]]] = {
        "extraction": ("extraction", ""),
        "lock": ("lock", ""),
    }
    begins: ClassVar[Mapping[str, float]] = {"extraction": 1.0, "lock": 1.0}

    def __init__(self, room: Area, seed: int) -> None:
        self._open_left_s = 0.0
        self._open_for_s = 0.0
        self._weight_kg = 38.0
        self._badge = 0.0
        self._voc_ppm = 2.0
        self._extraction = 1.0
        self._is_locked = True
        super().__init__(room, seed)

    def step(self, local_s: float, step_s: float) -> None:
        """Vapour gathers inside; extraction takes it away."""
        del local_s
        some_day = self.room.quantity("people") > 0 and self.shake(1) > 1 - 0.002 * step_s
        if self._open_left_s <= 0 and some_day:
            self._open_left_s = 40.0 + 20.0 * self.shake(2)
            self._badge = float(1000 + int(50 * (self.shake(3) + 1)))
            self._weight_kg = max(20.0, self._weight_kg - 0.25 * (self.shake(4) + 1))
        self._open_left_s -= step_s
        self._open_for_s = self._open_for_s + step_s if self._open_left_s > 0 else 0.0
        target = 3.0 if self._extraction > 0 else 60.0
        if self._open_left_s > 0:
            target *= 0.4
        self._voc_ppm = towards(self._voc_ppm, target, step_s / 180)

    def table(self) -> Mapping[str, float]:
        """Door, scales and air inside."""
        return {
            "is_open": float(self._open_left_s > 0),
            "is_long_open": float(self._open_for_s > 60),
            "voc_ppm": self._voc_ppm,
            "temperature_c": self.room.quantity("temperature") - 0.5,
            "humidity_percent": self.room.quantity("humidity"),
            "weight_kg": self._weight_kg,
            "badge": self._badge,
            "leak": self.room.quantity("leak"),
            "extraction": self._extraction,
            "none": 0.0,
        }

    def control(self, name: str, value: float) -> None:
        """Switch the extraction, or lock."""
        if name == "extraction":
            self._extraction = value
        elif name == "lock":
            self._is_locked = value > 0
        else:
            raise KeyError(name)
