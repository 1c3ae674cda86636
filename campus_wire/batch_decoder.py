"""Bytes → batch, every element checked."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from itertools import accumulate
from typing import Any, Final, TypeVar

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
from campus_wire.quality import QUALITY_MAX, Grade, grade
from campus_wire.samples import Batch, Block, ClockState

VERSION: Final = 1
DEFAULT_TICK_NS: Final = 1_000_000
_TICK_NS_MAX: Final = 1_000_000_000
_NUMBERS: Final = frozenset({int, float, type(None)})
_OPTIONS: Final = frozenset({"class", "clock", "boot", "tick"})

E = TypeVar("E", bound=StrEnum)


def decode_batch(payload: bytes) -> Batch:
    """Return the batch in a payload.

    Raises:
        MalformedError: with the rule it breaks as reason.
    """
    text = frames.unpack(payload)
    document = frames.parse_fast(text)
    if type(document) is not list or not document:
        raise MalformedError("schema", "a batch is an array")
    if type(document[0]) is not int or document[0] != VERSION:
        raise MalformedError("version", f"only version {VERSION} is known")
    if len(document) not in {6, 7}:
        raise MalformedError("schema", f"a batch has 6 or 7 elements, not {len(document)}")
    _, epoch, first, catalog, origin, blocks, *rest = document
    options = _options(rest, text, epoch, catalog)
    batch = Batch(
        epoch=_uuid(epoch, "epoch"),
        first=_integer(first, "first", 1, SEQ_MAX),
        catalog=_digest(catalog),
        blocks=_blocks(blocks, origin, options.get("tick", DEFAULT_TICK_NS)),
        sample_class=_member(SampleClass, options.get("class", SampleClass.NORMAL), "class"),
        clock=_member(ClockState, options.get("clock", ClockState.SYNCED), "clock"),
        boot=_uuid(options["boot"], "boot") if "boot" in options else None,
    )
    check_size(batch)
    if batch.last > SEQ_MAX:
        raise MalformedError("schema", "sequence numbers run over 2**53")
    return batch


def check_size(batch: Batch) -> None:
    """Check that a batch holds no more than one may.

    Raises:
        MalformedError: `batch_too_large`.
    """
    if batch.count > BATCH_SAMPLES_MAX or batch.value_count > BATCH_VALUES_MAX:
        size = f"{batch.count} samples, {batch.value_count} values"
        raise MalformedError("batch_too_large", size)


@dataclass(frozen=True, slots=True)
class Claim:
    """Which samples a message says it holds."""

    epoch: str
    first: int
    last: int


def claim_of(payload: bytes) -> Claim | None:
    """Return which samples a refused batch claims to hold, or None where it does not say.

    Reads only what naming them in an ack takes; everything else may be broken.
    """
    try:
        document = frames.parse_fast(frames.unpack(payload))
    except MalformedError:
        return None
    if type(document) is not list or len(document) < 6 or type(document[5]) is not list:
        return None
    epoch, first = document[1], document[2]
    count = sum(map(_claimed_count, document[5]))
    if type(epoch) is not str or not is_uuid(epoch) or type(first) is not int:
        return None
    if not (first >= 1 and 0 < count <= BATCH_SAMPLES_MAX and first + count - 1 <= SEQ_MAX):
        return None
    return Claim(epoch, first, first + count - 1)


def _claimed_count(block: Any) -> int:
    is_block = type(block) is list and len(block) > 1 and type(block[1]) is list
    return len(block[1]) if is_block else 0


def _options(rest: list[Any], text: bytes, *strings: Any) -> dict[str, Any]:
    if not rest:
        return {}
    options: Any = rest[0]
    if type(options) is not dict or not options.keys() <= _OPTIONS:
        raise MalformedError("schema", f"options are an object with keys of {sorted(_OPTIONS)}")
    # The fast parser keeps the last of two equal keys without a word. Every string of a batch is
    # known by its place, so counting quotation marks finds what it dropped. Without options there
    # is no object and so no key.
    known = [*strings, *options, *options.values()]
    if text.count(b'"') != 2 * sum(type(one) is str for one in known):
        raise MalformedError("duplicate_key", "a key is given twice, or a string is out of place")
    return options


def _blocks(plain: Any, origin: Any, tick: Any) -> tuple[Block, ...]:
    if type(plain) is not list or not 0 < len(plain) <= BATCH_BLOCKS_MAX:
        raise MalformedError("schema", f"blocks are no array of 1 to {BATCH_BLOCKS_MAX}")
    tick_ns = _integer(tick, "tick", 1, _TICK_NS_MAX)
    origin_ns = _integer(origin, "t0", 0, TIME_NS_MAX) * tick_ns
    return tuple(
        _block(block, f"blocks.{index}", origin_ns, tick_ns) for index, block in enumerate(plain)
    )


def _block(plain: Any, place: str, origin_ns: int, tick_ns: int) -> Block:
    if type(plain) is not list or len(plain) not in {4, 5}:
        raise MalformedError("schema", "a block is an array of 4 or 5", place=place)
    points = _integers(plain[0], f"{place}.points", BATCH_VALUES_MAX)
    if len(set(points)) != len(points) or min(points) < 0 or max(points) >= CATALOG_POINTS_MAX:
        raise MalformedError("schema", "points are repeated or out of range", place=place)
    devices = list(accumulate(_integers(plain[1], f"{place}.devices", BATCH_SAMPLES_MAX)))
    if min(devices) < 0 or max(devices) >= CATALOG_DEVICES_MAX:
        raise MalformedError("schema", "a device is out of range", place=place)
    ticks = accumulate(_integers(plain[2], f"{place}.times", BATCH_SAMPLES_MAX))
    times_ns = [origin_ns + tick * tick_ns for tick in ticks]
    if len(times_ns) != len(devices):
        raise MalformedError("schema", "devices and times differ in length", place=place)
    if min(times_ns) < 0 or max(times_ns) > TIME_NS_MAX:
        raise MalformedError("time", "a time lies outside 1970 to 2262", place=place)
    columns = _columns(plain[3], place, width=len(points), rows=len(devices))
    flaws = _flaws(plain[4] if len(plain) == 5 else [], columns, place)
    return Block(tuple(points), devices, times_ns, columns, flaws)


def _columns(plain: Any, place: str, *, width: int, rows: int) -> list[list[float | None]]:
    if type(plain) is not list or len(plain) != width:
        raise MalformedError("schema", "there is not one column a point", place=place)
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
        raise MalformedError("schema", "flaws are no array, or exceed the values", place=place)
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
        raise MalformedError("schema", "a flaw is no [row, column, quality]", place=place)
    return (
        _integer(plain[0], f"{place}.flaws", 0, rows - 1),
        _integer(plain[1], f"{place}.flaws", 0, width - 1),
        _integer(plain[2], f"{place}.flaws", 1, QUALITY_MAX),
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


def _uuid(plain: Any, place: str) -> str:
    if type(plain) is not str or not is_uuid(plain):
        raise MalformedError("schema", "not a UUID in lower case", place=place)
    return plain


def _digest(plain: Any) -> str:
    if type(plain) is not str or not is_digest(plain):
        raise MalformedError("schema", "not 16 hexadecimal digits", place="catalog")
    return plain


def _member(enumeration: type[E], plain: Any, place: str) -> E:
    try:
        return enumeration(plain)
    except ValueError:
        raise MalformedError("schema", f"not one of {[*enumeration]}", place=place) from None
