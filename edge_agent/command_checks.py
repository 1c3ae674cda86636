"""Whether a signed command may act now (pure but for what it is given)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from campus_wire.messages import Command, Outcome
from edge_agent.interlocks import Interlocks
from edge_agent.inventory import Inventory
from edge_agent.ports import Actuator

CLOCK_TOLERANCE_NS: Final = 60_000_000_000
"""A command from further in the future than this comes from a clock that is wrong."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a command ends without acting, or after it."""

    outcome: Outcome
    reason: str | None = None


def check(
    command: Command,
    *,
    inventory: Inventory,
    actuators: Mapping[str, Actuator],
    interlocks: Interlocks,
    now_ns: int,
    is_synced: bool,
) -> Verdict | None:
    """Return why a command must not act, or None.

    While the clock is not synced no expiry can be judged; then only a point's safe value may be
    written.
    """
    if is_synced and now_ns >= command.expires_ns:
        return Verdict(Outcome.EXPIRED, "expired")
    reason = _not_allowed(command, inventory, actuators)
    if reason is None:
        reason = _untimely(command, inventory, now_ns=now_ns, is_synced=is_synced)
    if reason is None:
        reason = _against_interlock(command, interlocks)
    return Verdict(Outcome.REJECTED, reason) if reason is not None else None


def _not_allowed(
    command: Command, inventory: Inventory, actuators: Mapping[str, Actuator]
) -> str | None:
    device = inventory.device(command.device)
    if device is None:
        return "unknown_device"
    if device.point(command.point) is None:
        return "unknown_point"
    if command.expect is not None and device.point(command.expect.point) is None:
        return "unknown_expected_point"
    return actuators[device.source].refusal(command.device, command.point, command.value)


def _untimely(
    command: Command, inventory: Inventory, *, now_ns: int, is_synced: bool
) -> str | None:
    if is_synced:
        ahead = command.issued_ns - now_ns > CLOCK_TOLERANCE_NS
        return "issued_in_the_future" if ahead else None
    device = inventory.device(command.device)
    point = device.point(command.point) if device is not None else None
    limits = point.write if point is not None else None
    is_safe = limits is not None and limits.safe_value == command.value
    return None if is_safe else "clock_unsynced"


def _against_interlock(command: Command, interlocks: Interlocks) -> str | None:
    if interlocks.forbids(command.device, command.point, command.value):
        return "interlock_active"
    if not interlocks.is_checked(command.device, command.point):
        return "interlock_unchecked"
    return None
