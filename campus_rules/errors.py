"""Errors of the rules; see `campus_wire.errors` for the two kinds."""

from __future__ import annotations

from campus_wire.errors import CampusError, PermanentError


class RuleError(CampusError):
    """Anything this package raises, but for mistakes in files (`ConfigFileError`)."""


class RuleStateError(RuleError, PermanentError):
    """A stored state that is no state of its rule (reason `rule_state`)."""
