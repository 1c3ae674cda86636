"""Messages received and not yet handled: first in, first out, bounded in number and bytes.

Overflow policy: the newest is dropped and counted. Whatever matters comes again, since it was not
answered (batches, events and receipts without an ack, commands without a receipt).
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import NamedTuple


class Received(NamedTuple):
    """One message as it came."""

    topic: str
    payload: bytes
    retained: bool


class Inbox:
    """A queue with one reader.

    Args:
        messages_max: How many messages it holds.
        bytes_max: How many bytes of payload it holds; a single larger message is still taken
            when it is empty.
    """

    def __init__(self, *, messages_max: int, bytes_max: int) -> None:
        self._messages: deque[Received] = deque()
        self._messages_max = messages_max
        self._bytes_max = bytes_max
        self._bytes = 0
        self._filled = asyncio.Event()

    def __len__(self) -> int:
        return len(self._messages)

    def put(self, message: Received) -> bool:
        """Take a message and say so, or say that there is no room."""
        size = len(message.payload)
        is_full = len(self._messages) >= self._messages_max
        if is_full or (self._messages and self._bytes + size > self._bytes_max):
            return False
        self._messages.append(message)
        self._bytes += size
        self._filled.set()
        return True

    async def get(self) -> Received:
        """Wait for a message and remove it."""
        while not self._messages:
            self._filled.clear()
            await self._filled.wait()
        message = self._messages.popleft()
        self._bytes -= len(message.payload)
        return message
