"""Frames from makers' documents: the simulator answers them byte for byte.

Sources: XY-MD02 and SM7901B from their makers' protocol descriptions, SEN0604 from DFRobot's wiki,
PZEM-016 from Peacefair's manual (which prints its frames without checksum), and the example frames
of the Modbus specification.
"""

import pytest

from firmware_sims.codec import Encoding
from firmware_sims.device import DeviceParts, ModbusDevice
from firmware_sims.modbus.rtu_frame import crc16, make_frame
from firmware_sims.registers import RegisterPoint

LOW_WORD_FIRST = Encoding("uint", 32, order="CDAB", scale=0.1)


def point(name: str, table: str, address: int, encoding: Encoding) -> RegisterPoint:
    return RegisterPoint(name, table, address, encoding)  # type: ignore[arg-type]


def tenth(kind: str = "uint") -> Encoding:
    return Encoding(kind, 16, scale=0.1)  # type: ignore[arg-type]


XY_MD02 = [
    point("temperature", "input", 1, tenth("int")),
    point("humidity", "input", 2, tenth()),
]
SEN0604 = [
    point("humidity", "holding", 0, tenth()),
    point("temperature", "holding", 1, tenth("int")),
    point("ec", "holding", 2, Encoding()),
    point("ph", "holding", 3, tenth()),
]
SM7901 = [point("noise", "holding", 0, tenth())]
PZEM_016 = [
    point("voltage", "input", 0, tenth()),
    point("current", "input", 1, Encoding("uint", 32, order="CDAB", scale=0.001)),
    point("power", "input", 3, LOW_WORD_FIRST),
    point("energy", "input", 5, Encoding("uint", 32, order="CDAB")),
    point("frequency", "input", 7, tenth()),
    point("power_factor", "input", 8, Encoding(scale=0.01)),
    point("alarm", "input", 9, Encoding()),
]

FRAMES = [
    pytest.param(
        XY_MD02,
        {"temperature": 30.5},
        "01 04 00 01 00 01 60 0A",
        "01 04 02 01 31 79 74",
        id="xy-md02",
    ),
    pytest.param(
        SEN0604,
        {"humidity": 65.8, "temperature": -10.1, "ec": 1000, "ph": 5.6},
        "01 03 00 00 00 04 44 09",
        "01 03 08 02 92 FF 9B 03 E8 00 38 57 B6",
        id="dfrobot-sen0604",
    ),
    pytest.param(
        SM7901,
        {"noise": 53.6},
        "01 03 00 00 00 01 84 0A",
        "01 03 02 02 18 B9 2E",
        id="sonbest-sm7901",
    ),
]


@pytest.mark.parametrize(("points", "numbers", "request_hex", "answer_hex"), FRAMES)
def test_documented_frames(
    points: list[RegisterPoint], numbers: dict[str, float], request_hex: str, answer_hex: str
) -> None:
    request = bytes.fromhex(request_hex)
    device = ModbusDevice("golden", 1, DeviceParts(points=points, initial=numbers))

    assert crc16(request[:-2]) == request[-2:]
    answer = device.respond(request[1:-2], 0.0)
    assert make_frame(1, answer.pdu) == bytes.fromhex(answer_hex)


def test_documented_answer_of_a_meter_with_low_words_first() -> None:
    numbers = {"voltage": 220, "current": 1, "power": 220, "frequency": 50, "power_factor": 1}
    device = ModbusDevice("golden", 1, DeviceParts(points=PZEM_016, initial=numbers))

    answer = device.respond(bytes.fromhex("04 00 00 00 0A"), 0.0)

    expected = "04 14 0898 03E8 0000 0898 0000 0000 0000 01F4 0064 0000"
    assert answer.pdu == bytes.fromhex(expected)


def test_registers_of_the_specification() -> None:
    """Modbus Application Protocol Specification V1.1b3, section 6.3."""
    points = [point(f"r{n}", "holding", n, Encoding()) for n in (107, 108, 109)]
    initial = {"r107": 555, "r108": 0, "r109": 100}
    device = ModbusDevice("spec", 1, DeviceParts(points=points, initial=initial))

    answer = device.respond(bytes.fromhex("03006B0003"), 0.0)

    assert answer.pdu == bytes.fromhex("0306022B00000064")


def test_coils_of_the_specification() -> None:
    """Section 6.1: coils 20 to 38, printed from 1, are CD 6B 05."""
    bits = "1011 0011 1101 0110 101".replace(" ", "")  # the lowest address first
    points = [point(f"c{19 + n}", "coil", 19 + n, Encoding("bool")) for n in range(19)]
    initial = {f"c{19 + n}": float(bit) for n, bit in enumerate(bits)}
    device = ModbusDevice("spec", 1, DeviceParts(points=points, initial=initial))

    answer = device.respond(bytes.fromhex("0100130013"), 0.0)

    assert answer.pdu == bytes.fromhex("0103CD6B05")
