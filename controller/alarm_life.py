"""The life of one alarm: pure facts and what events make of them.

Four facts are kept apart (IEC 62682, in the form of OPC UA Part 9): whether the process is in
alarm, whether a person has acknowledged, whether the alarm is latched, and by what it is
suppressed. The state that people see follows from them. Latching and suppression have no events
yet; they are kept so that stored alarms need no rewriting when they get some.

    raised         process becomes active; an alarm still unacknowledged counts one occurrence more
    cleared        process becomes normal; the alarm stays on the list until it is acknowledged
    acknowledged   a person has seen it; once it is cleared too, the alarm is closed

A repeat of what is already so changes nothing and tells nobody.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum


class AlarmState(StrEnum):
    """What people see. `CLOSED` alarms are history."""

    ACTIVE_UNACKNOWLEDGED = "active_unacknowledged"
    ACTIVE_ACKNOWLEDGED = "active_acknowledged"
    CLEARED_UNACKNOWLEDGED = "cleared_unacknowledged"
    CLOSED = "closed"


class LifeEvent(StrEnum):
    """What happens to an alarm; also the kind of its transitions and notices."""

    RAISED = "raised"
    CLEARED = "cleared"
    ACKNOWLEDGED = "acknowledged"


@dataclass(frozen=True, slots=True)
class Life:
    """The facts of one alarm. Times are those of the present occurrence.

    `condition_ns` is when the condition began, `raised_ns` when the alarm was annunciated.
    """

    active: bool
    acked: bool
    condition_ns: int
    raised_ns: int
    cleared_ns: int | None = None
    acked_ns: int | None = None
    acked_by: str | None = None
    occurrence: int = 1
    latched: bool = False
    suppressed_by: tuple[str, ...] = ()

    @property
    def state(self) -> AlarmState:
        """What people see."""
        if self.active:
            acked, unacked = AlarmState.ACTIVE_ACKNOWLEDGED, AlarmState.ACTIVE_UNACKNOWLEDGED
        else:
            acked, unacked = AlarmState.CLOSED, AlarmState.CLEARED_UNACKNOWLEDGED
        return acked if self.acked else unacked


def raised(life: Life | None, *, condition_ns: int, time_ns: int) -> Life | None:
    """Return the life after the condition came, or None when the alarm is active already.

    A closed alarm is not opened again: the caller gives None for it and gets a new one.
    """
    if life is None:
        return Life(active=True, acked=False, condition_ns=condition_ns, raised_ns=time_ns)
    if life.active:
        return None
    return Life(
        active=True,
        acked=False,
        condition_ns=condition_ns,
        raised_ns=time_ns,
        occurrence=life.occurrence + 1,
        latched=life.latched,
        suppressed_by=life.suppressed_by,
    )


def cleared(life: Life | None, *, time_ns: int) -> Life | None:
    """Return the life after the condition went, or None when the alarm is not active."""
    if life is None or not life.active:
        return None
    return replace(life, active=False, cleared_ns=time_ns)


def acknowledged(life: Life, *, by: str, time_ns: int) -> Life | None:
    """Return the life after a person acknowledged, or None when somebody has already."""
    if life.acked:
        return None
    return replace(life, acked=True, acked_ns=time_ns, acked_by=by)
