"""The four tables of a Modbus device, as the bytes that go on the wire.

Tables and their independence: Modbus Application Protocol Specification V1.1b3, section 4.3. A
register segment holds two bytes a register in wire order, so that an answer is one slice of it; a
bit segment holds one byte a bit and is packed on reading (section 6.1: first bit lowest).
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from firmware_sims.codec import Encoding
from firmware_sims.guards import RawWrite
from firmware_sims.moments import MomentForm
from firmware_sims.texts import NumberTextForm, TextForm

Table = Literal["coil", "discrete", "input", "holding"]
BIT_TABLES: frozenset[str] = frozenset({"coil", "discrete"})

WRITE_SUFFIX = "@write"
"""Marks the second place of a point that is written elsewhere than it is read."""

Form = Encoding | MomentForm | NumberTextForm | TextForm

# A gap between mapped addresses up to this long answers zeros, as the memory of most devices does;
# a longer one is an illegal address.
HOLE_MAX = 125


@dataclass(frozen=True, slots=True)
class RegisterPoint:
    """One point of a device's map.

    Args:
        address: zero-based, as sent on the wire.
        encoding: how its number, or its text, stands there.
        readable, writable: what the device allows.
        minimum, maximum: what a write may hold, in the point's unit; None is no limit.
        page: the page that must be selected; None: it is there always.
        is_locked: a write is refused until the device was unlocked.
        then: what must be written afterwards for the device to take the value.
        words: for coils: further 16-bit words that function 5 may send, and their numbers.
    """

    name: str
    table: Table
    address: int
    encoding: Form
    readable: bool = True
    writable: bool = False
    minimum: float | None = None
    maximum: float | None = None
    page: int | None = None
    is_locked: bool = False
    words: tuple[tuple[int, float], ...] = ()
    then: tuple[RawWrite, ...] = ()

    @property
    def is_text(self) -> bool:
        """Whether it holds a text, not a number."""
        return isinstance(self.encoding, TextForm)

    @property
    def shares_registers(self) -> bool:
        """Whether other points may stand in the same registers."""
        return isinstance(self.encoding, Encoding) and self.encoding.shares_registers

    @property
    def count(self) -> int:
        """Addresses that the point takes."""
        return 1 if self.table in BIT_TABLES else self.encoding.register_count

    @property
    def end(self) -> int:
        """The address after the last."""
        return self.address + self.count


class _Segment:
    """Consecutive addresses of one table."""

    __slots__ = ("cells", "end", "start", "width")

    def __init__(self, start: int, end: int, width: int) -> None:
        self.start = start
        self.end = end
        self.width = width
        self.cells = bytearray((end - start) * width)


class RegisterImage:
    """What a device's tables hold now.

    Args:
        points: the map; only its addresses are used here.
        forbidden: per table, ranges (first, last) that must not be read, also inside a gap.
        hole_max: longest gap that answers zeros.
        extra: per table, further ranges (first, last) that are there and hold no point.

    Each page has tables of its own; an address that is not on the selected page is looked for
    among those that are there always.
    """

    def __init__(
        self,
        points: Sequence[RegisterPoint],
        *,
        forbidden: Iterable[tuple[Table, int, int]] = (),
        hole_max: int = HOLE_MAX,
        extra: Iterable[tuple[Table, int, int]] = (),
    ) -> None:
        self.page: int | None = None
        self._segments: dict[tuple[str, int | None], list[_Segment]] = {}
        self._starts: dict[tuple[str, int | None], list[int]] = {}
        blocked = list(forbidden)
        more = list(extra)
        for table in {point.table for point in points} | {table for table, _, _ in more}:
            here = [point for point in points if point.table == table]
            holes = [(first, last) for name, first, last in blocked if name == table]
            self._lay_out(table, here, holes, hole_max)
            if ranges := [(first, last + 1) for name, first, last in more if name == table]:
                self._add(table, here, ranges)

    def _lay_out(
        self,
        table: Table,
        points: Sequence[RegisterPoint],
        holes: list[tuple[int, int]],
        hole_max: int,
    ) -> None:
        width = 1 if table in BIT_TABLES else 2
        for page in {point.page for point in points}:
            spans = sorted((p.address, p.end) for p in points if p.page == page)
            # what another page holds must not be hidden by a gap that answers zeros
            others = [(p.address, p.end - 1) for p in points if p.page != page]
            segments = [_Segment(a, b, width) for a, b in _joined(spans, holes + others, hole_max)]
            self._segments[table, page] = segments
            self._starts[table, page] = [segment.start for segment in segments]

    def _add(
        self, table: Table, points: Sequence[RegisterPoint], ranges: list[tuple[int, int]]
    ) -> None:
        width = 1 if table in BIT_TABLES else 2
        spans = sorted([*((p.address, p.end) for p in points if p.page is None), *ranges])
        segments = [_Segment(a, b, width) for a, b in _joined(spans, [], 0)]
        self._segments[table, None] = segments
        self._starts[table, None] = [segment.start for segment in segments]

    def _locate(
        self, table: str, address: int, count: int, page: int | None
    ) -> tuple[_Segment, int] | None:
        starts = self._starts.get((table, page))
        if starts:
            index = bisect_right(starts, address) - 1
            if index >= 0:
                segment = self._segments[table, page][index]
                if address + count <= segment.end:
                    return segment, (address - segment.start) * segment.width
        return None if page is None else self._locate(table, address, count, None)

    def read(self, table: str, address: int, count: int) -> bytes | None:
        """Register bytes, or one byte a bit; None where the device has no such address."""
        return self._read(table, address, count, self.page)

    def _read(self, table: str, address: int, count: int, page: int | None) -> bytes | None:
        found = self._locate(table, address, count, page)
        if found is None:
            return None
        segment, at = found
        return bytes(segment.cells[at : at + count * segment.width])

    def store(self, table: str, address: int, data: bytes) -> bool:
        """Put bytes as `read` gives them; False where the device has no such address."""
        return self._store(table, address, data, self.page)

    def _store(self, table: str, address: int, data: bytes, page: int | None) -> bool:
        width = 1 if table in BIT_TABLES else 2
        found = self._locate(table, address, len(data) // width, page)
        if found is None:
            return False
        segment, at = found
        segment.cells[at : at + len(data)] = data
        return True

    def put(self, point: RegisterPoint, number: float) -> None:
        """Let a point hold a number."""
        encoding = point.encoding
        assert not isinstance(encoding, TextForm), f"{point.name} holds a text"
        if isinstance(encoding, MomentForm | NumberTextForm):
            data = encoding.to_bytes(number)
        elif point.table in BIT_TABLES:
            data = bytes([encoding.raw(number)])
        elif encoding.shares_registers:
            data = encoding.merge_bits(number, self._bytes_of(point))
        else:
            data = encoding.to_bytes(number)
        self._store(point.table, point.address, data, point.page)

    def put_text(self, point: RegisterPoint, text: str) -> str:
        """Let a point hold a text; return what of it fits."""
        encoding = point.encoding
        assert isinstance(encoding, TextForm), f"{point.name} holds a number"
        self._store(point.table, point.address, encoding.to_bytes(text), point.page)
        return encoding.shown(text)

    def put_invalid(self, point: RegisterPoint) -> float | None:
        """Let a point say that it has no reading; return the number that a reader takes it for.

        Bits, dates and texts have no form for it and stay as they are; a number in text is blank.
        """
        encoding = point.encoding
        if isinstance(encoding, NumberTextForm):
            self._store(point.table, point.address, encoding.blank(), point.page)
            return None
        if (
            not isinstance(encoding, Encoding)
            or point.table in BIT_TABLES
            or encoding.kind in ("bits", "bool")
        ):
            return None if point.is_text else self.get(point)
        data = encoding.invalid_bytes(self._bytes_of(point))
        self._store(point.table, point.address, data, point.page)
        return None if encoding.has_marker else self.get(point)

    def get(self, point: RegisterPoint) -> float:
        """The number that a point holds; NaN where its registers stand for none."""
        data = self._bytes_of(point)
        if isinstance(point.encoding, TextForm):
            return math.nan
        if point.table in BIT_TABLES and isinstance(point.encoding, Encoding):
            return point.encoding.number(data[0])
        return point.encoding.from_bytes(data)

    def holds(self, point: RegisterPoint, word: int) -> bool:
        """Whether a number's registers hold this word, as a whole."""
        encoding = point.encoding
        assert isinstance(encoding, Encoding)
        return self._bytes_of(point) == encoding.permuted(encoding.raw_to_plain(word))

    def _bytes_of(self, point: RegisterPoint) -> bytes:
        data = self._read(point.table, point.address, point.count, point.page)
        assert data is not None, f"{point.name} is outside its own map"
        return data


def _joined(
    spans: list[tuple[int, int]], holes: list[tuple[int, int]], hole_max: int
) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for start, end in spans:
        gap_start = joined[-1][1] if joined else start
        if joined and start - gap_start <= hole_max and not _blocked(gap_start, start, holes):
            joined[-1] = (joined[-1][0], max(end, gap_start))
        else:
            joined.append((start, end))
    return joined


def _blocked(gap_start: int, gap_end: int, holes: list[tuple[int, int]]) -> bool:
    return any(first < gap_end and last >= gap_start for first, last in holes)


def pack_bits(cells: bytes) -> bytes:
    """One byte a bit to eight bits a byte, first bit lowest (specification, section 6.1)."""
    packed = bytearray((len(cells) + 7) // 8)
    for index, cell in enumerate(cells):
        if cell:
            packed[index >> 3] |= 1 << (index & 7)
    return bytes(packed)


def unpack_bits(packed: bytes, count: int) -> bytes:
    """The reverse of `pack_bits`."""
    return bytes((packed[index >> 3] >> (index & 7)) & 1 for index in range(count))
