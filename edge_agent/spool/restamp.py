"""Correcting the times of a batch that was taken before the clock was synced (pure)."""

from __future__ import annotations

from dataclasses import replace

from campus_wire.batch import Batch, Block, decode_batch, encode_batch
from campus_wire.limits import TIME_NS_MAX
from campus_wire.messages import ClockState

_MS = 1_000_000


def restamp(payload: bytes, *, shift_ns: int) -> bytes:
    """Return the payload of the same batch, each time later by `shift_ns`, in whole ms.

    Order and distances stay as they were, and so do boot, values and sequence numbers.

    Raises:
        MalformedError: the payload is no batch.
    """
    batch = decode_batch(payload)
    shift_ms = round(shift_ns / _MS)
    blocks = tuple(_shifted(block, shift_ms * _MS) for block in batch.blocks)
    return encode_batch(_as_restamped(batch, blocks))


def _shifted(block: Block, shift_ns: int) -> Block:
    times = [min(max(time_ns + shift_ns, 0), TIME_NS_MAX) for time_ns in block.times_ns]
    return replace(block, times_ns=times)


def _as_restamped(batch: Batch, blocks: tuple[Block, ...]) -> Batch:
    return replace(batch, blocks=blocks, clock=ClockState.RESTAMPED)
