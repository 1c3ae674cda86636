"""How much it says that registers read as a point's plausible value (pure).

Evidence is counted in bits: a value that one register in 64 would have by chance speaks for its
profile with 6 bits. A zero says next to nothing: empty registers are everywhere.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from campus_wire.quality import Quality
from device_profiles.decoding import ReplyDecoder
from device_profiles.model import ModbusProfile
from device_profiles.model_modbus import Location, ModbusPoint, Table
from device_profiles.planning import ReadRequest, plan_reads
from device_profiles.registers import is_float

SURPRISE_MAX: Final = 6.0
ZERO: Final = 0.1
ODD_ZERO: Final = -1.5
"""Of a quantity that is hardly ever exactly 0: more likely an empty register."""
SMALL_STATE: Final = 1.5
MARKER: Final = 1.0
READABLE: Final = 2.0
"""Registers that hold a text where a text is expected."""
IMPOSSIBLE: Final = -6.0
_SMALLEST: Final = 1e-9
"""Nothing in a school measures less: two small integers read as one float are about 1e-38."""
UNUSUAL: Final = -3.0

_TYPICAL: Final[Mapping[str, tuple[float, float]]] = {
    "°C": (-60, 400),
    "%RH": (0, 100),
    "%": (0, 110),
    "ppm": (0, 50_000),
    "µg/m³": (0, 5_000),
    "lx": (0, 200_000),
    "dB": (0, 160),
    "V": (-1_500, 50_000),
    "A": (-10_000, 10_000),
    "W": (-1e7, 1e7),
    "kW": (-1e5, 1e5),
    "var": (-1e7, 1e7),
    "VA": (0, 1e7),
    "Hz": (0, 500),
    "hPa": (300, 1_200),
    "pH": (0, 14),
    "Wh": (0, 1e11),
    "kWh": (0, 1e8),
    "m³": (0, 1e8),
    "m³/h": (-1e5, 1e5),
    "rpm": (-1e5, 1e5),
}
"""What values of a unit lie in at a school, for points without limits of their own."""
_HARDLY_ZERO: Final = frozenset({"°C", "%RH", "V", "Hz", "hPa", "pH", "dB"})


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a point's registers say for its profile."""

    bits: float
    value: float | None
    quality: Quality

    @property
    def is_plausible(self) -> bool:
        """Whether it reads as it should."""
        return self.bits > 0


class Spot:
    """One point of a profile as something to look at."""

    __slots__ = ("_decoder", "_profile", "_request", "count", "first", "point", "surprise", "table")

    def __init__(self, profile: ModbusProfile, point: ModbusPoint, place: Location) -> None:
        self.point = point
        self.table: Table = place.table
        self.first = place.address
        self.count = place.count
        self.surprise = _surprise(point, place)
        self._profile = profile
        self._request: ReadRequest | None = None
        self._decoder: ReplyDecoder | None = None

    @property
    def end(self) -> int:
        """The address after the last."""
        return self.first + self.count

    def judge(self, words: Sequence[int]) -> Verdict:
        """Say what the point's own registers (or bit) mean for its profile."""
        if self._decoder is None:
            [self._request] = plan_reads(self._profile, [self.point])
            self._decoder = ReplyDecoder(self._profile, self._request)
        values, qualities = self._decoder.decode(words)
        if not values:
            bits = READABLE if self._decoder.texts(words) else 0.0
            return Verdict(bits, None, Quality.GOOD)
        value, quality = values[0], Quality(qualities[0])
        return Verdict(self._bits(value, quality, words), value, quality)

    def _bits(self, value: float | None, quality: Quality, words: Sequence[int]) -> float:
        if quality is Quality.INVALID_MARKER:
            return MARKER
        if quality is not Quality.GOOD or value is None:
            return IMPOSSIBLE
        if not _is_whole(self.point):
            return 0.0
        if not any(words):
            return ODD_ZERO if self.point.unit in _HARDLY_ZERO else ZERO
        low, high = _TYPICAL.get(self.point.unit, (-math.inf, math.inf))
        if not low <= value <= high or 0 < abs(value) < _SMALLEST:
            return UNUSUAL
        small = self.point.states and value in (0, 1)
        return min(SMALL_STATE, self.surprise) if small else self.surprise


def _is_whole(point: ModbusPoint) -> bool:
    """Say whether the registers alone make the value: no factor from elsewhere."""
    read = point.read
    return read is not None and not (read.scale_factor or read.multiplier or read.divisor)


def _surprise(point: ModbusPoint, place: Location) -> float:
    """Return how unlikely a good value is among random registers, in bits."""
    if place.table.holds_bits or place.bit is not None or not _is_whole(point):
        return 0.0
    if point.states:
        return _bounded(len(point.states) / 65_536)
    low, high = point.minimum, point.maximum
    if low is None or high is None:
        usual = _TYPICAL.get(point.unit)
        if usual is None:
            return 2.0 if is_float(place.data_type) else 0.0
        low = usual[0] if low is None else low
        high = usual[1] if high is None else high
    if is_float(place.data_type):
        return 4.5
    return _bounded((high - low) / abs(place.scale) / 2.0 ** (16 * place.count))


def _bounded(fraction: float) -> float:
    return min(SURPRISE_MAX, max(0.0, -math.log2(max(fraction, 1e-9))))
