"""What devices need beside their polls: to be known before, to be set up, and a sign of life.

Buses whose devices need nothing of it do not import this.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from device_profiles.model import ModbusProfile
from edge_agent.modbus.asking import Asker
from edge_agent.modbus.errors import ModbusError
from edge_agent.modbus.polled import PolledDevice
from edge_agent.modbus.polling import Chore
from edge_agent.modbus.unknown import Fit
from edge_agent.modbus.writes import Pages
from edge_agent.ports import EdgeClock, EventSink, MaySet

if TYPE_CHECKING:
    from edge_agent.modbus.introduction import Acquaintance

_log: Final = logging.getLogger(__name__)

REMEMBERED_S: Final = 10.0
"""A silent device that was got to know this recently is not asked anew before it is read."""

PAUSE_MIN_S: Final = 0.001
PAUSE_MAX_S: Final = 0.25
"""After each request others have as long as it took, but no longer than this."""
_URGENT: Final = 0
_NORMAL: Final = 1

ReadBy = Callable[[PolledDevice, ModbusProfile, Fit | None], None]
"""Reads a device by a profile from now on."""


@dataclass(slots=True)
class _Life:
    """One device since it was put on its bus."""

    polled: PolledDevice
    acquaintance: Acquaintance | None = None
    known_s: float = -math.inf
    """When it was got to know."""
    valid_for: int = -1
    """The return since which it has given a valid reading."""


class DeviceUpkeep:
    """Does what the devices of one bus need beside their polls.

    Args:
        clock: for pauses and events.
        events: told of what was set up.
        pages: what is known of the pages that devices show.
        read_by: changes the profile that a device is read by.
        may_set: whether interlocks let a point be set up; None: there are none.
    """

    def __init__(
        self,
        *,
        clock: EdgeClock,
        events: EventSink | None,
        pages: Pages,
        read_by: ReadBy,
        may_set: MaySet | None = None,
    ) -> None:
        self.clock = clock
        self.events = events
        self.pages = pages
        self.may_set = may_set
        self._read_by = read_by
        self._lives: dict[str, _Life] = {}

    def _life(self, polled: PolledDevice) -> _Life:
        life = self._lives.get(polled.id)
        if life is None or life.polled is not polled:
            gone = [name for name, one in self._lives.items() if one.polled.gone]
            for name in gone:
                del self._lives[name]
            life = self._lives[polled.id] = _Life(polled)
        return life

    def chores(self, polled: PolledDevice) -> Iterator[Chore]:
        """Yield what is to be done for a device: its setup, and its heartbeat."""
        if not polled.profile.is_plain:
            return
        section = polled.profile.modbus
        if section.setup:
            from edge_agent.modbus.chores import Setup  # noqa: PLC0415

            setup = Setup(polled, self, is_ready=self._is_ready)
            yield Chore(polled, math.inf, _NORMAL, setup.run)
        if section.heartbeat is not None:
            from edge_agent.modbus.chores import Heartbeat  # noqa: PLC0415

            heartbeat = Heartbeat(polled, is_ready=self._is_ready)
            yield Chore(polled, section.heartbeat.every_s, _URGENT, heartbeat.run)

    def _is_ready(self, polled: PolledDevice) -> bool:
        """Say whether a device may be written to: it is there, and has given a valid reading."""
        life = self._life(polled)
        return not polled.health.is_lost and life.valid_for == polled.returns

    # --- polls ----------------------------------------------------------------------------------

    async def before_poll(self, polled: PolledDevice, asker: Asker) -> float:
        """Get to know the device where that is needed, one request at a time.

        Return 0 when it may be polled, and otherwise in how many seconds to come again.

        Raises:
            ModbusError: it does not answer, or not as its profile says.
        """
        base = polled.device.profile
        if base.is_plain:
            return 0.0
        life = self._life(polled)
        started_s = self._now_s()
        was_away = polled.health.is_lost or polled.was_cut
        is_known = polled.profile.is_plain and (
            not was_away or started_s < life.known_s + REMEMBERED_S
        )
        if is_known:
            life.acquaintance = None
            return 0.0
        try:
            if not await self._get_on(life, asker):
                return min(max(self._now_s() - started_s, PAUSE_MIN_S), PAUSE_MAX_S)
        except ModbusError:
            life.acquaintance = None
            raise
        return 0.0

    async def _get_on(self, life: _Life, asker: Asker) -> bool:
        """Ask the next thing; True when all is known."""
        from edge_agent.modbus.introduction import Acquaintance  # noqa: PLC0415

        polled = life.polled
        if life.acquaintance is None:
            self.pages.forget(polled)
            life.acquaintance = Acquaintance(
                polled.device.profile,
                polled.unit_id,
                execute=lambda request: asker.execute(polled, request),
                select=lambda page: self.pages.select(polled, page, asker.execute),
            )
        if not await life.acquaintance.step():
            return False
        profile, facts = life.acquaintance.result()
        life.acquaintance = None
        life.known_s = self._now_s()
        if profile is not polled.profile and not polled.gone:
            points = [point.name for point in polled.device.points]
            present = sum(profile.find(name) is not None for name in points)
            _log.info("%s is found to have %d of %d points", polled.id, present, len(points))
            self._read_by(polled, profile, Fit(polled.device.profile, profile, facts))
        return True

    def after_poll(self, polled: PolledDevice, *, answered: bool, is_valid: bool) -> None:
        """Take note that a poll has ended, and whether any value of it was valid."""
        life = self._life(polled)
        if not answered:
            life.known_s = -math.inf
        if is_valid:
            life.valid_for = polled.returns
        if polled.fit is not None and polled.fit.is_lost and not polled.gone:
            self._read_by(polled, polled.device.profile, None)

    def _now_s(self) -> float:
        return self.clock.monotonic_ns() / 1e9
