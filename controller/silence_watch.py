"""No-data rules over arrays: who was heard when, against how long each may be silent.

All times are arrival times by the controller's clock, so skewed device clocks do no harm. A
device's silence is measured against its gateway: while nothing at all comes from a gateway its
devices' time stands still, and when it returns each device gets its whole time again. So a dead
gateway never looks like dead devices.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from campus_rules import no_data
from campus_rules.no_data import NoData, NoDataState
from campus_rules.signals import Observation, Tick, Transition
from controller.frames import BoolArray, IntArray
from controller.quiet_filter import QuietFilter

AWAY_NS: Final = 75_000_000_000
"""A gateway that said nothing for so long was away."""


@dataclass(slots=True)
class Listener:
    """One no-data instance. It watches `series` where there are any, else the whole device."""

    rule: str
    key: str
    gateway: str
    numbers: NoData
    device: int
    series: tuple[int, ...]
    state: NoDataState


@dataclass(frozen=True, slots=True)
class Change:
    """What a check found."""

    listener: Listener
    transition: Transition


@dataclass(frozen=True, slots=True, eq=False)
class _Columns:
    """The listeners as arrays, those that watch series last."""

    listeners: tuple[Listener, ...]
    gateway: IntArray
    device: IntArray  # of the first ones only
    series: IntArray  # of the others, one after the other
    starts: IntArray
    silence_ns: IntArray
    active: BoolArray


class SilenceWatch:
    """All no-data instances of the district."""

    def __init__(self, quiet: QuietFilter) -> None:
        self._quiet = quiet
        self._listeners: dict[str, dict[tuple[str, str], Listener]] = {}
        self._gateway_ns: dict[str, int] = {}
        self._active: dict[str, set[tuple[str, str]]] = {}
        self._columns: _Columns | None = None

    @property
    def is_idle(self) -> bool:
        """Whether there is nothing to listen for."""
        return not self._listeners

    def listeners(self, gateway: str | None = None) -> Iterator[Listener]:
        """Yield the listeners of one gateway, or of all."""
        for name, group in self._listeners.items():
            if gateway in {None, name}:
                yield from group.values()

    def set_listeners(self, gateway: str, listeners: list[Listener], now_ns: int) -> None:
        """Replace the listeners of a gateway; listening begins anew for each."""
        self._listeners[gateway] = {(one.rule, one.key): one for one in listeners}
        self._active[gateway] = {(one.rule, one.key) for one in listeners if one.state.active}
        self._gateway_ns[gateway] = now_ns
        self._columns = None
        self._begin_anew(gateway, now_ns)

    def hear_gateway(self, gateway: str, now_ns: int, *, returned: bool = False) -> None:
        """Note that a gateway said something; `returned` when its connection is a new one."""
        before_ns = self._gateway_ns.get(gateway)
        self._gateway_ns[gateway] = now_ns
        if returned or (before_ns is not None and now_ns - before_ns > AWAY_NS):
            self._begin_anew(gateway, now_ns)

    def begin_anew(self, now_ns: int) -> None:
        """Give all devices of all gateways their whole time again."""
        for gateway in self._listeners:
            self._gateway_ns[gateway] = now_ns
            self._begin_anew(gateway, now_ns)

    def find_heard(self, gateway: str) -> list[Change]:
        """Return the listeners of a gateway that were silent and are heard again."""
        changes = []
        for key in sorted(self._active.get(gateway, ())):
            listener = self._listeners[gateway][key]
            heard_ns = self._heard_ns(listener)
            if heard_ns > listener.state.heard_ns:
                changes += self._step(listener, Observation(heard_ns, 0.0))
        return changes

    def find_silent(self) -> list[Change]:
        """Return the listeners whose silence has lasted too long."""
        columns = self._columns or self._tabulate()
        if not columns.listeners:
            return []
        gateway_ns = np.array(list(self._gateway_ns.values()), dtype=np.int64)
        heard_ns = self._quiet.heard_ns[columns.device]
        if len(columns.series):
            by_series = np.minimum.reduceat(self._quiet.known_ns[columns.series], columns.starts)
            heard_ns = np.concatenate([heard_ns, by_series])
        silent = gateway_ns[columns.gateway] - heard_ns >= columns.silence_ns
        changes: list[Change] = []
        for index in np.flatnonzero(silent & ~columns.active).tolist():
            listener = columns.listeners[index]
            listener.state = replace(listener.state, heard_ns=int(heard_ns[index]))
            changes += self._step(listener, Tick(self._gateway_ns[listener.gateway]))
        return changes

    def _step(self, listener: Listener, event: Observation | Tick) -> list[Change]:
        result = no_data.step(listener.numbers, listener.state, event)
        listener.state = result.state
        active = self._active[listener.gateway]
        (active.add if result.state.active else active.discard)((listener.rule, listener.key))
        self._columns = None if result.transitions else self._columns
        return [Change(listener, transition) for transition in result.transitions]

    def _begin_anew(self, gateway: str, now_ns: int) -> None:
        listeners = self._listeners.get(gateway, {})
        for key in self._active.get(gateway, ()):
            # To be heard again takes a sample after this moment.
            listeners[key].state = replace(listeners[key].state, heard_ns=now_ns)
        self._quiet.grant_grace(
            [number for one in listeners.values() for number in one.series],
            [one.device for one in listeners.values()],
            now_ns,
        )

    def _heard_ns(self, listener: Listener) -> int:
        if listener.series:
            return int(self._quiet.known_ns[list(listener.series)].min())
        return int(self._quiet.heard_ns[listener.device])

    def _tabulate(self) -> _Columns:
        everyone = [one for group in self._listeners.values() for one in group.values()]
        whole = [one for one in everyone if not one.series]
        parts = [one for one in everyone if one.series]
        numbers = {gateway: index for index, gateway in enumerate(self._gateway_ns)}
        listeners = (*whole, *parts)
        sizes = np.array([len(one.series) for one in parts], dtype=np.int64)
        self._columns = _Columns(
            listeners=listeners,
            gateway=_ints([numbers[one.gateway] for one in listeners]),
            device=_ints([one.device for one in whole]),
            series=_ints([number for one in parts for number in one.series]),
            starts=np.cumsum(sizes) - sizes,
            silence_ns=_ints([one.numbers.silence_ns for one in listeners]),
            active=np.array([one.state.active for one in listeners], dtype=bool),
        )
        return self._columns


def _ints(numbers: list[int]) -> IntArray:
    return np.array(numbers, dtype=np.int64)
