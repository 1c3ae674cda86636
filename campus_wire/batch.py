"""Batches of samples and their columnar encoding.

A batch numbers its samples: sample `i` has the sequence number `first + i`, counted block by block.
A block holds the samples that carry the same points, as columns, because neighbouring numbers of
one quantity compress two to four times better than whole readings do. Devices and times are
differences for the same reason.

The document is an array whose places have meanings (`docs/wire.md` names them): in a batch of
51 values, names for the places would be a fifth of all bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final

import orjson

from campus_wire import frames
from campus_wire.batch_decoder import (
    DEFAULT_TICK_NS,
    VERSION,
    Claim,
    check_size,
    claim_of,
    decode_batch,
)
from campus_wire.catalog import SampleClass
from campus_wire.quality import Grade, grade
from campus_wire.samples import Batch, Block, ClockState, Sample, blocks_of

__all__ = [
    "Batch",
    "Block",
    "Claim",
    "Sample",
    "blocks_of",
    "claim_of",
    "decode_batch",
    "encode_batch",
]

_TICKS_NS: Final = (DEFAULT_TICK_NS, 1_000, 1)


def encode_batch(batch: Batch) -> bytes:
    """Return the payload of a batch message.

    Times that are whole milliseconds take about half the room of finer ones.

    Raises:
        ValueError: a value is not finite, or is None without a bad quality.
        MalformedError: it is too large for one message (`batch_too_large`).
    """
    check_size(batch)
    times = [block.times_ns for block in batch.blocks]
    tick_ns = _coarsest_tick(times)
    origin = min(map(min, times)) // tick_ns
    document: list[Any] = [
        VERSION,
        batch.epoch,
        batch.first,
        batch.catalog,
        origin,
        [_plain_block(block, origin, tick_ns) for block in batch.blocks],
    ]
    options = _options(batch, tick_ns)
    if options:
        document.append(options)
    # 21.0 is written 21, a third shorter. No string of a batch looks like that.
    text = orjson.dumps(document).replace(b".0,", b",").replace(b".0]", b"]")
    if text.count(b"null") != sum(map(_bad_count, batch.blocks)):  # NaN becomes null, too
        raise ValueError("a value is not finite, or null values and bad qualities do not match")
    return frames.pack(text)


def _options(batch: Batch, tick_ns: int) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if batch.sample_class is not SampleClass.NORMAL:
        options["class"] = batch.sample_class
    if batch.clock is not ClockState.SYNCED:
        options["clock"] = batch.clock
    if batch.boot is not None:
        options["boot"] = batch.boot
    if tick_ns != DEFAULT_TICK_NS:
        options["tick"] = tick_ns
    return options


def _coarsest_tick(times: Sequence[Sequence[int]]) -> int:
    for tick_ns in _TICKS_NS:
        if all(time_ns % tick_ns == 0 for block in times for time_ns in block):
            return tick_ns
    raise AssertionError("the last tick divides everything")


def _plain_block(block: Block, origin: int, tick_ns: int) -> list[Any]:
    plain: list[Any] = [
        block.points,
        _differences(block.devices),
        _differences([time_ns // tick_ns - origin for time_ns in block.times_ns]),
        block.columns,
    ]
    if block.flaws:
        plain.append(block.flaws)
    return plain


def _differences(numbers: Sequence[int]) -> list[int]:
    return [*numbers[:1], *(after - before for before, after in pairwise(numbers))]


def _bad_count(block: Block) -> int:
    return sum(grade(code) is Grade.BAD for _, _, code in block.flaws)
