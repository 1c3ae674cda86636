"""A real edge agent between a scripted field and an onlooker on its broker."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import sys
import time
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Final

import aiomqtt
import orjson

from campus_wire import signing
from campus_wire.batch import decode_batch
from campus_wire.messages import Command, Event, Receipt, decode
from campus_wire.topics import Down, Up, down, parse
from tests.support.modbus_script import Send, mbap, registers, scripted_tcp
from tests.support.servers import Mosquitto, Server
from tests.system.bad_input.modbus_cases import TIMEOUT_S, ModbusCase

GATEWAY: Final = "demo-school-1"
_PATIENCE_S: Final = 10.0
_COILS: Final = 1
_WRITE_COIL: Final = 5


class EdgeProcess(Server):
    """`campus edge run`."""

    program: ClassVar[str] = sys.executable
    package: ClassVar[str] = "python3"

    def __init__(self, directory: Path, config: Path) -> None:
        super().__init__(directory)
        self.log_path = directory / "edge.log"
        self._config = config

    def _prepare(self) -> None:
        """The configuration is there."""

    def _arguments(self) -> Sequence[str]:
        return ["-m", "campus_cli.main", "edge", "run", "--config", str(self._config)]

    def _is_ready(self) -> bool:
        return True


@dataclass
class GasDetector:
    """Answers each read with the next number, or with something bad, when asked to."""

    number: int = 100
    bad: ModbusCase | None = None
    bad_left: int = 0
    sent_s: dict[int, float] = field(default_factory=dict)

    def spoil(self, case: ModbusCase) -> None:
        """Spoil a poll: the agent asks a second time before it believes in a bad answer."""
        self.bad, self.bad_left = case, 2

    async def __call__(self, request: bytes, send: Send) -> None:
        """Answer one request."""
        if self.bad_left:
            assert self.bad is not None
            self.bad_left -= 1
            await self.bad.reply(request, send)
            return
        self.number += 1
        self.sent_s[self.number] = time.monotonic()
        send(mbap(request, registers(self.number, function=request[7])))


@dataclass
class Relay:
    """Eight coils that can be written one at a time."""

    coils: int = 0
    writes: int = 0

    async def __call__(self, request: bytes, send: Send) -> None:
        """Answer one request."""
        pdu = request[7:]
        if pdu[0] == _WRITE_COIL:
            self.writes += 1
            bit = 1 << pdu[2]
            self.coils = self.coils | bit if pdu[3] == 0xFF else self.coils & ~bit
            send(mbap(request, pdu))
        elif pdu[0] == _COILS:
            send(mbap(request, bytes([_COILS, 1, self.coils])))
        else:
            send(mbap(request, bytes([pdu[0] | 0x80, 1])))


@dataclass
class EdgeRig:
    """Everything around the agent."""

    client: aiomqtt.Client
    process: EdgeProcess
    gas: GasDetector
    relay: Relay
    key: bytes
    epoch: str = ""
    values: dict[float, float] = field(default_factory=dict)
    """Each concentration that was published, and when it was first heard (monotonic)."""
    qualities: list[int] = field(default_factory=list)
    receipts: dict[str, Receipt] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    _heard: asyncio.Event = field(default_factory=asyncio.Event)

    async def listen(self) -> None:
        """Take what the agent publishes until cancelled."""
        async for message in self.client.messages:
            assert isinstance(message.payload, bytes)
            match parse(str(message.topic)).kind:
                case Up.BATCH:
                    self._batch(message.payload)
                case Up.RECEIPT:
                    receipt = decode(Receipt, message.payload)
                    self.receipts[receipt.command] = receipt
                case Up.EVENT:
                    self.events.append(decode(Event, message.payload))
                case _:
                    pass
            self._heard.set()

    def _batch(self, payload: bytes) -> None:
        batch = decode_batch(payload)
        self.epoch = batch.epoch
        for block in batch.blocks:
            if list(block.points) != [0]:  # the detector's one point is the catalog's first
                continue
            self.qualities += [code for _, _, code in block.flaws]
            for value in block.columns[0]:
                if value is not None:
                    self.values.setdefault(value, time.monotonic())

    async def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait until something heard makes the condition true."""
        try:
            async with asyncio.timeout(_PATIENCE_S):
                while not condition():
                    self._heard.clear()
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(0.05):
                            await self._heard.wait()
        except TimeoutError:
            raise AssertionError(f"not within {_PATIENCE_S:g} s: {what}") from None

    async def send(self, kind: Down, payload: bytes, *, retain: bool = False) -> None:
        """Publish to the agent."""
        await self.client.publish(down(GATEWAY, kind), payload, 1, retain, timeout=_PATIENCE_S)

    def command(self, **changes: Any) -> Command:
        """Return a good, signed command, but for what is changed before it is signed."""
        now_ns = time.time_ns()
        plain: dict[str, Any] = {
            "id": str(uuid.uuid4()),
            "gateway": GATEWAY,
            "device": "relay-1",
            "point": "relay_1",
            "value": float(not self.relay.coils & 1),
            "issued_ns": now_ns,
            "expires_ns": now_ns + 30 * 10**9,
            "by": "campaign",
        }
        return signing.sign(Command.model_validate(plain | changes, strict=False), self.key)

    async def good_command(self) -> float:
        """Switch the relay; return after how many seconds its receipt came."""
        command = self.command()
        started_s = time.monotonic()
        await self.send(Down.COMMAND, _payload(command))
        await self.until(lambda: command.id in self.receipts, "the receipt of a good command")
        assert self.receipts[command.id].outcome == "succeeded", self.receipts[command.id]
        return time.monotonic() - started_s


def _payload(command: Command) -> bytes:
    return command.model_dump_json(exclude_none=True).encode()


payload_of = _payload


@contextlib.asynccontextmanager
async def edge_rig(directory: Path, broker: Mosquitto) -> AsyncIterator[EdgeRig]:
    """A running agent that has published its first sample and can be commanded."""
    gas, relay = GasDetector(), Relay()
    key = secrets.token_bytes(32)
    (directory / "command.key").write_text(key.hex())
    async with (
        scripted_tcp(gas) as gas_server,
        scripted_tcp(relay) as relay_server,
        aiomqtt.Client(broker.host, broker.port) as client,
    ):
        config = directory / "edge.yaml"
        config.write_bytes(
            orjson.dumps(_config(directory, broker, gas=gas_server.port, relay=relay_server.port))
        )
        process = EdgeProcess(directory, config)
        rig = EdgeRig(client, process, gas, relay, key)
        await client.subscribe(f"campus/1/up/{GATEWAY}/+", 1)
        listening = asyncio.create_task(rig.listen())
        await asyncio.to_thread(process.start)
        try:
            async with asyncio.timeout(30):
                while not rig.values:  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
            await asyncio.sleep(0.5)  # both relays have been read once by now
            await rig.good_command()
            yield rig
        finally:
            await asyncio.to_thread(process.stop)
            listening.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await listening


def _config(directory: Path, broker: Mosquitto, *, gas: int, relay: int) -> dict[str, Any]:
    name = {"zh": "试验", "en": "Trial"}
    device = {"area": "store-1", "name": name, "unit_id": 1, "interval_s": 0.1}
    return {
        "gateway": GATEWAY,
        "school": {"id": "trial", "name": name},
        "areas": [{"id": "store-1", "kind": "chemical_store", "name": name}],
        "uplink": {
            "broker": {"host": broker.host, "port": broker.port},
            "command_key_file": str(directory / "command.key"),
        },
        "spool": {"path": str(directory / "spool.db"), "disk_reserve_mb": 0},
        "clock": {"source": "system"},
        "buses": [
            {
                "id": "gas",
                "modbus": {
                    "transport": "tcp",
                    "host": "127.0.0.1",
                    "port": gas,
                    "timeout_s": TIMEOUT_S,
                },
                "devices": [
                    device
                    | {"id": "gas-1", "profile": "copeland-c-series", "points": ["concentration"]}
                ],
            },
            {
                "id": "relay",
                "modbus": {"transport": "tcp", "host": "127.0.0.1", "port": relay},
                "devices": [
                    device | {"id": "relay-1", "profile": "waveshare-modbus-rtu-relay-8ch"}
                ],
            },
        ],
    }
