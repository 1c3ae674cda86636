"""What Tasmota calls quantities: keys of `tele/…/SENSOR` and `tele/…/STATE`.

Units are in its documentation alone (https://tasmota.github.io/docs/Supported-Peripherals/ and the
page of each sensor), but for temperature, pressure and speed, which the message itself tells.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Key(NamedTuple):
    """A key's quantity."""

    quantity: str
    """A key of the table of known quantities, or a name of its own."""
    unit: str | None
    zh: str = ""
    en: str = ""


# Under any sensor.
KEYS: Final[dict[str, Key]] = {
    "Temperature": Key("temperature", "TempUnit"),
    "Humidity": Key("relative_humidity", "%RH"),
    "DewPoint": Key("dew_point", "TempUnit"),
    "Pressure": Key("air_pressure", "PressureUnit"),
    "SeaPressure": Key("sea_level_pressure", "PressureUnit"),
    "CarbonDioxide": Key("co2", "ppm"),
    "eCO2": Key("eco2", "ppm"),
    "TVOC": Key("tvoc", "ppb"),
    "Gas": Key("gas_resistance", "kΩ"),  # BME680
    "Illuminance": Key("illuminance", "lx"),
    "Distance": Key("distance", "cm"),  # SR04, VL53L0X in mm: see SENSORS
    "PM1": Key("pm1", "µg/m³"),
    "PM2.5": Key("pm2_5", "µg/m³"),
    "PM10": Key("pm10", "µg/m³"),
    "CF1": Key("pm1_factory", "µg/m³", "PM1 工厂标定", "PM1, factory environment"),
    "CF2.5": Key("pm2_5_factory", "µg/m³", "PM2.5 工厂标定", "PM2.5, factory environment"),
    "CF10": Key("pm10_factory", "µg/m³", "PM10 工厂标定", "PM10, factory environment"),
    "PB0.3": Key("particles_0_3", "", "0.3 µm 颗粒数", "particles over 0.3 µm in 0.1 l"),
    "PB0.5": Key("particles_0_5", "", "0.5 µm 颗粒数", "particles over 0.5 µm in 0.1 l"),
    "PB1": Key("particles_1", "", "1 µm 颗粒数", "particles over 1 µm in 0.1 l"),
    "PB2.5": Key("particles_2_5", "", "2.5 µm 颗粒数", "particles over 2.5 µm in 0.1 l"),
    "PB5": Key("particles_5", "", "5 µm 颗粒数", "particles over 5 µm in 0.1 l"),
    "PB10": Key("particles_10", "", "10 µm 颗粒数", "particles over 10 µm in 0.1 l"),
    "Weight": Key("weight", "kg"),
    "Moisture": Key("soil_moisture", "%"),
}

SENSORS: Final[dict[str, dict[str, Key]]] = {
    "ENERGY": {
        "Total": Key("active_energy", "kWh"),
        "Today": Key("energy_today", "kWh"),
        "Yesterday": Key("energy_yesterday", "kWh"),
        "Period": Key("energy_period", "Wh"),
        "ExportActive": Key("returned_energy", "kWh"),
        "ImportActive": Key("imported_energy", "kWh", "输入电能", "imported energy"),
        "ExportReactive": Key(
            "returned_reactive_energy", "kvarh", "返送无功电能", "reactive export"
        ),
        "ImportReactive": Key(
            "imported_reactive_energy", "kvarh", "输入无功电能", "reactive import"
        ),
        "Power": Key("active_power", "W"),
        "ApparentPower": Key("apparent_power", "VA"),
        "ReactivePower": Key("reactive_power", "var"),
        "Factor": Key("power_factor", ""),
        "Frequency": Key("frequency", "Hz"),
        "Voltage": Key("voltage", "V"),
        "Current": Key("current", "A"),
        "PhaseAngle": Key("phase_angle", "°", "相角", "phase angle"),
    },
    "RG-15": {  # https://tasmota.github.io/docs/HRG15/: metric by default
        "Active": Key("rain", "mm"),
        "Event": Key("rain_event", "mm", "本次降雨量", "rain of this event"),
        "Total": Key("rain_total", "mm", "累计降雨量", "rain in total"),
        "FlowRate": Key("rain_rate", "mm/h"),
    },
    "ESP32": {"Temperature": Key("device_temperature", "TempUnit")},  # of the chip itself
    "VL53L0X": {"Distance": Key("distance", "mm")},
    "VL53L1X": {"Distance": Key("distance", "mm")},
    "ANALOG": {
        "Temperature": Key("temperature", "TempUnit"),
        "Illuminance": Key("illuminance", "lx"),
        "Range": Key("analog_range", "", "模拟量", "analogue range"),
        "A0": Key("analog_a0", "", "模拟输入 A0", "analogue input A0"),
    },
    "OPENTHERM": {  # https://tasmota.github.io/docs/OpenTherm/
        "conn": Key("connection", None, "总线状态", "bus state"),
        "settings": Key("settings_word", "", "设置字", "settings word"),
        "SLAVE.FAULT": Key("fault", "", "锅炉故障", "boiler fault"),
        "SLAVE.CH": Key("heating_active", "", "供暖运行", "central heating active"),
        "SLAVE.DHW": Key("hot_water_active", "", "热水运行", "hot water active"),
        "SLAVE.FL": Key("flame", "", "火焰", "flame"),
        "SLAVE.COOL": Key("cooling_active", "", "制冷运行", "cooling active"),
        "SLAVE.CH2": Key("heating_2_active", "", "二路供暖运行", "second heating circuit active"),
        "SLAVE.DIAG": Key("diagnostic", "", "诊断指示", "diagnostic indication"),
        "SLAVE.RAW": Key("raw_status", "", "状态字", "status word"),
        "BTMP.FAULT": Key(
            "boiler_temperature_fault", "", "锅炉温度读取失败", "boiler reading failed"
        ),
        "BTMP.REQ": Key("boiler_requested", "°C", "锅炉要求温度", "boiler temperature requested"),
        "BTMP.ACT": Key("boiler_actual", "°C", "锅炉设定温度", "boiler temperature in force"),
        "HWTMP.REQ": Key("hot_water_requested", "°C", "热水要求温度", "hot water requested"),
        "HWTMP.ACT": Key("hot_water_actual", "°C", "热水设定温度", "hot water in force"),
        "ASFF.FC": Key("fault_code", "", "故障码", "fault code"),
        "ASFF.OFC": Key("oem_fault_code", "", "厂家故障码", "maker's fault code"),
        "FLM": Key("modulation", "%", "火焰调制", "flame modulation"),
        "TB": Key("boiler_temperature", "°C", "锅炉水温", "boiler water temperature"),
        "TDHW": Key("hot_water_temperature", "°C", "热水温度", "hot water temperature"),
        "DHWS": Key("hot_water_setpoint", "°C", "热水设定值", "hot water setpoint"),
        "TMAX": Key("heating_water_limit", "°C", "供暖水温上限", "heating water limit"),
    },
    "RC522": {  # https://tasmota.github.io/docs/MFRC522/
        "UID": Key("badge", None, "卡号", "badge"),
        "Data": Key("badge_data", None, "卡内数据", "badge data"),
        "Type": Key("badge_type", None, "卡类型", "badge type"),
    },
    "PN532": {
        "UID": Key("badge", None, "卡号", "badge"),
        "DATA": Key("badge_data", None, "卡内数据", "badge data"),
    },
    "RDM6300": {"UID": Key("badge", None, "卡号", "badge")},
}

BADGE_READERS: Final = frozenset({"RC522", "PN532", "RDM6300"})
"""Their values are identifiers, which stay texts also where they look like numbers."""

CATEGORIES: Final = {
    "ENERGY": "electricity_meter",
    "RG-15": "weather_station",
    "OPENTHERM": "boiler",
    "RC522": "access_control",
    "PN532": "access_control",
    "RDM6300": "access_control",
}

NOT_QUANTITIES: Final = frozenset(
    {"Time", "TempUnit", "PressureUnit", "SpeedUnit", "TotalStartTime", "Id", "Epoch", "UTC"}
)

# Of tele/…/STATE; relays and lights are found by their own names.
STATE_KEYS: Final[dict[str, Key]] = {
    "UptimeSec": Key("uptime", "s"),
    "Wifi.Signal": Key("signal_strength", "dBm"),
    "Wifi.RSSI": Key("wifi_quality", "%", "无线信号质量", "Wi-Fi quality"),
}
