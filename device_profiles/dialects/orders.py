"""The numbers of enumerations that many makers share, so that one rule fits all their devices."""

from __future__ import annotations

from typing import Final

MODES: Final = ("off", "auto", "heat", "cool", "dry", "fan_only", "heat_cool", "eco", "sleep")
ACTIVITIES: Final = ("idle", "heat", "cool", "fan_only", "off", "dry", "heating", "cooling")
FAN_SPEEDS: Final = ("off", "low", "medium", "high", "auto", "on", "smart", "turbo", "quiet")
COVER: Final = ("close", "open", "stop")
COVER_STATES: Final = ("closed", "open", "opening", "closing", "stopped")
MOVING: Final = ("stop", "up", "down")
LOCK_STATES: Final = ("locked", "unlocked", "not_fully_locked", "locking", "unlocking", "jammed")

BY_KEY: Final[dict[str, tuple[str, ...]]] = {
    "system_mode": MODES,
    "mode": MODES,
    "running_state": ACTIVITIES,
    "fan_mode": FAN_SPEEDS,
    "fan_speed": FAN_SPEEDS,
    "moving": MOVING,
    "lock_state": LOCK_STATES,
}
