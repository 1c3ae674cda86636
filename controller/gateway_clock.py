"""Gateways whose clock says that it is right, and is not by the controller's.

Late samples page nobody, so a gateway whose clock runs five minutes behind would fall silent
without a word: every sample of it looks late. That is an alarm of its own. Which of the two clocks
is wrong nobody can tell from here.

A status may be late itself, by a slow link or because this process stood still; then it seems as if
the gateway's clock were behind. So it takes statuses some time apart that agree.

Pure: time is an argument.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import orjson

from campus_rules.signals import TransitionKind
from campus_wire.messages import LinkState, Status
from campus_wire.samples import ClockState
from controller.frames import CatalogTable
from controller.outcome import Outcome, RuleTransition, StateChange
from controller.system_alarms import GATEWAY_CLOCK, gateway_clock

_S: Final = 1_000_000_000
WRONG_NS: Final = 60 * _S
RIGHT_NS: Final = 20 * _S
"""Between the two nothing changes."""
_APART_NS: Final = 15 * _S
_AGREE_NS: Final = 5 * _S
_SHIFT_NS: Final = 2 * _S


@dataclass(frozen=True, slots=True)
class ClockChange:
    """A gateway's clock is found wrong, or right again."""

    gateway: str
    wrong: bool


@dataclass(frozen=True, slots=True)
class _Seen:
    at_ns: int
    error_ns: int


@dataclass(frozen=True, slots=True)
class _Shift:
    boot: str
    ns: int


class GatewayClocks:
    """Compares the time in each status with its arrival."""

    def __init__(self) -> None:
        self._seen: dict[str, _Seen] = {}
        self._wrong: set[str] = set()
        self._shifts: dict[str, _Shift] = {}

    def restore(self, states: Iterable[StateChange]) -> None:
        """Take over what was kept; other rules' states are left alone."""
        for state in states:
            if state.rule == GATEWAY_CLOCK and orjson.loads(state.body)["wrong"]:
                self._wrong.add(state.instance)

    def hear(self, status: Status, *, now_ns: int) -> ClockChange | None:
        """Take in a status that was sent just now; retained ones and last wills are not."""
        if status.state is not LinkState.ONLINE:
            return None
        error_ns = status.time_ns - now_ns
        if status.clock is ClockState.UNSYNCED:
            self._note_shift(status, -error_ns)
            self._seen.pop(status.gateway, None)
            return None
        self._shifts.pop(status.gateway, None)
        return self._judge(status.gateway, error_ns, now_ns)

    def shift_ns(self, gateway: str, boot: str | None) -> int:
        """Return what to add to unsynced times of a boot to have them in the controller's time.

        0 while that is not known.
        """
        shift = self._shifts.get(gateway)
        return shift.ns if shift is not None and shift.boot == boot else 0

    def _note_shift(self, status: Status, shift_ns: int) -> None:
        # Kept while it is about the same, so that times stay in order.
        known = self._shifts.get(status.gateway)
        is_same = known is not None and known.boot == status.boot
        if known is None or not is_same or abs(known.ns - shift_ns) > _SHIFT_NS:
            self._shifts[status.gateway] = _Shift(status.boot, shift_ns)

    def _judge(self, gateway: str, error_ns: int, now_ns: int) -> ClockChange | None:
        if abs(error_ns) <= RIGHT_NS:
            self._seen.pop(gateway, None)
            if gateway not in self._wrong:
                return None
            self._wrong.discard(gateway)
            return ClockChange(gateway, wrong=False)
        if abs(error_ns) < WRONG_NS or gateway in self._wrong:
            return None
        before = self._seen.get(gateway)
        if before is None or abs(before.error_ns - error_ns) > _AGREE_NS:
            self._seen[gateway] = _Seen(now_ns, error_ns)
            return None
        if now_ns - before.at_ns < _APART_NS:
            return None
        self._wrong.add(gateway)
        return ClockChange(gateway, wrong=True)


def outcome_of(change: ClockChange, table: CatalogTable | None, *, now_ns: int) -> Outcome:
    """Return what is to be recorded of a change."""
    school = None if table is None else table.catalog.school
    about = gateway_clock(
        change.gateway,
        school="" if school is None else school.id,
        school_name=None if school is None else school.name,
    )
    kind = TransitionKind.RAISED if change.wrong else TransitionKind.CLEARED
    body = orjson.dumps({"wrong": change.wrong}).decode()
    return Outcome(
        states=(StateChange(GATEWAY_CLOCK, change.gateway, body),),
        transitions=(RuleTransition(about, kind, now_ns, now_ns),),
    )
