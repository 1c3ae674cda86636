"""Muting: who asked not to be told of what, for how long. Pure.

A muted notice waits; when the mute ends it goes out at once. Safety alarms are never muted.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from campus_rules.model import AlarmClass
from controller.notify.notice import Notice


@dataclass(frozen=True, slots=True)
class Mute:
    """Silence for what matches all that is given, until `until_ns`."""

    until_ns: int
    by: str
    reason: str
    school: str | None = None
    area: str | None = None
    device: str | None = None
    rule: str | None = None

    def covers(self, notice: Notice) -> bool:
        """Say whether the mute is about this notice."""
        if notice.about.alarm_class is AlarmClass.SAFETY:
            return False
        wanted = (self.school, self.area, self.device, self.rule)
        about = notice.about
        given = (about.school, about.area, about.device, about.rule)
        return all(want in {None, have} for want, have in zip(wanted, given, strict=True))


def muted_until_ns(notice: Notice, mutes: Iterable[Mute], now_ns: int) -> int | None:
    """Return when the last mute on this notice ends, or None when it is not muted."""
    ends = (mute.until_ns for mute in mutes if mute.until_ns > now_ns and mute.covers(notice))
    return max(ends, default=None)
