"""What the simulators encode the product decodes: for every key that a profile can have.

The profiles are made here, so that nothing depends on what the library happens to hold.
"""

from typing import Any

import pytest

from tests.sims.edge_reader import (
    assert_read_right,
    read_device,
    simulated,
)
from tests.sims.every_key import NUMBERS, profile, reads
from tests.sims.odd_models import holding, meter

ORDERS = ("ABCD", "CDAB", "BADC", "DCBA")
TRIED = (0, 1, -1, 5, 12.5, 37, 50, 99, 100, -3, 300, -129, 4000, 123_456.789, -98_765, 2**40)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("what", NUMBERS)
def test_numbers(what: str, order: str) -> None:
    made = profile(reads(*NUMBERS[what]), section={"byte_order": order})
    device = simulated(made)
    names = list(device.points)
    for first in range(len(TRIED)):
        for index, name in enumerate(names):
            device.hold(name, TRIED[(first + index) % len(TRIED)])
        read = read_device(made, device)
        for name, reading in read.readings.items():
            if reading.value is None:
                # the number tried is the one that says "no reading"
                assert made.find(name).read.nan_value or made.find(name).read.nan_number  # type: ignore[union-attr]
        device_shows = {
            name: device.shown[name] for name, one in read.values.items() if one is not None
        }
        for name, shown in device_shows.items():
            rel = 1e-3 if made.find(name).read.data_type == "float16" else 1e-6  # type: ignore[union-attr]
            assert read.values[name] == pytest.approx(shown, rel=rel, abs=1e-9), name


@pytest.mark.parametrize("letters", ["GHEFCDAB", "HGFEDCBA", "BADCFEHG", "CDABGHEF"])
def test_long_orders(letters: str) -> None:
    made = profile(
        reads(
            {"data_type": "float64", "byte_order": letters},
            {"data_type": "int64", "byte_order": letters},
            {"data_type": "uint48", "byte_order": letters.replace("G", "").replace("H", "")},
        )
    )
    device = simulated(made)
    for number in (0, 1, -2, 123_456_789, 2**40 + 1):
        for name in device.points:
            device.hold(name, number)
        assert_read_right(made, device)


@pytest.mark.parametrize("table", ["coil", "discrete_input"])
def test_bit_tables(table: str) -> None:
    points = [
        {"read": {"input_type": table, "address": 3}},
        {"read": {"input_type": table, "address": 5, "values": {0: 1, 1: 0}}},
        {"read": {"input_type": table, "address": 6, "scale": 5, "offset": 1}},
    ]
    made = profile(points)
    device = simulated(made)
    for number in (0, 1, 6):
        for name in device.points:
            device.hold(name, number)
        assert_read_right(made, device)


# --- no reading --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "read",
    [
        {"data_type": "uint16", "nan_value": 0xFFFF},
        {"data_type": "int16", "nan_value": -32768},
        {"data_type": "int8h", "nan_value": 0x80},
        {"data_type": "uint24", "nan_value": 0xFFFFFF},
        {"data_type": "uint64", "nan_value": 0xFFFF_FFFF_FFFF_FFFF},
        {"data_type": "float16"},
        {"data_type": "float32"},
        {"data_type": "float32", "nan_number": 999_999},
        {"data_type": "float64", "nan_number": -1, "scale": 0.1},
        {"data_type": "uint32", "encoding": "bcd", "nan_value": 0xFFFF_FFFF},
        {"data_type": "string", "length": 4, "decimal": "point"},
    ],
)
@pytest.mark.parametrize("order", ORDERS)
def test_markers(read: dict[str, Any], order: str) -> None:
    made = profile(reads(read), section={"byte_order": order})
    device = simulated(made)
    device._panel.put_invalid("p0")

    assert device.shown["p0"] is None
    assert read_device(made, device).values["p0"] is None


# --- texts and dates ---------------------------------------------------------------------------

TEXTS = ["ABC-12345", "", "Xx", "abcdefghijklmnopqrstuvwxyz", "教学楼一层"]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("charset", ["ascii", "utf-8", "gb18030", "utf-16-be"])
@pytest.mark.parametrize("form", ["two_per_register", "low_byte", "high_byte"])
def test_texts(order: str, charset: str, form: str) -> None:
    text = {"form": form}
    points = [
        {"read": holding(3, "string", length=10, text={**text, "encoding": charset})},
        {"read": holding(20, "string", length=7, byte_order="BA", text=text)},
        {"read": holding(40, "string", length=9)},
    ]
    made = profile(points, section={"byte_order": order, "text_encoding": charset})
    device = simulated(made)
    for one in TEXTS[:4] if charset == "ascii" else TEXTS:
        for name in device.points:
            device._panel.put_text(name, one)
        device._answers.clear()
        read = assert_read_right(made, device)
        assert all(one.startswith(seen) for seen in read.texts.values())


HALVES = [
    {"part": "year", "register": 0, "half": "high", "plus": 2000},
    {"part": "month", "register": 0, "half": "low"},
    {"part": "day", "register": 1, "half": "high"},
    {"part": "hour", "register": 1, "half": "low"},
    {"part": "minute", "register": 2, "half": "high"},
    {"part": "second", "register": 2, "half": "low"},
]
WHOLE = [
    {"part": part, "register": index}
    for index, part in enumerate(
        ["year", "month", "day", "hour", "minute", "second", "millisecond"]
    )
]
BITS = [
    {"part": "year", "register": 0, "bit": 0, "bit_count": 7, "plus": 2000},
    {"part": "month", "register": 1, "bit": 8, "bit_count": 4},
    {"part": "day", "register": 1, "bit": 0, "bit_count": 5},
    {"part": "hour", "register": 2, "half": "high", "bit": 0, "bit_count": 5},
    {"part": "minute", "register": 2, "half": "low", "bit": 0, "bit_count": 6},
    {"part": "millisecond", "register": 3},
]
DATES = [(HALVES, 3), (WHOLE, 7), ([{**one, "encoding": "bcd"} for one in HALVES], 3), (BITS, 4)]


@pytest.mark.parametrize("order", ["ABCD", "BADC"])
@pytest.mark.parametrize("utc_offset", ["+08:00", "-03:30", "+00:00"])
def test_dates(order: str, utc_offset: str) -> None:
    points = [
        {"unit": "s", "read": holding(10 * at, "datetime", length=length, fields=fields)}
        for at, (fields, length) in enumerate(DATES)
    ]
    made = profile(points, section={"byte_order": order, "utc_offset": utc_offset})
    device = simulated(made)
    for moment in (1.7e9, 1.75e9 + 0.123, 1_767_225_599.999, 1.9e9):
        for name in device.points:
            device.hold(name, moment)
        assert_read_right(made, device)
        assert device.shown["p1"] == pytest.approx(moment, abs=0.001)


# --- points of others --------------------------------------------------------------------------


def test_factors_and_sums() -> None:
    made = meter()
    device = simulated(made, a_sf=-2, ct=40, pt=10, rating=5000)
    wanted = {
        "current": 12.34,
        "power": 98_760.0,
        "scaled": 1234.0,
        "energy": 12_345.67,
        "volume": 77.123,
        "load": 1234.5,
    }
    for name, number in wanted.items():
        device.hold(name, number)

    read = assert_read_right(made, device)
    assert {name: read.values[name] for name in wanted} == pytest.approx(wanted)
    assert device.shown["product"] == pytest.approx(12.34 * 77.123 * 2 * 12_345.67 + 3)

    device.hold("a_sf", -1)
    device.hold("pt", 0)
    assert device.shown["current"] == pytest.approx(123.4)
    assert device.shown["quotient"] is None
    assert_read_right(made, device)


def test_the_truth_of_a_sum_is_what_its_parts_said_last() -> None:
    made = meter()
    device = simulated(made, a_sf=-2, ct=40, pt=10)
    device.hold("energy", 655.35)
    whole = device.respond(bytes.fromhex("0300140002"), 0.0)
    device.hold("energy", 655.36)
    high_alone = device.respond(bytes.fromhex("0300140001"), 0.1)
    low_too = device.respond(bytes.fromhex("0300150001"), 0.2)

    assert '"energy":655.35' in whole.values
    assert '"energy":1310.71' in high_alone.values  # the new high part with the old low one
    assert '"energy":655.36' in low_too.values


def test_a_counter_begins_again() -> None:
    made = profile([{"counter": {"wraps_at": 6553.6}, "read": holding(0, scale=0.1)}])
    device = simulated(made)
    device.hold("p0", 6553.6 + 12.3)

    assert device.shown["p0"] == pytest.approx(12.3)
    assert_read_right(made, device)


@pytest.mark.parametrize("offset", [10_000, {"holding": 300, "coil": 7}])
def test_a_map_moved_as_a_whole(offset: int | dict[str, int]) -> None:
    points = [
        {"read": holding(3, scale=0.1)},
        {"read": {"input_type": "coil", "address": 3}},
        {"read": {"input_type": "input", "address": 5, "data_type": "int32"}},
    ]
    made = profile(points, section={"address_offset": offset})
    device = simulated(made)
    for name in device.points:
        device.hold(name, 1)
    assert_read_right(made, device)
    by = offset if isinstance(offset, int) else offset["holding"]
    assert device.points["p0"].address == 3 + by
