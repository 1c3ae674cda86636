"""Lamps on a bus (DALI): levels make light in the area and use power."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from firmware_sims.world.area import Area
from firmware_sims.world.machine import Machine

_LEVEL_MAX = 254.0
"""DALI's arc power level 254 is full (IEC 62386-102)."""


class Lamps(Machine):
    """Groups or lamps that can be dimmed; all of them full make 500 lx and take 600 W."""

    shows: ClassVar[Mapping[str, tuple[str, str]]] = {
        "illuminance": ("light_lx", "lx"),
        "brightness": ("level", ""),
        "level": ("percent", "%"),
        "lamp status": ("status", ""),
        "status": ("status", ""),
        "lamp fault": ("none", ""),
        "power": ("power_w", "W"),
    }
    obeys: ClassVar[Mapping[str, tuple[str, str]]] = {
        "brightness": ("level", ""),
        "level": ("percent", "%"),
        "switch": ("switch", ""),
        "scene": ("scene", ""),
    }
    begins: ClassVar[Mapping[str, float]] = {"level": 150.0, "percent": 60.0, "switch": 1.0}

    _FULL_LX = 500.0
    _FULL_W = 600.0

    def __init__(self, room: Area, seed: int) -> None:
        self._parts: dict[int, float] = {}
        super().__init__(room, seed)
        self.room.influence("light_lx", self.seed, 0.0)

    def step(self, local_s: float, step_s: float) -> None:
        """Shine."""
        del local_s, step_s
        self.room.influence("light_lx", self.seed, self._FULL_LX * self._whole)
        self.room.influence("power_w", self.seed, self._FULL_W * self._whole)

    @property
    def _whole(self) -> float:
        return sum(self._parts.values()) / len(self._parts) if self._parts else 0.0

    def table(self) -> Mapping[str, float]:
        """All lamps together."""
        return {
            "light_lx": self.room.quantity("light"),
            "level": _LEVEL_MAX * self._whole,
            "percent": 100.0 * self._whole,
            "status": 4.0 if self._whole > 0 else 0.0,
            "none": 0.0,
            "power_w": self._FULL_W * self._whole,
        }

    def part(self, name: str, index: int) -> float:
        """The n-th lamp's or group's; bit 2 of the status says that the lamp is on."""
        part = self._parts.get(index, 0.0)
        own = {
            "level": _LEVEL_MAX * part,
            "percent": 100.0 * part,
            "status": 4.0 if part > 0 else 0.0,
        }
        return own.get(name, self.table()[name])

    def control(self, name: str, value: float) -> None:
        """Dim one; a scene of all is a quarter of the light more than the one before."""
        base, _, number = name.partition("#")
        index = int(number or 0)
        if base == "level":
            self._parts[index] = max(0.0, min(1.0, value / _LEVEL_MAX))
        elif base in ("percent", "switch"):
            full = 100.0 if base == "percent" else 1.0
            self._parts[index] = max(0.0, min(1.0, value / full))
        elif base == "scene":
            chosen = [index] if index else list(self._parts)
            for one in chosen:
                self._parts[one] = min(1.0, 0.25 * (value % 5))
        else:
            raise KeyError(name)
