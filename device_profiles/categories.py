"""The closed list of device categories: what kind of thing a device is to a person."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import AfterValidator

from campus_wire.catalog import Label
from campus_wire.suggest import suggest


def _label(zh: str, en: str) -> Label:
    return Label(zh=zh, en=en)


CATEGORIES: Final[dict[str, Label]] = {
    "temperature_humidity": _label("温湿度", "temperature and humidity"),
    "co2": _label("二氧化碳", "carbon dioxide"),
    "air_quality": _label("空气质量", "air quality"),
    "light": _label("光照", "light"),
    "noise": _label("噪声", "noise"),
    "presence": _label("人体存在", "presence"),
    "people_counter": _label("客流统计", "people counter"),
    "door_contact": _label("门窗磁", "door or window contact"),
    "access_control": _label("门禁", "access control"),
    "gas_detector": _label("气体探测器", "gas detector"),
    "chemical_cabinet": _label("危化品柜", "chemical cabinet"),
    "fume_hood": _label("通风柜", "fume hood"),
    "smoke_fire": _label("烟感与消防", "smoke and fire"),
    "water_leak": _label("漏水", "water leak"),
    "electricity_meter": _label("电表", "electricity meter"),
    "water_meter": _label("水表", "water meter"),
    "heat_meter": _label("热量表", "heat meter"),
    "air_conditioner": _label("空调", "air conditioner"),
    "ventilation": _label("新风机组", "ventilation unit"),
    "thermostat": _label("温控器", "thermostat"),
    "lighting_controller": _label("照明控制器", "lighting controller"),
    "relay": _label("继电器与输入输出模块", "relay and I/O module"),
    "smart_plug": _label("智能插座", "smart plug"),
    "ups": _label("不间断电源", "uninterruptible power supply"),
    "pv_inverter": _label("光伏逆变器", "photovoltaic inverter"),
    "drive": _label("水泵与变频器", "pump and drive"),
    "refrigeration": _label("冷藏冷冻设备", "refrigerator and freezer"),
    "weather_station": _label("气象站", "weather station"),
    "soil": _label("土壤", "soil"),
    "irrigation": _label("灌溉", "irrigation"),
    "boiler": _label("锅炉", "boiler"),
    "heat_pump": _label("热泵", "heat pump"),
    "ev_charger": _label("充电桩", "electric vehicle charger"),
    "lift": _label("电梯", "lift"),
    "curtain": _label("窗帘", "curtain"),
    "panic_button": _label("紧急按钮", "panic button"),
    "sports_equipment": _label("体育器材", "sports equipment"),
    "pool": _label("泳池水质", "pool water"),
    "level": _label("液位", "level"),
    "other": _label("其他", "other"),
}


def _known(category: str) -> str:
    if category not in CATEGORIES:
        meant = suggest(category, CATEGORIES)
        hint = f"; did you mean {meant}?" if meant else ""
        raise ValueError(f"{category!r} is not in the list of categories{hint}")
    return category


Category = Annotated[str, AfterValidator(_known)]
"""A category of the closed list, by its id."""
