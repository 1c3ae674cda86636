r"""How `campus edge reload` reaches the agent on the same machine and hears what became of it.

A Unix socket in the abstract namespace, named after the spool, which no two agents share: it leaves
no file behind, and a long path makes no difference. Each side asks the kernel who the other is, and
speaks only with the same user or root.

    reload\n  ->  {"mistakes": [...], "facts": {...}}\n
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import socket
import struct
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

import orjson

from campus_wire.errors import PermanentError, TransientError
from edge_agent.errors import EdgeError
from edge_agent.reloading import CHECK_TIMEOUT_S, Outcome

_log: Final = logging.getLogger(__name__)

_CREDENTIALS: Final = struct.Struct("3i")
_ORDER_TIMEOUT_S: Final = 5.0
_ANSWER_TIMEOUT_S: Final = CHECK_TIMEOUT_S + 15.0
_ANSWER_BYTES_MAX: Final = 1024 * 1024


class NoAgentError(EdgeError, TransientError):
    """No agent runs with this spool, or it does not answer."""


class NotOursError(EdgeError, PermanentError):
    """The agent runs as another user."""


def address_of(spool: Path) -> str:
    """Return the socket's name for the agent with this spool."""
    digest = hashlib.sha256(os.fsencode(spool.resolve())).hexdigest()
    return f"\0campus-edge-{digest[:32]}"


def _user_of(peer: socket.socket) -> int:
    """Return the user id of the process at the other end, as the kernel noted it."""
    size = _CREDENTIALS.size
    _, user, _ = _CREDENTIALS.unpack(peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
    return int(user)


class Control:
    """Takes orders from the same machine.

    Args:
        spool: the agent's spool, by which it is found.
        reload: reads the configuration again.
    """

    def __init__(self, spool: Path, reload: Callable[[], Awaitable[Outcome]]) -> None:
        self._spool = spool
        self._reload = reload
        self._serving: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Serve until cancelled; without the socket there is still SIGHUP."""
        try:
            server = await asyncio.start_unix_server(self._serve, address_of(self._spool))
        except OSError as error:
            _log.warning("`campus edge reload` will not reach this agent: %s", error)
            await asyncio.Event().wait()
            return
        try:
            await server.serve_forever()
        finally:
            server.close()
            for task in list(self._serving):
                task.cancel()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        await self._answer(reader, writer)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if _user_of(writer.get_extra_info("socket")) not in {0, os.getuid()}:
                return
            async with asyncio.timeout(_ORDER_TIMEOUT_S):
                order = await reader.readline()
            if order != b"reload\n":
                return
            outcome = await self._reload()
            answer = {"mistakes": outcome.mistakes, "facts": outcome.facts or {}}
            writer.write(orjson.dumps(answer) + b"\n")
            async with asyncio.timeout(_ORDER_TIMEOUT_S):
                await writer.drain()
        except (OSError, ValueError, TimeoutError) as error:
            _log.debug("an order came to nothing: %r", error)
        finally:
            writer.close()


def ask_to_reload(spool: Path) -> Outcome:
    """Let the agent with this spool read its configuration again; wait for the outcome.

    Raises:
        NoAgentError: none runs, or it does not answer.
        NotOursError: what answers there is another user's.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as peer:
        peer.settimeout(_ANSWER_TIMEOUT_S)
        try:
            peer.connect(address_of(spool))
            _check_user(_user_of(peer), spool)
            peer.sendall(b"reload\n")
            answer = _read_line(peer)
        except OSError as error:
            raise NoAgentError(
                "no_agent",
                f"no agent with the spool {spool} answers: {error.strerror or error}",
                remedy="start it: campus edge run",
            ) from error
    if not answer:
        raise NoAgentError("no_answer", "the agent ended before it answered; see its log")
    said = orjson.loads(answer)
    return Outcome(tuple(said["mistakes"]), said["facts"])


def _check_user(user: int, spool: Path) -> None:
    owner = user
    with suppress(OSError):
        owner = spool.stat().st_uid
    if user not in {owner, os.getuid()} and user != 0:
        raise NotOursError("other_user", "another user's program answers in the agent's place")


def _read_line(peer: socket.socket) -> bytes:
    answer = b""
    while not answer.endswith(b"\n"):
        part = peer.recv(65_536)
        if not part or len(answer) > _ANSWER_BYTES_MAX:
            return b""
        answer += part
    return answer
