"""What goes into an evaluator and what comes out of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from campus_wire.quality import Grade, grade

NEVER_NS: Final = -1
"""Earlier than every time an evaluator is given."""


@dataclass(frozen=True, slots=True)
class Observation:
    """One value of one point, with the time its device was read.

    A value that is None or NaN is bad, whatever `quality` says.
    """

    time_ns: int
    value: float | None
    quality: int = 0

    @property
    def grade(self) -> Grade:
        """The class of the quality, a missing number counted as bad."""
        if self.value is None or math.isnan(self.value):
            return Grade.BAD
        return grade(self.quality)


@dataclass(frozen=True, slots=True)
class Tick:
    """Nothing was heard, but time went on."""

    time_ns: int


Event = Observation | Tick


class TransitionKind(StrEnum):
    """What became of a rule's condition."""

    RAISED = "raised"
    CLEARED = "cleared"


@dataclass(frozen=True, slots=True)
class Transition:
    """A rule became active or cleared.

    `condition_ns` is when the condition itself began to hold, `time_ns` when its delay was over;
    `value` is the last value known by then, where the rule watches values.
    """

    kind: TransitionKind
    time_ns: int
    condition_ns: int
    value: float | None = None


@dataclass(frozen=True, slots=True)
class Write:
    """A value that a rule wants written to a point."""

    point: str
    value: float
