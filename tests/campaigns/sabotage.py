"""The product with one promise broken on purpose, to see that a campaign finds it.

    python -m tests.campaigns.kill --kills 3 --sabotage puback

- `puback`: the agent forgets a batch as soon as the broker has taken it.
- `early-ack`: the store says that samples are durable a second before it writes them.
- `forgetful-rules`: the controller starts without the state its rules had.
- `no-ledger`: the agent does not note which commands have acted.

    python -m tests.campaigns.garbage_agent --minutes 0.5 --sabotage no-checksum

- `no-checksum`: the agent takes RTU frames whatever their checksum says.
- `refusal-as-zero`: a device that refuses to answer is believed to hold zeros.
- `stale-as-new`: who does not answer is believed to hold what it held last.
- `mixed-up`: a late answer is taken for that to another question.
- `dead-task`: the first garbled answer ends the polling of its bus for good.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from campus_cli.main import main


def _puback() -> None:
    from campus_wire.batch import decode_batch
    from campus_wire.messages import Ack, Range
    from campus_wire.topics import Up
    from edge_agent.uplink import Uplink

    publish = Uplink._publish

    async def publish_and_forget(self: Any, kind: Up, payload: bytes, *, retain: bool) -> None:
        await publish(self, kind, payload, retain=retain)
        if kind is Up.BATCH:
            batch = decode_batch(payload)
            taken = (Range(first=batch.first, last=batch.last),)
            self._spool.ack(Ack(epoch=batch.epoch, stored=taken))

    Uplink._publish = publish_and_forget  # type: ignore[method-assign]


def _early_ack() -> None:
    from controller.telemetry.influx_store import InfluxStore

    write = InfluxStore.write
    later: set[asyncio.Task[None]] = set()

    async def write_later(self: Any, frames: Sequence[Any]) -> None:
        async def work() -> None:
            await asyncio.sleep(1.0)
            await write(self, frames)

        task = asyncio.create_task(work())
        later.add(task)
        task.add_done_callback(later.discard)

    InfluxStore.write = write_later  # type: ignore[method-assign]


def _forgetful_rules() -> None:
    from controller.rule_engine import RuleEngine

    def restore(_self: Any, _states: Iterable[Any]) -> None:
        """Remember nothing."""

    RuleEngine.restore = restore  # type: ignore[assignment, method-assign]


def _no_ledger() -> None:
    from edge_agent.spool.store import SpoolStore

    def claim(_self: Any, _command_id: str, _expires_ns: int) -> bool:
        return True

    def repeat_receipt(_self: Any, _command_id: str) -> bool:
        return False

    SpoolStore.claim = claim  # type: ignore[assignment, method-assign]
    SpoolStore.repeat_receipt = repeat_receipt  # type: ignore[assignment, method-assign]


def _no_checksum() -> None:
    from edge_agent.modbus import rtu_framing

    def holds(_frame: bytes) -> bool:
        return True

    rtu_framing._crc_holds = holds  # type: ignore[assignment]


def _instead_of_errors(instead: Callable[[Any, Any, Exception], Sequence[int]]) -> None:
    from edge_agent.modbus.client import ModbusClient
    from edge_agent.modbus.errors import ModbusError

    execute = ModbusClient.execute

    async def believe(self: Any, request: Any, timeout_s: float | None = None) -> Sequence[int]:
        try:
            reply = await execute(self, request, timeout_s)
        except ModbusError as error:
            return instead(self, request, error)
        _held[self, request.unit, request.pdu] = reply
        return reply

    ModbusClient.execute = believe  # type: ignore[method-assign]


_held: Final[dict[tuple[Any, int, bytes], Sequence[int]]] = {}


def _refusal_as_zero() -> None:
    from edge_agent.modbus.errors import DeviceExceptionError

    def zeros(_client: Any, request: Any, error: Exception) -> Sequence[int]:
        if not isinstance(error, DeviceExceptionError):
            raise error
        return [0] * int.from_bytes(request.pdu[3:5], "big")

    _instead_of_errors(zeros)


def _stale_as_new() -> None:
    def last(client: Any, request: Any, error: Exception) -> Sequence[int]:
        if (client, request.unit, request.pdu) not in _held:
            raise error
        return _held[client, request.unit, request.pdu]

    _instead_of_errors(last)


def _mixed_up() -> None:
    from edge_agent.modbus.ascii_framing import AsciiFraming
    from edge_agent.modbus.rtu_framing import RtuFraming

    def confuses(_self: Any, _overdue: Any, _request: Any) -> bool:
        return False

    RtuFraming.confuses = confuses  # type: ignore[assignment, method-assign]
    AsciiFraming.confuses = confuses  # type: ignore[assignment, method-assign]


def _dead_task() -> None:
    from edge_agent.modbus.client import ModbusClient
    from edge_agent.modbus.errors import GarbledError

    execute = ModbusClient.execute

    async def hang(self: Any, request: Any, timeout_s: float | None = None) -> Sequence[int]:
        try:
            return await execute(self, request, timeout_s)
        except GarbledError:
            await asyncio.Event().wait()
            raise

    ModbusClient.execute = hang  # type: ignore[method-assign]


SABOTAGES: Final[dict[str, Callable[[], None]]] = {
    "puback": _puback,
    "early-ack": _early_ack,
    "forgetful-rules": _forgetful_rules,
    "no-ledger": _no_ledger,
    "no-checksum": _no_checksum,
    "refusal-as-zero": _refusal_as_zero,
    "stale-as-new": _stale_as_new,
    "mixed-up": _mixed_up,
    "dead-task": _dead_task,
}

GARBAGE_SABOTAGES: Final = (
    "no-checksum",
    "refusal-as-zero",
    "stale-as-new",
    "mixed-up",
    "dead-task",
)
"""Those that `tests.campaigns.garbage_agent` has to find."""

if __name__ == "__main__":
    SABOTAGES[sys.argv.pop(1)]()
    if sys.argv[1:3] == ["edge", "run"]:
        sys.argv.append("--no-exec")  # what it would become is whole again
    main()
