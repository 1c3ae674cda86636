"""What the gateway does by itself when the controller is lost (configuration: `fallback`).

The controller counts as there while it acks or commands. An edge cannot tell one that acks nothing
from one that is gone; in both cases nobody steers, so in both the configured safe values are
written, once. Interlocks go on as ever, and a point they hold is left to them.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Mapping
from typing import Final

from campus_wire.messages import Event
from edge_agent.config import FallbackConfig, FallbackWrite
from edge_agent.interlocks import Interlocks
from edge_agent.inventory import Inventory
from edge_agent.ports import Actuator, EdgeClock, EventSink

_log: Final = logging.getLogger(__name__)

WRITE_TIMEOUT_S: Final = 5.0
TRIES: Final = 5
RETRY_S: Final = 10.0
LOOK_S: Final = 1.0


class Fallback:
    """Writes safe values after the controller has been silent for too long.

    Args:
        config: what to write, and after how long.
        inventory: where the devices are.
        actuators: by the id of the source that a device is connected to.
        interlocks: what they hold is not written.
        clock: tells the silence.
        events: told when the controller is lost and when it is back.
    """

    def __init__(
        self,
        config: FallbackConfig,
        inventory: Inventory,
        *,
        actuators: Mapping[str, Actuator],
        interlocks: Interlocks,
        clock: EdgeClock,
        events: EventSink,
    ) -> None:
        self._config = config
        self._inventory = inventory
        self._actuators = actuators
        self._interlocks = interlocks
        self._clock = clock
        self._events = events
        self._heard_ns = clock.monotonic_ns()
        self._is_lost = False

    def rebind(self, config: FallbackConfig, inventory: Inventory) -> None:
        """Go on with other values; those being written now are finished."""
        self._config = config
        self._inventory = inventory

    def heard(self) -> None:
        """Note a word of the controller."""
        self._heard_ns = self._clock.monotonic_ns()
        if self._is_lost:
            self._is_lost = False
            _log.info("the controller is heard again")
            self._say("controller_back", {})

    async def run(self) -> None:
        """Watch for silence until cancelled."""
        while True:
            await asyncio.sleep(LOOK_S)
            await self.look()

    async def look(self) -> None:
        """Write the safe values when the controller has just become lost."""
        silent_s = (self._clock.monotonic_ns() - self._heard_ns) / 1e9
        if self._is_lost or silent_s < self._config.after_s:
            return
        self._is_lost = True
        _log.warning("the controller is lost since %.0f s: safe values are written", silent_s)
        self._say("controller_lost", {"silent_s": round(silent_s)})
        await asyncio.gather(*(self._write(one) for one in self._config.writes))

    async def _write(self, wanted: FallbackWrite) -> None:
        device = self._inventory.device(wanted.device)
        assert device is not None, "config_check refuses unknown devices"
        actuator = self._actuators[device.source]
        reason = ""
        for attempt in range(TRIES):
            if attempt:
                await asyncio.sleep(RETRY_S)
            if not self._is_lost:
                return
            if self._interlocks.holder(wanted.device, wanted.point) is not None:
                reason = "interlock_active"
                continue
            result = await actuator.write(
                wanted.device, wanted.point, wanted.value, timeout_s=WRITE_TIMEOUT_S
            )
            reason = result.reason
            if result.outcome == "succeeded":
                self._report("fallback_written", wanted, "")
                return
        self._report("fallback_failed", wanted, reason)

    def _report(self, kind: str, wanted: FallbackWrite, reason: str) -> None:
        _log.warning("%s: %s %s = %g %s", kind, wanted.device, wanted.point, wanted.value, reason)
        facts: dict[str, str | float] = {"point": wanted.point, "value": wanted.value}
        if reason:
            facts["reason"] = reason
        self._say(kind, facts, wanted.device)

    def _say(self, kind: str, facts: Mapping[str, str | float], device: str | None = None) -> None:
        self._events.post(
            Event(
                id=str(uuid.uuid4()),
                time_ns=self._clock.now_ns(),
                kind=kind,
                device=device,
                attributes=dict(facts),
            )
        )
