"""Rule states ↔ JSON text, exact both ways."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import Final

import orjson

from campus_rules.climate import ClimateState, Mode
from campus_rules.errors import RuleStateError
from campus_rules.no_data import NoDataState
from campus_rules.threshold import ThresholdState

State = ThresholdState | NoDataState | ClimateState

_KINDS: Final[dict[str, type[State]]] = {
    "threshold": ThresholdState,
    "no_data": NoDataState,
    "climate": ClimateState,
}
_NAMES: Final = {kind: name for name, kind in _KINDS.items()}


def dump_state(state: State) -> str:
    """Return the JSON text of a state."""
    return orjson.dumps({"kind": _NAMES[type(state)], **asdict(state)}).decode()


def parse_state(text: str) -> State:
    """Return the state in a JSON text.

    Raises:
        RuleStateError: the text holds no state.
    """
    try:
        plain = orjson.loads(text)
        kind = _KINDS[plain.pop("kind")]
        if set(plain) - {field.name for field in fields(kind)}:
            raise RuleStateError("rule_state", "a rule's state holds unknown fields")
        if "mode" in plain:
            plain["mode"] = Mode(plain["mode"])
        return kind(**plain)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise RuleStateError("rule_state", f"no state of a rule: {text[:100]!r}") from None
