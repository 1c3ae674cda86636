"""Two agents that run with one identity: the broker lets the newer connection win, in turns.

Each keeps a spool of its own, so nothing is lost, and both keep coming back; but what the gateway's
devices say is then two stories in one. The sign is an epoch that comes back after another: a new
spool, or a restored one, changes it once.

Pure: time is an argument.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import orjson

from campus_rules.signals import TransitionKind
from campus_wire.messages import LinkState, Status
from controller.frames import CatalogTable
from controller.outcome import Outcome, RuleTransition, StateChange
from controller.system_alarms import GATEWAY_TWINS, gateway_twins

_S: Final = 1_000_000_000
WINDOW_NS: Final = 600 * _S
RETURNS: Final = 3
"""So often within the window an epoch has to come back after another."""


@dataclass(frozen=True, slots=True)
class TwinChange:
    """Two agents seem to be one gateway, or no longer."""

    gateway: str
    twins: bool


@dataclass(slots=True)
class _Seen:
    epoch: str
    before: str | None = None
    returns_ns: deque[int] = field(default_factory=lambda: deque(maxlen=RETURNS))


class GatewayTwins:
    """Follows the epochs in the statuses of each gateway."""

    def __init__(self) -> None:
        self._seen: dict[str, _Seen] = {}
        self._twins: dict[str, int] = {}
        """Gateways with two agents: when that was last seen."""

    def restore(self, states: Iterable[StateChange], *, now_ns: int) -> None:
        """Take over what was kept; other rules' states are left alone."""
        for state in states:
            if state.rule == GATEWAY_TWINS and orjson.loads(state.body)["twins"]:
                self._twins[state.instance] = now_ns

    def hear(self, status: Status, *, now_ns: int) -> TwinChange | None:
        """Take in a status that was sent just now; retained ones and last wills are not."""
        if status.state is not LinkState.ONLINE or status.epoch is None:
            return None
        seen = self._seen.setdefault(status.gateway, _Seen(status.epoch))
        if status.epoch != seen.epoch:
            if status.epoch == seen.before:
                seen.returns_ns.append(now_ns)
            seen.before, seen.epoch = seen.epoch, status.epoch
        return self._judge(status.gateway, seen, now_ns)

    def _judge(self, gateway: str, seen: _Seen, now_ns: int) -> TwinChange | None:
        recent = [at_ns for at_ns in seen.returns_ns if 0 <= now_ns - at_ns < WINDOW_NS]
        if len(recent) >= RETURNS:
            is_new = gateway not in self._twins
            self._twins[gateway] = recent[-1]
            return TwinChange(gateway, twins=True) if is_new else None
        since_ns = self._twins.get(gateway)
        if since_ns is None or 0 <= now_ns - since_ns < WINDOW_NS:
            return None
        del self._twins[gateway]
        return TwinChange(gateway, twins=False)


def outcome_of(change: TwinChange, table: CatalogTable | None, *, now_ns: int) -> Outcome:
    """Return what is to be recorded of a change."""
    school = None if table is None else table.catalog.school
    about = gateway_twins(
        change.gateway,
        school="" if school is None else school.id,
        school_name=None if school is None else school.name,
    )
    kind = TransitionKind.RAISED if change.twins else TransitionKind.CLEARED
    body = orjson.dumps({"twins": change.twins}).decode()
    return Outcome(
        states=(StateChange(GATEWAY_TWINS, change.gateway, body),),
        transitions=(RuleTransition(about, kind, now_ns, now_ns),),
    )
