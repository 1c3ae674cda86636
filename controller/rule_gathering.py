"""An outcome in the making, and which changes of state are worth writing down."""

from __future__ import annotations

from campus_rules.climate import ClimateState
from campus_rules.signals import Transition
from campus_rules.state_text import State, dump_state
from campus_rules.threshold import Threshold, ThresholdState
from controller.outcome import CommandIntent, LateData, Outcome, RuleTransition, StateChange
from controller.rule_instances import InstancePlan


class Gathered:
    """An outcome in the making."""

    def __init__(self) -> None:
        self.states: dict[tuple[str, str], StateChange] = {}
        self.transitions: list[RuleTransition] = []
        self.commands: list[CommandIntent] = []
        self.late: list[LateData] = []

    def keep(self, plan: InstancePlan, state: State) -> None:
        """Have a state written down; of several of one instance the last."""
        key = (plan.rule, plan.key)
        self.states[key] = StateChange(plan.rule, plan.key, dump_state(state))

    def add(self, plan: InstancePlan, transition: Transition) -> None:
        """Have a transition recorded."""
        assert plan.about is not None, "only rules with texts can raise"
        self.transitions.append(
            RuleTransition(
                about=plan.about,
                kind=transition.kind,
                time_ns=transition.time_ns,
                condition_ns=transition.condition_ns,
                value=transition.value,
            )
        )

    def outcome(self) -> Outcome:
        """Return what was gathered, transitions in order of time."""
        self.transitions.sort(key=lambda one: one.time_ns)
        return Outcome(
            states=tuple(self.states.values()),
            transitions=tuple(self.transitions),
            commands=tuple(self.commands),
            late=tuple(self.late),
        )


def band_moves(before: State, after: State) -> bool:
    """Say whether the quiet band may have changed with the state."""
    if isinstance(before, ThresholdState) and isinstance(after, ThresholdState):
        return (before.active, before.since_ns) != (after.active, after.since_ns)
    return True


def is_worth_keeping(plan: InstancePlan, kept: State, state: State) -> bool:
    """Say whether a restart from `kept` would go on differently than from `state`."""
    if isinstance(kept, ThresholdState) and isinstance(state, ThresholdState):
        if (kept.active, kept.since_ns, kept.frozen) != (
            state.active,
            state.since_ns,
            state.frozen,
        ):
            return True
        assert isinstance(plan.numbers, Threshold)
        gap_ns = plan.numbers.gap_ns
        # A running delay must not look interrupted after a restart.
        return (
            state.since_ns is not None
            and gap_ns is not None
            and state.known_ns - kept.known_ns > gap_ns // 2
        )
    if isinstance(kept, ClimateState) and isinstance(state, ClimateState):
        return (kept.mode, kept.setpoint_c, kept.changed_ns, kept.written_ns) != (
            state.mode,
            state.setpoint_c,
            state.changed_ns,
            state.written_ns,
        )
    return kept != state
