"""Commands from the controller: checked, executed once, read back, answered.

The order of the checks matters: nothing of a message is believed before its signature holds, and
what fails before that is told to the audit (log and event) only, never answered: an answer would
let a forger end other people's commands.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from campus_wire.errors import MalformedError
from campus_wire.messages import Command, Event, Expectation, Outcome, Receipt, decode
from campus_wire.signing import is_signed
from edge_agent.command_checks import Verdict, check
from edge_agent.interlocks import Interlocks
from edge_agent.inventory import Inventory
from edge_agent.ports import Actuator, CommandLedger, EdgeClock, EventSink, WriteResult

_log: Final = logging.getLogger(__name__)

LANES: Final = 8
"""Commands for different devices run beside each other, those for one device in order."""
LANE_MAX: Final = 32
"""So many commands may wait in a lane; more are rejected at once."""
WRITE_TIMEOUT_S: Final = 5.0
EXPECTATION_POLL_S: Final = 0.2
AUDIT_INTERVAL_NS: Final = 10_000_000_000
"""Refusals for one reason make at most one event in this time; the event says how many."""


class Commands:
    """Executes commands.

    Args:
        gateway: the id of this gateway.
        key: what commands are signed with; None refuses them all.
        inventory: the devices and points that exist.
        actuators: by the id of the source that a device is connected to.
        interlocks: what must not be overridden.
        ledger: which commands have acted, on disk.
        events: the audit.
        clock: for expiry.
    """

    def __init__(
        self,
        gateway: str,
        key: bytes | None,
        *,
        inventory: Inventory,
        actuators: Mapping[str, Actuator],
        interlocks: Interlocks,
        ledger: CommandLedger,
        events: EventSink,
        clock: EdgeClock,
    ) -> None:
        self._gateway = gateway
        self._key = key
        self._inventory = inventory
        self._actuators = actuators
        self._interlocks = interlocks
        self._ledger = ledger
        self._events = events
        self._clock = clock
        self._lanes: list[asyncio.Queue[Command]] = [asyncio.Queue(LANE_MAX) for _ in range(LANES)]
        self._under_way: set[str] = set()
        self._said_ns: dict[str, int] = {}
        self._unsaid: dict[str, int] = {}

    def rebind(self, key: bytes | None, inventory: Inventory) -> None:
        """Go on with another key and inventory; commands that wait are checked by these."""
        self._key = key
        self._inventory = inventory

    async def run(self) -> None:
        """Answer for commands that a crash interrupted, then execute until cancelled."""
        for command_id in await self._ledger.unfinished():
            _log.warning("command %s was interrupted; nobody knows whether it acted", command_id)
            receipt = self._receipt(command_id, Outcome.UNKNOWN, "interrupted")
            await self._ledger.finish(command_id, receipt)
        async with asyncio.TaskGroup() as group:
            for number, lane in enumerate(self._lanes):
                group.create_task(self._work(lane), name=f"commands {number}")

    async def on_message(self, payload: bytes, *, retained: bool) -> None:
        """Take a message of the command topic. Returns before the command is executed."""
        try:
            command = decode(Command, payload)
        except MalformedError as error:
            self._audit(error.reason, None)
            return
        refusal = self._distrust(command, retained=retained)
        if refusal is not None:
            self._audit(refusal, command)
            return
        if command.id in self._under_way:
            return
        lane = self._lanes[hash(command.device) % LANES]
        try:
            lane.put_nowait(command)
        except asyncio.QueueFull:
            await self._reply(command, Verdict(Outcome.REJECTED, "too_many_commands"))
        else:
            self._under_way.add(command.id)

    def _distrust(self, command: Command, *, retained: bool) -> str | None:
        if retained:
            return "retained"
        if command.gateway != self._gateway:
            return "other_gateway"
        if self._key is None:
            return "no_key"
        return None if is_signed(command, self._key) else "signature"

    async def _work(self, lane: asyncio.Queue[Command]) -> None:
        while True:
            command = await lane.get()
            try:
                await self._execute(command)
            finally:
                self._under_way.discard(command.id)

    async def _execute(self, command: Command) -> None:
        if await self._ledger.repeat_receipt(command.id):
            # A redelivery is rare and looks like a replay, so both are told.
            self._audit("repeated", command)
            return
        verdict = self._check(command)
        if verdict is not None:
            await self._reply(command, verdict)
            return
        if not await self._ledger.claim(command.id, command.expires_ns):
            # Claimed before without an end, or the ledger cannot be written: it must not act now,
            # and may have acted then.
            await self._reply(command, Verdict(Outcome.UNKNOWN, "not_claimed"))
            return
        # Claiming waits for the disk: an interlock may have tripped, or time run out, meanwhile.
        verdict = self._check(command)
        value_read = None
        if verdict is None:
            result = await self._act(command)
            value_read = result.value_read
            verdict = Verdict(Outcome(result.outcome), result.reason or None)
        receipt = self._receipt(command.id, verdict.outcome, verdict.reason, value_read)
        await self._ledger.finish(command.id, receipt)
        self._log_end(command, receipt)

    def _check(self, command: Command) -> Verdict | None:
        return check(
            command,
            inventory=self._inventory,
            actuators=self._actuators,
            interlocks=self._interlocks,
            now_ns=self._clock.now_ns(),
            is_synced=self._clock.is_synced,
        )

    # --- acting ---------------------------------------------------------------------------------

    async def _act(self, command: Command) -> WriteResult:
        device = self._inventory.device(command.device)
        assert device is not None, "checked before"
        actuator = self._actuators[device.source]
        life_s = (command.expires_ns - self._clock.now_ns()) / 1e9
        result = await actuator.write(
            command.device, command.point, command.value, timeout_s=min(WRITE_TIMEOUT_S, life_s)
        )
        self._interlocks.recheck(command.device, command.point)
        if command.expect is None or _certainly_failed(result):
            return result
        return await self._expect(actuator, command.device, command.expect)

    async def _expect(self, actuator: Actuator, device: str, expected: Expectation) -> WriteResult:
        value: float | None = None
        with suppress(TimeoutError):
            async with asyncio.timeout(expected.within_s):
                while True:
                    value = await actuator.read(device, expected.point, timeout_s=expected.within_s)
                    if value is not None and abs(value - expected.value) <= expected.tolerance:
                        return WriteResult("succeeded", value)
                    await asyncio.sleep(EXPECTATION_POLL_S)
        if value is None:
            return WriteResult("unknown", reason="no_answer")
        return WriteResult("failed", value, "expectation_not_met")

    # --- telling --------------------------------------------------------------------------------

    async def _reply(self, command: Command, verdict: Verdict) -> None:
        receipt = self._receipt(command.id, verdict.outcome, verdict.reason)
        await self._ledger.reply(receipt)
        self._log_end(command, receipt)

    def _receipt(
        self,
        command_id: str,
        outcome: Outcome,
        reason: str | None,
        value_read: float | None = None,
    ) -> Receipt:
        return Receipt(
            id=str(uuid.uuid4()),
            command=command_id,
            outcome=outcome,
            reason=reason,
            value_read=value_read,
            time_ns=self._clock.now_ns(),
        )

    def _log_end(self, command: Command, receipt: Receipt) -> None:
        _log.info(
            "command %s by %s: %s %s = %g: %s %s",
            *(command.id, command.by, command.device, command.point, command.value),
            *(receipt.outcome, receipt.reason or ""),
        )

    def _audit(self, reason: str, command: Command | None) -> None:
        """Note a message that was not believed; the first at once, further ones as a number."""
        now_ns = self._clock.monotonic_ns()
        said_ns = self._said_ns.get(reason)
        if said_ns is not None and now_ns - said_ns < AUDIT_INTERVAL_NS:
            self._unsaid[reason] = self._unsaid.get(reason, 0) + 1
            return
        self._said_ns[reason] = now_ns
        unsaid = self._unsaid.pop(reason, 0)
        command_id = command.id if command is not None else None
        _log.warning("command %s refused: %s (%d more before)", command_id, reason, unsaid)
        self._events.post(
            Event(
                id=str(uuid.uuid4()),
                time_ns=self._clock.now_ns(),
                kind="command_rejected",
                attributes={"reason": reason, "command": command_id, "more_before": unsaid},
            )
        )


def _certainly_failed(result: WriteResult) -> bool:
    return result.outcome == "failed" and result.reason != "read_back_differs"
