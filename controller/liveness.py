"""Gateway silence: one alarm for the gateway, however many devices are behind it.

A gateway is silent when the broker has said for `offline_after_s` that it is gone (its last will,
or its own goodbye), or when nothing was heard of it for `silent_after_s` although the broker thinks
it is there. Reconnecting takes seconds, so packet loss alone makes no alarm.

Pure: time is an argument. While the controller itself has no broker, or was not running, nobody is
judged, and afterwards each gateway gets its whole time again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import orjson

from campus_rules.signals import TransitionKind
from controller.config import LivenessSettings
from controller.frames import CatalogTable
from controller.inventory import GatewayRecord
from controller.outcome import Outcome, RuleTransition, StateChange
from controller.system_alarms import GATEWAY_SILENT, gateway_silent

_AWAY: Final = frozenset({"offline", "stopping"})
_CHECK_GAP_NS: Final = 15_000_000_000
"""Checks further apart mean that this process was stopped, or that the clock was set."""


@dataclass(frozen=True, slots=True)
class Change:
    """A gateway fell silent, or is heard again."""

    gateway: str
    silent: bool
    since_ns: int


class Liveness:
    """Who is silent.

    Args:
        settings: How long is long.
    """

    def __init__(self, settings: LivenessSettings) -> None:
        self._silent_ns = int(settings.silent_after_s * 1e9)
        self._offline_ns = int(settings.offline_after_s * 1e9)
        self._silent: set[str] = set()
        self._begun_ns: int | None = None
        self._checked_ns = 0

    @property
    def silent(self) -> frozenset[str]:
        """The gateways that are silent."""
        return frozenset(self._silent)

    def restore(self, states: Iterable[StateChange]) -> None:
        """Take over what was kept; other rules' states are left alone."""
        for state in states:
            if state.rule == GATEWAY_SILENT and orjson.loads(state.body)["silent"]:
                self._silent.add(state.instance)

    def begin(self, now_ns: int) -> None:
        """Note that the broker is connected: from now on silence means something."""
        self._begun_ns = self._checked_ns = now_ns

    def end(self) -> None:
        """Note that the broker is lost: nobody can be heard."""
        self._begun_ns = None

    def check(self, gateways: Iterable[GatewayRecord], *, now_ns: int) -> list[Change]:
        """Return what changed since the last check."""
        if self._begun_ns is None:
            return []
        if not 0 <= now_ns - self._checked_ns <= _CHECK_GAP_NS:
            self.begin(now_ns)
        self._checked_ns = now_ns
        changes = []
        for gateway in gateways:
            if gateway.catalog is None and not gateway.last_seen_ns:
                continue  # nothing that it sent was ever understood
            was_silent = gateway.gateway in self._silent
            since_ns = self._silent_since(gateway, now_ns, begun_ns=self._begun_ns)
            if was_silent and self._is_back(gateway, self._begun_ns):
                self._silent.discard(gateway.gateway)
                changes.append(Change(gateway.gateway, silent=False, since_ns=gateway.last_seen_ns))
            elif not was_silent and since_ns is not None:
                self._silent.add(gateway.gateway)
                changes.append(Change(gateway.gateway, silent=True, since_ns=since_ns))
        return changes

    def _silent_since(self, gateway: GatewayRecord, now_ns: int, *, begun_ns: int) -> int | None:
        if gateway.state in _AWAY:
            since_ns = max(gateway.state_since_ns, begun_ns)
            return gateway.state_since_ns if now_ns - since_ns >= self._offline_ns else None
        # A time to come is one from before this clock was set back.
        seen_ns = gateway.last_seen_ns if gateway.last_seen_ns <= now_ns else 0
        heard_ns = max(seen_ns, begun_ns)
        return gateway.last_seen_ns if now_ns - heard_ns >= self._silent_ns else None

    def _is_back(self, gateway: GatewayRecord, begun_ns: int) -> bool:
        recently_ns = max(begun_ns, self._checked_ns - self._silent_ns)
        is_heard = recently_ns < gateway.last_seen_ns <= self._checked_ns
        return gateway.state not in _AWAY and is_heard


def outcome_of(change: Change, table: CatalogTable | None, *, now_ns: int) -> Outcome:
    """Return what is to be recorded of a change."""
    kind = TransitionKind.RAISED if change.silent else TransitionKind.CLEARED
    body = orjson.dumps({"silent": change.silent, "since_ns": change.since_ns}).decode()
    school = None if table is None else table.catalog.school
    about = gateway_silent(
        change.gateway,
        school="" if school is None else school.id,
        school_name=None if school is None else school.name,
    )
    transition = RuleTransition(
        about=about,
        kind=kind,
        time_ns=now_ns,
        condition_ns=change.since_ns or now_ns,
    )
    return Outcome(
        states=(StateChange(GATEWAY_SILENT, change.gateway, body),), transitions=(transition,)
    )
