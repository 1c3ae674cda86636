"""The simulators' own encoder, against `struct` and against itself."""

import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_sims.codec import Encoding

PLAIN = {16: "AB", 32: "ABCD", 64: "ABCDEFGH"}
CODES = {
    ("uint", 16): ">H",
    ("int", 16): ">h",
    ("uint", 32): ">I",
    ("int", 32): ">i",
    ("uint", 64): ">Q",
    ("int", 64): ">q",
}


@pytest.mark.parametrize(("kind", "width"), CODES)
@given(data=st.data())
def test_whole_numbers_are_those_of_struct(kind: str, width: int, data: st.DataObject) -> None:
    low, high = (-(2 ** (width - 1)), 2 ** (width - 1) - 1) if kind == "int" else (0, 2**width - 1)
    # a float holds 53 bits; beyond that the device's number is the nearest float's
    bound = 2**53
    number = data.draw(st.integers(max(low, -bound), min(high, bound)))
    encoding = Encoding(kind, width, order=PLAIN[width])  # type: ignore[arg-type]

    assert encoding.to_bytes(number) == struct.pack(CODES[kind, width], number)
    assert encoding.from_bytes(encoding.to_bytes(number)) == number


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_floats_are_those_of_struct(number: float) -> None:
    encoding = Encoding("float", 32, order="ABCD")

    assert encoding.to_bytes(number) == struct.pack(">f", number)
    assert encoding.from_bytes(encoding.to_bytes(number)) == number


@pytest.mark.parametrize(
    ("order", "wire"),
    [
        ("ABCD", "11223344"),
        ("CDAB", "33441122"),
        ("BADC", "22114433"),
        ("DCBA", "44332211"),
    ],
)
def test_letters_name_the_bytes_in_the_order_of_the_wire(order: str, wire: str) -> None:
    encoding = Encoding("uint", 32, order=order)

    assert encoding.to_bytes(0x11223344).hex() == wire
    assert encoding.from_bytes(bytes.fromhex(wire)) == 0x11223344


@given(st.permutations("ABCDEFGH"), st.integers(0, 2**53))
def test_every_order_comes_back(letters: list[str], number: int) -> None:
    encoding = Encoding("uint", 64, order="".join(letters))

    assert encoding.from_bytes(encoding.to_bytes(number)) == number


def test_scale_and_offset_are_undone() -> None:
    encoding = Encoding("int", 16, scale=0.1, offset=-40.0)

    assert encoding.to_bytes(-9.5) == struct.pack(">h", 305)
    assert encoding.shown(-9.46) == -9.5


@given(st.floats(-3000, 3000, allow_nan=False))
def test_a_scaled_number_is_shown_within_half_a_step(number: float) -> None:
    encoding = Encoding("int", 16, scale=0.1)
    shown = encoding.shown(number)

    assert abs(shown - number) <= 0.05 + 1e-9
    assert shown == round(shown, 1)
    assert encoding.shown(shown) == shown


def test_numbers_beyond_the_form_stop_at_its_end() -> None:
    assert Encoding("uint", 16).to_bytes(-5) == b"\0\0"
    assert Encoding("uint", 16).to_bytes(70_000) == b"\xff\xff"
    assert Encoding("int", 16).shown(40_000) == 32_767


def test_bits_leave_their_neighbours_alone() -> None:
    encoding = Encoding("bits", 16, bit_offset=4, bit_width=3)

    merged = encoding.merge_bits(5, bytes.fromhex("f00f"))

    assert merged.hex() == "f05f"
    assert encoding.from_bytes(merged) == 5


def test_a_device_without_reading_shows_its_marker() -> None:
    marked = Encoding("int", 16, invalid=-32768)
    (nan,) = struct.unpack(">f", Encoding("float", 32, order="ABCD").invalid_bytes())

    assert marked.invalid_bytes() == b"\x80\x00"
    assert math.isnan(nan)
    assert marked.has_marker


def test_a_device_without_a_marker_shows_the_end_of_its_scale() -> None:
    assert Encoding("uint", 16).invalid_bytes() == b"\xff\xff"
    assert Encoding("int", 32, order="CDAB").invalid_bytes() == b"\0\0\x80\0"
    assert not Encoding("uint", 16).has_marker


@pytest.mark.parametrize("order", ["ABC", "AABB", "ABCE", "abcd", ""])
def test_an_order_names_each_byte_once(order: str) -> None:
    with pytest.raises(ValueError, match="does not name"):
        Encoding("uint", 32, order=order)
