"""The four tables of a Modbus device, as the bytes that go on the wire.

Tables and their independence: Modbus Application Protocol Specification V1.1b3, section 4.3. A
register segment holds two bytes a register in wire order, so that an answer is one slice of it; a
bit segment holds one byte a bit and is packed on reading (section 6.1: first bit lowest).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from firmware_sims.codec import Encoding

Table = Literal["coil", "discrete", "input", "holding"]
BIT_TABLES: frozenset[str] = frozenset({"coil", "discrete"})

WRITE_SUFFIX = "@write"
"""Marks the second place of a point that is written elsewhere than it is read."""

# A gap between mapped addresses up to this long answers zeros, as the memory of most devices does;
# a longer one is an illegal address.
HOLE_MAX = 125


@dataclass(frozen=True, slots=True)
class RegisterPoint:
    """One point of a device's map.

    Args:
        address: zero-based, as sent on the wire.
        readable, writable: what the device allows.
        minimum, maximum: what a write may hold, in the point's unit; None is no limit.
    """

    name: str
    table: Table
    address: int
    encoding: Encoding
    readable: bool = True
    writable: bool = False
    minimum: float | None = None
    maximum: float | None = None

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
    """

    def __init__(
        self,
        points: Sequence[RegisterPoint],
        *,
        forbidden: Iterable[tuple[Table, int, int]] = (),
        hole_max: int = HOLE_MAX,
    ) -> None:
        blocked = list(forbidden)
        self._segments: dict[str, list[_Segment]] = {}
        self._starts: dict[str, list[int]] = {}
        for table in {point.table for point in points}:
            spans = sorted((p.address, p.end) for p in points if p.table == table)
            holes = [(first, last) for name, first, last in blocked if name == table]
            width = 1 if table in BIT_TABLES else 2
            segments = [_Segment(a, b, width) for a, b in _joined(spans, holes, hole_max)]
            self._segments[table] = segments
            self._starts[table] = [segment.start for segment in segments]

    def _locate(self, table: str, address: int, count: int) -> tuple[_Segment, int] | None:
        starts = self._starts.get(table)
        if not starts:
            return None
        index = bisect_right(starts, address) - 1
        if index < 0:
            return None
        segment = self._segments[table][index]
        if address + count > segment.end:
            return None
        return segment, (address - segment.start) * segment.width

    def read(self, table: str, address: int, count: int) -> bytes | None:
        """Register bytes, or one byte a bit; None where the device has no such address."""
        found = self._locate(table, address, count)
        if found is None:
            return None
        segment, at = found
        return bytes(segment.cells[at : at + count * segment.width])

    def store(self, table: str, address: int, data: bytes) -> bool:
        """Put bytes as `read` gives them; False where the device has no such address."""
        width = 1 if table in BIT_TABLES else 2
        found = self._locate(table, address, len(data) // width)
        if found is None:
            return False
        segment, at = found
        segment.cells[at : at + len(data)] = data
        return True

    def put(self, point: RegisterPoint, number: float) -> None:
        """Let a point hold a number."""
        if point.table in BIT_TABLES:
            data = bytes([point.encoding.raw(number)])
        elif point.encoding.kind == "bits":
            data = point.encoding.merge_bits(number, self._bytes_of(point))
        else:
            data = point.encoding.to_bytes(number)
        self.store(point.table, point.address, data)

    def put_invalid(self, point: RegisterPoint) -> float | None:
        """Let a point say that it has no reading; return the number that a reader takes it for.

        Bits have no form for it and stay as they are.
        """
        if point.table in BIT_TABLES or point.encoding.kind in ("bits", "bool"):
            return self.get(point)
        self.store(point.table, point.address, point.encoding.invalid_bytes())
        return None if point.encoding.has_marker else self.get(point)

    def get(self, point: RegisterPoint) -> float:
        """The number that a point holds."""
        data = self._bytes_of(point)
        return float(data[0]) if point.table in BIT_TABLES else point.encoding.from_bytes(data)

    def _bytes_of(self, point: RegisterPoint) -> bytes:
        data = self.read(point.table, point.address, point.count)
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
