"""One poll of one device: its requests one after the other, and what becomes of their answers.

A device that asks to come again (exceptions 5 and 6) does not hold up the line: the poll is put
aside and gone on with a little later, while others are served.

What a device needs beside its polls is told to its `Upkeep`, before, between and after them.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Final, Protocol

from campus_wire.quality import Quality
from device_profiles.decoding import Columns
from edge_agent.modbus.asking import Asker
from edge_agent.modbus.connection import KeptConnection
from edge_agent.modbus.errors import (
    DeviceBusyError,
    DeviceExceptionError,
    ModbusError,
    NotConnectedError,
)
from edge_agent.modbus.health import Change
from edge_agent.modbus.plan import Part
from edge_agent.modbus.polled import PolledDevice, ReadGroup
from edge_agent.ports import EdgeClock, SampleSink

_log: Final = logging.getLogger(__name__)

BUSY_DELAYS_S: Final = (0.05, 0.1, 0.2, 0.4, 0.8, 1.0, 1.0, 1.0)
"""A device that asks to come again is asked so often more before its values are BUSY."""
_SILENT: Final = frozenset({Quality.NO_ANSWER, Quality.NOT_CONNECTED})


@dataclass(eq=False, slots=True)
class Chore:
    """What is done again and again for a device that is not lost. `rank` as that of a group."""

    polled: PolledDevice
    interval_s: float
    rank: int
    run: Callable[[Asker], Awaitable[float | None]]
    """Does one piece; returns in how many seconds to go on with it, None when it is done. A
    `ModbusError` that comes out of it is left to the polls to notice."""


class Upkeep(Protocol):
    """What devices need beside their polls; each may ask its device whatever it likes.

    A `ModbusError` that comes out of it counts as the poll's own.
    """

    async def before_poll(self, polled: PolledDevice, asker: Asker) -> float:
        """Do the next piece of what must be done before the device's next poll.

        Return 0 when it may be polled, else in how many seconds to go on with this.
        """

    def chores(self, polled: PolledDevice) -> Iterable[Chore]:
        """Return what is done for the device at a rhythm of its own, such as a heartbeat."""

    def after_poll(self, polled: PolledDevice, *, answered: bool, is_valid: bool) -> None:
        """Take note that a poll has ended, and whether any value in it was valid."""


class Poll:
    """One poll, also one that was put aside."""

    __slots__ = (
        *("answered", "deadline_s", "failure", "group", "heard", "missed", "reads", "rest"),
        "results",
        *("prepared", "say_again_s", "time_ns", "told", "tries", "until_s"),
    )

    def __init__(self, group: ReadGroup, *, deadline_s: float) -> None:
        self.group = group
        self.reads = group.reads
        self.results: list[Columns | None] = [None] * len(self.reads.parts)
        self.rest = list(group.in_order_of_trust())
        self.rest.reverse()
        self.told: set[int] = set()
        self.time_ns: int | None = None
        """When the last answer came."""
        self.answered = False
        self.heard = False
        """Whether the device showed that it lives, if only by a probe."""
        self.missed = False
        """Whether the device lives and yet did not give something that was asked for."""
        self.failure: ModbusError | None = None
        self.deadline_s = deadline_s
        self.tries = 0
        self.prepared = False
        """Whether the device was found to be there, and ready to be polled."""
        self.say_again_s: float | None = None
        """When it is time to say once more that nothing is known yet."""
        self.until_s: float | None = None
        """When it is to be gone on with; None: it has ended."""

    @property
    def is_complete(self) -> bool:
        """Whether everything that was asked for was given."""
        return self.answered and self.failure is None and not self.missed

    def put_aside(self, now_s: float) -> bool:
        """Wait until the device may be ready; False when that would be too late."""
        if self.tries >= len(BUSY_DELAYS_S):
            return False
        until_s = now_s + BUSY_DELAYS_S[self.tries]
        if self.tries > 0 and until_s > self.deadline_s:
            return False
        self.tries += 1
        self.until_s = until_s
        return True


class Poller:
    """Polls the devices of one bus.

    Args:
        bus_id: what to call it in the log.
        asker: asks them.
        connection: decides when to connect.
        sink: takes the samples.
        clock: stamps them.
        on_return: is told of a device that answers again.
    """

    def __init__(
        self,
        bus_id: str,
        asker: Asker,
        connection: KeptConnection,
        *,
        sink: SampleSink,
        clock: EdgeClock,
        on_return: Callable[[PolledDevice], None],
    ) -> None:
        self._id = bus_id
        self._asker = asker
        self._connection = connection
        self._sink = sink
        self._clock = clock
        self._on_return = on_return
        self.upkeep: Upkeep | None = None
        """Tends devices that need something beside their polls."""
        self.lost = 0
        """How many devices do not answer."""

    # --- the poll -------------------------------------------------------------------------------

    async def poll(self, group: ReadGroup, *, deadline_s: float) -> Poll:
        """Poll a device; go on with `resume` where the poll says `until_s`."""
        poll = Poll(group, deadline_s=deadline_s)
        polled = group.polled
        if not polled.health.may_ask(self._asker.now_s()):
            self._deliver_all(poll, polled.health.quality)
        elif not await self._connection.is_up(self._asker.now_s()):
            polled.was_cut = True
            self._deliver_all(poll, Quality.NOT_CONNECTED)
        else:
            await self.resume(poll)
        return poll

    async def _prepare(self, poll: Poll) -> bool:
        """Make sure that the device is ready to be polled; False where the poll has to wait."""
        polled = poll.group.polled
        try:
            if polled.health.is_lost and not poll.heard:
                await self._probe(poll)
            if self.upkeep is not None and polled.is_tended:
                wait_s = await self.upkeep.before_poll(polled, self._asker)
                if wait_s > 0:
                    self._wait(poll, wait_s)
                    return False
        except ModbusError as error:
            poll.failure = error
            self._end(poll)
            return False
        poll.prepared = True
        return poll.group in polled.groups  # else the device is read by another profile now

    async def _probe(self, poll: Poll) -> None:
        """Ask a lost device for little. Raises ModbusError."""
        polled = poll.group.polled
        cheap = polled.cheap_part(poll.group)
        if cheap is None:
            return
        try:
            await self._asker.ask(polled, cheap)
        except DeviceExceptionError as error:
            if error.quality in _SILENT:
                raise
        poll.heard = True

    def _wait(self, poll: Poll, wait_s: float) -> None:
        """Let others go first; say once each interval that there is no value yet."""
        now_s = self._asker.now_s()
        poll.until_s = now_s + wait_s
        polled = poll.group.polled
        interval_s = polled.device.config.interval_s
        if poll.say_again_s is None:
            poll.say_again_s = now_s + interval_s
        elif now_s >= poll.say_again_s and not polled.gone:
            poll.say_again_s = now_s + interval_s
            health = polled.health
            self._deliver(poll, health.quality if health.is_lost else Quality.NEVER_READ)

    async def resume(self, poll: Poll) -> None:
        """Go on with a poll."""
        poll.until_s = None
        if not poll.prepared and not await self._prepare(poll):
            return
        while poll.rest and poll.failure is None:
            if self._asker.urgent():
                # What was read before a write must not look as if it were read after it.
                self._tell(poll)
                await self._asker.serve_urgent()
            position = poll.rest[-1]
            part = poll.reads.parts[position]
            if not part.health.may_ask(self._asker.now_s()):
                poll.results[position] = part.bad(part.health.quality)
                poll.missed = True
            elif await self._ask_part(poll, position, part):
                self._tell(poll)
                return
            poll.rest.pop()
        self._end(poll)
        polled = poll.group.polled
        if self.upkeep is not None and polled.is_tended:
            is_valid = any(value is not None for one in poll.results if one for value in one[0])
            self.upkeep.after_poll(polled, answered=poll.answered, is_valid=is_valid)

    async def _ask_part(self, poll: Poll, position: int, part: Part) -> bool:
        """Ask for one part and note what came; True where the poll is to be gone on with later."""
        polled = poll.group.polled
        try:
            columns = await self._asker.ask(polled, part)
        except DeviceBusyError as error:
            if poll.put_aside(self._asker.now_s()):
                return True
            columns = part.bad(error.quality)
            poll.missed = True
            part.health.failed(error.quality, self._asker.now_s())
        except DeviceExceptionError as error:
            if error.quality in _SILENT:  # a gateway's word about a silent device
                poll.failure = error
                return False
            columns = await self._asker.refused(polled, part, error)
            poll.missed = poll.missed or not part.points or error.quality in columns[1]
        except ModbusError as error:
            found = None
            if poll.heard or poll.answered:
                found = await self._asker.unanswered(polled, part, error)
            if found is None:
                poll.failure = error
                return False
            columns = found
        else:
            part.health.answered()
        poll.results[position] = columns
        poll.time_ns = self._clock.now_ns()
        poll.answered = True
        return False

    async def do(self, chore: Chore) -> float | None:
        """Do a piece of a chore, unless its device is lost or there is no connection.

        Return in how many seconds to go on with it, None when it is done or left.
        """
        now_s = self._asker.now_s()
        polled = chore.polled
        if polled.health.is_lost:
            return None
        if not await self._connection.is_up(now_s):
            return polled.device.config.interval_s if chore.interval_s == math.inf else None
        try:
            return await chore.run(self._asker)
        except ModbusError:
            return None

    # --- delivery -------------------------------------------------------------------------------

    def _deliver_all(self, poll: Poll, quality: Quality) -> None:
        poll.rest.clear()
        if not poll.group.polled.gone:
            self._deliver(poll, quality)

    def _deliver(self, poll: Poll, quality: Quality) -> None:
        for sample_class, sample in poll.reads.samples(
            poll.reads.bad(quality), self._clock.now_ns()
        ):
            self._sink.accept((sample,), sample_class)

    def _tell(self, poll: Poll) -> None:
        """Deliver the results that are there and not told yet, each part for itself."""
        for position, columns in enumerate(poll.results):
            if columns is not None and position not in poll.told:
                poll.told.add(position)
                part = poll.reads.parts[position]
                self.deliver_part(poll.group.polled, part, columns, poll.time_ns)

    def deliver_part(
        self, polled: PolledDevice, part: Part, columns: Columns, time_ns: int | None = None
    ) -> None:
        """Deliver the values of one request alone."""
        if polled.gone:
            return
        if time_ns is None:
            time_ns = self._clock.now_ns()
        for sample_class, sample in polled.samples_of(part, columns, time_ns):
            self._sink.accept((sample,), sample_class)

    def _end(self, poll: Poll) -> None:
        """Judge the device, and deliver what was not told yet."""
        if poll.group.polled.gone:
            return
        self._judge(poll)
        rest = poll.failure.quality if poll.failure is not None else Quality.NO_ANSWER
        parts = poll.reads.parts
        if not parts:  # of a device that is not known yet
            self._deliver(poll, rest)
            return
        poll.results = [
            part.bad(rest) if result is None else result
            for part, result in zip(parts, poll.results, strict=True)
        ]
        if poll.told:
            self._tell(poll)
            return
        time_ns = poll.time_ns if poll.time_ns is not None else self._clock.now_ns()
        for sample_class, sample in poll.reads.samples(poll.results, time_ns):  # type: ignore[arg-type]
            self._sink.accept((sample,), sample_class)

    # --- health ---------------------------------------------------------------------------------

    def _judge(self, poll: Poll) -> None:
        polled, failure = poll.group.polled, poll.failure
        if isinstance(failure, NotConnectedError):
            polled.was_cut = True
            self._connection.say_down(failure)
        if poll.answered:
            self._connection.proved_alive()
            if polled.health.answered() is Change.BACK:
                self.lost -= 1
                polled.was_cut = True
                _log.info("%s on bus %s answers again", polled.id, self._id)
            if polled.was_cut:
                polled.returned()
                self._on_return(polled)
            polled.seen = True
        elif failure is not None and not isinstance(failure, NotConnectedError):
            change = polled.health.failed(
                failure.quality, self._asker.now_s(), others_lost=self.lost
            )
            if change is Change.LOST:
                self.lost += 1
                _log.warning("%s on bus %s is lost: %s", polled.id, self._id, failure)
            self._connection.met_silence(failure)
