"""Commands: checked, signed, written down, published, and followed until their receipt.

A command is written to the state before it is published and never retained on the broker. One that
could not be published yet is tried again until it expires; the gateway runs an id once, however
often it hears it. A command nobody answered ends as `expired` when it never left, and as `unknown`
when it did: the gateway may have acted and its receipt may still come, and then counts.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from campus_wire import signing
from campus_wire.errors import LinkDownError
from campus_wire.limits import COMMAND_LIFE_S_MAX
from campus_wire.messages import Command, Expectation, Outcome, Receipt, encode
from campus_wire.topics import Down, down
from controller import command_rows
from controller.config import CommandSettings
from controller.errors import RefusedError, StateBusyError
from controller.inventory import DeviceEntry, Inventory
from controller.state.database import Database

_log: Final = logging.getLogger(__name__)
_TICK_S: Final = 0.5
_BY_CHARS_MAX: Final = 200

Publish = Callable[[str, bytes], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandRequest:
    """What somebody wants written. `by` is a token's name or `rule:<id>`."""

    gateway: str
    device: str
    point: str
    value: float
    by: str
    life_s: float | None = None
    expect: Expectation | None = None


@dataclass(slots=True)
class _Open:
    command: Command
    published: bool = False


class Commands:
    """All commands that are not ended yet.

    Args:
        database: Where they are written down.
        inventory: Which devices and points there are.
        publish: Sends one payload to one topic with QoS 1; raises LinkDownError.
        secret: The district's secret.
        settings: Lives and limits.
        clock_ns: The wall clock.
        on_ended: Told of each outcome, for counting.
    """

    def __init__(
        self,
        *,
        database: Database,
        inventory: Inventory,
        publish: Publish,
        secret: bytes,
        settings: CommandSettings,
        clock_ns: Callable[[], int],
        on_ended: Callable[[Outcome], None] = lambda _outcome: None,
    ) -> None:
        self._database = database
        self._inventory = inventory
        self._publish = publish
        self._secret = secret
        self._settings = settings
        self._clock_ns = clock_ns
        self._on_ended = on_ended
        self._open: dict[str, _Open] = {}
        self._wake = asyncio.Event()

    async def start(self) -> None:
        """Take up what was open when the process ended."""
        for command, published in await self._database.read(command_rows.open_commands):
            self._open[command.id] = _Open(command, published)

    # --- issuing -------------------------------------------------------------------------------

    def prepare(self, request: CommandRequest) -> Command:
        """Return the signed command for a request.

        Raises:
            RefusedError: the device or point is unknown or read-only, the value lies outside the
                point's limits, the life is too long, or too many commands are open.
        """
        if len(self._open) >= self._settings.open_max:
            raise RefusedError("too_many_commands", f"{len(self._open)} commands are open")
        life_s = self._settings.life_s if request.life_s is None else request.life_s
        if not 0 < life_s <= COMMAND_LIFE_S_MAX:
            raise RefusedError("command_life", f"a command lives up to {COMMAND_LIFE_S_MAX} s")
        entry = self._inventory.device(request.gateway, request.device)
        if entry is None:
            place = f"{request.gateway}/{request.device}"
            raise RefusedError("device_unknown", "there is no such device", place=place)
        _check_value(entry, request)
        now_ns = self._clock_ns()
        command = Command(
            id=str(uuid.uuid4()),
            gateway=request.gateway,
            device=request.device,
            point=request.point,
            value=request.value,
            issued_ns=now_ns,
            expires_ns=now_ns + int(life_s * 1e9),
            by=request.by[:_BY_CHARS_MAX],
            expect=request.expect,
        )
        return signing.sign(command, signing.gateway_key(self._secret, request.gateway))

    async def issue(self, request: CommandRequest) -> Command:
        """Write a command down and have it published; return it.

        Raises:
            RefusedError: as `prepare`.
            StateBusyError: it could not be written down, and will not be published.
        """
        command = self.prepare(request)
        await self._database.write(lambda connection: command_rows.add(connection, command))
        self.accept([command])
        return command

    def accept(self, commands: Iterable[Command]) -> None:
        """Have commands published that were written down in a transaction of the caller's."""
        for command in commands:
            self._open[command.id] = _Open(command)
        self._wake.set()

    # --- following -----------------------------------------------------------------------------

    def note_receipts(self, receipts: Sequence[tuple[str, Receipt]]) -> None:
        """Take the outcomes of receipts (gateway, receipt) that were recorded in the state."""
        for gateway, receipt in receipts:
            known = self._open.get(receipt.command)
            if known is not None and known.command.gateway == gateway:
                del self._open[receipt.command]
                self._on_ended(receipt.outcome)

    async def get(self, command_id: str) -> command_rows.CommandEntry | None:
        """Return a command with its outcome so far, or None."""
        return await self._database.read(lambda c: command_rows.get(c, command_id))

    @property
    def open_count(self) -> int:
        """How many commands have no outcome."""
        return len(self._open)

    async def run(self) -> None:
        """Publish what is to be published and end what nobody answers, for ever."""
        while True:
            try:
                async with asyncio.timeout(_TICK_S):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()
            try:
                await self._publish_due()
                await self._end_overdue()
            except StateBusyError as error:
                _log.warning("commands wait for the state database: %s", error)
                await asyncio.sleep(_TICK_S)

    async def _publish_due(self) -> None:
        now_ns = self._clock_ns()
        due = [
            known.command
            for known in self._open.values()
            if not known.published and now_ns < known.command.expires_ns
        ]
        # All at once: one answer that is late must not cost the others their short lives.
        published = await asyncio.gather(*(self._publish_one(command) for command in due))
        done = [command.id for command, ok in zip(due, published, strict=True) if ok]
        if done:
            await self._database.write(lambda c: command_rows.mark_published(c, done))

    async def _publish_one(self, command: Command) -> bool:
        try:
            await self._publish(down(command.gateway, Down.COMMAND), encode(command))
        except LinkDownError as error:
            _log.debug("command %s waits for the broker: %s", command.id, error)
            return False
        known = self._open.get(command.id)
        if known is not None:
            known.published = True
        return True

    async def _end_overdue(self) -> None:
        now_ns = self._clock_ns()
        grace_ns = int(self._settings.receipt_grace_s * 1e9)
        for known in list(self._open.values()):
            if known.published:
                outcome, until_ns = Outcome.UNKNOWN, known.command.expires_ns + grace_ns
            else:
                outcome, until_ns = Outcome.EXPIRED, known.command.expires_ns
            if now_ns >= until_ns:
                await self._give_up(known.command.id, outcome, now_ns)

    async def _give_up(self, command_id: str, outcome: Outcome, now_ns: int) -> None:
        was_open = await self._database.write(
            lambda c: command_rows.give_up(c, command_id, outcome, now_ns=now_ns)
        )
        self._open.pop(command_id, None)
        if was_open:
            self._on_ended(outcome)


def _check_value(entry: DeviceEntry, request: CommandRequest) -> None:
    place = f"{request.gateway}/{request.device}/{request.point}"
    point = next((point for point in entry.points if point.name == request.point), None)
    if point is None:
        raise RefusedError("point_unknown", "the device has no such point", place=place)
    if not point.writable:
        raise RefusedError("read_only", "the point cannot be written", place=place)
    low = float("-inf") if point.minimum is None else point.minimum
    high = float("inf") if point.maximum is None else point.maximum
    if not low <= request.value <= high or abs(request.value) == float("inf"):
        message = f"{request.value:g} lies outside {low:g} to {high:g}"
        raise RefusedError("value_range", message, place=place)
    states = [state.value for state in point.states]
    if states and request.value not in states:
        known = ", ".join(f"{state:g}" for state in states)
        raise RefusedError("value_state", f"{request.value:g} is none of {known}", place=place)
