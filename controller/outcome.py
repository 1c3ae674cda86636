"""What an evaluation of rules brought: one piece for `alarms.record` and for the commands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from campus_rules.model import AlarmClass, Severity
from campus_rules.signals import TransitionKind
from campus_wire.catalog import Label, State


@dataclass(frozen=True, slots=True)
class About:
    """What an alarm is about, with all that its notices have to say."""

    rule: str
    instance: str
    """`gateway/device/point`, `gateway/device` or `gateway`: unique within the rule."""
    severity: Severity
    alarm_class: AlarmClass
    name: Label
    consequence: Label
    action: Label
    gateway: str
    school: str = ""
    building: str = ""
    area: str = ""
    device: str = ""
    point: str = ""
    category: str = ""
    school_name: Label | None = None
    area_names: tuple[Label, ...] = ()
    """From the building to the room."""
    device_name: Label | None = None
    point_label: Label | None = None
    unit: str = ""
    states: tuple[State, ...] = ()
    """What the point's numbers mean, where it is a state and not a quantity."""
    limit: float | None = None
    above: bool = True
    basis: Label | None = None


@dataclass(frozen=True, slots=True)
class RuleTransition:
    """A rule's instance became active or cleared; times as in `campus_rules.signals.Transition`."""

    about: About
    kind: TransitionKind
    time_ns: int
    condition_ns: int
    value: float | None = None


@dataclass(frozen=True, slots=True)
class StateChange:
    """A rule state to be kept; `body` is its JSON text."""

    rule: str
    instance: str
    body: str


@dataclass(frozen=True, slots=True)
class CommandIntent:
    """A write that a rule wants; decided from samples no older than five minutes."""

    rule: str
    instance: str
    gateway: str
    device: str
    point: str
    value: float
    time_ns: int


@dataclass(frozen=True, slots=True)
class LateData:
    """Samples of one gateway that came too late for rules."""

    gateway: str
    samples: int
    first_ns: int
    last_ns: int
    beyond: int = 0
    """How many of them would have been beyond the limit of an alarm."""

    def __add__(self, other: LateData) -> LateData:
        return LateData(
            self.gateway,
            self.samples + other.samples,
            min(self.first_ns, other.first_ns),
            max(self.last_ns, other.last_ns),
            self.beyond + other.beyond,
        )


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one `evaluate`, `tick` or `set_catalog`."""

    states: tuple[StateChange, ...] = ()
    transitions: tuple[RuleTransition, ...] = ()
    commands: tuple[CommandIntent, ...] = ()
    late: tuple[LateData, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to record or to do."""
        return not (self.states or self.transitions or self.commands or self.late)

    def __add__(self, other: Outcome) -> Outcome:
        return Outcome(
            self.states + other.states,
            self.transitions + other.transitions,
            self.commands + other.commands,
            self.late + other.late,
        )


NOTHING: Final = Outcome()
