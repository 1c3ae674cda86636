"""How far polling intervals stretch on a bus that cannot keep up (pure).

A load is the part of a bus's time that a class of devices asks for. Where all loads together are
more than there is, the slow class gives way first, up to ten times its intervals, then the normal
one, and safety last; beyond that all give way alike. Between two capacities nothing changes, so
that a load which sways a little does not make intervals sway.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

CAPACITY: Final = 0.98
"""The part of the time that polls may fill before intervals stretch."""
CAPACITY_TO_SHRINK: Final = 0.88
"""And the part below which stretched intervals shrink again."""
STRETCH_MAX: Final = 10.0
"""So far a class gives way before the next more urgent one does."""

Stretches = tuple[float, float, float]
"""Factors of safety, normal and slow."""
NONE: Final[Stretches] = (1.0, 1.0, 1.0)


def needed(loads: Sequence[float], capacity: float) -> Stretches:
    """Return the factors with which these loads fit into the capacity.

    Args:
        loads: of safety, normal and slow devices, 0 or more each.
        capacity: above 0.
    """
    safety, normal, slow = loads
    if safety + normal + slow <= capacity:
        return NONE
    left = capacity - safety - normal
    if slow <= left * STRETCH_MAX:
        return 1.0, 1.0, slow / left
    slowest = slow / STRETCH_MAX
    left = capacity - safety - slowest
    if normal <= left * STRETCH_MAX:
        return 1.0, normal / left, STRETCH_MAX
    factor = (safety + normal / STRETCH_MAX + slowest) / capacity
    return factor, factor * STRETCH_MAX, factor * STRETCH_MAX


def stretched(loads: Sequence[float], before: Stretches) -> Stretches:
    """Return the factors from now on, those of before wherever they still will do."""
    least = needed(loads, CAPACITY)
    most = needed(loads, CAPACITY_TO_SHRINK)
    safety, normal, slow = (
        min(max(now, low), high) for now, low, high in zip(before, least, most, strict=True)
    )
    return safety, normal, slow
