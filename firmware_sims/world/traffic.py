"""What people come with and go through: chargers, lifts, doors that count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from firmware_sims.world.area import Area
from firmware_sims.world.electric import NOMINAL_V
from firmware_sims.world.machine import Machine, towards

_HOUR_S = 3600.0
_DAY_S = 86_400.0


class Charger(Machine):
    """A car arrives at eight, leaves at five, and takes 30 kWh at the current it is allowed."""

    shows: ClassVar[Mapping[str, tuple[str, str]]] = {
        "state": ("state", ""),
        "vehicle status": ("state", ""),
        "power": ("power_w", "W"),
        "session energy": ("session_wh", "Wh"),
        "energy": ("total_wh", "Wh"),
        "current": ("current_a", "A"),
        "voltage": ("voltage_v", "V"),
        "temperature": ("temperature_c", "°C"),
    }
    obeys: ClassVar[Mapping[str, tuple[str, str]]] = {
        "current limit": ("limit_a", "A"),
        "max current": ("limit_a", "A"),
        "enable": ("is_enabled", ""),
        "remote lock": ("is_enabled", ""),
    }
    begins: ClassVar[Mapping[str, float]] = {"limit_a": 16.0, "is_enabled": 1.0}

    _WANTED_WH = 30_000.0
    _CURRENT_MIN_A = 6.0
    _CURRENT_MAX_A = 16.0

    def __init__(self, room: Area, seed: int) -> None:
        self._limit_a = self._CURRENT_MAX_A
        self._is_enabled = True
        self._is_there = False
        self._session_wh = 0.0
        self._total_wh = 3.0e6
        self._current_a = 0.0
        super().__init__(room, seed)

    def step(self, local_s: float, step_s: float) -> None:
        """Below 6 A a car does not charge (IEC 61851-1)."""
        hour = local_s % _DAY_S / _HOUR_S
        is_there = 8.0 <= hour < 17.0
        if is_there and not self._is_there:
            self._session_wh = 0.0
        self._is_there = is_there
        allowed_a = min(self._limit_a, self._CURRENT_MAX_A)
        charges = is_there and self._is_enabled and self._session_wh < self._WANTED_WH
        wanted_a = allowed_a if charges and allowed_a >= self._CURRENT_MIN_A else 0.0
        self._current_a = towards(self._current_a, wanted_a, step_s / 3)
        self._session_wh += self._power_w * step_s / 3600
        self._total_wh += self._power_w * step_s / 3600
        self.room.influence("power_w", self.seed, self._power_w)

    @property
    def _power_w(self) -> float:
        return 3 * NOMINAL_V * self._current_a

    def table(self) -> Mapping[str, float]:
        """Current is each phase's."""
        return {
            "state": float(self._is_there) + float(self._current_a > 1.0),
            "power_w": self._power_w,
            "session_wh": self._session_wh,
            "total_wh": self._total_wh,
            "current_a": self._current_a,
            "voltage_v": NOMINAL_V,
            "temperature_c": self.room.quantity("outdoor_c") + 0.8 * self._current_a,
        }

    def words(self, name: str) -> Sequence[str]:
        """What its state is called (IEC 61851-1: A nothing, B there, C charging)."""
        if name != "state":
            return ()
        if self._current_a > 1.0:
            return ("charging", "c2", "c")
        return (
            ("connected", "plugged", "waiting", "b2", "b")
            if self._is_there
            else ("free", "idle", "no vehicle", "available", "a")
        )

    def control(self, name: str, value: float) -> None:
        """Limit or allow charging."""
        if name == "limit_a":
            self._limit_a = value
        elif name == "is_enabled":
            self._is_enabled = value > 0
        else:
            raise KeyError(name)


class Lift(Machine):
    """A car between six floors, called often when people move; it waits with its door shut."""

    shows: ClassVar[Mapping[str, tuple[str, str]]] = {
        "floor": ("floor", ""),
        "direction": ("direction", ""),
        "door": ("door", ""),
        "state": ("state", ""),
        "trips": ("trips", ""),
        "trapped": ("none", ""),
        "emergency call": ("panic", ""),
        "speed": ("speed_m_s", "m/s"),
        "fault": ("none", ""),
    }

    _FLOORS = 6
    _FLOOR_S = 4.0
    _DOOR_S = 8.0

    def __init__(self, room: Area, seed: int) -> None:
        self._floor = 1.0
        self._target = 1.0
        self._door_left_s = 0.0
        self._trips = 40_000.0
        super().__init__(room, seed)

    def step(self, local_s: float, step_s: float) -> None:
        """Go to where somebody called."""
        del local_s
        if self._door_left_s > 0:
            self._door_left_s -= step_s
        elif self._floor != self._target:
            way = step_s / self._FLOOR_S
            self._floor += max(-way, min(way, self._target - self._floor))
            if self._floor == self._target:
                self._door_left_s = self._DOOR_S
                self._trips += 1
        elif self.shake(1) > 1 - 0.1 * (0.1 + self.room.quantity("people") / 40):
            self._target = float(1 + int((self.shake(2) + 1) / 2 * self._FLOORS))

    @property
    def _direction(self) -> float:
        return float((self._target > self._floor) - (self._target < self._floor))

    def table(self) -> Mapping[str, float]:
        """Where it is and what it does."""
        return {
            "floor": float(round(self._floor)),
            "direction": self._direction % 3,
            "door": float(self._door_left_s > 0),
            "state": float(self._direction != 0),
            "trips": self._trips,
            "none": 0.0,
            "panic": self.room.quantity("panic"),
            "speed_m_s": 0.8 * abs(self._direction),
        }

    def words(self, name: str) -> Sequence[str]:
        """What its state is called."""
        if name == "direction":
            return {1.0: ("up",), -1.0: ("down",)}.get(
                self._direction, ("standing", "none", "stop")
            )
        if name == "door":
            return ("open",) if self._door_left_s > 0 else ("closed", "shut")
        return ("normal", "in service", "running") if name == "state" else ()


class PeopleCounter(Machine):
    """Counts who comes in and goes out; the difference is who is there."""

    shows: ClassVar[Mapping[str, tuple[str, str]]] = {
        "people in": ("entered", ""),
        "people out": ("left", ""),
        "people": ("people", ""),
        "in": ("entered", ""),
        "out": ("left", ""),
        "occupancy": ("people", ""),
    }

    def __init__(self, room: Area, seed: int) -> None:
        self._people = 0.0
        self._entered = 0.0
        self._left = 0.0
        super().__init__(room, seed)

    def step(self, local_s: float, step_s: float) -> None:
        """Up to two a second pass the door."""
        del local_s
        missing = self.room.quantity("people") - self._people
        passing = float(round(max(-2.0 * step_s, min(2.0 * step_s, missing))))
        self._people += passing
        self._entered += max(0.0, passing)
        self._left += max(0.0, -passing)

    def table(self) -> Mapping[str, float]:
        """Counts."""
        return {"entered": self._entered, "left": self._left, "people": self._people}
