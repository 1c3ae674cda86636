from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_profiles.decoding import decode_reply
from device_profiles.errors import WriteRefusedError
from device_profiles.model import ModbusProfile
from device_profiles.model_modbus import ModbusPoint
from device_profiles.planning import plan_reads
from device_profiles.writing import WriteRequest, plan_read_back, plan_write, write_factors
from tests.profiles import build
from tests.profiles.registers_as_sent import REGISTERS, WHOLE_BYTES

ON_OFF = {0: build.LABELS, 1: build.LABELS}


def writable(write: dict[str, Any], **read: Any) -> tuple[ModbusProfile, ModbusPoint]:
    limits = {"minimum": -100, "maximum": 100}
    data_type = read.pop("data_type", "int16")
    point = build.point("x", read=build.register(7, data_type, **read), write=limits | write)
    profile = build.modbus([point])
    return profile, profile.points[0]


def refusal(profile: ModbusProfile, point: ModbusPoint, value: float) -> str:
    with pytest.raises(WriteRefusedError) as caught:
        plan_write(profile, point, value)
    assert caught.value.place == point.name
    return caught.value.reason


def written(write: dict[str, Any], value: float, **read: Any) -> WriteRequest:
    profile, point = writable(write, **read)
    return plan_write(profile, point, value)


def test_bits_beside_are_kept() -> None:
    request = written({"function": 6, "rest": "keep"}, 1, data_type="uint16", bit=6)

    assert request.reads_first
    assert (request.values, request.kept) == ((0x0040,), (0xFFBF,))
    assert request.over([0x8401]).values == (0x8441,)
    assert request.over([0xFFFF]) == WriteRequest(6, 7, (0xFFFF,))


def test_bits_beside_may_be_a_constant() -> None:
    on = {"function": 6, "rest": 1084}

    assert written(on, 1, data_type="uint16", bit=6) == WriteRequest(6, 7, (1084 | 64,))
    assert written(on, 0, data_type="uint16", bit=2) == WriteRequest(6, 7, (1084 & ~4,))


@given(held=st.integers(0, 65_535), bit=st.integers(0, 15), data=st.data())
def test_only_the_bits_written_change(held: int, bit: int, data: st.DataObject) -> None:
    width = data.draw(st.integers(1, min(15, 16 - bit)))
    number = data.draw(st.integers(0, 2**width - 1))
    keys = {"function": 6, "rest": "keep", "minimum": 0, "maximum": 65_535}

    request = written(keys, number, data_type="uint16", bit=bit, bit_count=width)

    before = f"{held:016b}"
    after = before[: 16 - bit - width] + f"{number:0{width}b}" + before[16 - bit :]
    assert request.over([held]).values == (int(after, 2),)


def test_bits_of_swapped_words() -> None:
    keys = {"function": 16, "rest": "keep"}

    request = written(keys, 1, data_type="uint32", bit=17, byte_order="CDAB")

    assert request.values == (0, 2)
    assert request.over([0xAAAA, 0x5550]).values == (0xAAAA, 0x5552)


def test_signed_bits_are_written() -> None:
    keys = {"function": 6, "rest": 0}

    request = written(keys, -2, data_type="uint16", bit=4, bit_count=4, bit_signed=True)

    assert request.values == (0x00E0,)


def test_half_a_register_is_written() -> None:
    upper = written({"function": 6, "rest": "keep"}, 5, data_type="uint8h")
    lower = written({"function": 6, "rest": 0x1200}, -1, data_type="int8l")

    assert upper.over([0x77AA]).values == (0x05AA,)
    assert lower.values == (0x12FF,)


def test_registers_of_another_number_cannot_be_kept() -> None:
    request = written({"function": 6, "rest": "keep"}, 5, data_type="uint8h")

    with pytest.raises(ValueError, match="shorter"):
        request.over([])


@pytest.mark.parametrize(("value", "word"), [(0, 0), (1, 1), (2, 0x5500)])
def test_function_5_sends_any_word(value: float, word: int) -> None:
    states = dict.fromkeys(range(3), build.LABELS)
    write = {"function": 5, "address": 3, "values": {2: 0x5500}}
    profile = build.modbus([build.point("x", states=states, write=write)], address_base=0)

    assert plan_write(profile, profile.points[0], value) == WriteRequest(5, 3, (word,))


def test_named_numbers_are_written_raw() -> None:
    states = {0: build.LABELS, 1: build.LABELS}
    read = build.register(7, values={0xAA: 1, 0x55: 0, 0x56: 0})
    profile = build.modbus([build.point("x", states=states, read=read, write={"function": 6})])

    assert plan_write(profile, profile.points[0], 1).values == (0xAA,)
    assert plan_write(profile, profile.points[0], 0).values == (0x55,)


def test_a_number_without_a_raw_one_is_refused() -> None:
    profile, point = writable({"function": 6}, values={1: 10, 2: 20})

    assert plan_write(profile, point, 20).values == (2,)
    assert refusal(profile, point, 1) == "unrepresentable"


def test_other_numbers_are_scaled() -> None:
    profile, point = writable({"function": 6}, values={-1: 99}, other_values="scaled", scale=0.1)

    assert plan_write(profile, point, 99).values == (0xFFFF,)
    assert plan_write(profile, point, 9.9).values == (99,)


def test_numbers_of_the_write_alone() -> None:
    profile, point = writable({"function": 6, "values": {100: 0x8000}})

    assert plan_write(profile, point, 100).values == (0x8000,)
    assert plan_write(profile, point, 99).values == (99,)


def test_coils_that_are_turned_round() -> None:
    coil = {"input_type": "coil", "address": 3, "values": {0: 1, 1: 0}}
    point = build.point("x", states=ON_OFF, read=coil, write={"function": 15})
    profile = build.modbus([point])

    assert plan_write(profile, profile.points[0], 1).values == (0,)


def test_curves_are_turned_round() -> None:
    curve = [[4000, 0], [12_000, 80], [20_000, 100]]
    profile, point = writable({"function": 6, "minimum": 0}, data_type="uint16", curve=curve)

    assert [plan_write(profile, point, one).values for one in (0, 40, 80, 90, 33.33333)] == [
        (4000,),
        (8000,),
        (12_000,),
        (16_000,),
        (7333,),
    ]
    shown = plan_read_back(profile, point)
    assert shown is not None
    assert shown.tolerance == 0.005
    profile, point = writable({"function": 6}, data_type="uint16", curve=curve)
    assert refusal(profile, point, -1) == "unrepresentable"


def test_steps_of_the_profile_are_rounded_to_those_of_the_device() -> None:
    keys = {"function": 6, "minimum": 0, "maximum": 100, "step": 0.1}
    profile, point = writable(keys, data_type="int16", scale=0.0061035)

    assert plan_write(profile, point, 50).values == (8192,)
    assert plan_write(profile, point, 100).values == (16_384,)
    assert refusal(profile, point, 50.05) == "off_step"


def test_a_factor_must_be_known() -> None:
    read = build.register(7, "int16", scale_factor="sf", divisor="n")
    helpers = [
        build.point(name, hidden=True, read=build.register(at))
        for at, name in ((8, "sf"), (9, "n"))
    ]
    limits = {"function": 6, "minimum": -1000, "maximum": 1000}
    profile = build.modbus([build.point("x", read=read, write=limits), *helpers])
    point = profile.points[0]

    assert write_factors(point) == ("sf", "n")
    assert plan_write(profile, point, 12.5, known={"sf": -1, "n": 2}).values == (250,)
    assert refusal(profile, point, 12.5) == "factor_unknown"
    with pytest.raises(WriteRefusedError, match=r"steps of 0\.05"):
        plan_write(profile, point, 12.51, known={"sf": -1, "n": 2})
    shown = plan_read_back(profile, point, known={"sf": -1, "n": 2})
    assert shown is not None
    assert shown.tolerance == 0.025


def test_a_write_that_scales_itself_needs_no_factor() -> None:
    profile, point = writable({"function": 6, "scale": 0.5}, scale=0.1)

    assert write_factors(point) == ()
    assert plan_write(profile, point, 2).values == (4,)


def test_pages_and_locks_travel_along() -> None:
    page = {"function": 6, "address": 99, "data_type": "uint16"}
    unlock = [{"function": 6, "address": 10, "value": 1}]
    read = build.register(7, page=3)
    limits = {"function": 6, "minimum": 0, "maximum": 9, "unlock": True}
    profile = build.modbus([build.point("x", read=read, write=limits)], page=page, unlock=unlock)

    assert plan_write(profile, profile.points[0], 2) == WriteRequest(6, 7, (2,), 3, unlock=True)


def test_negative_numbers_of_24_bits_fill_their_registers() -> None:
    keys = {"function": 16}

    assert written(keys, -2, data_type="int24").values == (0xFFFF, 0xFFFE)
    assert written(keys, 2, data_type="uint24").values == (0, 2)


@pytest.mark.parametrize("data_type", ["uint8l", "uint8h", "uint16", "uint24", "uint32", "uint64"])
@given(data=st.data())
def test_other_bits_stay_as_they_are(data_type: str, data: st.DataObject) -> None:
    count, width = REGISTERS[data_type], 8 * WHOLE_BYTES[data_type]
    letters = "".join(data.draw(st.permutations("ABCDEFGH"[: 2 * count])))
    bit = data.draw(st.integers(0, width - 1))
    taken = data.draw(st.integers(1, min(32, width - bit, width - 1)))
    number = data.draw(st.integers(0, 2**taken - 1))
    held = data.draw(st.lists(st.integers(0, 65_535), min_size=count, max_size=count))
    keys = {"function": 16, "rest": "keep", "minimum": 0, "maximum": 2**32}
    read = {"data_type": data_type, "bit": bit, "bit_count": taken, "byte_order": letters}
    profile, point = writable(keys, **read)

    sent = plan_write(profile, point, number).over(held).values

    [request] = plan_reads(profile, profile.points)
    assert decode_reply(profile, request, sent)[0].value == number
    back = plan_write(profile, point, decode_reply(profile, request, held)[0].value or 0)
    assert back.over(sent).values == tuple(held)


@pytest.mark.parametrize(
    ("keys", "tolerance"),
    [({"maximum": 1}, 1e-6), ({"maximum": 1, "step": 0.1}, 0.05), ({"maximum": 2**24}, 2.0)],
)
def test_floats_read_back_as_fine_as_they_are(keys: dict[str, Any], tolerance: float) -> None:
    write = {"function": 16, "minimum": 0} | keys
    profile, point = writable(write, data_type="float32")

    shown = plan_read_back(profile, point)

    assert shown is not None
    assert shown.tolerance == tolerance
