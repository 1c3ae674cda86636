"""Batches of samples and their columnar encoding.

A batch numbers its samples: sample `i` has the sequence number `first + i`, counted block by block.
A block holds the samples that carry the same points, as columns, because neighbouring numbers of
one quantity compress two to four times better than whole readings do. Devices and times are
differences for the same reason.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence, Set
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from itertools import accumulate, pairwise
from typing import Any, Final, TypeVar

import orjson

from campus_wire import frames
from campus_wire.catalog import SampleClass
from campus_wire.errors import MalformedError
from campus_wire.ids import is_digest, is_uuid
from campus_wire.limits import (
    BATCH_BLOCKS_MAX,
    BATCH_SAMPLES_MAX,
    BATCH_VALUES_MAX,
    CATALOG_DEVICES_MAX,
    CATALOG_POINTS_MAX,
    SEQ_MAX,
    TIME_NS_MAX,
    VALUE_ABS_MAX,
)
from campus_wire.messages import ClockState
from campus_wire.quality import QUALITY_MAX, Grade, grade

_HEADER_KEYS: Final = frozenset({"v", "epoch", "first", "catalog", "t0", "blocks"})
_HEADER_DEFAULTS: Final = {"class": "normal", "clock": "synced", "boot": None, "tick": 1_000_000}
_BLOCK_KEYS: Final = frozenset({"points", "dev", "dt", "val"})
_TICKS_NS: Final = (1_000_000, 1_000, 1)
_NUMBERS: Final = frozenset({int, float, type(None)})

E = TypeVar("E", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Sample:
    """What one device said at one instant.

    `device` and `points` are positions in the catalog. A value is None exactly where it is bad.
    """

    device: int
    points: tuple[int, ...]
    time_ns: int
    values: tuple[float | None, ...]
    qualities: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Block:
    """Samples that carry the same points: n rows, `len(points)` columns of n values."""

    points: tuple[int, ...]
    devices: Sequence[int]
    times_ns: Sequence[int]
    columns: Sequence[Sequence[float | None]]
    flaws: Sequence[tuple[int, int, int]] = ()
    """(row, column, quality) of every value that is not good."""


@dataclass(frozen=True)
class Batch:
    """The unit of spool, publish and ack."""

    epoch: str
    first: int
    catalog: str
    blocks: tuple[Block, ...]
    sample_class: SampleClass = SampleClass.NORMAL
    clock: ClockState = ClockState.SYNCED
    boot: str | None = None
    """The boot the times were taken in; needed only while the clock is not synced."""

    @cached_property
    def count(self) -> int:
        """How many samples."""
        return sum(len(block.devices) for block in self.blocks)

    @property
    def last(self) -> int:
        """The sequence number of the last sample."""
        return self.first + self.count - 1

    @cached_property
    def value_count(self) -> int:
        """How many values, bad ones included."""
        return sum(len(block.devices) * len(block.points) for block in self.blocks)


def blocks_of(samples: Iterable[Sample]) -> tuple[Block, ...]:
    """Group samples by the points they carry, keeping their order within a group."""
    groups: dict[tuple[int, ...], list[Sample]] = {}
    for sample in samples:
        groups.setdefault(sample.points, []).append(sample)
    return tuple(_block(points, group) for points, group in groups.items())


def _block(points: tuple[int, ...], group: list[Sample]) -> Block:
    flaws = [
        (row, column, code)
        for row, sample in enumerate(group)
        for column, code in enumerate(sample.qualities)
        if code
    ]
    return Block(
        points=points,
        devices=[sample.device for sample in group],
        times_ns=[sample.time_ns for sample in group],
        columns=list(zip(*(sample.values for sample in group), strict=True)),
        flaws=flaws,
    )


def encode_batch(batch: Batch) -> bytes:
    """Return the payload of a batch message."""
    times = [block.times_ns for block in batch.blocks]
    origin_ns = min(map(min, times))
    tick_ns = _coarsest_tick(origin_ns, times)
    optional = {
        "class": batch.sample_class,
        "clock": batch.clock,
        "boot": batch.boot,
        "tick": tick_ns,
    }
    document = {
        "v": 1,
        "epoch": batch.epoch,
        "first": batch.first,
        "catalog": batch.catalog,
        "t0": origin_ns,
        **{key: value for key, value in optional.items() if value != _HEADER_DEFAULTS[key]},
        "blocks": [_plain_block(block, origin_ns, tick_ns) for block in batch.blocks],
    }
    return frames.pack(orjson.dumps(document))


def _coarsest_tick(origin_ns: int, times: Sequence[Sequence[int]]) -> int:
    for tick_ns in _TICKS_NS:
        if all((time_ns - origin_ns) % tick_ns == 0 for block in times for time_ns in block):
            return tick_ns
    raise AssertionError("the last tick divides everything")


def _plain_block(block: Block, origin_ns: int, tick_ns: int) -> dict[str, Any]:
    ticks = [(time_ns - origin_ns) // tick_ns for time_ns in block.times_ns]
    plain: dict[str, Any] = {
        "points": block.points,
        "dev": _differences(block.devices),
        "dt": _differences(ticks),
        "val": block.columns,
    }
    if block.flaws:
        plain["q"] = block.flaws
    return plain


def _differences(numbers: Sequence[int]) -> list[int]:
    return [*numbers[:1], *(after - before for before, after in pairwise(numbers))]


def decode_batch(payload: bytes) -> Batch:
    """Return the batch in a payload, every element checked.

    Raises:
        MalformedError: with the rule it breaks as reason.
    """
    text = frames.unpack(payload)
    document = frames.parse_fast(text)
    if type(document) is not dict or not _has_keys(document, _HEADER_KEYS, _HEADER_DEFAULTS):
        raise MalformedError("schema", "a batch has other keys than a batch has")
    if type(document["v"]) is not int or document["v"] != 1:
        raise MalformedError("version", "only version 1 is known")
    _refuse_repeated_keys(text, document)
    document = _HEADER_DEFAULTS | document
    batch = Batch(
        epoch=_uuid(document, "epoch"),
        first=_integer(document["first"], "first", 1, SEQ_MAX),
        catalog=_digest(document["catalog"]),
        blocks=_decode_blocks(document),
        sample_class=_member(SampleClass, document["class"], "class"),
        clock=_member(ClockState, document["clock"], "clock"),
        boot=None if document["boot"] is None else _uuid(document, "boot"),
    )
    if batch.count > BATCH_SAMPLES_MAX or batch.value_count > BATCH_VALUES_MAX:
        size = f"{batch.count} samples, {batch.value_count} values"
        raise MalformedError("batch_too_large", size)
    if batch.last > SEQ_MAX:
        raise MalformedError("schema", "sequence numbers run over 2**53")
    return batch


def _has_keys(document: dict[str, Any], needed: Set[str], allowed: Collection[str]) -> bool:
    return needed <= document.keys() and document.keys() <= needed | set(allowed)


def _refuse_repeated_keys(text: bytes, document: dict[str, Any]) -> None:
    # The fast parser keeps the last of two equal keys without a word. All keys are known and every
    # other string is a plain header value, so counting quotation marks finds what it dropped.
    strings = len(document) + sum(type(value) is str for value in document.values())
    blocks = document["blocks"]
    if type(blocks) is not list or not 0 < len(blocks) <= BATCH_BLOCKS_MAX:
        raise MalformedError("schema", f"blocks is no array of 1 to {BATCH_BLOCKS_MAX}")
    if not all(type(block) is dict for block in blocks):
        raise MalformedError("schema", "a block is no object")
    strings += sum(map(len, blocks))
    if text.count(b'"') != 2 * strings:
        raise MalformedError("duplicate_key", "a key is given twice, or a string is out of place")


def _decode_blocks(document: dict[str, Any]) -> tuple[Block, ...]:
    origin_ns = _integer(document["t0"], "t0", 0, TIME_NS_MAX)
    tick_ns = _integer(document["tick"], "tick", 1, 1_000_000_000)
    return tuple(
        _decode_block(plain, f"blocks.{index}", origin_ns, tick_ns)
        for index, plain in enumerate(document["blocks"])
    )


def _decode_block(plain: dict[str, Any], place: str, origin_ns: int, tick_ns: int) -> Block:
    if not _has_keys(plain, _BLOCK_KEYS, {"q"}):
        raise MalformedError("schema", "a block has other keys than a block has", place=place)
    points = _integers(plain["points"], f"{place}.points", BATCH_VALUES_MAX)
    if len(set(points)) != len(points) or min(points) < 0 or max(points) >= CATALOG_POINTS_MAX:
        raise MalformedError("schema", "points are repeated or out of range", place=place)
    devices = list(accumulate(_integers(plain["dev"], f"{place}.dev", BATCH_SAMPLES_MAX)))
    if min(devices) < 0 or max(devices) >= CATALOG_DEVICES_MAX:
        raise MalformedError("schema", "a device is out of range", place=place)
    ticks = accumulate(_integers(plain["dt"], f"{place}.dt", BATCH_SAMPLES_MAX))
    times_ns = [origin_ns + tick * tick_ns for tick in ticks]
    if len(times_ns) != len(devices):
        raise MalformedError("schema", "dev and dt differ in length", place=place)
    if min(times_ns) < 0 or max(times_ns) > TIME_NS_MAX:
        raise MalformedError("time", "a time lies outside 1970 to 2262", place=place)
    columns = _columns(plain["val"], place, width=len(points), rows=len(devices))
    flaws = _flaws(plain.get("q", []), columns, place)
    return Block(tuple(points), devices, times_ns, columns, flaws)


def _columns(plain: Any, place: str, *, width: int, rows: int) -> list[list[float | None]]:
    if type(plain) is not list or len(plain) != width:
        raise MalformedError("schema", "val has not one column a point", place=place)
    for column in plain:
        if type(column) is not list or len(column) != rows:
            raise MalformedError("schema", "a column has not one value a sample", place=place)
        if not set(map(type, column)) <= _NUMBERS:
            raise MalformedError("schema", "a value is neither number nor null", place=place)
        numbers = [value for value in column if value is not None] if None in column else column
        if numbers and not -VALUE_ABS_MAX <= min(numbers) <= max(numbers) <= VALUE_ABS_MAX:
            raise MalformedError("value_range", "a value is beyond ±1e300", place=place)
    return plain


def _flaws(
    plain: Any, columns: list[list[float | None]], place: str
) -> tuple[tuple[int, int, int], ...]:
    rows = len(columns[0])
    if type(plain) is not list or len(plain) > rows * len(columns):
        raise MalformedError("schema", "q is no array, or longer than the values", place=place)
    bad: set[tuple[int, int]] = set()
    seen: set[tuple[int, int]] = set()
    for flaw in plain:
        row, column, code = _flaw(flaw, place, rows=rows, width=len(columns))
        seen.add((row, column))
        if grade(code) is Grade.BAD:
            bad.add((row, column))
    nulls = sum(column.count(None) for column in columns)
    if len(seen) != len(plain) or nulls != len(bad):
        raise MalformedError("quality", "null values and bad qualities do not match", place=place)
    if any(columns[column][row] is not None for row, column in bad):
        raise MalformedError("quality", "a bad value carries a number", place=place)
    return tuple((row, column, code) for row, column, code in plain)


def _flaw(plain: Any, place: str, *, rows: int, width: int) -> tuple[int, int, int]:
    if type(plain) is not list or len(plain) != 3:
        raise MalformedError("schema", "an element of q is no [row, column, quality]", place=place)
    return (
        _integer(plain[0], f"{place}.q", 0, rows - 1),
        _integer(plain[1], f"{place}.q", 0, width - 1),
        _integer(plain[2], f"{place}.q", 1, QUALITY_MAX),
    )


def _integers(plain: Any, place: str, count_max: int) -> list[int]:
    if type(plain) is not list or not 0 < len(plain) <= count_max:
        raise MalformedError("schema", f"not an array of 1 to {count_max}", place=place)
    if set(map(type, plain)) != {int}:
        raise MalformedError("schema", "not an array of integers", place=place)
    return plain


def _integer(plain: Any, place: str, low: int, high: int) -> int:
    if type(plain) is not int or not low <= plain <= high:
        raise MalformedError("schema", f"not an integer from {low} to {high}", place=place)
    return plain


def _uuid(document: dict[str, Any], key: str) -> str:
    text = document[key]
    if type(text) is not str or not is_uuid(text):
        raise MalformedError("schema", "not a UUID in lower case", place=key)
    return text


def _digest(plain: Any) -> str:
    if type(plain) is not str or not is_digest(plain):
        raise MalformedError("schema", "not 16 hexadecimal digits", place="catalog")
    return plain


def _member(enumeration: type[E], plain: Any, place: str) -> E:
    try:
        return enumeration(plain)
    except ValueError:
        raise MalformedError("schema", f"not one of {[*enumeration]}", place=place) from None
