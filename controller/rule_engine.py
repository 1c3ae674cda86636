"""Rules over frames: what the controller decides, in memory and without clock or I/O.

An outcome has to be recorded before it counts: where its transaction fails, record the same
outcome again instead of evaluating again, because the engine has moved on.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from campus_rules import climate
from campus_rules.climate import Climate, ClimateState
from campus_rules.evaluator import initial_state, step, wake_at_ns
from campus_rules.load import AnyRule
from campus_rules.no_data import NoData, NoDataState
from campus_rules.quiet_band import ALL, NONE, meet, quiet_band
from campus_rules.signals import Event, Observation, Tick, Transition, TransitionKind
from campus_rules.state_text import State, dump_state, parse_state
from campus_wire.quality import Grade
from controller.frames import CatalogTable, Frame
from controller.late_data import LateCounter
from controller.outcome import CommandIntent, Outcome, StateChange
from controller.quiet_filter import Hit, QuietFilter
from controller.rule_gathering import Gathered, band_moves, is_worth_keeping
from controller.rule_instances import InstancePlan, plan_instances
from controller.silence_watch import Change, Listener, SilenceWatch

FRESH_NS: Final = 300_000_000_000
"""Older samples are only history: they page nobody and command nothing."""
AHEAD_NS: Final = 600_000_000_000
_SILENCE_CHECK_NS: Final = 1_000_000_000
_STOPPED_NS: Final = 10_000_000_000
"""Ticks further apart mean that this process stood still, or that its clock was set."""


@dataclass(slots=True, eq=False)
class _Instance:
    plan: InstancePlan
    state: State
    kept: State
    """The state as it was last handed out for keeping."""
    series: tuple[int, ...] = ()
    wake_ns: int | None = None


class RuleEngine:
    """All rules over all gateways.

    Args:
        rules: as `campus_rules.load.load_rules` returns them.
        prefilter: False sends every value to the evaluator; for comparison.
    """

    def __init__(self, rules: Sequence[AnyRule], *, prefilter: bool = True) -> None:
        self._rules = tuple(rules)
        self._prefilter = prefilter
        self._quiet = QuietFilter()
        self._silence = SilenceWatch(self._quiet)
        self._late = LateCounter()
        self._restored: dict[tuple[str, str], State] = {}
        self._instances: dict[str, dict[tuple[str, str], _Instance]] = {}
        self._plans: dict[tuple[str, str], InstancePlan] = {}
        self._watchers: dict[int, tuple[_Instance, ...]] = {}
        self._wakes: list[tuple[int, int, _Instance]] = []
        self._count = 0
        self._checked_ns: int | None = None

    def restore(self, states: Iterable[StateChange]) -> None:
        """Take over kept states; to be called before the catalogs come.

        Raises:
            RuleStateError: a body is no state.
        """
        for one in states:
            self._restored[one.rule, one.instance] = parse_state(one.body)

    def export(self) -> tuple[StateChange, ...]:
        """Return all states as they are now."""
        states = self._all_states()
        return tuple(StateChange(*key, dump_state(state)) for key, state in sorted(states.items()))

    @property
    def instance_count(self) -> int:
        """How many rule instances there are."""
        return len(self._plans)

    # --- inventory -------------------------------------------------------------------------------

    def set_catalog(self, table: CatalogTable, *, now_ns: int) -> Outcome:
        """Make the instances of a gateway's catalog; those that stay keep their state.

        What is gone is cleared, as the outcome tells.
        """
        gathered = Gathered()
        known = self._all_states(table.gateway)
        self._forget(table.gateway)
        plans = {(one.rule, one.key): one for one in plan_instances(self._rules, table)}
        self._retire(table.gateway, known, plans, gathered, now_ns)
        for key in known:
            del self._plans[key]
        self._plans |= plans
        self._late.set_plans(table.gateway, plans.values())
        instances: dict[tuple[str, str], _Instance] = {}
        listeners: list[Listener] = []
        for key, plan in plans.items():
            state = known.get(key) or self._restored_state(key, plan, now_ns)
            if isinstance(plan.numbers, NoData):
                assert isinstance(state, NoDataState)
                listeners.append(self._listener(plan, state))
            else:
                instances[key] = self._instance(plan, state)
        self._instances[table.gateway] = instances
        self._silence.set_listeners(table.gateway, listeners, now_ns)
        self._watch(instances.values())
        return gathered.outcome()

    def _restored_state(self, key: tuple[str, str], plan: InstancePlan, now_ns: int) -> State:
        fresh = initial_state(plan.numbers)
        state = self._restored.pop(key, fresh)
        if type(state) is not type(fresh):  # another rule had this id
            return fresh
        return climate.restarted(state, now_ns) if isinstance(state, ClimateState) else state

    def _instance(self, plan: InstancePlan, state: State) -> _Instance:
        tracked = isinstance(plan.numbers, Climate)
        series = tuple(
            self._quiet.add_series(plan.gateway, device, point, tracked=tracked)
            for device, point in plan.watches
        )
        return _Instance(plan=plan, state=state, kept=state, series=series)

    def _listener(self, plan: InstancePlan, state: NoDataState) -> Listener:
        assert isinstance(plan.numbers, NoData)
        return Listener(
            rule=plan.rule,
            key=plan.key,
            gateway=plan.gateway,
            numbers=plan.numbers,
            device=self._quiet.add_device(plan.gateway, plan.device),
            series=tuple(
                self._quiet.add_series(plan.gateway, device, point, tracked=True)
                for device, point in plan.watches
            ),
            state=state,
        )

    def _retire(
        self,
        gateway: str,
        known: dict[tuple[str, str], State],
        plans: dict[tuple[str, str], InstancePlan],
        gathered: Gathered,
        now_ns: int,
    ) -> None:
        for key, state in known.items():
            plan = self._plans[key]
            if key in plans or plan.gateway != gateway:
                continue
            gathered.keep(plan, initial_state(plan.numbers))
            if not isinstance(state, ClimateState) and state.active:
                gathered.add(plan, Transition(TransitionKind.CLEARED, now_ns, now_ns))

    def _forget(self, gateway: str) -> None:
        for instance in self._instances.get(gateway, {}).values():
            instance.wake_ns = None  # what waits for it in the heap is void
            for number in instance.series:
                self._watchers.pop(number, None)
                self._quiet.set_band(number, ALL)

    def _watch(self, instances: Iterable[_Instance]) -> None:
        """Set bands and wakes of new instances; a series belongs to one gateway, so to one call."""
        numbers: set[int] = set()
        for instance in instances:
            for number in instance.series:
                self._watchers[number] = (*self._watchers.get(number, ()), instance)
            numbers.update(instance.series)
            self._schedule(instance, wake_at_ns(instance.plan.numbers, instance.state))
        for number in numbers:
            self._set_band(number)

    def _all_states(self, gateway: str | None = None) -> dict[tuple[str, str], State]:
        states: dict[tuple[str, str], State] = {}
        for name, group in self._instances.items():
            if gateway in {None, name}:
                states |= {key: instance.state for key, instance in group.items()}
        for listener in self._silence.listeners(gateway):
            states[listener.rule, listener.key] = listener.state
        return states

    def listen_anew(self, now_ns: int) -> None:
        """Give every device its whole time again: nobody could be heard for a while."""
        self._silence.begin_anew(now_ns)

    # --- samples ---------------------------------------------------------------------------------

    def hear_gateway(self, gateway: str, *, now_ns: int, returned: bool = False) -> None:
        """Note a sign of life other than samples; `returned` when its connection is a new one.

        Frames need no such note.
        """
        self._silence.hear_gateway(gateway, now_ns, returned=returned)

    def evaluate(self, frames: Sequence[Frame], *, now_ns: int) -> Outcome:
        """Evaluate the fresh samples among `frames`, which arrived at `now_ns`."""
        gathered = Gathered()
        for frame in frames:
            fresh = self._fresh(frame, gathered, now_ns)
            if fresh is None:
                continue
            self._silence.hear_gateway(frame.gateway, now_ns)
            self._note_overtaken(fresh, gathered)
            for hit in self._quiet.check(fresh, now_ns=now_ns, all_hit=not self._prefilter):
                self._take(hit, gathered)
        for gateway in {frame.gateway for frame in frames}:
            self._note(self._silence.find_heard(gateway), gathered)
        return gathered.outcome()

    def _fresh(self, frame: Frame, gathered: Gathered, now_ns: int) -> Frame | None:
        times_ns = frame.time_ns
        low, high = int(times_ns.min()), int(times_ns.max())
        if low >= now_ns - FRESH_NS and high <= now_ns + AHEAD_NS:
            return frame
        fresh = (times_ns >= now_ns - FRESH_NS) & (times_ns <= now_ns + AHEAD_NS)
        late = times_ns < now_ns - FRESH_NS
        if late.any():
            gathered.late.append(self._late.count(frame, late))
        return frame.select(fresh) if np.any(fresh) else None

    def _note_overtaken(self, frame: Frame, gathered: Gathered) -> None:
        """Have it told where live samples came first and older ones were beyond a limit.

        A gateway sends live samples first, so what came and went during a short outage is not
        evaluated either.
        """
        overtaken = self._quiet.find_overtaken(frame)
        if overtaken.any():
            late = self._late.count(frame, overtaken)
            if late.beyond:
                gathered.late.append(late)

    def _take(self, hit: Hit, gathered: Gathered) -> None:
        seen = Observation(hit.time_ns, hit.value, hit.quality)
        for instance in self._watchers.get(hit.series, ()):
            if seen.grade is not Grade.GOOD:
                self._catch_up(instance, gathered)
            event = self._mean(instance, seen) if len(instance.series) > 1 else seen
            self._apply(instance, event, gathered)

    def _mean(self, instance: _Instance, seen: Observation) -> Observation:
        """Return the mean of a room's sensors, as far as they are fresh, in place of one's value.

        A bad value stays what it is: the mean must not grow older than its newest part.
        """
        assert isinstance(instance.plan.numbers, Climate)
        if seen.grade is not Grade.GOOD:
            return seen
        numbers = list(instance.series)
        age_ns = seen.time_ns - self._quiet.value_ns[numbers]
        usable = age_ns < instance.plan.numbers.lost_after_ns
        return replace(seen, value=float(self._quiet.value[numbers][usable].mean()))

    # --- time ------------------------------------------------------------------------------------

    def tick(self, *, now_ns: int) -> Outcome:
        """Let time pass: delays end, rooms change their hours, silence is noticed."""
        gathered = Gathered()
        if self._checked_ns is not None and not 0 <= now_ns - self._checked_ns <= _STOPPED_NS:
            self.listen_anew(now_ns)
        while self._wakes and self._wakes[0][0] <= now_ns:
            wake_ns, _, instance = heapq.heappop(self._wakes)
            if instance.wake_ns != wake_ns:
                continue
            instance.wake_ns = None
            self._catch_up(instance, gathered)
            self._apply(instance, Tick(now_ns), gathered)
        self._note(self._silence.find_silent(), gathered)
        self._checked_ns = now_ns
        return gathered.outcome()

    def next_wake_ns(self) -> int | None:
        """Return when `tick` should be called next, or None while nothing waits for time."""
        while self._wakes and self._wakes[0][2].wake_ns != self._wakes[0][0]:
            heapq.heappop(self._wakes)
        times_ns = [self._wakes[0][0]] if self._wakes else []
        if not self._silence.is_idle:
            times_ns.append((self._checked_ns or 0) + _SILENCE_CHECK_NS)
        return min(times_ns, default=None)

    def _catch_up(self, instance: _Instance, gathered: Gathered) -> None:
        """Show the evaluator the last temperature that the filter kept from it."""
        if not isinstance(instance.state, ClimateState) or len(instance.series) != 1:
            return
        [number] = instance.series
        time_ns = int(self._quiet.value_ns[number])
        if time_ns > instance.state.last_ns:
            seen = Observation(time_ns, float(self._quiet.value[number]))
            self._apply(instance, seen, gathered)

    # --- one instance ----------------------------------------------------------------------------

    def _apply(self, instance: _Instance, event: Event, gathered: Gathered) -> None:
        plan, before = instance.plan, instance.state
        result = step(plan.numbers, before, event)
        instance.state = result.state
        for transition in result.transitions:
            gathered.add(plan, transition)
        for write in result.commands:
            gathered.commands.append(
                CommandIntent(
                    rule=plan.rule,
                    instance=plan.key,
                    gateway=plan.gateway,
                    device=plan.device,
                    point=write.point,
                    value=write.value,
                    time_ns=event.time_ns,
                )
            )
        if is_worth_keeping(plan, instance.kept, result.state):
            instance.kept = result.state
            gathered.keep(plan, result.state)
        self._schedule(instance, result.wake_at_ns)
        if band_moves(before, result.state):
            for number in instance.series:
                self._set_band(number)

    def _schedule(self, instance: _Instance, wake_ns: int | None) -> None:
        if wake_ns is not None and wake_ns != instance.wake_ns:
            self._count += 1
            heapq.heappush(self._wakes, (wake_ns, self._count, instance))
        instance.wake_ns = wake_ns

    def _set_band(self, number: int) -> None:
        band = ALL
        for instance in self._watchers[number]:
            single = len(instance.series) == 1
            own = quiet_band(instance.plan.numbers, instance.state) if single else NONE
            band = meet(band, own)
        self._quiet.set_band(number, band)

    def _note(self, changes: Iterable[Change], gathered: Gathered) -> None:
        for change in changes:
            plan = self._plans[change.listener.rule, change.listener.key]
            gathered.keep(plan, change.listener.state)
            gathered.add(plan, change.transition)
