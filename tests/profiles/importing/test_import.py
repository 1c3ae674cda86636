"""`campus profiles import`: what becomes of other programs' descriptions."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from device_profiles.cli import app
from device_profiles.library import load_profile
from device_profiles.model import ModbusProfile
from device_profiles.model_modbus import ModbusPoint
from device_profiles.register_dump import dump_of
from device_profiles.trying import try_registers

RUNNER = CliRunner()

CLASSIC = """\
Reference Point Name,Volttron Point Name,Units,Units Details,Modbus Register,Writable,\
Point Address,Default Value,Notes
CO2Sensor,ReturnAirCO2,PPM,0-2000,>f,FALSE,1001,,CO2 Reading
CO2Stpt,ReturnAirCO2Stpt,PPM,,>f,TRUE,1011,1000,Setpoint
OATemp,OutsideAirTemp,degreesFahrenheit,,>h,FALSE,1015,,
Mixed,MixedEnergy,kWh,,>l,FALSE,1020,,
Status,FanStatus,On / Off,,BOOL,FALSE,3,,
Cmd,FanCommand,On / Off,,BOOL,TRUE,4,,
Odd,Strange,furlong,,>h,FALSE,9,,
Bytes,TwoValues,,,>2h,FALSE,20,,
"""
MODBUS_TK = """\
Register Name,Address,Type,Units,Writable,Transform,Table,Mixed Endian
active power,0x200,float,kW,TRUE,,analog_output_holding_registers,TRUE
voltage,40,uint16,V,FALSE,scale(0.1),analog_input_registers,FALSE
exponent,41,int16,None,FALSE,,analog_input_registers,FALSE
current,42,int16,A,FALSE,scale_reg_pow_10(exponent),analog_input_registers,FALSE
energy,50,uint32,kWh,FALSE,mod10k(TRUE),analog_output_holding_registers,FALSE
power factor,60,int16,,FALSE,scale_decimal_int_signed(0.001),analog_output_holding_registers,FALSE
name,70,string[8],,FALSE,,analog_output_holding_registers,FALSE
"""
TELEGRAF = """
[[inputs.modbus]]
  name = "meter"
  slave_id = 3
  timeout = "2s"
  controller = "file:///dev/ttyUSB0"
  baud_rate = 19200
  parity = "E"
  discrete_inputs = [ { name = "start", address = [0]} ]
  holding_registers = [
    { name = "power_factor", byte_order = "AB", data_type = "FIXED", scale=0.01, address = [8]},
    { name = "energy", byte_order = "CDAB", data_type = "UFIXED", scale=0.001, address = [5,6]},
    { name = "old_float", byte_order = "ABCD", data_type = "FLOAT32", scale=0.1, address = [20,21]},
    { name = "torn", byte_order = "ABCD", data_type = "INT32", scale=1.0, address = [30,40]},
  ]
  [[inputs.modbus.request]]
    slave_id = 4
    byte_order = "DCBA"
    register = "input"
    fields = [
      { address=0, name="voltage", type="INT16", scale=0.1 },
      { address=1, name="left_out", type="INT32", omit=true},
      { address=3, name="frequency", type="FLOAT32"},
    ]
    [inputs.modbus.request.tags]
      machine = "impresser"
  [[inputs.modbus.metric]]
    slave_id = 5
    fields = [
      { register="coil", address=0, name="door_open"},
      { address=9, name="firmware", type="STRING", length=8 },
      { address=20, name="high", type="UINT8H" },
      { address=21, name="fault", type="BIT", bit=3},
    ]
  [inputs.modbus.workarounds]
    pause_between_requests = "50ms"
    one_request_per_field = true
    max_word_registers_per_request = 40
    close_connection_after_gather = true
"""
HOME_ASSISTANT = """
modbus:
  - name: hub1
    type: serial
    method: rtu
    port: /dev/ttyUSB0
    baudrate: 9600
    bytesize: 8
    parity: N
    stopbits: 1
    message_wait_milliseconds: 30
    delay: 2
    sensors:
      - {name: Room temperature, slave: 2, address: 0, input_type: input, data_type: int16,
         scale: 0.1, unit_of_measurement: °C, nan_value: "0x8000"}
      - {name: Humidity, slave: 2, address: 1, input_type: input, unit_of_measurement: "%",
         scale: 0.1, min_value: 0, max_value: 100, precision: 1}
      - {name: energies, device_address: 2, address: 10, data_type: uint32, swap: word,
         virtual_count: 2, unit_of_measurement: kWh}
      - {name: shape, slave: 2, address: 20, data_type: custom, structure: ">f", count: 2}
      - {name: label, slave: 2, address: 30, data_type: string, count: 4}
    binary_sensors:
      - {name: door, slave: 3, address: 100, input_type: discrete_input, slave_count: 1}
      - {name: leak, slave: 3, address: 7, input_type: holding}
    switches:
      - {name: pump, slave: 3, address: 5, write_type: holding, command_on: 255, command_off: 1,
         verify: {input_type: input, address: 6, state_on: 25, state_off: 1}}
      - {name: lamp, slave: 3, address: 8, write_type: coil, verify: }
    climates:
      - {name: AC, slave: 4, address: 117, data_type: int16, scale: 0.1, input_type: input,
         target_temp_register: 2782, write_registers: true, min_temp: 16, max_temp: 30,
         temp_step: 0.5,
         hvac_mode_register: {address: 11, values: {state_off: 4, state_cool: 0,
         state_heat: [1, 5]}}, hvac_onoff_register: 12}
    covers:
      - {name: shade, slave: 4, input_type: coil, address: 1,
         status_register: 119, state_open: 1, state_opening: 2, state_closed: 0, state_closing: 3}
"""


class Result:
    def __init__(self, folder: Path, reports: list[dict[str, Any]]) -> None:
        self.reports = reports
        self.profiles = {
            path.stem: load_profile(path) for path in sorted((folder / "out").glob("*.yaml"))
        }

    def profile(self, id_: str) -> ModbusProfile:
        found = self.profiles[id_]
        assert isinstance(found, ModbusProfile)
        return found

    def remarks(self, item: str) -> str:
        return "; ".join(
            f"{one['kind']}: {one['message']}"
            for report in self.reports
            for one in report["remarks"]
            if one["item"] == item
        )


Import = Callable[..., Result]


@pytest.fixture
def imported(tmp_path: Path) -> Import:
    def run(name: str, text: str, *options: str) -> Result:
        (tmp_path / name).write_text(text, encoding="utf-8")
        arguments = ["import", str(tmp_path / name), "-o", str(tmp_path / "out"), "--json"]
        result = RUNNER.invoke(app, [*arguments, *options])
        assert result.exit_code == 0, result.output
        return Result(tmp_path, json.loads(result.stdout))

    return run


def point(profile: ModbusProfile, name: str) -> ModbusPoint:
    found = profile.find(name)
    assert found is not None, [one.name for one in profile.points]
    return found


def value(profile: ModbusProfile, name: str, registers: dict[str, list[str]]) -> float | None:
    found = try_registers(profile, dump_of(registers, profile.modbus)).value_of(name)
    assert found is not None
    return found.value


# --- VOLTTRON ------------------------------------------------------------------------------------


def test_a_classic_registry(imported: Import) -> None:
    found = imported("catalyst.csv", CLASSIC)
    profile = found.profile("catalyst")

    assert value(profile, "return_air_co2", {"input:1001": ["43E1", "0000"]}) == 450
    assert point(profile, "return_air_co2").unit == "ppm"
    assert value(profile, "outside_air_temp", {"input:1015": ["0032"]}) == pytest.approx(10)
    assert point(profile, "fan_status").read is not None
    command = point(profile, "fan_command")
    assert command.write is not None
    assert command.write.function == 5
    assert point(profile, "return_air_co2_stpt").write is None


def test_what_a_registry_leaves_open_is_said(imported: Import) -> None:
    found = imported("catalyst.csv", CLASSIC)

    assert "base 0" in found.remarks("addresses")
    assert "converted to °C" in found.remarks("OutsideAirTemp")
    assert "no limits" in found.remarks("ReturnAirCO2Stpt")
    assert "left without one" in found.remarks("Strange")
    assert "left_out" in found.remarks("TwoValues")
    assert point(found.profile("catalyst"), "strange").unit == ""


def test_another_address_base_only_when_said(imported: Import) -> None:
    profile = imported("catalyst.csv", CLASSIC, "--address-base", "1").profile("catalyst")

    place = profile.read_location(point(profile, "return_air_co2"))
    assert place.address == 1000


def test_a_registry_of_modbus_tk(imported: Import) -> None:
    profile = imported("tk.csv", MODBUS_TK).profile("tk")

    assert value(profile, "active_power", {"holding:512": ["0000", "41AC"]}) == 21.5
    assert value(profile, "voltage", {"input:40": ["08FC"]}) == 230
    assert value(profile, "current", {"input:41": ["FFFE", "007B"]}) == 1.23
    assert value(profile, "energy", {"holding:50": ["0005", "0002"]}) == 20005
    assert value(profile, "power_factor", {"holding:60": ["83E8"]}) == -1.0
    outcome = try_registers(
        profile, dump_of({"holding:70": ["4142", "4300", "0000", "0000"]}, profile.modbus)
    )
    assert outcome.text_of("name") == "ABC"


# --- Telegraf ------------------------------------------------------------------------------------


def test_the_three_styles_of_telegraf(imported: Import) -> None:
    found = imported("telegraf.conf", TELEGRAF)

    assert set(found.profiles) == {"meter-unit-3", "meter-unit-4", "meter-unit-5"}
    old = found.profile("meter-unit-3")
    assert value(old, "power_factor", {"holding:8": ["FFCE"]}) == -0.5
    assert value(old, "energy", {"holding:5": ["0001", "0002"]}) == 131.073
    assert value(old, "old_float", {"holding:20": ["0000", "00FF"]}) == 25.5
    requests = found.profile("meter-unit-4")
    assert [one.name for one in requests.points] == ["voltage", "frequency"]
    assert value(requests, "voltage", {"input:0": ["FC08"]}) == 230
    assert value(requests, "frequency", {"input:3": ["0000", "4842"]}) == 50
    metrics = found.profile("meter-unit-5")
    assert value(metrics, "high", {"holding:20": ["2A00"]}) == 42
    assert value(metrics, "fault", {"holding:21": ["0008"]}) == 1


@pytest.mark.parametrize(
    ("order", "words"),
    [
        ("ABCDEFGH", ["4035", "8000", "0000", "0000"]),
        ("GHEFCDAB", ["0000", "0000", "8000", "4035"]),
        ("HGFEDCBA", ["0000", "0000", "0080", "3540"]),
        ("BADCFEHG", ["3540", "0080", "0000", "0000"]),
    ],
)
def test_orders_of_eight_letters(imported: Import, order: str, words: list[str]) -> None:
    text = f"""
[[inputs.modbus]]
  name = "plc"
  slave_id = 1
  controller = "tcp://10.0.0.3:502"
  holding_registers = [
    {{name = "level", byte_order = "{order}", data_type = "FLOAT64-IEEE", address = [8,9,10,11]}},
  ]
"""
    profile = imported("telegraf.conf", text).profile("plc")

    assert value(profile, "level", {"holding:8": words}) == 21.5


def test_pacing_and_settings_come_along(imported: Import) -> None:
    section = imported("telegraf.conf", TELEGRAF).profile("meter-unit-3").modbus

    assert (section.link.baud_rate, section.link.parity, section.link.unit_id) == (19200, "E", 3)
    assert section.pause_between_requests_s == 0.05
    assert section.one_request_per_field
    assert section.max_word_registers_per_request == 40
    assert section.close_connection_after_poll
    assert section.response_timeout_s == 2.0


def test_no_unit_is_guessed(imported: Import) -> None:
    found = imported("telegraf.conf", TELEGRAF)

    assert {one.unit for one in found.profile("meter-unit-4").points} == {""}
    assert "no unit" in found.remarks("voltage")
    assert "UFIXED" in found.remarks("old_float")
    assert "not in a row" in found.remarks("torn")


# --- Home Assistant ------------------------------------------------------------------------------


def test_sensors_of_home_assistant(imported: Import) -> None:
    found = imported("configuration.yaml", HOME_ASSISTANT)
    profile = found.profile("hub1-unit-2")

    assert value(profile, "room_temperature", {"input:0": ["00D7"]}) == 21.5
    assert value(profile, "room_temperature", {"input:0": ["8000"]}) is None
    assert point(profile, "humidity").unit == "%RH"
    assert value(profile, "energies_2", {"holding:14": ["0001", "0002"]}) == 131073
    assert value(profile, "shape", {"holding:20": ["41AC", "0000"]}) == 21.5
    assert point(profile, "room_temperature").labels.zh == "房间温度"
    assert profile.modbus.pause_between_requests_s == 0.03
    assert profile.modbus.pause_after_connect_s == 2
    assert "cut" in found.remarks("Humidity")


def test_what_is_switched(imported: Import) -> None:
    profile = imported("configuration.yaml", HOME_ASSISTANT).profile("hub1-unit-3")

    assert value(profile, "pump", {"input:6": ["0019"]}) == 1
    assert value(profile, "pump", {"input:6": ["0001"]}) == 0
    assert value(profile, "leak", {"holding:7": ["0001"]}) == 1
    assert value(profile, "door_1", {"discrete_input:101": ["1"]}) == 1
    write = point(profile, "pump").write
    assert write is not None
    assert (write.function, dict(write.values)) == (6, {1: 255, 0: 1})


def test_climates_and_covers(imported: Import) -> None:
    profile = imported("configuration.yaml", HOME_ASSISTANT).profile("hub1-unit-4")

    assert value(profile, "ac_current_temperature", {"input:117": ["00D7"]}) == 21.5
    target = point(profile, "ac_target_temperature").write
    assert target is not None
    assert (target.minimum, target.maximum, target.step) == (16, 30, 0.5)
    assert target.function == 16
    mode = point(profile, "ac_mode")
    assert [label.en for label in mode.states.values()] == ["off", "cool", "heat"]
    assert value(profile, "ac_mode", {"holding:11": ["0005"]}) == 2
    assert value(profile, "shade", {"holding:119": ["0003"]}) == 3


# --- the command ---------------------------------------------------------------------------------


def test_labels_are_in_both_languages(imported: Import) -> None:
    found = imported("configuration.yaml", HOME_ASSISTANT)

    for profile in found.profiles.values():
        assert all(one.labels.zh and one.labels.en for one in profile.points)


def test_a_file_is_never_overwritten(imported: Import, tmp_path: Path) -> None:
    imported("catalyst.csv", CLASSIC)

    arguments = ["import", str(tmp_path / "catalyst.csv"), "-o", str(tmp_path / "out")]
    again = RUNNER.invoke(app, arguments)

    assert again.exit_code == 1
    assert "left as it is" in again.output


@pytest.mark.parametrize(
    ("name", "text"),
    [("a.csv", "a,b\n1,2\n"), ("a.toml", "[x]\n"), ("a.yaml", "light:\n  - x\n"), ("a", "\0")],
)
def test_files_of_nothing_known(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)

    result = RUNNER.invoke(app, ["import", str(tmp_path / name), "-o", str(tmp_path)])

    assert result.exit_code == 1
    assert "error:" in result.output


def test_a_base_is_refused_where_the_format_has_its_own(tmp_path: Path) -> None:
    (tmp_path / "t.conf").write_text(TELEGRAF)

    result = RUNNER.invoke(
        app, ["import", str(tmp_path / "t.conf"), "--address-base", "1", "-o", str(tmp_path)]
    )

    assert result.exit_code == 1
    assert "from 0" in result.output


def test_home_assistants_own_tags_do_no_harm(imported: Import) -> None:
    text = "secret: !secret x\n" + HOME_ASSISTANT

    assert len(imported("c.yaml", text).profiles) == 3
