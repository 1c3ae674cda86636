"""From what was seen on a bus to what is likely wrong, in words an installer knows (pure).

Every rule looks at the evidence alone and gives findings with a likelihood; they are sorted by it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from edge_agent.finding.causes_all_silent import all_silent
from edge_agent.finding.causes_broken import broken_answers, two_units, wrong_units
from edge_agent.finding.causes_connection import closed, echo, not_connected, other_master
from edge_agent.finding.causes_refused import gateway, refusals, slow_answers
from edge_agent.finding.causes_some_silent import some_silent, sometimes_silent
from edge_agent.finding.evidence import BusEvidence, Finding

Rule = Callable[[BusEvidence], Iterable[Finding]]


def diagnose(seen: BusEvidence) -> list[Finding]:
    """Return what is likely wrong with a bus, the likeliest first; empty when all is well."""
    if seen.not_connected:
        return [not_connected(seen)]
    found = [finding for rule in _RULES for finding in rule(seen)]
    best: dict[tuple[str, tuple[str, ...]], Finding] = {}
    for one in found:
        key = (one.kind, one.devices)
        if key not in best or best[key].likelihood < one.likelihood:
            best[key] = one
    return sorted(best.values(), key=lambda one: -one.likelihood)


_RULES: Final[tuple[Rule, ...]] = (
    closed,
    echo,
    other_master,
    all_silent,
    some_silent,
    sometimes_silent,
    two_units,
    broken_answers,
    wrong_units,
    gateway,
    refusals,
    slow_answers,
)
