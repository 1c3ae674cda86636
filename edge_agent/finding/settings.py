"""How a serial line may be set, most likely first, and how long a sweep takes (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from edge_agent.modbus.links import Parity, SerialLink

UNIT_MAX: Final = 247
"""Of a serial line; 0 is the broadcast (MODBUS over Serial Line V1.02, section 2.2)."""
FIRST_UNITS: Final = (*range(1, 17), 20, 32, 50, 100, 247)
"""Where devices mostly are: the factory's 1, and what people count up to."""
REQUEST_CHARACTERS: Final = 8
SILENT_S: Final = 0.1
"""How long a unit is given until its first byte. Nearly all devices begin within 50 ms."""

_BAUD_RATES: Final = (9_600, 19_200, 4_800, 115_200, 38_400, 57_600, 2_400, 1_200)
_FORMATS: Final[tuple[tuple[Parity, Literal[1, 2]], ...]] = (
    ("N", 1),
    ("E", 1),
    ("O", 1),
    ("N", 2),
)


class SerialSetting(NamedTuple):
    """How the bytes look on a line."""

    baud_rate: int = 9_600
    parity: Parity = "N"
    stop_bits: Literal[1, 2] = 1
    data_bits: Literal[7, 8] = 8

    @property
    def text(self) -> str:
        """As people write it: `9600 8N1`."""
        return f"{self.baud_rate} {self.data_bits}{self.parity}{self.stop_bits}"

    @property
    def character_s(self) -> float:
        """How long a character takes."""
        return (1 + self.data_bits + (self.parity != "N") + self.stop_bits) / self.baud_rate

    @property
    def silence_s(self) -> float:
        """3.5 characters, 1.75 ms above 19,200 baud (serial line guide, 2.5.1.1)."""
        return 0.001_75 if self.baud_rate > 19_200 else 3.5 * self.character_s

    def link(self, port: str) -> SerialLink:
        """Return a port that is set so."""
        return SerialLink(
            port,
            baud_rate=self.baud_rate,
            parity=self.parity,
            stop_bits=self.stop_bits,
            data_bits=self.data_bits,
        )

    def absent_s(self, timeout_s: float) -> float:
        """Return what asking a unit costs that is not there."""
        return REQUEST_CHARACTERS * self.character_s + 2 * self.silence_s + timeout_s


def likely_settings(
    *,
    baud_rates: Sequence[int] = (),
    parities: Sequence[Parity] = (),
    stop_bits: Sequence[Literal[1, 2]] = (),
    data_bits: Literal[7, 8] = 8,
) -> list[SerialSetting]:
    """Return the settings to try, the most likely first; what the user fixes is kept to.

    The standard's default is 19,200 baud with even parity, but most devices come with 9,600 and
    none.
    """
    formats = [
        (parity, stops)
        for parity, stops in _FORMATS
        if (not parities or parity in parities) and (not stop_bits or stops in stop_bits)
    ]
    wanted = {(parity, stops) for parity in parities for stops in stop_bits}
    formats += [one for one in sorted(wanted) if one not in formats]
    rates = list(baud_rates) or list(_BAUD_RATES)
    found = [
        (rates.index(rate) * 3 + formats.index(one) * 4, SerialSetting(rate, *one, data_bits))
        for rate in rates
        for one in formats
    ]
    return [setting for _, setting in sorted(found, key=lambda each: each[0])]


def ordered_units(units: Iterable[int]) -> list[int]:
    """Return unit ids, the likely ones first."""
    wanted = set(units)
    first = [unit for unit in FIRST_UNITS if unit in wanted]
    return [*first, *sorted(wanted.difference(first))]


_FEW: Final = 10
"""The first units answer more often than the rest, so a few silent ones are imagined."""


@dataclass(slots=True)
class Progress:
    """How far a scan is, and how long the rest will take."""

    total: int
    """Requests to units, as planned now."""
    absent_s: float
    """What one costs that nobody answers."""
    done: int = 0
    found: int = 0
    found_s: float = 0.0
    """Spent on those who answered."""
    doing: str = ""

    def left_s(self) -> float:
        """Return the estimate: silence for nearly all, and answers as often as so far."""
        rest = max(0, self.total - self.done)
        each_found_s = self.found_s / self.found if self.found else 0.0
        share = self.found / (self.done + _FEW)
        return rest * ((1 - share) * self.absent_s + share * each_found_s)


def duration(seconds: float) -> str:
    """Return a time as people say it."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5_400 else f"{seconds / 3_600:.1f} h"


def parse_units(text: str, *, highest: int = UNIT_MAX) -> list[int]:
    """Return the unit ids of `1-10,20`.

    Raises:
        ValueError: it names none, or one outside 0 to `highest`.
    """
    units: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise ValueError(f"{part!r} is no unit id or range such as 1-10")
        low, high = int(first), int(last or first)
        if low > high or high > highest:
            raise ValueError(f"{part}: unit ids run from 0 to {highest}")
        units += range(low, high + 1)
    return list(dict.fromkeys(units))
