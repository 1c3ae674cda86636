"""Which machine a device of a category is, and what its points show and do."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from firmware_sims.behaviours import PointFacts
from firmware_sims.signals import Follow, Signal
from firmware_sims.world.alarms import AlarmButton, FirePanel, GasDetector
from firmware_sims.world.area import Area
from firmware_sims.world.basins import Pool, Tank
from firmware_sims.world.cold import Refrigerator
from firmware_sims.world.electric import Load, PluggedLoad
from firmware_sims.world.fittings import AirSensor, Curtain, Exerciser
from firmware_sims.world.heating import Heating
from firmware_sims.world.indoor_units import IndoorUnits
from firmware_sims.world.lab import ChemicalCabinet, FumeHood
from firmware_sims.world.lights import Lamps
from firmware_sims.world.machine import Machine, found
from firmware_sims.world.outside import Soil, WeatherStation
from firmware_sims.world.pump import PumpDrive
from firmware_sims.world.sources import BatterySupply, SolarInverter
from firmware_sims.world.traffic import Charger, Lift, PeopleCounter
from firmware_sims.world.ventilation import VentilationUnit
from firmware_sims.world.water import WaterSupply

MACHINES: Final[Mapping[str, type[Machine]]] = {
    "access_control": ChemicalCabinet,
    "air_conditioner": IndoorUnits,
    "air_quality": AirSensor,
    "boiler": Heating,
    "chemical_cabinet": ChemicalCabinet,
    "curtain": Curtain,
    "drive": PumpDrive,
    "electricity_meter": Load,
    "ev_charger": Charger,
    "fume_hood": FumeHood,
    "gas_detector": GasDetector,
    "heat_meter": Heating,
    "heat_pump": Heating,
    "irrigation": Soil,
    "level": Tank,
    "lift": Lift,
    "lighting_controller": Lamps,
    "panic_button": AlarmButton,
    "people_counter": PeopleCounter,
    "pool": Pool,
    "presence": AirSensor,
    "pv_inverter": SolarInverter,
    "refrigeration": Refrigerator,
    "smart_plug": PluggedLoad,
    "smoke_fire": FirePanel,
    "soil": Soil,
    "sports_equipment": Exerciser,
    "thermostat": IndoorUnits,
    "ups": BatterySupply,
    "ventilation": VentilationUnit,
    "water_meter": WaterSupply,
    "weather_station": WeatherStation,
}
"""Categories that are not here show their area alone."""

_HEATS, _COOLS, _NEITHER, _BOTH = 1, -1, 0, 2
_SENSES: Final[Mapping[str, int]] = {
    "heat": _HEATS,
    "warm": _HEATS,
    "cool": _COOLS,
    "dry": _COOLS,
    "fan": _NEITHER,
    "vent": _NEITHER,
    "auto": _BOTH,
}
_WAYS: Final[Mapping[str, float]] = {
    "open": 1.0,
    "up": 1.0,
    "clos": -1.0,
    "down": -1.0,
    "stop": 0.0,
}


def is_said(word: str, label: str) -> bool:
    """Whether a label says a word, from its beginning: charging is not discharging.

    Words of one or two letters have to be there as they are.
    """
    end = r"\b" if len(word) <= 2 else ""
    return re.search(rf"\b{re.escape(word)}{end}", label.lower()) is not None


@dataclass(slots=True)
class StateFollow:
    """A state's number, found by what the machine calls its state now."""

    machine: Machine
    quantity: str
    states: Mapping[int, str]

    def value(self, now_s: float) -> float:
        """The number of the state whose label has the machine's word, else the quantity's own."""
        self.machine.advance(now_s)
        for word in self.machine.words(self.quantity.partition("#")[0]):
            for number, label in self.states.items():
                if is_said(word, label):
                    return float(number)
        number = round(self.machine.quantity(self.quantity))
        return float(number if number in self.states else min(self.states))


def machine_of(category: str, area: Area, seed: int) -> Machine | None:
    """The machine of a device, standing in its area; None where the area alone is shown."""
    made = MACHINES.get(category)
    return None if made is None else made(area, seed)


def machine_signal(facts: PointFacts, machine: Machine) -> Signal | None:
    """What a point shows of a machine; None when the machine has no such quantity."""
    if facts.writable:
        return None
    answer = found(machine.shows, facts.name, facts.unit)
    if answer is None:
        return None
    if facts.states:
        return StateFollow(machine, answer.quantity, facts.states)
    return Follow(machine, answer.quantity, answer.factor)


def machine_control(facts: PointFacts, machine: Machine) -> tuple[str, float] | None:
    """What a written point sets in a machine, and the factor to the machine's unit."""
    answer = found(machine.obeys, facts.name, facts.unit)
    return None if answer is None else (answer.quantity, 1.0 / answer.factor)


def act_on(machine: Machine, name: str, number: float, states: Mapping[int, str]) -> None:
    """Let a written number act; what a state means is told by its English label."""
    base, _, index = name.partition("#")
    label = states.get(int(number), "").lower()
    if isinstance(machine, IndoorUnits) and base == "mode":
        sense = next((sense for word, sense in _SENSES.items() if is_said(word, label)), _BOTH)
        machine.mode_means(int(index or 0), sense)
    elif base == "command":
        number = next((way for word, way in _WAYS.items() if is_said(word, label)), 0.0)
    elif base == "fan" and label:
        number = 0.0 if "off" in label else number
    machine.control(name, number)
