"""The text of a new profile to start from: one that passes the check (pure)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

Protocol = Literal["modbus", "mqtt"]


class Starter(NamedTuple):
    """The point that a bare profile of a category begins with."""

    name: str
    unit: str
    zh: str
    en: str
    minimum: float
    maximum: float


_TEMPERATURE: Final = Starter("temperature", "°C", "温度", "temperature", -40, 85)
_POWER: Final = Starter("active_power", "W", "有功功率", "active power", 0, 100_000)
_STATUS: Final = Starter("status", "", "状态", "status", 0, 65_535)

_STARTERS: Final[Mapping[str, Starter]] = {
    "temperature_humidity": _TEMPERATURE,
    "co2": Starter("co2", "ppm", "二氧化碳", "carbon dioxide", 0, 10_000),
    "air_quality": Starter("pm2_5", "µg/m³", "PM2.5", "PM2.5", 0, 1_000),
    "light": Starter("illuminance", "lx", "照度", "illuminance", 0, 200_000),
    "noise": Starter("sound_level", "dB", "声级", "sound level", 0, 150),
    "gas_detector": Starter("gas_concentration", "%LEL", "气体浓度", "gas concentration", 0, 100),
    "electricity_meter": _POWER,
    "smart_plug": _POWER,
    "pv_inverter": _POWER,
    "ev_charger": _POWER,
    "water_meter": Starter("volume", "m³", "累计水量", "volume", 0, 1e9),
    "heat_meter": Starter("heat", "kWh", "累计热量", "heat", 0, 1e9),
    "air_conditioner": _TEMPERATURE,
    "ventilation": _TEMPERATURE,
    "thermostat": _TEMPERATURE,
    "refrigeration": _TEMPERATURE,
    "boiler": _TEMPERATURE,
    "heat_pump": _TEMPERATURE,
    "weather_station": _TEMPERATURE,
    "ups": Starter("battery_level", "%", "电池电量", "battery level", 0, 100),
    "drive": Starter("output_frequency", "Hz", "输出频率", "output frequency", 0, 400),
    "soil": Starter("soil_moisture", "%", "土壤湿度", "soil moisture", 0, 100),
    "level": Starter("level", "mm", "液位", "level", 0, 100_000),
    "pool": Starter("ph", "pH", "酸碱度", "acidity", 0, 14),
}
"""Categories that are not here begin with a status word."""

_HEAD: Final = """\
id: {id}
vendor: {vendor}
model: {model}
category: {category}
labels: {{zh: {model}, en: {model}}}    # what staff read; Chinese and English
evidence: datasheet    # bench once it was tried, field once it is in use
sources:
  - ref: https://example.org/manual.pdf    # the manual that says so: replace
    kind: manual
protocol: {protocol}
"""

_MODBUS: Final = """\
modbus:
  # 0: the manual prints addresses as they travel. 1: it counts from 1. modicon: 30001, 40001 …
  address_base: 0
  byte_order: ABCD    # of values wider than a register: ABCD, CDAB, BADC or DCBA
  link: {{baud_rate: 9600, parity: N, stop_bits: 1, unit_id: 1}}    # as it leaves the factory
points:
  - name: {name}
    unit: "{unit}"    # of the closed list in `campus_wire/quantities.py`
    labels: {{zh: {zh}, en: {en}}}
    minimum: {minimum:g}    # a value outside counts as bad
    maximum: {maximum:g}
    read: {{input_type: {table}, address: 0, data_type: {data_type}, scale: 1}}
# What the manual gives as an example; `campus profiles test` compares.
# examples:
#   - note: manual, page 5
#     registers: {{"{table}:0": ["0131"]}}
#     values: {{{name}: 305}}
"""

_MQTT: Final = """\
mqtt:
  topic: sensors/{{device}}    # captures in braces tell devices apart
points:
  - name: {name}
    unit: "{unit}"    # of the closed list in `campus_wire/quantities.py`
    labels: {{zh: {zh}, en: {en}}}
    minimum: {minimum:g}    # a value outside counts as bad
    maximum: {maximum:g}
    read: {{path: {name}}}    # into the JSON payload; without path the payload is the value
examples:
  - note: replace by a message that a device sent
    topic: sensors/one
    payload: {{{name}: {minimum:g}}}
    values: {{{name}: {minimum:g}}}
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the new profile is of."""

    id: str
    category: str
    protocol: Protocol
    vendor: str
    model: str


def bare_profile(wanted: Wanted) -> str:
    """Return the text of a profile with one point, with comments that say what to fill in."""
    starter = _STARTERS.get(wanted.category, _STATUS)
    body = _MODBUS if wanted.protocol == "modbus" else _MQTT
    head = _HEAD.format(
        id=wanted.id,
        vendor=_quoted(wanted.vendor),
        model=_quoted(wanted.model),
        category=wanted.category,
        protocol=wanted.protocol,
    )
    return head + body.format(
        table="input" if starter.minimum < 0 or starter.unit else "holding",
        data_type="int16" if starter.minimum < 0 else "uint16",
        **starter._asdict(),
    )


_TOP_KEY: Final = re.compile(r"^(id|vendor|model|evidence):.*(?:\n[ \t]+.*)*$", re.MULTILINE)


def copied_profile(text: str, wanted: Wanted) -> str:
    """Return another profile's text under a new id, vendor and model, comments and all."""
    new = {
        "id": wanted.id,
        "vendor": _quoted(wanted.vendor),
        "model": _quoted(wanted.model),
        "evidence": "datasheet",
    }
    return _TOP_KEY.sub(lambda match: f"{match[1]}: {new[match[1]]}", text)


def _quoted(text: str) -> str:
    """Return a text as YAML in double quotes."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
