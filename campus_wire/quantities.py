"""The closed list of units, each with its quantity and what to call that in Chinese and English.

A profile that needs a missing unit adds it here, so that no quantity travels under two spellings.
Symbols follow GB 3100/3101 and ISO 80000.
"""

from __future__ import annotations

from typing import Annotated, Final, NamedTuple

from pydantic import AfterValidator


class Quantity(NamedTuple):
    """What a unit measures."""

    zh: str
    en: str


UNITS: Final[dict[str, Quantity]] = {
    "": Quantity("状态或计数", "state or count"),
    "°C": Quantity("温度", "temperature"),
    "K": Quantity("温差", "temperature difference"),
    "%RH": Quantity("相对湿度", "relative humidity"),
    "%": Quantity("百分比", "percentage"),
    "ppm": Quantity("体积分数", "volume fraction"),
    "ppb": Quantity("体积分数", "volume fraction"),
    "%LEL": Quantity("爆炸下限百分比", "lower explosive limit"),
    "%VOL": Quantity("体积百分比", "volume percentage"),
    "mg/m³": Quantity("质量浓度", "mass concentration"),
    "µg/m³": Quantity("质量浓度", "mass concentration"),
    "Bq/m³": Quantity("氡活度浓度", "radon activity"),
    "lx": Quantity("照度", "illuminance"),
    "dB": Quantity("声级", "sound level"),
    "dBm": Quantity("信号强度", "signal strength"),
    "V": Quantity("电压", "voltage"),
    "mV": Quantity("电压", "voltage"),
    "A": Quantity("电流", "current"),
    "mA": Quantity("电流", "current"),
    "µA": Quantity("电流", "current"),
    "Ω": Quantity("电阻", "resistance"),
    "W": Quantity("有功功率", "active power"),
    "kW": Quantity("有功功率", "active power"),
    "var": Quantity("无功功率", "reactive power"),
    "kvar": Quantity("无功功率", "reactive power"),
    "VA": Quantity("视在功率", "apparent power"),
    "kVA": Quantity("视在功率", "apparent power"),
    "Wh": Quantity("电能", "energy"),
    "kWh": Quantity("电能", "energy"),
    "kvarh": Quantity("无功电能", "reactive energy"),
    "Ah": Quantity("电荷量", "charge"),
    "Hz": Quantity("频率", "frequency"),
    "Pa": Quantity("压强", "pressure"),
    "hPa": Quantity("气压", "air pressure"),
    "kPa": Quantity("压强", "pressure"),
    "bar": Quantity("压强", "pressure"),
    "MPa": Quantity("压强", "pressure"),
    "m/s": Quantity("速度", "speed"),
    "m³/h": Quantity("流量", "flow"),
    "l/s": Quantity("流量", "flow"),
    "l/min": Quantity("流量", "flow"),
    "m³": Quantity("体积", "volume"),
    "l": Quantity("体积", "volume"),
    "mm": Quantity("长度", "length"),
    "cm": Quantity("长度", "length"),
    "m": Quantity("长度", "length"),
    "mm/h": Quantity("降雨强度", "rain rate"),
    "kg": Quantity("质量", "mass"),
    "g": Quantity("质量", "mass"),
    "°": Quantity("角度", "angle"),
    "µS/cm": Quantity("电导率", "conductivity"),
    "pH": Quantity("酸碱度", "acidity"),
    "NTU": Quantity("浊度", "turbidity"),
    "mg/l": Quantity("质量浓度", "mass concentration"),
    "mg/kg": Quantity("质量分数", "mass fraction"),
    "W/m²": Quantity("辐照度", "irradiance"),
    "rpm": Quantity("转速", "rotational speed"),
    "s": Quantity("时间", "time"),
    "min": Quantity("时间", "time"),
    "h": Quantity("时间", "time"),
    "d": Quantity("时间", "time"),
    "mm/s": Quantity("振动速度", "vibration velocity"),
    "1/cm³": Quantity("粒子数浓度", "particle concentration"),
    "GJ": Quantity("热量", "heat"),
    "MWh": Quantity("热量", "heat"),
}


def _known(unit: str) -> str:
    if unit not in UNITS:
        raise ValueError(f"{unit!r} is not in the list of units")
    return unit


Unit = Annotated[str, AfterValidator(_known)]
"""A unit of the closed list, by its symbol."""
