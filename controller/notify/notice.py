"""What one notice says, before it is put into words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pydantic import TypeAdapter, ValidationError

from controller.alarm_life import LifeEvent
from controller.errors import StateError
from controller.outcome import About


@dataclass(frozen=True, slots=True)
class Notice:
    """One transition of one alarm, for one channel or another."""

    alarm: str
    kind: LifeEvent
    about: About
    condition_ns: int
    raised_ns: int
    occurrence: int = 1
    value: float | None = None
    cleared_ns: int | None = None
    acked_ns: int | None = None
    acked_by: str | None = None
    note: str | None = None

    @property
    def key(self) -> str:
        """The idempotency key: the same however often this transition is sent."""
        return f"{self.alarm}.{self.occurrence}.{self.kind}"


_NOTICE: Final = TypeAdapter(Notice)
_ABOUT: Final = TypeAdapter(About)


def dump_notice(notice: Notice) -> str:
    """Return the JSON text kept in the outbox."""
    return _NOTICE.dump_json(notice).decode()


def parse_notice(text: str) -> Notice:
    """Return the notice of an outbox row.

    Raises:
        StateError: the text is no notice (reason `outbox_body`).
    """
    try:
        return _NOTICE.validate_json(text)
    except ValidationError as error:
        raise StateError("outbox_body", f"no notice: {error.error_count()} mistakes") from None


def dump_about(about: About) -> str:
    """Return the JSON text kept with the alarm."""
    return _ABOUT.dump_json(about).decode()


def parse_about(text: str) -> About:
    """Return what an alarm is about.

    Raises:
        StateError: the text is not what `dump_about` makes (reason `alarm_body`).
    """
    try:
        return _ABOUT.validate_json(text)
    except ValidationError as error:
        raise StateError("alarm_body", f"no alarm: {error.error_count()} mistakes") from None
