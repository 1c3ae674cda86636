"""What devices say about themselves: function 43/14 and function 17, and what they refuse."""

import pytest

from firmware_sims.codec import Encoding
from firmware_sims.device import DeviceParts, ModbusDevice
from firmware_sims.identity import Identity
from firmware_sims.registers import RegisterPoint

POINTS = [RegisterPoint("p", "holding", 0, Encoding())]
MAKER = Identity("Acme", "TH-1", "V2.3", "Climate sensor")


def asked(request_hex: str, identity: Identity | None = MAKER) -> str:
    device = ModbusDevice("d", 5, DeviceParts(points=POINTS, identity=identity))
    return device.respond(bytes.fromhex(request_hex), 0.0).pdu.hex()


def objects(answer: str) -> tuple[dict[int, str], int]:
    """The objects of an answer by id, and which comes next (0: none)."""
    data = bytes.fromhex(answer)
    assert data[:2] == b"\x2b\x0e"
    found, at = {}, 7
    for _ in range(data[6]):
        number, length = data[at], data[at + 1]
        found[number] = data[at + 2 : at + 2 + length].decode()
        at += 2 + length
    assert at == len(data)
    return found, data[5] if data[4] == 0xFF else 0


def test_basic_identification() -> None:
    """The example of the specification, section 6.21, has this form."""
    answer = asked("2b0e0100")

    assert answer.startswith("2b0e01820000" + "03")
    assert objects(answer) == ({0: "Acme", 1: "TH-1", 2: "V2.3"}, 0)


def test_regular_identification_has_names() -> None:
    assert objects(asked("2b0e0200"))[0][4] == "Climate sensor"


def test_single_objects() -> None:
    assert objects(asked("2b0e0401")) == ({1: "TH-1"}, 0)
    assert asked("2b0e0480") == "ab02"


def test_an_answer_in_parts() -> None:
    small = Identity("A" * 20, "B" * 20, "C" * 20, "D" * 20, pdu_max=60)
    found: dict[int, str] = {}
    following, parts = 0, 0
    while True:
        more, following = objects(asked(f"2b0e02{following:02x}", small))
        found |= more
        parts += 1
        if not following:
            break

    assert parts > 2
    assert found == {0: "A" * 20, 1: "B" * 20, 2: "C" * 20, 4: "D" * 20, 5: "B" * 20}


def test_server_id() -> None:
    assert bytes.fromhex(asked("11")) == b"\x11\x0b\x05\xffAcme TH-1"


@pytest.mark.parametrize("request_hex", ["2b0e0500", "2b0e0000"])
def test_a_code_that_does_not_exist(request_hex: str) -> None:
    assert asked(request_hex) == "ab03"


@pytest.mark.parametrize("request_hex", ["2b0e0100", "11"])
def test_a_device_that_says_nothing_about_itself(request_hex: str) -> None:
    function = int(request_hex[:2], 16)

    assert asked(request_hex, None) == f"{function | 0x80:02x}01"
    assert (
        asked(request_hex, Identity("A", "B", functions=frozenset())) == f"{function | 0x80:02x}01"
    )


@pytest.mark.parametrize(
    "request_hex", ["16000000f20025", "170000000100000001020001", "0800000000"]
)
def test_functions_that_no_such_device_knows(request_hex: str) -> None:
    function = int(request_hex[:2], 16)

    assert asked(request_hex) == f"{function | 0x80:02x}01"
