"""Known quantities: what makers call them, and what a point of them is called here.

A key of a message, a property of a bridge or a device class of Home Assistant leads to a standard
point name with Chinese and English labels, so that no profile per model needs to be written. Where
one key means two things (`voltage` of a battery in mV, or of the mains in V), the maker's unit
decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from device_profiles.dialects.quantity_tables import CATEGORY_ORDER, NUMBERS, STATES
from device_profiles.dialects.words import snake


class KnownNumber(NamedTuple):
    """A quantity that has a standard name."""

    name: str
    units: tuple[str, ...]
    """Those it may have, in the closed list's spelling; the first when the maker tells none."""
    zh: str
    en: str
    category: str
    """What a device that has it probably is, or nothing."""
    point_class: str
    minimum: float | None
    maximum: float | None


class KnownState(NamedTuple):
    """A state of two values that has a standard name."""

    name: str
    zh: str
    en: str
    off: dict[str, str]
    """The label of 0."""
    on: dict[str, str]
    """The label of 1."""
    category: str
    point_class: str


def _rows(text: str) -> Iterator[list[str]]:
    return (line.split(";") for line in text.strip().splitlines())


def _numbers() -> dict[str, list[KnownNumber]]:
    by_key: dict[str, list[KnownNumber]] = {}
    for name, units, zh, en, category, point_class, within, keys in _rows(NUMBERS):
        low, _, high = within.partition("..")
        known = KnownNumber(
            name,
            tuple(unit.replace("-", "") for unit in units.split(",")),
            zh,
            en,
            category,
            point_class or "normal",
            float(low) if low else None,
            float(high) if high else None,
        )
        for key in (name, *keys.split()):
            by_key.setdefault(key, []).append(known)
    return by_key


def _states() -> dict[str, KnownState]:
    by_key: dict[str, KnownState] = {}
    for name, zh, en, off, on, category, point_class, keys in _rows(STATES):
        known = KnownState(name, zh, en, _label(off), _label(on), category, point_class or "normal")
        for key in (name, *keys.split()):
            by_key.setdefault(key, known)
    return by_key


def _label(text: str) -> dict[str, str]:
    zh, _, en = text.partition("|")
    return {"zh": zh, "en": en}


_NUMBERS: Final = _numbers()
_STATES: Final = _states()


def known_number(key: str, unit: str | None) -> KnownNumber | None:
    """Return the quantity a maker's key stands for.

    Args:
        key: the maker's, in any spelling of words.
        unit: of the closed list, or None when the maker tells none.

    >>> known_number("voltage", "mV").name, known_number("Voltage", "V").name
    ('battery_voltage', 'voltage')
    """
    candidates = _NUMBERS.get(snake(key), [])
    if unit is None:
        own = [one for one in candidates if one.name == snake(key)]
        return next(iter(own or candidates), None)
    # makers write % for relative humidity, which has a unit of its own here
    meant = (unit, "%RH") if unit == "%" else (unit,)
    return next((one for one in candidates if set(meant) & set(one.units)), None)


def known_state(key: str) -> KnownState | None:
    """Return the state a maker's key stands for.

    >>> known_state("contact").name
    'open'
    """
    return _STATES.get(snake(key))


def likely_category(hints: Iterable[str]) -> str:
    """Return the kind of device, from what its points stand for."""
    found = set(hints)
    return next((one for one in CATEGORY_ORDER if one in found), "other")
