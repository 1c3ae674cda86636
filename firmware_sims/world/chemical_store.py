"""A chemical store: a small room whose air can be poisoned by a leak and cleaned by a fan.

V dC/dt = G − Q·C for a gas with source G (as a volume), with the exact solution in each step.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from firmware_sims.world.area import Surroundings
from firmware_sims.world.room import Room, RoomShape


@dataclass(frozen=True, slots=True)
class StoreShape:
    """What a store is built like.

    Args:
        leak_ppm_per_s: how fast the concentration rises at first when a leak begins.
        fan_air_changes_per_h: what the extraction fan moves.
        background_ppm: what the detector sees in clean air.
    """

    room: RoomShape = field(
        default_factory=lambda: RoomShape(
            volume_m3=36.0,
            floor_m2=12.0,
            seats=0,
            air_changes_per_h=2.0,
            heat_loss_w_k=40.0,
            thermal_mass_j_k=6.0e5,
            ac_power_w=2500.0,
        )
    )
    leak_ppm_per_s: float = 12.0
    fan_air_changes_per_h: float = 360.0
    background_ppm: float = 1.0


class ChemicalStore(Room):
    """A store with one gas. Further quantity: gas (ppm). Further control: gas_leak (ppm/s).

    Gas goes on in steps of a tenth of a second and always in real time, also when the rest of the
    world runs faster: who starts a leak wants to watch it.
    """

    step_s = 0.1

    def __init__(self, surroundings: Surroundings, shape: StoreShape) -> None:
        self.store_shape = shape
        self._gas_ppm = 0.0
        super().__init__(surroundings, shape.room)
        self._controls["gas_leak"] = 0.0
        self._values = self.table()

    def table(self) -> dict[str, float]:
        """A room's, and the gas."""
        gas_ppm = self.store_shape.background_ppm + self._gas_ppm
        return super().table() | {"gas": gas_ppm}

    def step(self, local_s: float, step_s: float) -> None:
        """Go on."""
        super().step(local_s, step_s)
        shape = self.store_shape
        fan = shape.fan_air_changes_per_h if self._controls["fan"] > 0 else 0.0
        rate_per_s = (shape.room.air_changes_per_h + fan) / 3600
        balance_ppm = self._controls["gas_leak"] / rate_per_s
        kept = math.exp(-rate_per_s * self.step_s)
        self._gas_ppm = balance_ppm + (self._gas_ppm - balance_ppm) * kept
