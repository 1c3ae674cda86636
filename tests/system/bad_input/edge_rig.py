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
from campus_wire.messages import Ack, Command, Event, Range, Receipt, decode, encode
from campus_wire.topics import Down, Up, down, parse
from tests.support.modbus_script import Send, mbap, registers, scripted_tcp
from tests.support.servers import Mosquitto, Server
from tests.system.bad_input.modbus_cases import TIMEOUT_S, ModbusCase

GATEWAY: Final = "demo-school-1"
DETECTORS: Final = 8
_PATIENCE_S: Final = 20.0
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

    device: int
    """Its place in the catalog."""
    number: int = 100
    bad: ModbusCase | None = None
    bad_left: int = 0
    sent_s: dict[int, float] = field(default_factory=dict)
    heard_s: dict[float, float] = field(default_factory=dict)
    """Each number that was published, and when it was first heard (monotonic)."""
    qualities: list[int] = field(default_factory=list)
    """Of each bad value that was published."""

    def spoil(self, case: ModbusCase) -> None:
        """Spoil the next poll, with as many requests as it takes."""
        self.bad, self.bad_left = case, case.repeats

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
    gas: Sequence[GasDetector]
    relay: Relay
    key: bytes
    receipts: dict[str, Receipt] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    _epoch: str = ""
    _heard: asyncio.Event = field(default_factory=asyncio.Event)

    async def listen(self) -> None:
        """Take and ack what the agent publishes until cancelled."""
        async for message in self.client.messages:
            assert isinstance(message.payload, bytes)
            match parse(str(message.topic)).kind:
                case Up.BATCH:
                    await self._batch(message.payload)
                case Up.RECEIPT:
                    receipt = decode(Receipt, message.payload)
                    self.receipts[receipt.command] = receipt
                    await self._ack(messages=(receipt.id,))
                case Up.EVENT:
                    event = decode(Event, message.payload)
                    self.events.append(event)
                    await self._ack(messages=(event.id,))
                case _:
                    pass
            self._heard.set()

    async def _batch(self, payload: bytes) -> None:
        batch = decode_batch(payload)
        self._epoch = batch.epoch
        await self._ack(stored=(Range(first=batch.first, last=batch.last),))
        for block in batch.blocks:
            if list(block.points) != [0]:  # the detectors' one point is the catalog's first
                continue
            for row, _, code in block.flaws:
                self.gas[block.devices[row]].qualities.append(code)
            for device, value in zip(block.devices, block.columns[0], strict=True):
                if value is not None:
                    self.gas[device].heard_s.setdefault(value, time.monotonic())

    async def _ack(self, **what: Any) -> None:
        if self._epoch:
            await self.send(Down.ACK, encode(Ack(epoch=self._epoch, **what)))

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
    gas, relay = [GasDetector(device) for device in range(DETECTORS)], Relay()
    key = secrets.token_bytes(32)
    (directory / "command.key").write_text(key.hex())
    (directory / "command.key").chmod(0o600)
    async with contextlib.AsyncExitStack() as stack:
        ports = [(await stack.enter_async_context(scripted_tcp(one))).port for one in gas]
        relay_port = (await stack.enter_async_context(scripted_tcp(relay))).port
        client = await stack.enter_async_context(aiomqtt.Client(broker.host, broker.port))
        config = directory / "edge.yaml"
        config.write_bytes(orjson.dumps(_config(directory, broker, gas=ports, relay=relay_port)))
        rig = EdgeRig(client, EdgeProcess(directory, config), gas, relay, key)
        await client.subscribe(f"campus/1/up/{GATEWAY}/+", 1)
        listening = asyncio.create_task(rig.listen())
        await asyncio.to_thread(rig.process.start)
        try:
            await rig.until(lambda: all(one.heard_s for one in gas), "the first samples")
            await asyncio.sleep(0.5)  # the relay has been read by now
            await rig.good_command()
            yield rig
        finally:
            await asyncio.to_thread(rig.process.stop)
            listening.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await listening


def _config(
    directory: Path, broker: Mosquitto, *, gas: Sequence[int], relay: int
) -> dict[str, Any]:
    name = {"zh": "试验", "en": "Trial"}
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
            *(
                _bus(f"gas-{number}", port, "copeland-c-series", ["concentration"])
                for number, port in enumerate(gas, start=1)
            ),
            _bus("relay-1", relay, "waveshare-modbus-rtu-relay-8ch", None),
        ],
    }


def _bus(device: str, port: int, profile: str, points: list[str] | None) -> dict[str, Any]:
    """A bus of one device."""
    name = {"zh": device, "en": device}
    return {
        "id": device,
        "modbus": {
            "transport": "tcp",
            "host": "127.0.0.1",
            "port": port,
            "timeout_s": TIMEOUT_S,
        },
        "devices": [
            {
                "id": device,
                "profile": profile,
                "area": "store-1",
                "name": name,
                "unit_id": 1,
                "interval_s": 0.1,
                **({} if points is None else {"points": points}),
            }
        ],
    }
