"""Reading one device live, and what unknown registers may mean."""

import struct

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from edge_agent.cli import app
from edge_agent.finding.interpret import interpret
from tests.edge.finding.line_rig import ScriptedLine, Unit, line_in_thread, registers

RUNNER = CliRunner()
CLIMATE = registers({1: 215, 2: 564}, function=4)


def probed(line: ScriptedLine, *arguments: str, stdin: str = "") -> tuple[int, str, str]:
    result = RUNNER.invoke(
        app, ["probe", *arguments, "--port", line.path, "--timeout", "0.1"], input=stdin
    )
    return result.exit_code, result.stdout, result.output


def test_all_points_of_a_profile() -> None:
    with line_in_thread(ScriptedLine({3: CLIMATE})) as line:
        code, out, _ = probed(line, "xy-md02", "--unit", "3", "--json")

    assert code == 0
    found = orjson.loads(out)
    assert [(one["point"], one["value"], one["from"]["raw"]) for one in found["readings"]] == [
        ("temperature", 21.5, ["00D7"]),
        ("relative_humidity", 56.4, ["0234"]),
    ]
    assert found["answers_after_ms"] is not None


def test_a_silent_device_says_why() -> None:
    with line_in_thread(ScriptedLine({})) as line:
        code, out, _ = probed(line, "xy-md02", "--unit", "3", "--json")

    assert code == 1
    assert {one["reason"] for one in orjson.loads(out)["undecoded"]} == {"no answer"}


def test_an_unknown_register_in_all_ways() -> None:
    high, low = struct.unpack(">HH", struct.pack(">f", 21.5))
    held = registers({100: low, 101: high})
    with line_in_thread(ScriptedLine({1: held})) as line:
        code, out, _ = probed(line, "--unit", "1", "-r", "holding:100", "--count", "2", "--json")

    assert code == 0
    plausible = {
        (one["data_type"], one["byte_order"]): one["value"]
        for one in orjson.loads(out)["readings"]
        if one["plausible"] and one["registers"] == 2
    }
    assert plausible["float32", "CDAB"] == 21.5


def test_fewer_registers_are_asked_where_so_many_are_refused() -> None:
    with line_in_thread(ScriptedLine({1: registers({100: 7})})) as line:
        code, out, _ = probed(line, "--unit", "1", "-r", "holding:100", "--count", "4", "--json")

    assert code == 0
    assert orjson.loads(out)["raw"] == ["0007"]


def test_the_table_shows_every_way_of_counting() -> None:
    with line_in_thread(ScriptedLine({1: registers({100: 0x4865, 101: 0x6C6C})})) as line:
        _, out, _ = probed(line, "--unit", "1", "-r", "holding:100", "--count", "2")

    for text in ("100", "101", "400101", "4865", "Hell"):
        assert text in out


def writable() -> tuple[Unit, list[bytes]]:
    written: list[bytes] = []
    coils = [0] * 8

    def answer(pdu: bytes) -> bytes:
        address = int.from_bytes(pdu[1:3], "big")
        if pdu[0] == 5:
            written.append(pdu)
            coils[address] = int(pdu[3] == 0xFF)
            return pdu
        if pdu[0] == 1:
            count = int.from_bytes(pdu[3:5], "big")
            packed = sum(bit << at for at, bit in enumerate(coils[address : address + count]))
            return bytes([1, 1, packed])
        return bytes([pdu[0] | 0x80, 1])

    return answer, written


@pytest.mark.parametrize(("said", "count"), [("n\n", 0), ("y\n", 1)])
def test_a_write_asks_first(said: str, count: int) -> None:
    unit, written = writable()
    with line_in_thread(ScriptedLine({1: unit})) as line:
        _, _, output = probed(
            line, "waveshare-modbus-rtu-relay-8ch", "--write", "relay_1=1", stdin=said
        )

    assert "Write 1 to relay_1" in output
    assert len(written) == count


def test_a_script_says_yes_beforehand() -> None:
    unit, written = writable()
    with line_in_thread(ScriptedLine({1: unit})) as line:
        _, _, output = probed(
            line, "waveshare-modbus-rtu-relay-8ch", "--write", "relay_1=1", "--yes"
        )

    assert "written: relay_1 = 1" in output
    assert [pdu.hex() for pdu in written] == ["050000ff00"]


def test_what_the_profile_forbids_is_not_sent() -> None:
    unit, written = writable()
    with line_in_thread(ScriptedLine({1: unit})) as line:
        code, _, output = probed(
            line, "waveshare-modbus-rtu-relay-8ch", "--write", "relay_1=7", "--yes"
        )

    assert code == 2
    assert "no state" in output
    assert written == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["xy-md02"],
        ["--port", "/dev/x", "--unit", "1"],
        ["no-such-profile", "--port", "/dev/x"],
        ["--port", "/dev/x", "--unit", "1", "-r", "holding"],
        ["xy-md02", "--port", "/dev/x", "--unit", "300"],
    ],
)
def test_wrong_options(arguments: list[str]) -> None:
    assert RUNNER.invoke(app, ["probe", *arguments]).exit_code == 2


ORDERS = {"ABCD": (0, 1, 2, 3), "CDAB": (2, 3, 0, 1), "BADC": (1, 0, 3, 2), "DCBA": (3, 2, 1, 0)}


@given(
    st.integers(-(2**31), 2**31 - 1),
    st.sampled_from(sorted(ORDERS)),
)
def test_every_order_of_a_number_is_among_its_readings(number: int, order: str) -> None:
    data = struct.pack(">i", number)
    travelling = bytearray(4)
    for byte, place in zip(data, (order.index(letter) for letter in "ABCD"), strict=True):
        travelling[place] = byte
    words = struct.unpack(">HH", travelling)

    found = {(one.data_type, one.byte_order): one.value for one in interpret(words)}

    assert found["int32", order] == number


def test_decimals_are_shown_where_all_digits_are() -> None:
    found = {(one.data_type, one.byte_order): one.value for one in interpret([0x1234, 0x5678])}

    assert found["bcd", "ABCD"] == 12345678
    assert found["bcd", "CDAB"] == 56781234
    assert ("bcd", "AB") in found
    assert not any(one.data_type == "bcd" for one in interpret([0x12A4]))
