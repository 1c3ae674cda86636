"""What is done on a bus beside polling: setting devices up, and keeping their watchdogs quiet.

Nothing is written before a device has given a valid reading, since the start and since it was last
away, and nothing while it is silent. A chore that fails is said, and never stops the polls.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable
from typing import Final, Protocol

from campus_wire.messages import Event
from device_profiles.decoding import Columns
from device_profiles.errors import WriteRefusedError
from device_profiles.model_modbus import ModbusPoint
from device_profiles.model_upkeep import SetupStep
from device_profiles.writing import plan_read_back, plan_write, write_factors
from edge_agent.modbus.asking import Asker
from edge_agent.modbus.errors import REFUSED, DeviceExceptionError, ModbusError
from edge_agent.modbus.plan import Part
from edge_agent.modbus.point_reading import read_factors, read_point
from edge_agent.modbus.polled import PolledDevice
from edge_agent.modbus.requests import Request
from edge_agent.modbus.writes import Pages, carry_out, raw_request
from edge_agent.ports import EdgeClock, EventSink, MaySet

_log: Final = logging.getLogger(__name__)

PAUSE_MAX_S: Final = 0.25
"""After each step others have as long as it took, but no longer than this."""
RETRY_S: Final = 10.0
TRIES_MAX: Final = 5
"""A step of the setup that is not answered is tried so often before it is left out."""
SETUP_DONE: Final = "device_setup"
SETUP_FAILED: Final = "device_setup_failed"


class Tools(Protocol):
    """What chores work with beside whoever asks devices."""

    clock: EdgeClock
    events: EventSink | None
    pages: Pages
    may_set: MaySet | None


class _HeldError(Exception):
    """An interlock holds the point, or has not judged its sensor yet."""


IsReady = Callable[[PolledDevice], bool]
"""Says whether a device may be written to."""


class Heartbeat:
    """Writes the values of `modbus.heartbeat` in turn.

    Args:
        polled: the device.
        is_ready: whether it may be written to.
    """

    def __init__(self, polled: PolledDevice, *, is_ready: IsReady) -> None:
        heartbeat = polled.profile.modbus.heartbeat
        assert heartbeat is not None, f"{polled.id} has no heartbeat"
        self._polled = polled
        self._is_ready = is_ready
        section = polled.profile.modbus
        self._beats: list[Request] = [
            raw_request(polled.unit_id, section, heartbeat.write(turn))
            for turn in range(len(heartbeat.values))
        ]
        self._turn = 0
        self._failed = False

    async def run(self, asker: Asker) -> float | None:
        """Send the next value, if the device is there."""
        if not self._is_ready(self._polled):
            return None
        try:
            await asker.execute(self._polled, self._beats[self._turn % len(self._beats)])
        except ModbusError as error:
            if not self._failed:
                _log.warning("the heartbeat of %s failed: %s", self._polled.id, error)
            self._failed = True
        else:
            self._turn += 1
            if self._failed:
                _log.info("the heartbeat of %s is answered again", self._polled.id)
            self._failed = False
        return None


class Setup:
    """Does the steps of `modbus.setup`, one at a time.

    Args:
        polled: the device.
        tools: what else is needed.
        is_ready: whether it may be written to.
    """

    def __init__(self, polled: PolledDevice, tools: Tools, *, is_ready: IsReady) -> None:
        self._polled = polled
        self._tools = tools
        self._is_ready = is_ready
        self._steps = polled.profile.modbus.setup
        self._at = 0
        self._tries = 0
        self._life = polled.returns

    async def run(self, asker: Asker) -> float | None:
        """Do the next step; read what has to be read for it."""
        polled = self._polled
        if not self._is_ready(polled):
            return polled.device.config.interval_s
        if self._life != polled.returns:
            self._life, self._at, self._tries = polled.returns, 0, 0
        started_ns = self._tools.clock.monotonic_ns()
        if self._at < len(self._steps):
            if not await self._try(self._steps[self._at], asker):
                return RETRY_S
            self._at += 1
            self._tries = 0
        if self._at >= len(self._steps):
            return None
        took_s = (self._tools.clock.monotonic_ns() - started_ns) / 1e9
        return min(took_s, PAUSE_MAX_S)

    async def _try(self, step: SetupStep, asker: Asker) -> bool:
        """Do a step, or say why not; False where it is to be tried again."""
        try:
            await self._do(step, asker)
        except _HeldError:
            return False
        except (ModbusError, WriteRefusedError) as error:
            self._tries += 1
            if _may_come_right(error) and self._tries < TRIES_MAX:
                return False
            self._say_failure(step, error)
        return True

    async def _do(self, step: SetupStep, asker: Asker) -> None:
        """Raises ModbusError, WriteRefusedError."""
        polled = self._polled
        raw = step.raw
        if raw is not None:
            section = polled.profile.modbus
            await asker.execute(polled, raw_request(polled.unit_id, section, raw))
            words = raw.values or (raw.value or 0,)
            self._say(raw.address, ", ".join(map(str, words)) if raw.values else words[0])
            return
        assert step.point is not None, "a step is one or the other"
        assert step.value is not None, "a point is given a value"
        point = polled.profile.find(step.point)
        if point is not None:  # else this variant does not have it
            await self._give(point, step.value, asker)

    async def _give(self, point: ModbusPoint, value: float, asker: Asker) -> None:
        """Give a point a value, unless it has it already."""
        polled = self._polled

        async def ask(part: Part) -> Columns:
            return await asker.ask(polled, part)

        known = await read_factors(polled, write_factors(point), ask)
        plan = plan_write(polled.profile, point, value, known=known)
        shown = plan_read_back(polled.profile, point, known=known)
        shown_by = None if shown is None else polled.profile.find(shown.point)
        if shown is not None and shown_by is not None:
            reading = await read_point(polled, shown_by, ask)
            if reading.value is not None and abs(reading.value - value) <= shown.tolerance:
                return
        may_set = self._tools.may_set
        if may_set is not None and not may_set(polled.id, point.name, value):
            raise _HeldError
        await carry_out(
            polled,
            plan,
            pages=self._tools.pages,
            execute=asker.execute,
            on_acting=_nothing,
        )
        printed = polled.profile.modbus.printed_address(plan.table, plan.address)
        self._say(printed, value, point=point.name)

    def _say(self, address: int, value: float | str, **more: str) -> None:
        _log.info("%s is set up: %s at %d", self._polled.id, value, address)
        self._post(SETUP_DONE, {"address": address, "value": value, **more})

    def _say_failure(self, step: SetupStep, error: ModbusError | WriteRefusedError) -> None:
        where = step.point or f"address {step.address}"
        _log.warning("%s cannot be set up: %s: %s", self._polled.id, where, error)
        attributes: dict[str, float | str | None] = {"reason": error.reason}
        if step.point is not None:
            attributes["point"] = step.point
        else:
            attributes["address"] = step.address
        self._post(SETUP_FAILED, attributes)

    def _post(self, kind: str, attributes: dict[str, float | str | None]) -> None:
        if self._tools.events is not None:
            self._tools.events.post(
                Event(
                    id=str(uuid.uuid4()),
                    time_ns=self._tools.clock.now_ns(),
                    kind=kind,
                    device=self._polled.id,
                    attributes=attributes,
                )
            )


def _may_come_right(error: ModbusError | WriteRefusedError) -> bool:
    if isinstance(error, DeviceExceptionError):
        return error.code not in REFUSED
    return isinstance(error, ModbusError)


def _nothing() -> None:
    pass
