"""What a device says to requests, good and bad, by the specification."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_sims.codec import Encoding
from firmware_sims.device import DeviceLimits, DeviceParts, ModbusDevice
from firmware_sims.faults import Fault, FaultKind
from firmware_sims.registers import RegisterPoint, pack_bits, unpack_bits
from firmware_sims.signals import Count
from tests.sims.client import plain_device, read_pdu

COILS = [RegisterPoint(f"c{n}", "coil", n, Encoding("bool"), writable=True) for n in range(10)]


def relays() -> ModbusDevice:
    return ModbusDevice("relays", 1, DeviceParts(points=COILS, initial={"c0": 1, "c9": 1}))


def test_registers_are_read_in_order() -> None:
    answer = plain_device().respond(read_pdu(3, 1, 2), 0.0)

    assert answer.pdu.hex() == "0304" + "0065" + "0066"
    assert (answer.values, answer.value_count) == ('"p1":101,"p2":102', 2)


def test_bits_are_packed_lowest_first() -> None:
    answer = relays().respond(read_pdu(1, 0, 10), 0.0)

    assert answer.pdu.hex() == "0102" + "0102"


@pytest.mark.parametrize(
    ("request_hex", "answer_hex"),
    [
        pytest.param("0300000000", "8303", id="no registers"),
        pytest.param("030000007e", "8303", id="126 registers"),
        pytest.param("0300030002", "8302", id="beyond the map"),
        pytest.param("03ffff0002", "8302", id="beyond the address space"),
        pytest.param("0400000001", "8402", id="a table that is not there"),
        pytest.param("0600000001", "8602", id="not writable"),
        pytest.param("2b0e0100", "ab01", id="an unknown function"),
        pytest.param("03", "8303", id="without data"),
        pytest.param("030000000100", "8303", id="too long"),
    ],
)
def test_wrong_requests_are_refused_with_the_code_for_it(request_hex: str, answer_hex: str) -> None:
    assert plain_device().respond(bytes.fromhex(request_hex), 0.0).pdu.hex() == answer_hex


@pytest.mark.parametrize(
    ("request_hex", "answer_hex", "written"),
    [
        pytest.param("050001ff00", "050001ff00", {"c1": 1.0}, id="one coil on"),
        pytest.param("0500000000", "0500000000", {"c0": 0.0}, id="one coil off"),
        pytest.param(
            "0f00020003" + "0105", "0f00020003", {"c2": 1.0, "c3": 0.0, "c4": 1.0}, id="three"
        ),
    ],
)
def test_coils_are_written(request_hex: str, answer_hex: str, written: dict[str, float]) -> None:
    device = relays()
    answer = device.respond(bytes.fromhex(request_hex), 0.0)

    assert answer.pdu.hex() == answer_hex
    assert answer.written == written
    assert {name: device.shown[name] for name in written} == written


@pytest.mark.parametrize(
    "request_hex",
    [
        pytest.param("0500010001", id="neither on nor off"),
        pytest.param("0f0000000a" + "01ff", id="byte count too small"),
        pytest.param("0f00000000" + "00", id="no coils"),
    ],
)
def test_malformed_writes_change_nothing(request_hex: str) -> None:
    device = relays()
    before = dict(device.shown)

    answer = device.respond(bytes.fromhex(request_hex), 0.0)

    assert answer.pdu[0] & 0x80
    assert answer.pdu[1] == 3
    assert device.shown == before


def test_several_registers_are_written_and_read_back() -> None:
    device = plain_device(writable=True)
    answer = device.respond(bytes.fromhex("10000100020400070008"), 0.0)

    assert answer.pdu.hex() == "1000010002"
    assert answer.written == {"p1": 7.0, "p2": 8.0}
    assert device.respond(read_pdu(3, 0, 4), 0.0).pdu.hex() == "0308" + "0064000700080067"


def test_a_number_beyond_its_limits_is_refused_and_not_taken() -> None:
    points = [
        RegisterPoint("setpoint", "holding", 0, Encoding(), writable=True, minimum=16, maximum=30)
    ]
    device = ModbusDevice("ac", 1, DeviceParts(points=points, initial={"setpoint": 24}))

    assert device.respond(bytes.fromhex("060000001f"), 0.0).pdu.hex() == "8603"
    assert device.respond(read_pdu(3, 0, 1), 0.0).pdu.hex() == "03020018"
    assert device.respond(bytes.fromhex("060000001e"), 0.0).pdu.hex() == "060000001e"


def test_holes_answer_zero_unless_forbidden_or_wide() -> None:
    points = [RegisterPoint(f"p{a}", "input", a, Encoding()) for a in (0, 3, 300)]
    initial = {"p0": 1, "p3": 2, "p300": 3}
    device = ModbusDevice("a", 1, DeviceParts(points=points, initial=initial))
    strict = ModbusDevice(
        "b", 1, DeviceParts(points=points, initial=initial, forbidden=[("input", 1, 2)])
    )

    assert device.respond(read_pdu(4, 0, 4), 0.0).pdu.hex() == "0408" + "0001000000000002"
    assert strict.respond(read_pdu(4, 0, 4), 0.0).pdu.hex() == "8402"
    assert strict.respond(read_pdu(4, 3, 1), 0.0).pdu.hex() == "04020002"
    assert device.respond(read_pdu(4, 3, 100), 0.0).pdu.hex() == "8402"


def test_a_device_refuses_more_registers_than_it_can_send() -> None:
    points = [RegisterPoint(f"p{n}", "holding", n, Encoding()) for n in range(10)]
    device = ModbusDevice(
        "co2", 1, DeviceParts(points=points, limits=DeviceLimits(4, frozenset({3})))
    )

    assert device.respond(read_pdu(3, 0, 5), 0.0).pdu.hex() == "8303"
    assert device.respond(read_pdu(3, 0, 4), 0.0).pdu[0] == 3
    assert device.respond(read_pdu(4, 0, 1), 0.0).pdu.hex() == "8401"


def test_a_sequence_point_counts_the_answers_it_was_part_of() -> None:
    points = [
        RegisterPoint("count", "input", 0, Encoding("uint", 32, order="ABCD")),
        RegisterPoint("other", "input", 2, Encoding()),
    ]
    device = ModbusDevice("counter", 1, DeviceParts(points=points, sequence_point="count"))

    whole = [device.respond(read_pdu(4, 0, 3), 0.0) for _ in range(3)]
    device.respond(read_pdu(4, 2, 1), 0.0)
    after = device.respond(read_pdu(4, 0, 2), 0.0)

    counts = [struct.unpack(">I", answer.pdu[2:6])[0] for answer in (*whole, after)]
    assert counts == [1, 2, 3, 4]
    assert after.values == '"count":4'


@given(st.binary(min_size=1, max_size=260))
def test_any_bytes_get_an_answer_or_a_refusal(request_pdu: bytes) -> None:
    answer = plain_device(writable=True).respond(request_pdu, 0.0)

    refused = answer.pdu == bytes((request_pdu[0] | 0x80, answer.pdu[1]))
    assert refused or answer.pdu[0] == request_pdu[0]


@given(st.lists(st.integers(0, 1), min_size=1, max_size=2000))
def test_bits_come_back(bits: list[int]) -> None:
    assert list(unpack_bits(pack_bits(bytes(bits)), len(bits))) == bits


def test_a_reading_that_is_missing_is_null_only_where_a_reader_can_tell() -> None:
    points = [
        RegisterPoint("float", "input", 0, Encoding("float", 32, order="ABCD")),
        RegisterPoint("marked", "input", 2, Encoding("int", invalid=-32768)),
        RegisterPoint("plain", "input", 3, Encoding(scale=0.1)),
        RegisterPoint("bit", "input", 4, Encoding("bits")),
    ]
    signals = {point.name: Count(5.0, 1.0) for point in points}
    device = ModbusDevice("d", 1, DeviceParts(points=points, signals=signals))
    before = device.respond(read_pdu(4, 0, 5), 0.0)
    device.begin_fault(Fault(FaultKind.INVALID))
    during = device.respond(read_pdu(4, 0, 5), 1.0)
    device.end_fault()
    after = device.respond(read_pdu(4, 0, 5), 1.5)

    assert before.values == '"float":5,"marked":5,"plain":5,"bit":1'
    assert during.values == '"float":null,"marked":null,"plain":6553.5,"bit":1'
    assert after.values == '"float":6,"marked":6,"plain":6,"bit":1'
