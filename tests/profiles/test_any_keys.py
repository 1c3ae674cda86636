"""Whatever keys a profile may hold, no reply and no value to write makes them raise."""

from __future__ import annotations

import math
from typing import Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from campus_wire.quality import Grade, grade
from device_profiles.decoding import ReplyDecoder
from device_profiles.encodings import Encoding
from device_profiles.errors import WriteRefusedError
from device_profiles.model import ModbusProfile
from device_profiles.planning import plan_reads
from device_profiles.registers import DataType
from device_profiles.writing import plan_read_back, plan_write
from tests.profiles import build

finite = st.floats(-1e300, 1e300) | st.integers(-100_000, 100_000)
small = st.integers(-(2**16), 2**16)
DATE_PARTS = ["year", "month", "day", "hour", "minute", "second", "millisecond"]
date_field = st.fixed_dictionaries(
    {"register": st.integers(0, 3)},
    optional={
        "half": st.sampled_from(["high", "low"]),
        "bit": st.integers(0, 15),
        "plus": st.integers(-10_000, 10_000),
        "encoding": st.just("bcd"),
    },
)
date_fields = st.tuples(*(date_field for _ in DATE_PARTS)).map(
    lambda fields: [field | {"part": part} for part, field in zip(DATE_PARTS, fields, strict=True)]
)
coding: dict[str, st.SearchStrategy[Any]] = {
    "data_type": st.sampled_from(list(DataType)),
    "byte_order": st.sampled_from(["AB", "BA", "CDAB", "DCBA", "EFCDAB", "HGFEDCBA"]),
    "encoding": st.sampled_from(list(Encoding)),
    "scale": finite.filter(bool),
    "offset": finite,
    "bit": st.integers(0, 40),
    "bit_count": st.integers(1, 32),
}
reads = st.fixed_dictionaries(
    {"input_type": st.sampled_from(["coil", "holding"]), "address": st.just(0)},
    optional={
        **coding,
        "bit_signed": st.booleans(),
        "nan_value": small,
        "nan_number": finite,
        "values": st.dictionaries(small, finite, max_size=3),
        "other_values": finite | st.just("scaled"),
        "polynomial": st.lists(finite, min_size=2, max_size=4),
        "curve": st.lists(st.tuples(finite, finite), min_size=2, max_size=4).map(sorted),
        "length": st.integers(1, 4),
        "text": st.fixed_dictionaries(
            {},
            optional={
                "form": st.sampled_from(["two_per_register", "low_byte", "high_byte"]),
                "encoding": st.sampled_from(["ascii", "utf-8", "gb18030", "utf-16-be"]),
            },
        ),
        "fields": date_fields,
    },
)
writes = st.fixed_dictionaries(
    {
        "function": st.sampled_from([5, 6, 15, 16]),
        "minimum": st.just(-1e300),
        "maximum": st.just(1e300),
    },
    optional={
        **coding,
        "address": st.just(0),
        "rest": st.just("keep") | st.integers(0, 65_535),
        "values": st.dictionaries(small, st.integers(0, 65_535), max_size=3),
        "step": st.sampled_from([0.1, 1]),
    },
)
anything = settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)


def made(point: dict[str, Any]) -> ModbusProfile:
    try:
        return build.modbus([build.point("x", **point)])
    except ValidationError:
        assume(False)
        raise


def few(keys: dict[str, Any], data: st.DataObject) -> dict[str, Any]:
    """A handful of the optional keys: all of them never go together."""
    needed = {"input_type", "address", "function", "minimum", "maximum", "data_type"}
    optional = sorted(set(keys) - needed)
    if not optional:
        return keys
    kept = needed | set(data.draw(st.lists(st.sampled_from(optional), max_size=3)))
    return {key: value for key, value in keys.items() if key in kept}


@anything
@given(read=reads, data=st.data())
def test_no_reply_raises(read: dict[str, Any], data: st.DataObject) -> None:
    read = few(read, data)
    if read.get("data_type") in ("string", "datetime"):
        read = {"length": 4, **read}
    profile = made({"read": read})
    [request] = plan_reads(profile, profile.points)
    decoder = ReplyDecoder(profile, request)
    top = 1 if read["input_type"] == "coil" else 65_535
    raws = st.lists(st.integers(0, top), min_size=request.count, max_size=request.count)

    for raw in data.draw(st.lists(raws, min_size=1, max_size=5)):
        values, qualities = decoder.decode(raw)
        texts = decoder.texts(raw)

        assert len(values) + len(texts) == 1
        for value, quality in zip(values, qualities, strict=True):
            assert (value is None) == (grade(quality) is Grade.BAD)
            assert value is None or math.isfinite(value)


@anything
@given(write=writes, read=st.none() | reads, data=st.data())
def test_no_value_to_write_raises(
    write: dict[str, Any], read: dict[str, Any] | None, data: st.DataObject
) -> None:
    parts = {"write": few(write, data)}
    if read is not None:
        parts["read"] = few(read, data)
    profile = made(parts)
    point = profile.points[0]

    for value in data.draw(st.lists(finite | st.integers(0, 9), min_size=1, max_size=5)):
        try:
            request = plan_write(profile, point, value)
        except WriteRefusedError:
            continue
        assert all(0 <= word <= 65_535 for word in request.values)
        held = data.draw(st.lists(st.integers(0, 65_535), min_size=4, max_size=4))
        sent = request.over(held[: len(request.values)])
        assert all(0 <= word <= 65_535 for word in sent.values)
        assert not sent.reads_first
    shown = plan_read_back(profile, point)
    assert shown is None or shown.tolerance >= 0
