"""Local interlocks: what must work without a network, and whatever commands say.

Every sample is looked at as it is read. The writes that follow are done by one task for each
target (a device's point), so that a target on a dead bus delays no other. A target that an active
interlock holds is written until its read-back shows the value, and again whenever a later reading
shows another one.
"""

from __future__ import annotations

import asyncio
import logging
import math
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from campus_wire.batch import Sample
from campus_wire.messages import Event
from campus_wire.supervise import Backoff
from device_profiles.writing import moved_together
from edge_agent.config import InterlockConfig
from edge_agent.interlock_rule import Change, InterlockRule, Turn
from edge_agent.inventory import Inventory
from edge_agent.ports import Actuator, EdgeClock, EventSink, WriteResult

_log: Final = logging.getLogger(__name__)

WRITE_TIMEOUT_S: Final = 2.0
RETRY: Final = Backoff(first_s=0.25, cap_s=10.0)
CANNOT_BE_READ_BACK: Final = "no_read_back"

Facts = dict[str, str | float | None]
Say = Callable[[str, InterlockRule, Facts], None]


class Interlocks:
    """All interlocks of the gateway.

    Args:
        configs: the interlocks.
        inventory: where their devices and points are.
        actuators: by the id of the source (bus or local broker) that a device is connected to.
        clock: for delays and for the time of events.
        events: told of every turn.
    """

    def __init__(
        self,
        configs: Iterable[InterlockConfig],
        inventory: Inventory,
        *,
        actuators: Mapping[str, Actuator],
        clock: EdgeClock,
        events: EventSink,
    ) -> None:
        self._inventory = inventory
        self._actuators = actuators
        self._clock = clock
        self._events = events
        self._group: asyncio.TaskGroup | None = None
        self._targets: dict[tuple[str, str], _Target] = {}
        self._sensors: dict[int, list[tuple[int, InterlockRule, _Target]]] = {}
        self._shown: dict[int, list[tuple[int, _Target]]] = {}
        for config in configs:
            self._add(config, former=None, targets={})

    def _add(
        self,
        config: InterlockConfig,
        *,
        former: InterlockRule | None,
        targets: Mapping[tuple[str, str], _Target],
    ) -> None:
        """Add an interlock, with what it and its target did before."""
        inventory = self._inventory
        sensor = inventory.device(config.when.device)
        acted_on = inventory.device(config.then.device)
        assert sensor is not None, "config_check refuses unknown devices"
        assert acted_on is not None, "config_check refuses unknown devices"
        key = (config.then.device, config.then.point)
        target = self._targets.get(key)
        if target is None:
            target = targets.get(key) or _Target(*key, self._clock, self._say)
            target.begin(self._actuators[acted_on.source])
            self._targets[key] = target
            shown = (acted_on.point_indices[config.then.point], target)
            self._shown.setdefault(acted_on.index, []).append(shown)
        rule = self._rule(config, former, interval_s=sensor.config.interval_s)
        target.rules.append(rule)
        watched = (sensor.point_indices[config.when.point], rule, target)
        self._sensors.setdefault(sensor.index, []).append(watched)

    def _rule(
        self, config: InterlockConfig, former: InterlockRule | None, *, interval_s: float
    ) -> InterlockRule:
        if former is not None and former.config == config and former.interval_s == interval_s:
            return former
        rule = InterlockRule(config, interval_s=interval_s, start_ns=self._clock.monotonic_ns())
        if former is not None and _is_about_the_same(former.config, config):
            rule.inherit(former)
        return rule

    def rebind(self, configs: Iterable[InterlockConfig], inventory: Inventory) -> None:
        """Go on with other interlocks and another inventory, within one turn of the loop.

        An interlock that stays keeps what it knows and holds. For one that is taken away while it
        holds its target nothing is written: the value stays until somebody else changes it.
        """
        before = self._targets
        former = {rule.config.id: rule for target in before.values() for rule in target.rules}
        self._inventory = inventory
        self._targets, self._sensors, self._shown = {}, {}, {}
        for config in configs:
            self._add(config, former=former.get(config.id), targets=before)
        for key, target in before.items():
            if key not in self._targets:
                target.end()
        for key, target in self._targets.items():
            target.settle()
            if key not in before:
                self._start(target)

    def _start(self, target: _Target) -> None:
        if self._group is not None:
            name = f"interlock {target.device}.{target.point}"
            target.task = self._group.create_task(target.run(), name=name)

    async def run(self) -> None:
        """Write what interlocks demand, until cancelled."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            for target in self._targets.values():
                self._start(target)
            await asyncio.Event().wait()  # targets may be added later

    def observe(self, samples: Sequence[Sample]) -> None:
        """Look at samples (`SampleObserver`)."""
        if not self._targets:
            return
        for sample in samples:
            for point, rule, target in self._sensors.get(sample.device, ()):
                if point in sample.points:
                    at = sample.points.index(point)
                    now_ns = self._clock.monotonic_ns()
                    changes = rule.observe(sample.values[at], sample.qualities[at], now_ns)
                    target.apply(rule, changes)
            for point, target in self._shown.get(sample.device, ()):
                if point in sample.points:
                    target.show(sample.values[sample.points.index(point)])

    def holder(self, device: str, point: str) -> str | None:
        """Return the id of the interlock that holds a point now, or None."""
        rules = (target.holder() for target in self._moved_by(device, point))
        return next((rule.config.id for rule in rules if rule is not None), None)

    def forbids(self, device: str, point: str, value: float) -> bool:
        """Say whether an interlock now holds what this write would change at another value."""
        rules = (target.holder() for target in self._moved_by(device, point))
        return any(rule is not None and rule.config.then.value != value for rule in rules)

    def is_checked(self, device: str, point: str) -> bool:
        """Say whether every interlock on a point has judged its sensor since the start."""
        return all(
            rule.is_checked for target in self._moved_by(device, point) for rule in target.rules
        )

    def recheck(self, device: str, point: str) -> None:
        """Say that somebody else wrote to a point: a held one is written again."""
        for target in self._moved_by(device, point):
            target.reassert()

    def _moved_by(self, device: str, point: str) -> list[_Target]:
        """Return the targets that a write to this point changes: a relay, or all of them."""
        known = self._inventory.device(device)
        names = (point,) if known is None else moved_together(known.points, point)
        targets = (self._targets.get((device, name)) for name in names)
        return [target for target in targets if target is not None]

    def _say(self, kind: str, rule: InterlockRule, facts: Facts) -> None:
        when, then = rule.config.when, rule.config.then
        about: dict[str, bool | int | float | str | None] = {
            "interlock": rule.config.id,
            "point": when.point,
            "target_device": then.device,
            "target_point": then.point,
            **facts,
        }
        self._events.post(
            Event(
                id=str(uuid.uuid4()),
                time_ns=self._clock.now_ns(),
                kind=kind,
                device=when.device,
                attributes=about,
            )
        )


class _Target:
    """One point that interlocks write to."""

    def __init__(self, device: str, point: str, clock: EdgeClock, say: Say) -> None:
        self.device = device
        self.point = point
        self.rules: list[InterlockRule] = []
        self.task: asyncio.Task[None] | None = None
        self._actuator: Actuator | None = None
        self._clock = clock
        self._say = say
        self._demand: tuple[InterlockRule, float] | None = None
        self._first_out: InterlockRule | None = None
        self._is_done = True
        self._failures = 0
        self._retry_at_ns = 0
        self._wake = asyncio.Event()

    def begin(self, actuator: Actuator) -> None:
        """Write by this actuator from now on, as rules demand that are yet to be added."""
        self._actuator = actuator
        self.rules = []

    def settle(self) -> None:
        """Let go of what a rule demanded that is no more, or that has changed."""
        if self._demand is not None and self._demand[0] not in self.rules:
            asked, value = self._demand
            holder = self.holder()
            released = [rule for rule in self.rules if rule.is_released_by(asked, value)]
            if holder is not None:
                self._is_done = self._is_done and holder.config.then.value == value
                self._demand = (holder, holder.config.then.value)
            elif released:
                self._demand = (released[0], value)
            else:
                self._demand = None
                self._is_done = True
                _log.warning(
                    "interlock %s is gone or changed: %s %s stays at %s",
                    *(asked.config.id, self.device, self.point, value),
                )
        if self._first_out not in self.rules:
            self._first_out = self.holder()
        self._wake.set()

    def end(self) -> None:
        """Write no more."""
        holder = self.holder()
        if holder is not None:
            _log.warning(
                "interlock %s is gone while it held %s %s: the value stays",
                *(holder.config.id, self.device, self.point),
            )
        if self.task is not None:
            self.task.cancel()

    def holder(self) -> InterlockRule | None:
        """The interlock whose value counts: of the active ones, the first in the configuration."""
        return next((rule for rule in self.rules if rule.is_active), None)

    def apply(self, rule: InterlockRule, changes: Iterable[Change]) -> None:
        """Take what an interlock's sensor brought about."""
        for change in changes:
            self._turn(rule, change)
        self._wake.set()  # deadlines may have moved

    def _turn(self, rule: InterlockRule, change: Change) -> None:
        config = rule.config
        when = config.when
        limit = when.at_or_above if when.at_or_above is not None else when.at_or_below
        if change.turn is Turn.TRIPPED and self._first_out is None:
            self._first_out = rule
        first_out = self._first_out.config.id if self._first_out is not None else None
        facts: Facts = {"value": change.value, "limit": limit}
        if change.turn in {Turn.TRIPPED, Turn.RELEASED}:
            facts |= {"cause": "sensor_lost" if rule.is_lost else "value", "first_out": first_out}
            self._choose(rule)
        _log.warning(
            "interlock %s %s at %s %s: %s", config.id, change.turn, when.device, when.point, facts
        )
        self._say(f"interlock_{change.turn}", rule, facts)

    def _choose(self, rule: InterlockRule) -> None:
        """Decide what the target must show, after `rule` has tripped or released."""
        holder = self.holder()
        before = self._demand
        if holder is not None:
            self._demand = (holder, holder.config.then.value)
        else:
            self._first_out = None
            otherwise = rule.config.otherwise
            self._demand = (rule, otherwise.value) if otherwise is not None else None
        if self._demand is None or before is None or before[1] != self._demand[1]:
            self._is_done = self._demand is None
            self._failures = 0
            self._retry_at_ns = 0

    def show(self, value: float | None) -> None:
        """Take a reading of the target itself."""
        if value is None or self._demand is None or not self._is_done:
            return
        if not math.isclose(value, self._demand[1], rel_tol=1e-6, abs_tol=1e-9):
            self.reassert()

    def reassert(self) -> None:
        """Write again what is held."""
        if self.holder() is not None:
            self._is_done = False
            self._retry_at_ns = 0
            self._wake.set()

    async def run(self) -> None:
        """Write what is demanded, and let the delays of the interlocks run."""
        while True:
            self._wake.clear()
            now_ns = self._clock.monotonic_ns()
            for rule in self.rules:
                for change in rule.tick(now_ns):
                    self._turn(rule, change)
            if self._demand is not None and self._write_at_ns() <= now_ns:
                await self._write(*self._demand)
            else:
                await self._rest(self._next_ns())

    def _write_at_ns(self) -> float:
        return math.inf if self._is_done else self._retry_at_ns

    async def _write(self, rule: InterlockRule, value: float) -> None:
        assert self._actuator is not None, "rules come with it"
        result = await self._actuator.write(
            self.device, self.point, value, timeout_s=WRITE_TIMEOUT_S
        )
        if self._demand != (rule, value):
            return  # overtaken while it was written
        if result.outcome == "succeeded" or result.reason == CANNOT_BE_READ_BACK:
            self._is_done = True
            self._failures = 0
            self._say("interlock_written", rule, {"written": value, "read": result.value_read})
            return
        self._failures += 1
        self._say_failure(rule, value, result)
        delay_s = RETRY.delay_s(self._failures, chance=0.5)
        self._retry_at_ns = self._clock.monotonic_ns() + int(delay_s * 1e9)

    def _say_failure(self, rule: InterlockRule, value: float, result: WriteResult) -> None:
        if self._failures > 1:
            return
        _log.error(
            "interlock %s could not write %s to %s %s (%s); trying until it holds",
            *(rule.config.id, value, self.device, self.point, result.reason),
        )
        self._say("interlock_write_failed", rule, {"written": value, "reason": result.reason})

    def _next_ns(self) -> float:
        ticks = [time_ns for rule in self.rules if (time_ns := rule.wake_at_ns()) is not None]
        return min([self._write_at_ns(), *ticks])

    async def _rest(self, until_ns: float) -> None:
        rest_s = (until_ns - self._clock.monotonic_ns()) / 1e9
        try:
            async with asyncio.timeout(None if rest_s == math.inf else rest_s):
                await self._wake.wait()
        except TimeoutError:
            return


def _is_about_the_same(former: InterlockConfig, config: InterlockConfig) -> bool:
    """Say whether only limits and delays differ."""
    watched = (former.when.device, former.when.point) == (config.when.device, config.when.point)
    return watched and former.then == config.then
