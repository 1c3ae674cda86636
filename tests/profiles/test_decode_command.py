"""`campus profiles decode`, `test` and `new`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from device_profiles.categories import CATEGORIES
from device_profiles.cli import app
from device_profiles.errors import GivenDataError
from device_profiles.given_frames import contents, parse_frame, parse_request

RUNNER = CliRunner()

MODBUS = """
id: demo-meter
vendor: Demo
model: M1
category: electricity_meter
labels: {zh: 表, en: meter}
evidence: datasheet
sources: [{ref: "https://example.org/m1.pdf", kind: manual}]
protocol: modbus
modbus: {address_base: modicon, byte_order: CDAB}
points:
  - name: voltage
    unit: V
    labels: {zh: 电压, en: voltage}
    minimum: 0
    maximum: 300
    read: {input_type: input, address: 30001, data_type: uint16, scale: 0.1}
  - name: power
    unit: W
    labels: {zh: 功率, en: power}
    read: {input_type: input, address: 30003, data_type: int32}
  - name: mode
    labels: {zh: 模式, en: mode}
    states: {0: {zh: 停, en: stopped}, 1: {zh: 行, en: running}}
    read: {input_type: holding, address: 40001, data_type: uint16}
  - name: alarms
    labels: {zh: 报警, en: alarms}
    flags: {0: {zh: 过压, en: overvoltage}, 3: {zh: 过流, en: overcurrent}}
    read: {input_type: holding, address: 40002, data_type: uint16}
  - name: ratio
    labels: {zh: 变比, en: ratio}
    read: {input_type: holding, address: 40003, data_type: uint16}
  - name: primary_power
    unit: W
    labels: {zh: 一次功率, en: primary power}
    compute: {product: [power, ratio]}
  - name: serial_number
    labels: {zh: 序列号, en: serial number}
    read: {input_type: holding, address: 40010, data_type: string, length: 4}
examples:
  - note: manual, page 3
    registers: {"input:30001": ["08FC"], "holding:40010": "4142 4344 0000 0000"}
    values: {voltage: 230}
    texts: {serial_number: ABCD}
"""

MQTT = """
id: demo-sensor
vendor: Demo
model: S1
category: temperature_humidity
labels: {zh: 器, en: sensor}
evidence: datasheet
sources: [{ref: "https://example.org/s1.pdf", kind: manual}]
protocol: mqtt
mqtt: {topic: "sensors/{device}/state"}
points:
  - name: temperature
    unit: °C
    labels: {zh: 温度, en: temperature}
    minimum: -40
    maximum: 80
    read: {path: t}
examples:
  - {topic: sensors/a/state, payload: {t: 21.5}, values: {temperature: 21.5}}
  - {topic: sensors/a/state, payload_hex: "7b2274223a337d", values: {temperature: 3}}
  - {topic: sensors/a/state, payload_file: message.json, values: {temperature: null}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "demo-meter.yaml").write_text(MODBUS, encoding="utf-8")
    (tmp_path / "demo-sensor.yaml").write_text(MQTT, encoding="utf-8")
    (tmp_path / "message.json").write_text('{"t": 999}', encoding="utf-8")
    return tmp_path


def decoded(*arguments: object, code: int = 0, stdin: str | None = None) -> dict[str, Any]:
    result = RUNNER.invoke(app, ["decode", *map(str, arguments)], input=stdin)
    assert result.exit_code == code, result.output
    return dict(json.loads(result.stdout))


def values(found: dict[str, Any]) -> dict[str, Any]:
    return {one["point"]: one["value"] for one in found["readings"]}


def test_registers_of_a_manual() -> None:
    found = decoded("xy-md02", "--registers", "input:1=0131,0222")

    assert values(found) == {"temperature": 30.5, "relative_humidity": 54.6}
    assert found["readings"][0]["from"] == {
        "table": "input",
        "wire_address": 1,
        "printed_address": 1,
        "raw": ["0131"],
    }


@pytest.mark.parametrize("request_", ["01 04 00 01 00 01", "01 04 00 01 00 01 60 0A"])
def test_a_frame_of_a_manual(request_: str) -> None:
    found = decoded("xy-md02", "--request", request_, "--frame", "01 04 02 01 31 79 74")

    assert values(found) == {"temperature": 30.5}


def test_printed_numbers_where_the_manual_has_them(folder: Path) -> None:
    path = folder / "demo-meter.yaml"
    by_number = decoded(path, "--registers", "input:30001=08FC", "-r", "input:30003=0064,0000")
    by_wire = decoded(path, "--registers", "input:0=08FC", "-r", "input:2=0064,0000")

    assert values(by_number) == values(by_wire) == {"voltage": 230, "power": 100}
    assert by_wire["readings"][1]["from"]["printed_address"] == 30003


def test_states_flags_texts_and_what_is_made_of_others(folder: Path) -> None:
    found = decoded(
        folder / "demo-meter.yaml",
        *("-r", "holding:0=0001,0009,0014", "-r", "holding:9=4142,4344,0000,0000"),
        *("-r", "input:2=0064,0000"),
    )

    by_name = {one["point"]: one for one in found["readings"]}
    assert by_name["mode"]["state"] == {"zh": "行", "en": "running"}
    assert [one["en"] for one in by_name["alarms"]["flags"]] == ["overvoltage", "overcurrent"]
    assert by_name["primary_power"]["value"] == 2000
    assert found["texts"] == [{"point": "serial_number", "text": "ABCD"}]


def test_what_is_missing_is_said(folder: Path) -> None:
    found = decoded(folder / "demo-meter.yaml", "-r", "input:2=0064", code=1)

    assert found["undecoded"] == [{"point": "power", "reason": "not given: input 3"}]


def test_a_bad_value_says_why(folder: Path) -> None:
    found = decoded(folder / "demo-meter.yaml", "-r", "input:0=FFFF")

    assert found["readings"][0]["value"] is None
    assert found["readings"][0]["quality"] == "out_of_range"


def test_addresses_where_nothing_is(folder: Path) -> None:
    found = decoded("xy-md02", "-r", "holding:500=0001", code=1)

    assert "holding 500" in found["notes"][0]


def test_a_message(folder: Path) -> None:
    message = folder / "one.json"
    message.write_text('{"t": 21.5}')
    path = folder / "demo-sensor.yaml"

    for options in (
        ["--payload", message],
        ["--payload-text", '{"t": 21.5}'],
        ["--payload-hex", b'{"t": 21.5}'.hex()],
    ):
        found = decoded(path, "--topic", "sensors/a/state", *options)
        assert values(found) == {"temperature": 21.5}
    found = decoded(path, "--topic", "sensors/a/state", "--payload", "-", stdin='{"t": 1}')
    assert values(found) == {"temperature": 1}


def test_a_message_that_cannot_be_read(folder: Path) -> None:
    path = folder / "demo-sensor.yaml"

    found = decoded(path, "--topic", "other", "--payload-text", "{}", code=1)
    assert found["error"]["reason"] == "topic"
    found = decoded(path, "--topic", "sensors/a/state", "--payload-text", "{", code=1)
    assert found["error"]["reason"] == "not_json"


@pytest.mark.parametrize(
    "arguments",
    [
        ["xy-md02"],
        ["xy-md02", "--frame", "01"],
        ["xy-md02", "--topic", "a"],
        ["no-such"],
        ["z2m-door-contact"],
        ["z2m-door-contact", "--registers", "input:1=0000"],
        ["z2m-door-contact", "--topic", "zigbee2mqtt/a"],
    ],
)
def test_wrong_options(arguments: list[str]) -> None:
    assert RUNNER.invoke(app, ["decode", *arguments]).exit_code == 2


@pytest.mark.parametrize(
    ("registers", "reason"),
    [
        ("input=0131", "table"),
        ("shelf:1=0131", "table"),
        ("input:1", "address"),
        ("input:70000=0131", "address"),
        ("input:1=XYZ", "word"),
        ("coil:1=0002", "word"),
    ],
)
def test_registers_that_cannot_be_read(registers: str, reason: str) -> None:
    assert decoded("xy-md02", "-r", registers, code=1)["error"]["reason"] == reason


def test_a_wrong_checksum_shows_the_right_one() -> None:
    with pytest.raises(GivenDataError, match="79 74") as raised:
        parse_frame("01 04 02 01 31 00 00")

    assert raised.value.reason == "checksum"


@pytest.mark.parametrize(
    ("request_", "frame", "words"),
    [
        ("01 03 00 00 00 02", "01 03 04 00 EB 00 01 7B C9", None),
        ("000100000006 01 03 0000 0001", "000100000005 01 03 02 00EB", [0xEB]),
        (":010300000001FB", ":01030200EB0F", [0xEB]),
        ("01 01 00 00 00 03", "01 01 01 05 91 8B", [1, 0, 1]),
    ],
)
def test_frames_in_each_envelope(request_: str, frame: str, words: list[int] | None) -> None:
    if words is None:
        with pytest.raises(GivenDataError):
            parse_frame(frame)
        return
    assert contents(parse_frame(frame), parse_request(request_)) == words


def test_a_refusal_is_told_with_its_code() -> None:
    with pytest.raises(GivenDataError, match="exception code 2"):
        contents(parse_frame("01 84 02 C2 C1"), parse_request("01 04 00 01 00 01"))


# --- test ----------------------------------------------------------------------------------------


def test_recorded_examples_pass(folder: Path) -> None:
    names = [str(folder / "demo-meter.yaml"), str(folder / "demo-sensor.yaml")]
    result = RUNNER.invoke(app, ["test", *names, "--json"])

    assert result.exit_code == 0, result.output
    assert [(one["passed"], one["failed"]) for one in json.loads(result.stdout)] == [(1, 0), (3, 0)]


def test_an_example_that_is_not_so_fails(folder: Path) -> None:
    path = folder / "demo-meter.yaml"
    path.write_text(MODBUS.replace("voltage: 230", "voltage: 231, mode: 1"), encoding="utf-8")

    result = RUNNER.invoke(app, ["test", str(path)])

    assert result.exit_code == 1
    assert "voltage: 230, expected 231" in result.output
    assert "mode: nothing is said of it" in result.output


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('["08FC"]', "[0800]"),
        ("values: {voltage: 230}", "topic: a"),
    ],
)
def test_examples_that_make_no_sense_are_mistakes(folder: Path, old: str, new: str) -> None:
    path = folder / "demo-meter.yaml"
    path.write_text(MODBUS.replace(old, new), encoding="utf-8")

    assert RUNNER.invoke(app, ["check", str(path)]).exit_code == 1


def test_all_shipped_examples_pass() -> None:
    result = RUNNER.invoke(app, ["test"])

    assert result.exit_code == 0, result.output


# --- new -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("protocol", ["modbus", "mqtt"])
@pytest.mark.parametrize("category", ["co2", "panic_button", "electricity_meter", "other"])
def test_a_new_profile_passes_the_check(tmp_path: Path, category: str, protocol: str) -> None:
    options = ["--category", category, "--protocol", protocol, "-o", str(tmp_path)]
    made = RUNNER.invoke(app, ["new", "my-thing", *options, "--vendor", 'A "B" C'])
    assert made.exit_code == 0, made.output

    checked = RUNNER.invoke(app, ["check", str(tmp_path / "my-thing.yaml")])

    assert checked.exit_code == 0, checked.output
    assert category in CATEGORIES


def test_a_copy_keeps_comments_and_gets_its_own_name(tmp_path: Path) -> None:
    RUNNER.invoke(app, ["new", "my-meter", "--from", "pzem-016", "-o", str(tmp_path)])
    path = tmp_path / "my-meter.yaml"

    assert RUNNER.invoke(app, ["check", str(path)]).exit_code == 0
    assert "byte_order: CDAB" in path.read_text(encoding="utf-8")


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("mine")

    result = RUNNER.invoke(app, ["new", "mine", "--category", "co2", "-o", str(tmp_path)])

    assert result.exit_code == 1
    assert (tmp_path / "mine.yaml").read_text() == "mine"


@pytest.mark.parametrize(
    "arguments",
    [["Bad Name"], ["x"], ["x", "--category", "nothing"], ["x", "--protocol", "carrot"]],
)
def test_new_with_wrong_options(arguments: list[str], tmp_path: Path) -> None:
    assert RUNNER.invoke(app, ["new", *arguments, "-o", str(tmp_path)]).exit_code == 2
