"""What Shelly devices call quantities.

Gen1: https://shelly-api-docs.shelly.cloud/gen1/, Gen2 and later: the status of each component at
https://shelly-api-docs.shelly.cloud/gen2/.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Key(NamedTuple):
    """A key's quantity."""

    quantity: str
    unit: str | None = None
    zh: str = ""
    en: str = ""
    slow: bool = False


# Of a Gen2 component's status, by path.
GEN2: Final[dict[str, Key]] = {
    "apower": Key("active_power", "W"),
    "aprtpower": Key("apparent_power", "VA"),
    "voltage": Key("voltage", "V"),
    "current": Key("current", "A"),
    "pf": Key("power_factor", ""),
    "freq": Key("frequency", "Hz"),
    "aenergy.total": Key("active_energy", "Wh"),
    "ret_aenergy.total": Key("returned_energy", "Wh"),
    "temperature.tC": Key("device_temperature", "°C"),
    "current_pos": Key("position", "%"),
    "target_pos": Key("target_position", "%", "目标位置", "target position"),
    "slat_pos": Key("tilt_position", "%"),
    "brightness": Key("brightness", "%"),
    "ct": Key("color_temperature", "K"),
    "tC": Key("temperature", "°C"),
    "rh": Key("relative_humidity", "%RH"),
    "lux": Key("illuminance", "lx"),
    "percent": Key("percent", "%", "模拟量百分比", "analogue input"),
    "xpercent": Key("scaled_percent", "", "模拟量换算值", "analogue input, scaled"),
    "counts.total": Key("count", "", "计数", "count"),
    "ppm": Key("gas_concentration", "ppm"),
    "battery.percent": Key("battery", "%"),
    "battery.V": Key("battery_voltage", "V", slow=True),
    "target_C": Key("temperature_setpoint", "°C"),
    "current_C": Key("temperature", "°C"),
    "current_humidity": Key("relative_humidity", "%RH"),
    "act_power": Key("active_power", "W"),
    "aprt_power": Key("apparent_power", "VA"),
    "total_act_energy": Key("active_energy", "Wh"),
    "total_act_ret_energy": Key("returned_energy", "Wh"),
    "total_act": Key("active_energy", "Wh"),
    "total_act_ret": Key("returned_energy", "Wh"),
    "total_current": Key("total_current", "A", "总电流", "total current"),
    "total_act_power": Key("active_power", "W"),
    "total_aprt_power": Key("apparent_power", "VA"),
    "n_current": Key("neutral_current", "A"),
    "num_objects": Key("people_count", "", "人数", "people"),
    "value": Key("value", "", "数值", "value"),
    "rssi": Key("signal_strength", "dBm", slow=True),
    "uptime": Key("uptime", "s", slow=True),
}

PHASE_KEYS: Final = ("current", "voltage", "act_power", "aprt_power", "pf", "freq")
PHASE_ENERGIES: Final = ("total_act_energy", "total_act_ret_energy")
PHASES: Final = {"a": "L1", "b": "L2", "c": "L3"}

# Of a Gen1 topic, `shellies/<id>/…`: the last levels, channels taken out.
GEN1: Final[dict[str, Key]] = {
    "relay/power": Key("active_power", "W"),
    "relay/energy": Key("active_energy", "Wmin"),
    "meter/power": Key("active_power", "W"),
    "meter/energy": Key("active_energy", "Wmin"),
    "emeter/power": Key("active_power", "W"),
    "emeter/reactive_power": Key("reactive_power", "var"),
    "emeter/pf": Key("power_factor", ""),
    "emeter/voltage": Key("voltage", "V"),
    "emeter/current": Key("current", "A"),
    "emeter/energy": Key("energy_since_start", "Wmin", "启动后电能", "energy since start"),
    "emeter/returned_energy": Key(
        "returned_since_start", "Wmin", "启动后返送电能", "returned energy since start"
    ),
    "emeter/total": Key("active_energy", "Wh"),
    "emeter/total_returned": Key("returned_energy", "Wh"),
    "emeter_n/current": Key("neutral_current", "A"),
    "roller/pos": Key("position", "%"),
    "roller/power": Key("active_power", "W"),
    "roller/energy": Key("active_energy", "Wmin"),
    "light/power": Key("active_power", "W"),
    "light/energy": Key("active_energy", "Wmin"),
    "temperature": Key("device_temperature", "°C"),
    "voltage": Key("voltage", "V"),
    "ext_temperature": Key("temperature", "°C"),
    "ext_humidity": Key("relative_humidity", "%RH"),
    "adc": Key("analog_voltage", "V", "模拟输入电压", "analogue input"),
    "sensor/temperature": Key("temperature", "°C"),
    "sensor/humidity": Key("relative_humidity", "%RH"),
    "sensor/battery": Key("battery", "%"),
    "sensor/lux": Key("illuminance", "lx"),
    "sensor/tilt": Key("angle", "°"),
    "sensor/concentration": Key("gas_concentration", "ppm"),
}


class Words(NamedTuple):
    """A state of two words."""

    quantity: str
    off: str
    on: str
    zh: str = ""
    en: str = ""


GEN1_STATES: Final[dict[str, Words]] = {
    "relay": Words("relay", "off", "on", "继电器", "relay"),
    "light": Words("light", "off", "on", "灯", "light"),
    "color": Words("light", "off", "on", "灯", "light"),
    "white": Words("light", "off", "on", "灯", "light"),
    "input": Words("input", "0", "1", "输入", "input"),
    "longpush": Words("longpush", "0", "1", "长按", "long push"),
    "overtemperature": Words("overheat", "0", "1"),
    "sensor/state": Words("contact", "close", "open"),
    "sensor/flood": Words("water_leak", "false", "true"),
    "sensor/smoke": Words("smoke", "false", "true"),
    "sensor/motion": Words("motion", "false", "true"),
    "sensor/vibration": Words("vibration", "0", "1"),
    "sensor/charger": Words("charging", "false", "true"),
    "sensor/error": Words("problem", "0", "1"),
    "loaderror": Words("overload", "0", "1"),
}


class State(NamedTuple):
    """A state that is true or false."""

    quantity: str
    zh: str = ""
    en: str = ""
    category: str = ""


_LIGHT: Final = State("light", "灯", "light", "lighting_controller")

GEN2_STATES: Final[dict[tuple[str, str], State]] = {
    ("switch", "output"): State("relay", "继电器", "relay", "relay"),
    ("light", "output"): _LIGHT,
    ("rgb", "output"): _LIGHT,
    ("rgbw", "output"): _LIGHT,
    ("cct", "output"): _LIGHT,
    ("input", "state"): State("input", "输入", "input"),
    ("smoke", "alarm"): State("smoke"),
    ("flood", "alarm"): State("water_leak"),
    ("devicepower", "external.present"): State("external_power", "外部供电", "external power"),
    ("thermostat", "output"): State("heating", "加热", "heating", "thermostat"),
    ("thermostat", "enable"): State("power_on", "启用", "enabled"),
    ("presence", "state"): State("occupancy"),
    ("boolean", "value"): State("state", "状态", "state"),
    ("bthomesensor", "value"): State("state", "状态", "state"),
}
"""True and false of a Gen2 component, by its kind and the path."""
