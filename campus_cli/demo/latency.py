"""How long a change at a device took to become an accepted notice.

The devices' log holds what they showed when asked, so a change lies somewhere between the last
reading without it and the first with it. It is counted from the earlier one: the figure is an upper
bound and includes the whole polling interval.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from campus_cli.demo.ledger import Value, read_truth

Json = dict[str, Any]
_RAISED: Final = "raised"


def delays_ms(truth: Path, alarms: Sequence[Json], accepted: Mapping[str, int]) -> list[float]:
    """Return one delay for each raised alarm on a device's value whose notice was accepted.

    Args:
        truth: the simulators' log.
        alarms: as the API lists them.
        accepted: when each notice was accepted, in ns, by its idempotency key.
    """
    shown = read_truth(truth)
    found = []
    for alarm in alarms:
        readings = shown.get((alarm["device"], alarm["point"]), [])
        changed_ns = _last_before(readings, alarm)
        noticed_ns = _first_notice(alarm["id"], accepted)
        if changed_ns is not None and noticed_ns is not None:
            found.append((noticed_ns - changed_ns) / 1e6)
    return found


def _last_before(readings: Sequence[Value], alarm: Json) -> int | None:
    """Return when the device last showed a value on the good side before the alarm's condition."""
    limit = alarm["limit"]
    if limit is None:
        return None
    good = [
        reading.time_ns
        for reading in readings
        if reading.time_ns < alarm["condition_ns"] and not _beyond(reading.number, alarm)
    ]
    return max(good, default=None)


def _beyond(number: float, alarm: Json) -> bool:
    return bool(number >= alarm["limit"]) if alarm["above"] else bool(number <= alarm["limit"])


def _first_notice(alarm_id: str, accepted: Mapping[str, int]) -> int | None:
    times = [
        time_ns
        for key, time_ns in accepted.items()
        if key.startswith(f"{alarm_id}.") and f".{_RAISED}" in key
    ]
    return min(times, default=None)
