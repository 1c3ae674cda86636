"""Brokers that a run starts for itself: mosquitto, on a free port of the loopback address."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import tempfile
from pathlib import Path
from typing import Final

from firmware_sims.errors import SchoolError

HOST: Final = "127.0.0.1"
_SYSTEM_FOLDERS: Final = ("/usr/local/sbin", "/usr/sbin", "/sbin")
_START_S: Final = 10.0
_STOP_S: Final = 5.0


def find_mosquitto() -> str:
    """Where mosquitto is.

    Raises:
        SchoolError: it is not installed.
    """
    folders = os.pathsep.join((os.environ.get("PATH", ""), *_SYSTEM_FOLDERS))
    path = shutil.which("mosquitto", path=folders)
    if path is None:
        raise SchoolError(
            "broker",
            "the file asks for a broker of its own (broker: own), and mosquitto is not installed",
            remedy="on Debian: apt-get install mosquitto; or name a broker with --broker HOST:PORT",
        )
    return path


class OwnBroker:
    """One mosquitto, open to this machine alone, for as long as the run lasts."""

    def __init__(self) -> None:
        self.port = 0
        self._process: asyncio.subprocess.Process | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    async def start(self) -> None:
        """Start it, and wait until it answers.

        Raises:
            SchoolError: it is not installed, or does not start.
        """
        program = await asyncio.to_thread(find_mosquitto)
        self.port = _free_port()
        self._folder = tempfile.TemporaryDirectory(prefix="campus-broker-")
        config = Path(self._folder.name) / "mosquitto.conf"
        await asyncio.to_thread(config.write_text, _config(self.port), "utf-8")
        self._process = await asyncio.create_subprocess_exec(
            program,
            "-c",
            str(config),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for us: the devices say goodbye first
        )
        try:
            async with asyncio.timeout(_START_S):
                while not await self._answers():
                    if self._process.returncode is not None:
                        raise SchoolError("broker", "mosquitto ended at once")
                    await asyncio.sleep(0.05)
        except TimeoutError:
            await self.stop()
            raise SchoolError("broker", f"mosquitto did not answer in {_START_S:g} s") from None

    async def _answers(self) -> bool:
        try:
            _, writer = await asyncio.open_connection(HOST, self.port)
        except OSError:
            return False
        writer.close()
        return True

    async def stop(self) -> None:
        """End it, and remove what it left."""
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            process.terminate()
            try:
                async with asyncio.timeout(_STOP_S):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _config(port: int) -> str:
    return (
        f"listener {port} {HOST}\nallow_anonymous true\nset_tcp_nodelay true\n"
        "persistence false\nlog_type error\nmax_queued_messages 20000\nmax_inflight_messages 200\n"
    )
