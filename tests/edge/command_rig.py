"""The command executor with a ledger, an actuator and a clock that tests turn."""

import asyncio
import hashlib
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from campus_wire.batch import Sample
from campus_wire.messages import Command, Outcome, Receipt, encode
from campus_wire.signing import sign
from edge_agent.commands import Commands
from edge_agent.interlocks import Interlocks
from tests.edge.fakes import (
    FakeActuator,
    FakeClock,
    RecordingEvents,
    S,
    edge_config,
    modbus_device,
    site,
)

KEY = hashlib.sha256(b"test").digest()
AC = modbus_device("ac", "haier-ycj-a002", unit=1)
RELAY = modbus_device("relay", "waveshare-modbus-rtu-relay-8ch", unit=2)
GAS = modbus_device("gas", "elt-mb-350u-c", unit=3)
FAN = {
    "id": "co-fan",
    "when": {"device": "gas", "point": "co", "at_or_above": 25, "lost_after_s": 3600},
    "then": {"device": "relay", "point": "relay_1", "value": 1},
    "on_sensor_lost": "hold",
}


class FakeLedger:
    """The ledger in memory; survives the `Commands` that use it, as the disk does."""

    def __init__(self) -> None:
        self.claimed: dict[str, Receipt | None] = {}
        self.receipts: list[Receipt] = []
        self.repeated: list[str] = []
        self.is_writable = True

    async def claim(self, command_id: str, expires_ns: int) -> bool:
        assert expires_ns > 0
        await asyncio.sleep(0)
        if command_id in self.claimed or not self.is_writable:
            return False
        self.claimed[command_id] = None
        return True

    async def finish(self, command_id: str, receipt: Receipt) -> None:
        self.claimed[command_id] = receipt
        self.receipts.append(receipt)

    async def reply(self, receipt: Receipt) -> None:
        self.receipts.append(receipt)

    async def unfinished(self) -> tuple[str, ...]:
        return tuple(one for one, receipt in self.claimed.items() if receipt is None)

    async def repeat_receipt(self, command_id: str) -> bool:
        if self.claimed.get(command_id) is None:
            return False
        self.repeated.append(command_id)
        return True


class Rig:
    def __init__(self, *, key: bytes | None = KEY, ledger: FakeLedger | None = None) -> None:
        self.clock = FakeClock()
        self.events = RecordingEvents()
        self.actuator = FakeActuator()
        self.ledger = ledger or FakeLedger()
        config = edge_config(AC, RELAY, GAS, interlocks=[FAN])
        self.inventory = site(config)
        self.interlocks = Interlocks(
            config.interlocks,
            self.inventory,
            actuators={"bus": self.actuator},
            clock=self.clock,
            events=self.events,
        )
        self.commands = Commands(
            "gw-test",
            key,
            inventory=self.inventory,
            actuators={"bus": self.actuator},
            interlocks=self.interlocks,
            ledger=self.ledger,
            events=self.events,
            clock=self.clock,
        )

    def command(self, **changes: Any) -> Command:
        now_ns = self.clock.now_ns()
        fields = {
            "id": str(uuid.uuid4()),
            "gateway": "gw-test",
            "device": "ac",
            "point": "temperature_setpoint",
            "value": 24.0,
            "issued_ns": now_ns,
            "expires_ns": now_ns + 30 * S,
            "by": "test",
        }
        return sign(Command.model_validate(fields | changes), KEY)

    async def give(self, *commands: Command, retained: bool = False) -> None:
        for command in commands:
            await self.commands.on_message(encode(command), retained=retained)
        await self.settle()

    async def settle(self) -> None:
        for _ in range(20):
            await asyncio.sleep(0)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.commands.run())
        try:
            await self.settle()
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def see_gas(self, value: float) -> None:
        found = self.inventory.device("gas")
        assert found is not None
        points = (found.point_indices["co"],)
        self.clock.advance(1)
        self.interlocks.observe([Sample(found.index, points, self.clock.now_ns(), (value,), (0,))])

    @property
    def outcomes(self) -> list[tuple[Outcome, str | None]]:
        return [(receipt.outcome, receipt.reason) for receipt in self.ledger.receipts]
