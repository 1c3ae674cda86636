"""Drinking water in pipes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from firmware_sims.signals import noise
from firmware_sims.world.area import Area
from firmware_sims.world.machine import Machine


class WaterSupply(Machine):
    """Drinking water: as many taps run as there are people; the meter sums the flow up."""

    shows: ClassVar[Mapping[str, tuple[str, str]]] = {
        "volume": ("volume_m3", "m³"),
        "flow": ("flow_m3_h", "m³/h"),
        "pulses": ("pulses", ""),
        "counter": ("pulses", ""),
        "leak": ("leak", ""),
        "pulse input": ("pulse", ""),
        "pressure": ("pressure_pa", "Pa"),
        "temperature": ("temperature_c", "°C"),
        "rain": ("rain", ""),
    }
    obeys: ClassVar[Mapping[str, tuple[str, str]]] = {"valve": ("valve", "")}
    begins: ClassVar[Mapping[str, float]] = {"valve": 1.0}

    _NIGHT_M3_H = 0.02

    def __init__(self, room: Area, seed: int) -> None:
        self._volume_m3 = 500.0 + 400.0 * noise(seed, 0)
        self._flow_m3_h = 0.0
        self._valves: dict[int, float] = {}
        super().__init__(room, seed)

    @property
    def _is_open(self) -> bool:
        return not self._valves or any(self._valves.values())

    def step(self, local_s: float, step_s: float) -> None:
        """Go on."""
        del local_s
        people = self.room.quantity("people")
        wanted = self._NIGHT_M3_H + 0.012 * people * (1.0 + 0.6 * self.drift(15))
        self._flow_m3_h = wanted if self._is_open else 0.0
        self._volume_m3 += self._flow_m3_h * step_s / 3600

    def table(self) -> Mapping[str, float]:
        """Flow and what it has come to."""
        return {
            "volume_m3": self._volume_m3,
            "flow_m3_h": self._flow_m3_h,
            "pulses": float(int(self._volume_m3 * 100)),
            "pulse": float(int(self._volume_m3 * 1000) % 2),
            "leak": self.room.quantity("leak"),
            "pressure_pa": 320_000.0 - 30_000.0 * self._flow_m3_h,
            "temperature_c": 14.0 + 2.0 * self.drift(600, 1),
            "rain": 0.0,
        }

    def part(self, name: str, index: int) -> float:
        """The n-th pipe's."""
        whole = self.table()[name]
        return whole / (index + 1) if name in ("volume_m3", "flow_m3_h") else whole

    def control(self, name: str, value: float) -> None:
        """Open or close a valve."""
        base, _, index = name.partition("#")
        if base != "valve":
            raise KeyError(name)
        self._valves[int(index or 0)] = value
