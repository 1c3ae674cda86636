"""Batches: what is encoded comes back, whatever is received ends in a batch or a typed refusal."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Final

import orjson
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import wire_bytes
from campus_wire import frames
from campus_wire.batch import Batch, Sample, blocks_of, claim_of, decode_batch, encode_batch
from campus_wire.catalog import SampleClass
from campus_wire.errors import MalformedError
from campus_wire.limits import CATALOG_DEVICES_MAX, SEQ_MAX, TIME_NS_MAX, VALUE_ABS_MAX
from campus_wire.messages import ClockState
from campus_wire.reasons import REFUSAL_REASONS
from tests.support import good_payloads as good
from tests.support.bad_payloads import BAD_PAYLOADS

GOLDEN: Final = Path(__file__).parent / "golden"
uuids = st.uuids().map(str)
digests = st.text("0123456789abcdef", min_size=16, max_size=16)
finite = st.floats(-VALUE_ABS_MAX, VALUE_ABS_MAX, allow_nan=False)
decimals = st.decimals(-9999, 9999, places=2).map(float)


@st.composite
def samples(draw: st.DrawFn) -> Sample:
    points = draw(st.lists(st.integers(0, 20), min_size=1, max_size=4, unique=True))
    values: list[float | None] = []
    qualities: list[int] = []
    for _ in points:
        quality = draw(st.sampled_from((0, 0, 0, 1, 63, 64, 65, 127)))
        qualities.append(quality)
        values.append(None if quality >= 64 else draw(finite | decimals))
    time_ns = draw(st.integers(0, TIME_NS_MAX) | st.integers(0, 10**6).map(lambda ms: ms * 10**6))
    device = draw(st.integers(0, CATALOG_DEVICES_MAX - 1))
    return Sample(device, tuple(points), time_ns, tuple(values), tuple(qualities))


batches = st.builds(
    Batch,
    epoch=uuids,
    first=st.integers(1, SEQ_MAX - 100),
    catalog=digests,
    blocks=st.lists(samples(), min_size=1, max_size=30).map(blocks_of),
    sample_class=st.sampled_from(SampleClass),
    clock=st.sampled_from(ClockState),
    boot=st.none() | uuids,
)


def samples_of(batch: Batch) -> list[Sample]:
    """The samples of a batch in the order of their numbers."""
    found = []
    for block in batch.blocks:
        flaws = {(row, column): code for row, column, code in block.flaws}
        for row, (device, time_ns) in enumerate(zip(block.devices, block.times_ns, strict=True)):
            values = tuple(column[row] for column in block.columns)
            qualities = tuple(flaws.get((row, c), 0) for c in range(len(values)))
            found.append(Sample(device, block.points, time_ns, values, qualities))
    return found


@given(batches)
def test_what_is_encoded_comes_back(batch: Batch) -> None:
    decoded = decode_batch(encode_batch(batch))

    assert samples_of(decoded) == samples_of(batch)
    assert (decoded.epoch, decoded.first, decoded.catalog) == (
        batch.epoch,
        batch.first,
        batch.catalog,
    )
    assert (decoded.sample_class, decoded.clock, decoded.boot) == (
        batch.sample_class,
        batch.clock,
        batch.boot,
    )
    assert (decoded.count, decoded.last) == (batch.count, batch.first + batch.count - 1)


@given(st.binary(max_size=300))
def test_garbage_raises_only_the_typed_error(payload: bytes) -> None:
    with pytest.raises(MalformedError) as caught:
        decode_batch(payload)

    assert caught.value.reason in REFUSAL_REASONS


@given(batches, st.data())
def test_a_damaged_batch_is_refused_or_still_a_batch(batch: Batch, data: st.DataObject) -> None:
    payload = bytearray(data.draw(st.sampled_from((encode_batch, _plain)))(batch))
    kind = data.draw(st.sampled_from(("flip", "cut", "insert")))
    at = data.draw(st.integers(0, len(payload) - 1))
    if kind == "flip":
        payload[at] ^= data.draw(st.integers(1, 255))
    elif kind == "cut":
        del payload[at:]
    else:
        payload[at:at] = data.draw(st.binary(min_size=1, max_size=5))
    try:
        decoded = decode_batch(bytes(payload))
    except MalformedError as error:
        assert error.reason in REFUSAL_REASONS  # noqa: PT017  # both ends are right
    else:
        assert samples_of(decode_batch(encode_batch(decoded))) == samples_of(decoded)
    claim_of(bytes(payload))


def _plain(batch: Batch) -> bytes:
    return frames.unpack(encode_batch(batch))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(json_values, st.data())
def test_any_json_in_any_place_is_refused_or_a_batch(value: object, data: st.DataObject) -> None:
    document = good.batch()
    at = document
    path = data.draw(st.lists(st.integers(0, 6), min_size=1, max_size=4))
    for step in path[:-1]:
        if step < len(at) and isinstance(at[step], list) and at[step]:
            at = at[step]
    at[path[-1] % len(at)] = value
    try:
        decode_batch(orjson.dumps(document))
    except MalformedError as error:
        assert error.reason in REFUSAL_REASONS  # noqa: PT017  # both ends are right
    claim_of(orjson.dumps(document))


def test_numbers_at_the_edges_survive() -> None:
    values = (2.0**53, 2.0**53 - 1, -(2.0**53), 0.1 + 0.2, 5e-324, 1e300, -1e300, 1e22, 123456.0)
    batch = Batch(
        good.EPOCH,
        1,
        good.REVISION,
        blocks_of([Sample(0, (0,), n, (value,), (0,)) for n, value in enumerate(values)]),
    )

    [block] = decode_batch(encode_batch(batch)).blocks

    assert tuple(block.columns[0]) == values


@pytest.mark.parametrize(
    ("value", "read"),
    [("-0.0", 0.0), ("9007199254740993", 9007199254740993), ("1e300", 1e300), ("1E2", 100.0)],
)
def test_numbers_a_foreign_publisher_may_write(value: str, read: float) -> None:
    payload = orjson.dumps(good.batch()).replace(b"21.5", value.encode())

    assert decode_batch(payload).blocks[0].columns[0][0] == read


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), None])
def test_a_value_that_is_no_number_is_not_encoded(bad: float | None) -> None:
    batch = Batch(good.EPOCH, 1, good.REVISION, blocks_of([Sample(0, (0,), 0, (bad,), (0,))]))

    with pytest.raises(ValueError, match="not finite"):
        encode_batch(batch)


def test_a_batch_nobody_would_take_is_not_encoded() -> None:
    noise = random.Random(1)
    rows = [Sample(0, (0,), n, (noise.random(),), (0,)) for n in range(30_000)]

    with pytest.raises(MalformedError) as caught:
        encode_batch(Batch(good.EPOCH, 1, good.REVISION, blocks_of(rows)))
    assert caught.value.reason == "batch_too_large"


def test_a_golden_batch_is_read_by_every_later_version() -> None:
    """Spools hold batches of the version before: never regenerate, only add."""
    expected = orjson.loads((GOLDEN / "batch-v1.json").read_bytes())
    for suffix in ("zst", "plain"):
        batch = decode_batch((GOLDEN / f"batch-v1.{suffix}").read_bytes())

        told = [[s.device, s.points, s.time_ns, s.values, s.qualities] for s in samples_of(batch)]
        assert orjson.loads(orjson.dumps(told)) == expected["samples"]
        assert (batch.epoch, batch.first, batch.catalog) == tuple(expected["header"])
        assert (batch.sample_class, batch.clock, batch.boot) == tuple(expected["options"])


def test_the_encoding_itself_stays_the_same() -> None:
    batch = decode_batch((GOLDEN / "batch-v1.plain").read_bytes())

    assert frames.unpack(encode_batch(batch)) == (GOLDEN / "batch-v1.plain").read_bytes()


def test_a_refused_batch_still_tells_which_samples_it_claims() -> None:
    named = {case.name: claim_of(case.payload) for case in BAD_PAYLOADS if case.kind == "batch"}

    claim = named["value true"]
    assert claim is not None
    assert (claim.epoch, claim.first, claim.last) == (good.EPOCH, 101, 103)
    for name in ("not JSON", "bomb", "no blocks", "epoch null", "first 0", "last over 2^53"):
        assert named[name] is None, name


@pytest.mark.parametrize("case", wire_bytes.CASES, ids=lambda case: case.name)
def test_bytes_a_value_keep_to_their_limit(case: wire_bytes.Case) -> None:
    made = list(wire_bytes.batches(case))
    size = sum(len(encode_batch(batch)) for batch in made)

    assert size / sum(batch.value_count for batch in made) <= case.bytes_a_value_max


def test_frames_without_their_size_are_read() -> None:
    text = orjson.dumps(good.batch())
    packed = zstandard.ZstdCompressor(write_content_size=False).compress(text)

    assert zstandard.frame_content_size(packed) == -1
    assert decode_batch(packed) == decode_batch(text)
