"""A room with people, air, heat and light.

One well-mixed volume. Each quantity follows a linear balance whose inputs are constant during a
step, so the exact exponential solution is taken; a step may then be of any length.

- CO2 (and likewise water vapour): V dC/dt = N·g − Q·(C − C_out). A pupil at a desk gives about
  18 l/h of CO2 (ASHRAE Standard 62.1, informative appendix D, at 1.2 met) and 50 g/h of water.
- Heat: C dT/dt = P − UA·(T − T_out), with UA of envelope and ventilation together; a person gives
  75 W of dry heat (ISO 7730, table B.1, seated).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum

from firmware_sims.world.area import Area, Surroundings
from firmware_sims.world.outdoor import CO2_OUTDOOR_PPM, saturation_humidity_g_m3

CO2_PER_PERSON_M3_S = 0.018 / 3600
WATER_PER_PERSON_G_S = 50.0 / 3600
HEAT_PER_PERSON_W = 75.0
AIR_HEAT_J_M3_K = 1206.0  # 1.2 kg/m³ × 1005 J/(kg·K)
LAMP_W_PER_M2 = 8.0
LAMP_LX = 420.0
DAYLIGHT_FACTOR = 0.008


class AcMode(IntEnum):
    """What an air conditioner does; numbers of this module alone."""

    HEAT = 1
    COOL = 2
    AUTO = 3
    DRY = 4
    FAN = 5


@dataclass(frozen=True, slots=True)
class RoomShape:
    """What a room is built like.

    Args:
        seats: people when it is full.
        air_changes_per_h: fresh air, per hour, through windows and ventilation.
        heat_loss_w_k: through walls and windows.
        thermal_mass_j_k: of air, furniture and the walls' inner layer.
        ac_power_w: heat that the air conditioner can move.
    """

    volume_m3: float = 190.0
    floor_m2: float = 63.0
    seats: float = 40.0
    air_changes_per_h: float = 3.0
    heat_loss_w_k: float = 150.0
    thermal_mass_j_k: float = 4.0e6
    ac_power_w: float = 7000.0
    initial_c: float = 19.0


class Room(Area):
    """One room; see the module for its laws.

    Quantities: temperature, humidity (percent), co2, light, people, occupied, power (W), energy
    (Wh), current (A), voltage, frequency, door_open, leak, noise, and the state of its controls.
    """

    step_s = 1.0

    def __init__(self, surroundings: Surroundings, shape: RoomShape) -> None:
        super().__init__(surroundings)
        self.shape = shape
        outdoor = surroundings.outdoor
        self._temperature_c = shape.initial_c
        self._humidity_g_m3 = outdoor.humidity_g_m3()
        self._co2_ppm = CO2_OUTDOOR_PPM
        self._energy_wh = 0.0
        self._people = 0.0
        self._light_lx = 0.0
        self._ac_w = 0.0
        self._power_w = 0.0
        self._daylight_lx = 0.0
        self._outdoor_c = outdoor.temperature_c(surroundings.clock.local_s(0.0))
        self._controls = {
            "ac_power": 0.0,
            "ac_mode": float(AcMode.AUTO),
            "ac_setpoint": 24.0,
            "ac_fan": 0.0,
            "fan": 0.0,
            "lamp": -1.0,
            "door": -1.0,
            "leak": 0.0,
            "mains": 1.0,
            "fire": 0.0,
            "panic": 0.0,
        }
        clock = surroundings.clock
        self._take_people(clock.local_s(0.0))
        self._values = self.table()

    def controls(self) -> tuple[str, ...]:
        """All names; `lamp` and `door` at -1 follow the people."""
        return tuple(self._controls)

    def control(self, name: str, value: float) -> None:
        """Set a control from the next step on."""
        if name not in self._controls:
            raise KeyError(name)
        self._controls[name] = value
        self._values = self.table()

    def table(self) -> dict[str, float]:
        """All quantities, and the state of the controls."""
        saturation = saturation_humidity_g_m3(self._temperature_c)
        power_w = self._power_w
        return {
            **self._controls,
            "temperature": self._temperature_c,
            "humidity": min(100.0, 100.0 * self._humidity_g_m3 / saturation),
            "co2": self._co2_ppm,
            "light": self._light_lx,
            "people": self._people,
            "occupied": float(self._people > 0),
            "door_open": self._door_open(),
            "door_closed": 1.0 - self._door_open(),
            "power": power_w,
            "energy": self._energy_wh,
            "voltage": 228.0,
            "current": power_w / 228.0,
            "frequency": 50.0,
            "occupancy": self._people / self.shape.seats if self.shape.seats else 0.0,
            "outdoor_c": self._outdoor_c,
            "daylight_lx": self._daylight_lx,
            "leak_distance": 12.0 if self._controls["leak"] else 0.0,
            "leak_current": 40.0 if self._controls["leak"] else 0.0,
            "noise": 34.0 + (24.0 if self._people else 0.0),
        }

    def _door_open(self) -> float:
        door = self._controls["door"]
        if door >= 0:
            return door
        # between lessons some seats are taken, and the door stands open
        return float(0 < self._people < self.shape.seats)

    def step(self, local_s: float, step_s: float) -> None:
        """Go on."""
        self._take_people(local_s)
        self._outdoor_c = self.surroundings.outdoor.temperature_c(local_s)
        self._step_air(step_s)
        self._step_heat(self._outdoor_c, step_s)
        self._energy_wh += self._power_w * step_s / 3600

    def _take_people(self, local_s: float) -> None:
        occupancy = self.surroundings.timetable.occupancy(local_s)
        self._people = float(round(occupancy * self.shape.seats))
        lamp = self._controls["lamp"]
        lit = self._people > 0 if lamp < 0 else lamp > 0
        daylight = DAYLIGHT_FACTOR * self.surroundings.outdoor.daylight_lx(local_s)
        self._daylight_lx = daylight
        lamps_lx, lamps_w = (LAMP_LX, LAMP_W_PER_M2 * self.shape.floor_m2) if lit else (0.0, 0.0)
        if self._has_dimmer:  # the lamps are the controller's then
            lamps_lx, lamps_w = self.influences("light_lx"), 0.0
        self._light_lx = daylight + lamps_lx
        # standby, lamps, the air conditioner (coefficient of performance 3), and what stands here
        self._power_w = 40.0 + lamps_w + abs(self._ac_w) / 3.0 + self.influences("power_w")

    @property
    def _has_dimmer(self) -> bool:
        return any(kind == "light_lx" for kind, _ in self._influences)

    def _air_m3_s(self) -> float:
        more = 2.0 if self._controls["fan"] > 0 else 1.0
        by_itself_m3_h = more * self.shape.air_changes_per_h * self.shape.volume_m3
        return (by_itself_m3_h + self.influences("air_m3_h")) / 3600

    def _step_air(self, step_s: float) -> None:
        air_m3_s = self._air_m3_s()
        volume = self.shape.volume_m3
        source_ppm = 1e6 * self._people * CO2_PER_PERSON_M3_S / air_m3_s
        source_g_m3 = self._people * WATER_PER_PERSON_G_S / air_m3_s
        kept = math.exp(-air_m3_s / volume * step_s)
        self._co2_ppm = _towards(self._co2_ppm, CO2_OUTDOOR_PPM + source_ppm, kept)
        vapour = self.surroundings.outdoor.humidity_g_m3() + source_g_m3
        self._humidity_g_m3 = _towards(self._humidity_g_m3, vapour, kept)
        saturation = saturation_humidity_g_m3(self._temperature_c)
        self._humidity_g_m3 = min(self._humidity_g_m3, saturation)  # the rest condenses

    def _step_heat(self, outdoor_c: float, step_s: float) -> None:
        loss_w_k = self.shape.heat_loss_w_k + AIR_HEAT_J_M3_K * self._air_m3_s()
        self._ac_w = self._air_conditioner_w()
        heat_w = self._people * HEAT_PER_PERSON_W + self._ac_w + self.influences("heat_w")
        kept = math.exp(-loss_w_k / self.shape.thermal_mass_j_k * step_s)
        self._temperature_c = _towards(self._temperature_c, outdoor_c + heat_w / loss_w_k, kept)

    def _air_conditioner_w(self) -> float:
        """Heat given to the room: proportional within 1 K of the set point, then full power."""
        if self._controls["ac_power"] <= 0:
            return 0.0
        mode = int(self._controls["ac_mode"])
        error_k = self._controls["ac_setpoint"] - self._temperature_c
        wanted = max(-1.0, min(1.0, error_k))
        if mode == AcMode.HEAT:
            wanted = max(0.0, wanted)
        elif mode in (AcMode.COOL, AcMode.DRY):
            wanted = min(0.0, wanted)
        elif mode == AcMode.FAN:
            wanted = 0.0
        return wanted * self.shape.ac_power_w


def _towards(now: float, target: float, kept: float) -> float:
    return target + (now - target) * kept
