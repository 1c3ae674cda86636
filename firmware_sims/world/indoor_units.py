"""Units that heat or cool a room's own air: fan coils, and the indoor units of VRF systems."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from firmware_sims.world.area import Area
from firmware_sims.world.machine import Machine


class IndoorUnits(Machine):
    """Indoor units of a VRF system, or a fan coil: each heats or cools the air that it moves.

    One machine holds them all; `power#3` is the third one's. Modes are told by their names.
    """

    shows: ClassVar[Mapping[str, tuple[str, str]]] = {
        "room temperature": ("room_c", "°C"),
        "temperature": ("room_c", "°C"),
        "temperature setpoint": ("setpoint_c", "°C"),
        "active mode": ("mode", ""),
        "valve": ("valve", ""),
        "heating output": ("heating_percent", ""),
        "cooling output": ("cooling_percent", ""),
        "fan output": ("fan", ""),
        "smart fan speed": ("fan", ""),
        "operating mode": ("mode", ""),
        "fault code": ("none", ""),
        "alarm code": ("none", ""),
    }
    obeys: ClassVar[Mapping[str, tuple[str, str]]] = {
        "power": ("power", ""),
        "on": ("power", ""),
        "mode": ("mode", ""),
        "temperature setpoint": ("setpoint_c", "°C"),
        "setpoint": ("setpoint_c", "°C"),
        "fan speed": ("fan", ""),
    }
    begins: ClassVar[Mapping[str, float]] = {
        "power": 0.0,
        "mode": 0.0,
        "setpoint_c": 24.0,
        "fan": 1.0,
    }

    _RATED_W = 3500.0

    def __init__(self, room: Area, seed: int) -> None:
        self._power: dict[int, float] = {}
        self._setpoint_c: dict[int, float] = {}
        self._mode: dict[int, float] = {}
        self._fan: dict[int, float] = {}
        self._heating: dict[int, int] = {}
        self._heat_w: dict[int, float] = {}
        super().__init__(room, seed)

    def mode_means(self, index: int, sense: int) -> None:
        """What the mode written to the n-th unit does: 1 heats, -1 cools, 0 neither, 2 both."""
        self._heating[index] = sense

    def step(self, local_s: float, step_s: float) -> None:
        """Each unit works towards its setpoint, in proportion within 1 K."""
        del local_s, step_s
        room_c = self.room.quantity("temperature")
        for index, power in self._power.items():
            error_k = self._setpoint_c.get(index, 24.0) - room_c
            part = max(-1.0, min(1.0, error_k)) if power > 0 else 0.0
            sense = self._heating.get(index, 2)
            if sense in (0, 1):
                part = max(0.0, part)
            if sense in (0, -1):
                part = min(0.0, part)
            self._heat_w[index] = part * self._RATED_W / max(1, len(self._power) // 2)
        self.room.influence("heat_w", self.seed, sum(self._heat_w.values()))
        electric_w = sum(abs(heat_w) for heat_w in self._heat_w.values()) / 3.0
        self.room.influence("power_w", self.seed, electric_w)

    def table(self) -> Mapping[str, float]:
        """The lone unit's."""
        names = ("room_c", "setpoint_c", "mode", "fan", "valve", "none")
        return {name: self.part(name, 0) for name in (*names, "heating_percent", "cooling_percent")}

    def part(self, name: str, index: int) -> float:
        """The n-th unit's."""
        part = self._heat_w.get(index, 0.0) / self._RATED_W
        return {
            "room_c": self.room.quantity("temperature") + 0.3 * (index % 5),
            "setpoint_c": self._setpoint_c.get(index, 24.0),
            "mode": self._mode.get(index, 0.0),
            "fan": self._fan.get(index, 0.0),
            "valve": float(abs(part) > 0.05),
            "heating_percent": 100.0 * max(0.0, part),
            "cooling_percent": 100.0 * max(0.0, -part),
        }.get(name, 0.0)

    def control(self, name: str, value: float) -> None:
        """Take what was written to one unit."""
        base, _, number = name.partition("#")
        index = int(number or 0)
        tables = {
            "power": self._power,
            "mode": self._mode,
            "setpoint_c": self._setpoint_c,
            "fan": self._fan,
        }
        if base not in tables:
            raise KeyError(name)
        tables[base][index] = value
