# ruff: noqa: E501  (a row is a line)
"""The tables of known quantities and states, as text: `quantities` reads them.

A row is one quantity; `;` parts the columns.
"""

from typing import Final

NUMBERS: Final = """
temperature;°C,K;温度;temperature;temperature_humidity;;;temp t tmp t_c local_temperature current_temperature air_temperature
device_temperature;°C;设备温度;device temperature;;slow;;chip_temperature
relative_humidity;%RH;相对湿度;relative humidity;temperature_humidity;;0..100;humidity hum rh
soil_moisture;%;土壤含水率;soil moisture;soil;;0..100;moisture
soil_temperature;°C;土壤温度;soil temperature;soil;;;
dew_point;°C;露点;dew point;;;;dewpoint dew_point_temperature
heat_index;°C;体感温度;heat index;;;;apparent_temperature feels_like
air_pressure;hPa,kPa,Pa;气压;air pressure;weather_station;;;pressure atmospheric_pressure barometric_pressure p_atm
sea_level_pressure;hPa;海平面气压;sea-level pressure;;;;sea_pressure
water_pressure;kPa,bar,MPa;水压;water pressure;;;;pressure
co2;ppm;二氧化碳;carbon dioxide;co2;;;carbon_dioxide carbondioxide
eco2;ppm;等效二氧化碳;equivalent carbon dioxide;;;;e_co2 co2_equivalent
tvoc;ppb,µg/m³,mg/m³,ppm,-;挥发性有机物;volatile organic compounds;air_quality;;;voc volatile_organic_compounds volatile_organic_compounds_parts
voc_index;-;挥发性有机物指数;VOC index;air_quality;;;iaq_index
pm1;µg/m³,mg/m³;细颗粒物 PM1;particulates PM1;air_quality;;;pm_1 pm1_0 pm01
pm2_5;µg/m³,mg/m³;细颗粒物 PM2.5;particulates PM2.5;air_quality;;;pm25 pm_25
pm4;µg/m³,mg/m³;颗粒物 PM4;particulates PM4;air_quality;;;pm4_0
pm10;µg/m³,mg/m³;可吸入颗粒物 PM10;particulates PM10;air_quality;;;pm_10
formaldehyde;mg/m³,µg/m³,ppm,ppb;甲醛;formaldehyde;air_quality;;;hcho formaldehyd formaldehyde_concentration ch2o
carbon_monoxide;ppm,ppb,mg/m³,µg/m³,%LEL,%VOL,%;一氧化碳;carbon monoxide;gas_detector;safety;;co carbon_monoxide_concentration
gas_concentration;ppm,ppb,mg/m³,µg/m³,%LEL,%VOL,%;燃气浓度;gas concentration;gas_detector;safety;;gas gas_value gas_ppm gas_density
nitrogen_dioxide;ppm,ppb,mg/m³,µg/m³,%LEL,%VOL,%;二氧化氮;nitrogen dioxide;gas_detector;safety;;no2
ammonia;ppm,ppb,mg/m³,µg/m³,%LEL,%VOL,%;氨气;ammonia;gas_detector;safety;;nh3
ozone;ppm,ppb,mg/m³,µg/m³,%LEL,%VOL,%;臭氧;ozone;gas_detector;safety;;o3
smoke_density;-,%,ppm;烟雾浓度;smoke density;smoke_fire;safety;;smoke_concentration smoke_density_dbm smoke_value
gas_resistance;Ω;气敏电阻;gas resistance;;;;
air_quality_index;-;空气质量指数;air quality index;air_quality;;;aqi
illuminance;lx;照度;illuminance;light;;;lux illumination illuminance_lux
noise;dB;噪声;noise;noise;;;noise_level sound_pressure
uv_index;-;紫外线指数;UV index;weather_station;;;uv
irradiance;W/m²;辐照度;irradiance;weather_station;;;solar_radiation
wind_speed;m/s;风速;wind speed;weather_station;;;speed_wind wind_speed_avg
wind_direction;°;风向;wind direction;weather_station;;0..360;wind_dir wind_bearing
rain;mm;降雨量;rainfall;weather_station;;;precipitation rainfall rain_amount rainfall_accumulation
rain_rate;mm/h;降雨强度;rain rate;weather_station;;;precipitation_intensity rain_intensity
radon;Bq/m³;氡;radon;air_quality;;;radioactivity
people_count;-;人数;people count;people_counter;;;people people_counted
distance;cm,mm,m;距离;distance;;;;target_distance
level;cm,mm,m,%;液位;level;level;;;liquid_level liquid_depth
ph;pH;酸碱度;pH;pool;;;
turbidity;NTU;浊度;turbidity;pool;;;
conductivity;µS/cm;电导率;conductivity;soil;;;ec soil_fertility
voltage;V;电压;voltage;electricity_meter;;;u rms_voltage
battery_voltage;mV,V;电池电压;battery voltage;;slow;;voltage batt_voltage vbat
current;A,mA,µA;电流;current;electricity_meter;;;i rms_current
neutral_current;A,mA;零线电流;neutral current;;;;n_current current_neutral
active_power;W,kW;有功功率;active power;electricity_meter;;;power apower act_power load_power
apparent_power;VA,kVA;视在功率;apparent power;;;;aprt_power power_apparent
reactive_power;var,kvar;无功功率;reactive power;;;;power_reactive
power_factor;-,%;功率因数;power factor;;;;pf factor
frequency;Hz;频率;frequency;;;0..500;freq ac_frequency
active_energy;kWh,Wh,MWh,GJ;有功电能;active energy;electricity_meter;;;energy total_energy energy_total consumption energy_consumed
returned_energy;kWh,Wh,MWh,GJ;返送电能;returned energy;;;;produced_energy energy_returned export_active total_returned
energy_today;kWh,Wh,MWh,GJ;今日电能;energy today;;;;today
energy_yesterday;kWh,Wh,MWh,GJ;昨日电能;energy yesterday;;slow;;yesterday
energy_month;kWh,Wh,MWh,GJ;本月电能;energy this month;;slow;;
energy_period;kWh,Wh,MWh,GJ;本周期电能;energy of the last period;;;;period
heat_energy;kWh,GJ,MWh;热量;heat;heat_meter;;;
water_volume;m³,l;用水量;water volume;water_meter;;;water water_consumed water_consumption volume
flow_rate;m³/h,l/min,l/s;流量;flow rate;water_meter;;;flow volume_flow_rate water_flow
temperature_setpoint;°C;温度设定值;temperature setpoint;thermostat;;;current_heating_setpoint occupied_heating_setpoint target_temperature setpoint target_t heating_setpoint
cooling_setpoint;°C;制冷设定值;cooling setpoint;thermostat;;;occupied_cooling_setpoint current_cooling_setpoint target_temperature_high
heating_setpoint_unoccupied;°C;无人时温度设定值;setpoint when unoccupied;;;;unoccupied_heating_setpoint
temperature_offset;K,°C;温度校准;temperature offset;;slow;;local_temperature_calibration temperature_calibration
humidity_setpoint;%RH;湿度设定值;humidity setpoint;;;0..100;target_humidity
brightness;%,-;亮度;brightness;lighting_controller;;;dimmer
color_temperature;K,-;色温;colour temperature;;;;color_temp ct colour_temperature
position;%;位置;position;curtain;;0..100;current_pos cover_position pos
tilt_position;%;叶片角度;tilt position;;;0..100;tilt slat_pos
fan_percent;%;风速百分比;fan speed;ventilation;;;fan_percentage
valve_opening;%;阀门开度;valve opening;thermostat;;0..100;pi_heating_demand valve_position valve_opening_degree heating_power_request
battery;%;电池电量;battery;;slow;0..100;battery_level bat battery_percent
link_quality;-;链路质量;link quality;;slow;;linkquality lqi
signal_strength;dBm;信号强度;signal strength;;slow;;rssi wifi_signal signal
uptime;s,h,d;运行时长;uptime;;slow;;uptime_sec
last_seen_ms;-;上次上报（毫秒时间戳）;last seen (ms since 1970);;slow;;
power_outage_count;-;断电次数;power outages;;slow;;
weight;kg,g;重量;weight;;;;mass
angle;°;角度;angle;;;;angle_x
duration;s,min,h;时长;duration;;;;
"""
"""name; units, the first when the maker tells none, - for no unit; Chinese; English; category;
class; range; what makers call it."""

STATES: Final = """
smoke;烟雾报警;smoke alarm;正常|normal;报警|alarm;smoke_fire;safety;smoke_alarm fire
heat_alarm;温感报警;heat alarm;正常|normal;报警|alarm;smoke_fire;safety;heat
gas_alarm;燃气报警;gas alarm;正常|normal;报警|alarm;gas_detector;safety;gas combustible_gas
carbon_monoxide_alarm;一氧化碳报警;carbon monoxide alarm;正常|normal;报警|alarm;gas_detector;safety;carbon_monoxide co co_alarm
water_leak;漏水;water leak;干燥|dry;漏水|leak;water_leak;safety;moisture flood leak leakage water_alarm
panic;紧急求助;panic alarm;正常|normal;报警|alarm;panic_button;safety;sos emergency
safety;安全报警;safety alarm;正常|safe;危险|unsafe;;safety;
tamper;防拆;tamper;正常|normal;被拆|tampered;;;tamper_alarm
open;开启;open;关|closed;开|open;door_contact;;contact door window opening garage_door
occupancy;有人;occupancy;无人|vacant;有人|occupied;presence;;presence motion occupied pir presence_detected
vibration;振动;vibration;无|none;振动|vibrating;sports_equipment;;shake
tilt_alarm;倾斜;tilt;正常|normal;倾斜|tilted;sports_equipment;;tilt
battery_low;电量低;battery low;正常|normal;电量低|low;;slow;battery batt_low low_battery
problem;故障;problem;正常|normal;故障|fault;;;fault error
overheat;过热;overheated;正常|normal;报警|alarm;;safety;overtemperature
overload;过载;overload;正常|normal;报警|alarm;;;overpower
running;运行;running;停止|stopped;运行|running;;;moving
child_lock;童锁;child lock;未锁|unlocked;已锁|locked;;slow;key_lock
window_open;开窗检测;open window;否|no;是|yes;;;open_window window_detection
connectivity;连接;connection;断开|disconnected;已连接|connected;;slow;online
plugged;已插入;plugged in;否|no;是|yes;;;plug
charging;充电;charging;否|no;是|yes;;;battery_charging
update_available;有固件更新;firmware update;否|no;是|yes;;slow;update
light_detected;光照;light;暗|dark;亮|light;light;;
sound_detected;声响;sound;无|quiet;有|sound;noise;;sound
cold;过冷;cold;正常|normal;过冷|cold;;;
flame;火焰;flame;无|off;有|on;boiler;;
"""
"""name; Chinese; English; label of 0; label of 1; category; class; what makers call it."""

CATEGORY_ORDER: Final = (
    "smoke_fire",
    "water_leak",
    "gas_detector",
    "panic_button",
    "air_conditioner",
    "boiler",
    "thermostat",
    "ventilation",
    "curtain",
    "access_control",
    "lighting_controller",
    "smart_plug",
    "relay",
    "heat_meter",
    "electricity_meter",
    "water_meter",
    "irrigation",
    "soil",
    "people_counter",
    "presence",
    "door_contact",
    "pool",
    "co2",
    "air_quality",
    "noise",
    "level",
    "sports_equipment",
    "temperature_humidity",
    "weather_station",
    "light",
)
"""The kind of device is told by the first of these that one of its points stands for."""
