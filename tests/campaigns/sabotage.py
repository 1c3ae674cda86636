"""The product with one promise broken on purpose, to see that a campaign finds it.

    python -m tests.campaigns.kill --kills 3 --sabotage puback

- `puback`: the agent forgets a batch as soon as the broker has taken it.
- `early-ack`: the store says that samples are durable a second before it writes them.
- `forgetful-rules`: the controller starts without the state its rules had.
- `no-ledger`: the agent does not note which commands have acted.
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


SABOTAGES: Final[dict[str, Callable[[], None]]] = {
    "puback": _puback,
    "early-ack": _early_ack,
    "forgetful-rules": _forgetful_rules,
    "no-ledger": _no_ledger,
}

if __name__ == "__main__":
    SABOTAGES[sys.argv.pop(1)]()
    if sys.argv[1:3] == ["edge", "run"]:
        sys.argv.append("--no-exec")  # what it would become is whole again
    main()
