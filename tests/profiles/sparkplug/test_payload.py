"""Sparkplug payloads against Google's library, and against whatever else may come."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_profiles.errors import MessageRefusedError
from device_profiles.sparkplug.payload import (
    METRICS_MAX,
    PAYLOAD_BYTES_MAX,
    DataType,
    Metric,
    Payload,
    Value,
    decode_payload,
    encode_payload,
    typed,
)
from device_profiles.sparkplug.wire import (
    WireFormatError,
    read_fields,
    write_blob,
    write_varint,
)
from tests.profiles.sparkplug.google_payload import GooglePayload

UINT64 = st.integers(0, 2**64 - 1)
RANGES = {
    DataType.INT8: (-(2**7), 2**7 - 1),
    DataType.INT16: (-(2**15), 2**15 - 1),
    DataType.INT32: (-(2**31), 2**31 - 1),
    DataType.INT64: (-(2**63), 2**63 - 1),
    DataType.UINT8: (0, 2**8 - 1),
    DataType.UINT16: (0, 2**16 - 1),
    DataType.UINT32: (0, 2**32 - 1),
    DataType.UINT64: (0, 2**64 - 1),
    DataType.DATE_TIME: (0, 2**64 - 1),
}


@st.composite
def typed_values(draw: st.DrawFn) -> tuple[int, Value]:
    datatype = draw(st.sampled_from([*RANGES, DataType.FLOAT, DataType.DOUBLE, DataType.BOOLEAN]))
    if datatype in RANGES:
        return datatype, draw(st.integers(*RANGES[datatype]))
    if datatype is DataType.BOOLEAN:
        return datatype, draw(st.booleans())
    return datatype, draw(st.floats(allow_nan=False, width=32))


PROPERTIES = st.dictionaries(
    st.text(min_size=1, max_size=8),
    st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.text(max_size=8),
    max_size=4,
)


@st.composite
def metrics(draw: st.DrawFn) -> Metric:
    strings = st.tuples(st.just(int(DataType.STRING)), st.text(max_size=20))
    datatype, value = draw(typed_values() | strings)
    is_null = draw(st.booleans())
    return Metric(
        name=draw(st.text(max_size=20)),
        alias=draw(st.none() | UINT64),
        timestamp_ms=draw(st.none() | UINT64),
        datatype=datatype,
        value=None if is_null else value,
        is_null=is_null,
        is_historical=draw(st.booleans()),
        properties=draw(PROPERTIES),
    )


PAYLOADS = st.builds(
    Payload,
    timestamp_ms=st.none() | UINT64,
    seq=st.none() | st.integers(0, 255),
    metrics=st.lists(metrics(), max_size=5).map(tuple),
)


@given(PAYLOADS)
def test_what_is_encoded_decodes_to_the_same(payload: Payload) -> None:
    assert decode_payload(encode_payload(payload)) == payload


@given(PAYLOADS)
def test_googles_library_reads_what_is_encoded(payload: Payload) -> None:
    theirs = GooglePayload.FromString(encode_payload(payload))

    assert (theirs.timestamp if theirs.HasField("timestamp") else None) == payload.timestamp_ms
    assert (theirs.seq if theirs.HasField("seq") else None) == payload.seq
    assert [_of_google(metric) for metric in theirs.metrics] == list(payload.metrics)


@given(PAYLOADS)
def test_what_googles_library_writes_is_read(payload: Payload) -> None:
    theirs = GooglePayload()
    theirs.ParseFromString(encode_payload(payload))

    assert decode_payload(theirs.SerializeToString()) == payload


def _of_google(metric: Any) -> Metric:
    def given_value(name: str) -> Any:
        return getattr(metric, name) if metric.HasField(name) else None

    values = {
        key: _value(value, value.type)
        for key, value in zip(metric.properties.keys, metric.properties.values, strict=True)
    }
    return Metric(
        name=metric.name,
        alias=given_value("alias"),
        timestamp_ms=given_value("timestamp"),
        datatype=metric.datatype,
        value=_value(metric, metric.datatype),
        is_null=metric.is_null,
        is_historical=metric.is_historical,
        properties={key: value for key, value in values.items() if value is not None},
    )


def _value(holder: Any, datatype: int) -> Value | None:
    """Return what Google's library says, with the two's complement undone by arithmetic."""
    for name in ("boolean_value", "float_value", "double_value", "string_value"):
        if holder.HasField(name):
            value: Value = getattr(holder, name)
            return value
    for name, bits in (("int_value", 32), ("long_value", 64)):
        if holder.HasField(name):
            whole: int = getattr(holder, name)
            is_signed = datatype in (1, 2, 3, 4)
            return whole - 2**bits if is_signed and whole >= 2 ** (bits - 1) else whole
    return None


@pytest.mark.parametrize(
    ("raw", "datatype", "value"),
    [
        (0xFF, DataType.INT8, -1),
        (0xFFFF_FFFF, DataType.INT8, -1),
        (0xFFFF_FFFF_FFFF_FFFF, DataType.INT16, -1),
        (0x8000, DataType.INT16, -32768),
        (0xFFFF_FFFF, DataType.UINT32, 4_294_967_295),
        (1_663_000_000_000, DataType.DATE_TIME, 1_663_000_000_000),
        (7, 99, 7),
    ],
)
def test_negative_numbers_in_every_width_that_makers_use(
    raw: int, datatype: int, value: int
) -> None:
    assert typed(raw, datatype) == value


@given(st.binary(max_size=200))
def test_garbage_is_refused_or_read(data: bytes) -> None:
    with contextlib.suppress(MessageRefusedError):
        decode_payload(data, place="spBv1.0/a/NDATA/b")


@given(PAYLOADS, st.data())
def test_a_payload_cut_short_is_refused_or_says_less(payload: Payload, data: st.DataObject) -> None:
    whole = encode_payload(payload)
    cut = whole[: data.draw(st.integers(0, len(whole)))]
    try:
        told = decode_payload(cut)
    except MessageRefusedError:
        return
    assert len(told.metrics) <= len(payload.metrics)


def test_datasets_templates_and_bytes_are_passed_over() -> None:
    theirs = GooglePayload()
    theirs.metrics.add(name="raw", datatype=17, bytes_value=b"\x00\x01")
    template = write_blob(1, b"template") + write_blob(18, b"\x0a\x01x") + write_varint(4, 19)
    data = theirs.SerializeToString() + write_blob(2, template)

    told = decode_payload(data)

    assert [(one.name, one.value, one.datatype) for one in told.metrics] == [
        ("raw", None, 17),
        ("template", None, 19),
    ]


@pytest.mark.parametrize(
    "data",
    [
        b"\x08",
        b"\x0b\x00",
        b"\x12\x05ab",
        b"\x08" + b"\xff" * 10,
        b"\x00\x01",
        write_blob(2, write_varint(1, 5)),
        write_blob(2, write_blob(1, b"\xff")),
        write_blob(2, write_blob(12, b"x")),
    ],
)
def test_what_is_no_payload_is_refused(data: bytes) -> None:
    with pytest.raises(MessageRefusedError) as caught:
        decode_payload(data)
    assert caught.value.reason == "sparkplug"


def test_sizes_are_bounded() -> None:
    with pytest.raises(MessageRefusedError) as caught:
        decode_payload(bytes(PAYLOAD_BYTES_MAX + 1))
    assert caught.value.reason == "too_large"
    with pytest.raises(MessageRefusedError) as caught:
        decode_payload(write_blob(2, b"") * (METRICS_MAX + 1))
    assert caught.value.reason == "sparkplug"


def test_groups_are_refused() -> None:
    with pytest.raises(WireFormatError):
        list(read_fields(b"\x0b\x0c"))
