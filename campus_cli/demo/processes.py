"""The demo's processes: started together, watched, and ended in order, by their ids."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from campus_wire.errors import PermanentError

STOP_TIMEOUT_S: Final = 15.0


class ProcessEndedError(PermanentError):
    """A process of the demo ended by itself."""


@dataclass(frozen=True)
class Usage:
    """What a process has used so far: resident megabytes now and at most, processor seconds."""

    rss_mb: float
    rss_max_mb: float
    cpu_s: float


class DemoProcess:
    """One program of the demo, its output in a log of its own."""

    def __init__(self, name: str, arguments: Sequence[str], directory: Path) -> None:
        self.name = name
        self.log = directory / f"{name}.log"
        with self.log.open("ab") as log:
            self._popen = subprocess.Popen(  # noqa: S603 - the demo's own commands
                arguments, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=directory
            )
        self._watched = psutil.Process(self._popen.pid)
        self._usage = Usage(0.0, 0.0, 0.0)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._popen.pid

    def check_alive(self) -> None:
        """Raise when the process has ended, with the end of its log.

        Raises:
            ProcessEndedError: it has ended.
        """
        code = self._popen.poll()
        if code is not None:
            tail = self.log.read_text(encoding="utf-8", errors="replace")[-2000:]
            raise ProcessEndedError(
                "process_ended", f"{self.name} ended with {code}:\n{tail}", place=str(self.log)
            )

    def usage(self) -> Usage:
        """Return what it uses; after its end, what it used last."""
        try:
            with self._watched.oneshot():
                rss_mb = self._watched.memory_info().rss / 1e6
                times = self._watched.cpu_times()
        except psutil.Error:
            return self._usage
        if not rss_mb:  # ended: only its processor time is still told
            rss_mb = self._usage.rss_mb
        highest = max(rss_mb, self._usage.rss_max_mb)
        self._usage = Usage(
            round(rss_mb, 1), round(highest, 1), round(times.user + times.system, 2)
        )
        return self._usage

    def stop(self) -> None:
        """End it in order, by force when it does not follow."""
        self.usage()
        if self._popen.poll() is None:
            self._popen.send_signal(signal.SIGTERM)
        try:
            self._popen.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait(STOP_TIMEOUT_S)


def campus(*arguments: str) -> list[str]:
    """Return the command line that runs `campus` with this very interpreter."""
    return [sys.executable, "-m", "campus_cli.main", *arguments]


def module(name: str, *arguments: str) -> list[str]:
    """Return the command line that runs a module with this very interpreter."""
    return [sys.executable, "-m", name, *arguments]
