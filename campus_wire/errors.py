"""Errors that every package of the project derives from.

    CampusError
    ├── TransientError      the same call may succeed later: retry, with back-off
    └── PermanentError      the same call fails again: refuse, count, go on with the next

Each package has one base class of its own beside these two (`WireError` here), so that a caller can
catch by package or by what to do about it.
"""

from __future__ import annotations


class CampusError(Exception):
    """Something that went wrong, said so that a person can act on it.

    Args:
        reason: a slug from a bounded set, fit for a metric label (`payload_too_large`).
        message: one sentence, with the data that matters.
        place: where it happened (a topic, `edge.yaml:12`, a device id), or empty.
        remedy: what to do about it, or empty.
    """

    transient: bool = False

    def __init__(self, reason: str, message: str, *, place: str = "", remedy: str = "") -> None:
        super().__init__(reason, message)
        self.reason = reason
        self.message = message
        self.place = place
        self.remedy = remedy

    def __str__(self) -> str:
        text = f"{self.place}: {self.message}" if self.place else self.message
        return f"{text} ({self.remedy})" if self.remedy else text


class TransientError(CampusError):
    """May succeed later."""

    transient = True


class PermanentError(CampusError):
    """Will fail again."""


class WireError(CampusError):
    """Anything this package raises."""


class MalformedError(WireError, PermanentError):
    """A payload or topic that breaks the contract; `reason` names the rule it breaks."""


class LinkDownError(WireError, TransientError):
    """The broker cannot be reached, or did not answer in time."""


class CredentialsError(WireError, TransientError):
    """The broker and this side do not accept each other's password or certificate.

    Transient, since a hand mends it while the process runs; retried slowly, since it takes a hand.
    """
