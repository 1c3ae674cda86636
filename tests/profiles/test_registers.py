from __future__ import annotations

import itertools
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_profiles.registers import (
    PATTERNS,
    DataType,
    Kind,
    bit_width,
    check_letters,
    expand_pattern,
    integer_range,
    kind,
    positions,
    register_count,
    value_positions,
)


@pytest.mark.parametrize(
    ("pattern", "registers", "letters"),
    [
        ("ABCD", 1, "AB"),
        ("BADC", 1, "BA"),
        ("CDAB", 1, "AB"),
        ("DCBA", 1, "BA"),
        ("ABCD", 2, "ABCD"),
        ("CDAB", 2, "CDAB"),
        ("BADC", 2, "BADC"),
        ("DCBA", 2, "DCBA"),
        ("ABCD", 4, "ABCDEFGH"),
        ("CDAB", 4, "GHEFCDAB"),
        ("BADC", 4, "BADCFEHG"),
        ("DCBA", 4, "HGFEDCBA"),
    ],
)
def test_a_devices_order_becomes_the_letters_of_a_value(
    pattern: str, registers: int, letters: str
) -> None:
    assert expand_pattern(pattern, registers) == letters


@pytest.mark.parametrize("pattern", PATTERNS)
@given(value=st.integers(0, 2**32 - 1))
def test_letters_say_where_each_byte_travels(pattern: str, value: int) -> None:
    big = struct.pack(">I", value)
    travelling = bytes(big["ABCD".index(letter)] for letter in pattern)

    assert bytes(travelling[position] for position in positions(pattern)) == big


def test_every_order_of_four_bytes_is_one() -> None:
    for letters in itertools.permutations("ABCD"):
        assert check_letters("".join(letters), 2) == ""


@pytest.mark.parametrize("letters", ["AB", "ABCE", "ABCC", "abcd", "ABCDEFGH", ""])
def test_other_letters_are_not(letters: str) -> None:
    assert "each of ABCD once" in check_letters(letters, 2)


def test_a_slip_is_recognised() -> None:
    assert "did you mean CDAB?" in check_letters("CDBA"[:3] + "B", 2)


@pytest.mark.parametrize("data_type", list(DataType))
def test_sizes_are_those_of_the_names(data_type: DataType) -> None:
    if kind(data_type) in (Kind.BIT, Kind.SPAN):
        assert register_count(data_type) == 1
        return
    bits = int("".join(letter for letter in data_type if letter.isdigit()))
    assert bit_width(data_type) == bits
    assert register_count(data_type) == {8: 1, 24: 2}.get(bits, bits // 16)


def test_bytes_that_make_a_number() -> None:
    assert value_positions(DataType.UINT8H, "AB") == (0,)
    assert value_positions(DataType.INT8L, "BA") == (0,)
    assert value_positions(DataType.UINT24, "DCBA") == (2, 1, 0)
    assert value_positions(DataType.INT48, "EFCDAB") == (4, 5, 2, 3, 0, 1)


def test_ranges_of_integers() -> None:
    assert integer_range(DataType.BOOL) == (0, 1)
    assert integer_range(DataType.INT16) == (-32_768, 32_767)
    assert integer_range(DataType.INT24) == (-(2**23), 2**23 - 1)
    assert integer_range(DataType.UINT8H) == (0, 255)
    assert integer_range(DataType.UINT64) == (0, 2**64 - 1)
