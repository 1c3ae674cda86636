"""Batches that wait for their catalog: bounded in bytes; what does not fit comes again unacked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from campus_wire.batch import Batch

_SHARE: Final = 4
"""One gateway may fill one part of so many, so that it cannot keep all others from waiting."""


@dataclass(slots=True)
class _Waiting:
    asked_ns: int
    payloads: dict[tuple[str, int], bytes] = field(default_factory=dict)
    size: int = 0


class Held:
    """Payloads by gateway and the catalog revision they wait for.

    Args:
        bytes_max: Of all payloads together.
        ask_every_ns: Time between two requests for the same catalog.
    """

    def __init__(self, *, bytes_max: int, ask_every_ns: int) -> None:
        self._bytes_max = bytes_max
        self._ask_every_ns = ask_every_ns
        self._waiting: dict[tuple[str, str], _Waiting] = {}
        self._bytes = 0

    def add(self, gateway: str, batch: Batch, payload: bytes, *, now_ns: int) -> bool:
        """Keep a payload if there is room; return whether to ask for its catalog now."""
        key = (gateway, batch.catalog)
        waiting = self._waiting.get(key)
        if waiting is None:
            waiting = self._waiting[key] = _Waiting(now_ns - self._ask_every_ns)
        self._keep(waiting, (batch.epoch, batch.first), payload)
        ask = now_ns - waiting.asked_ns >= self._ask_every_ns
        if ask:
            waiting.asked_ns = now_ns
        return ask

    def _keep(self, waiting: _Waiting, name: tuple[str, int], payload: bytes) -> None:
        has_room = (
            self._bytes + len(payload) <= self._bytes_max
            and waiting.size + len(payload) <= self._bytes_max // _SHARE
        )
        if has_room and name not in waiting.payloads:
            waiting.payloads[name] = payload
            waiting.size += len(payload)
            self._bytes += len(payload)

    def take(self, gateway: str, revision: str) -> list[bytes]:
        """Remove and return what waited for this catalog, in the order it came."""
        waiting = self._waiting.pop((gateway, revision), None)
        if waiting is None:
            return []
        self._bytes -= waiting.size
        return list(waiting.payloads.values())

    @property
    def held_bytes(self) -> int:
        """Of all payloads together."""
        return self._bytes
