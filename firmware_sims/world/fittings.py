"""Small things in a room: curtains, sports equipment, sensors of presence and of air."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from firmware_sims.world.area import Area
from firmware_sims.world.machine import Machine, towards


class Curtain(Machine):
    """A motor that takes half a minute from closed to open."""

    shows: ClassVar[Mapping[str, tuple[str, str]]] = {
        "position": ("percent", "%"),
        "moving": ("is_moving", ""),
    }
    obeys: ClassVar[Mapping[str, tuple[str, str]]] = {
        "position": ("target_percent", "%"),
        "command": ("command", ""),
    }
    begins: ClassVar[Mapping[str, float]] = {"target_percent": 100.0}

    _WHOLE_WAY_S = 30.0

    def __init__(self, room: Area, seed: int) -> None:
        self._percent = 100.0
        self._target_percent = 100.0
        super().__init__(room, seed)

    def step(self, local_s: float, step_s: float) -> None:
        """Move."""
        del local_s
        way = 100.0 * step_s / self._WHOLE_WAY_S
        self._percent += max(-way, min(way, self._target_percent - self._percent))

    def table(self) -> Mapping[str, float]:
        """Where it is."""
        return {
            "percent": self._percent,
            "is_moving": float(self._percent != self._target_percent),
        }

    def control(self, name: str, value: float) -> None:
        """Go to a position; a command is told by `mode_means`: 1 opens, -1 closes, 0 stops."""
        if name == "target_percent":
            self._target_percent = max(0.0, min(100.0, value))
        elif name == "command":
            self._target_percent = {1.0: 100.0, -1.0: 0.0}.get(value, self._percent)
        else:
            raise KeyError(name)


class Exerciser(Machine):
    """A treadmill, a strength machine, a hoop: used while people are there, in bouts."""

    shows: ClassVar[Mapping[str, tuple[str, str]]] = {
        "in use": ("in_use", ""),
        "speed": ("speed_m_s", "m/s"),
        "distance": ("distance_m", "m"),
        "running hours": ("hours_s", "s"),
        "hours": ("hours_s", "s"),
        "repetitions": ("repetitions", ""),
        "tilt": ("tilt_degrees", "°"),
        "vibration": ("vibration_mm_s", "mm/s"),
        "tilt alarm": ("is_tilted", ""),
        "emergency stop": ("panic", ""),
        "temperature": ("motor_c", "°C"),
        "motor temperature": ("motor_c", "°C"),
    }

    _BOUT_STEPS = 240

    def __init__(self, room: Area, seed: int) -> None:
        self._speed_m_s = 0.0
        self._distance_m = 812_000.0
        self._hours_s = 3600.0 * 420
        self._repetitions = 15_400.0
        self._motor_c = 24.0
        super().__init__(room, seed)

    @property
    def _in_use(self) -> bool:
        stopped = self.room.quantity("panic") > 0
        return (
            self.room.quantity("people") > 0 and not stopped and self.drift(self._BOUT_STEPS) > -0.4
        )

    def step(self, local_s: float, step_s: float) -> None:
        """Go on."""
        del local_s
        target_m_s = 2.4 + 0.4 * self.drift(40, 1) if self._in_use else 0.0
        self._speed_m_s = towards(self._speed_m_s, target_m_s, step_s / 4)
        self._distance_m += self._speed_m_s * step_s
        if self._in_use:
            self._hours_s += step_s
            self._repetitions += step_s / 3.0
        self._motor_c = towards(self._motor_c, 24.0 + 14.0 * self._speed_m_s, step_s / 600)

    def table(self) -> Mapping[str, float]:
        """Counters and what a sensor on it feels."""
        moves = self._speed_m_s / 2.4
        tilt_degrees = 0.6 + 0.3 * self.drift(60, 2) + 1.2 * moves * self.shake(1)
        return {
            "in_use": float(self._in_use),
            "speed_m_s": self._speed_m_s,
            "distance_m": self._distance_m,
            "hours_s": self._hours_s,
            "repetitions": float(int(self._repetitions)),
            "tilt_degrees": abs(tilt_degrees),
            "vibration_mm_s": 0.2 + 4.0 * moves + 0.1 * (1 + self.shake(2)),
            "is_tilted": float(abs(tilt_degrees) > 15),
            "panic": self.room.quantity("panic"),
            "motor_c": self._motor_c,
        }


class AirSensor(Machine):
    """What people bring into a room's air beside CO2: dust, and vapours."""

    shows: ClassVar[Mapping[str, tuple[str, str]]] = {
        "pm1": ("pm1", "µg/m³"),
        "pm25": ("pm25", "µg/m³"),
        "pm4": ("pm4", "µg/m³"),
        "pm10": ("pm10", "µg/m³"),
        "particulate matter": ("pm25", "µg/m³"),
        "tvoc": ("tvoc_ppm", "ppm"),
        "voc": ("voc_percent", "%"),
        "voc concentration": ("tvoc_ppm", "ppm"),
        "formaldehyde": ("formaldehyde", "mg/m³"),
        "co2": ("co2_ppm", "ppm"),
        "temperature": ("temperature_c", "°C"),
        "humidity": ("humidity_percent", "%RH"),
        "relative humidity": ("humidity_percent", "%RH"),
        "presence": ("occupied", ""),
        "illuminance": ("light_lx", "lx"),
        "distance": ("distance_m", "m"),
        "co": ("co_ppm", "ppm"),
    }

    def __init__(self, room: Area, seed: int) -> None:
        self._dust = 25.0
        self._tvoc_ppm = 0.1
        super().__init__(room, seed)

    def step(self, local_s: float, step_s: float) -> None:
        """Half an hour is what a room's air needs."""
        del local_s
        busy = self.room.quantity("occupied")
        self._dust = towards(self._dust, 22.0 + 18.0 * busy + 6.0 * self.drift(300), step_s / 1800)
        self._tvoc_ppm = towards(self._tvoc_ppm, 0.08 + 0.25 * busy, step_s / 1800)

    def table(self) -> Mapping[str, float]:
        """The air."""
        room = self.room
        return {
            "pm1": 0.6 * self._dust,
            "pm25": self._dust,
            "pm4": 1.15 * self._dust,
            "pm10": 1.5 * self._dust,
            "tvoc_ppm": self._tvoc_ppm,
            "voc_percent": 100.0 * self._tvoc_ppm,
            "formaldehyde": 0.02 + 0.01 * self.drift(600, 1),
            "co2_ppm": room.quantity("co2") + 6.0 * self.drift(5, 2),
            "temperature_c": room.quantity("temperature") + 0.05 * self.drift(5, 3),
            "humidity_percent": room.quantity("humidity") + 0.3 * self.drift(5, 4),
            "occupied": room.quantity("occupied"),
            "light_lx": room.quantity("light"),
            "distance_m": 2.5 + 1.5 * self.drift(10, 5) if room.quantity("occupied") else 0.0,
            "co_ppm": 1.0 + 0.5 * self.drift(300, 6),
        }
