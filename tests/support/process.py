"""Programs that tests start: run until ready, logged, and ended by process id.

A missing program is a failure and never a skip: a suite that quietly leaves out its integration
tests proves nothing.
"""

import atexit
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from random import SystemRandom
from types import TracebackType
from typing import ClassVar, Self

READY_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 10.0
READY_POLL_S = 0.02
LOG_TAIL_BYTES = 4000

# Below Linux's ephemeral range (32768 and up), so that no outgoing connection takes the port of a
# server between its death and its restart.
_PORT_FIRST = 15_000
_PORT_LAST = 32_000
_PORT_ATTEMPTS = 200
_SYSTEM_DIRECTORIES = ("/usr/local/sbin", "/usr/sbin", "/sbin")

_reservations: list[socket.socket] = []
_running: dict[int, "Server"] = {}


class ServerMissingError(RuntimeError):
    """A program that the tests need is not installed.

    Args:
        program: The executable that was looked for.
        package: The Debian package that holds it.
    """

    def __init__(self, program: str, package: str) -> None:
        self.program = program
        self.package = package
        super().__init__(
            f"{program} is not installed; on Debian: apt-get install {package} "
            "(`make test` installs it by itself as root or through sudo)"
        )


class ServerStartError(RuntimeError):
    """A server ended, or did not answer in time, while it was being started."""


def free_port() -> int:
    """Return a free TCP port on the loopback address, reserved for the life of this process.

    The reservation is an abstract Unix socket named after the port. Parallel test runs on one
    machine see each other's reservations, and the kernel drops them when a process dies.
    """
    random = SystemRandom()
    for _ in range(_PORT_ATTEMPTS):
        port = random.randrange(_PORT_FIRST, _PORT_LAST)
        reservation = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            reservation.bind(f"\0campus-iot-test-port-{port}")
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", port))
        except OSError:
            reservation.close()
            continue
        _reservations.append(reservation)
        return port
    raise ServerStartError(f"no free port after {_PORT_ATTEMPTS} attempts")


def find_program(program: str, package: str) -> str:
    """Return the path of an executable, also where only root's search path has it.

    Raises:
        ServerMissingError: when it is not installed.
    """
    search_path = os.pathsep.join((os.environ.get("PATH", ""), *_SYSTEM_DIRECTORIES))
    path = shutil.which(program, path=search_path)
    if path is None:
        raise ServerMissingError(program, package)
    return path


def wait_until(
    condition: Callable[[], bool],
    *,
    what: str,
    timeout_s: float = READY_TIMEOUT_S,
    poll_s: float = READY_POLL_S,
) -> None:
    """Block until ``condition`` holds.

    Raises:
        TimeoutError: when it does not hold within ``timeout_s``; the message names ``what``.
    """
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline_s:
            raise TimeoutError(f"{what}: not within {timeout_s:g} s")
        time.sleep(poll_s)


def accepts_connections(port: int) -> bool:
    """Tell whether something listens on this loopback port."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def running_servers() -> list["Server"]:
    """Return the servers that this process has started and not yet ended."""
    return list(_running.values())


class Server(ABC):
    """One program in one directory, on ports that stay the same through restarts.

    All methods block (a start takes up to a second or two). In async code that must go on
    meanwhile, call them through ``asyncio.to_thread``.

    Args:
        directory: Where configuration, data and log go; made when missing, never removed.
    """

    program: ClassVar[str]
    package: ClassVar[str]

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.log_path = directory / f"{self.program}.log"
        self._process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def _prepare(self) -> None:
        """Write what the program reads at its start."""

    @abstractmethod
    def _arguments(self) -> Sequence[str]:
        """Return the command line after the program's name."""

    @abstractmethod
    def _is_ready(self) -> bool:
        """Tell whether the program serves its clients."""

    @property
    def pid(self) -> int:
        """The process id.

        Raises:
            RuntimeError: when the server is not started.
        """
        if self._process is None:
            raise RuntimeError(f"{self.program} is not started")
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether the process is alive."""
        return self._process is not None and self._process.poll() is None

    def start(self, *, timeout_s: float = READY_TIMEOUT_S) -> None:
        """Start the program and wait until it serves.

        Raises:
            ServerMissingError: when it is not installed.
            ServerStartError: when it ends at once or is not ready in time; holds the log's end.
        """
        if self.is_running:
            raise RuntimeError(f"{self.program} runs already")
        path = find_program(self.program, self.package)
        self.directory.mkdir(parents=True, exist_ok=True)
        self._prepare()
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [path, *self._arguments()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.directory,
            )
        _running[id(self)] = self
        self._wait_until_ready(timeout_s)

    def _wait_until_ready(self, timeout_s: float) -> None:
        try:
            wait_until(
                lambda: not self.is_running or self._is_ready(),
                what=f"{self.program} ready",
                timeout_s=timeout_s,
            )
        except TimeoutError as error:
            self.kill()
            raise ServerStartError(f"{error}\n{self.log_tail()}") from error
        if not self.is_running:
            self._forget()
            raise ServerStartError(f"{self.program} ended at its start\n{self.log_tail()}")

    def stop(self) -> None:
        """End the program in order (SIGTERM), and by force when it does not follow."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End the program on the spot (SIGKILL), as a power cut would."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Stop in order and start again with the same data and ports."""
        self.stop()
        self.start()

    def pause(self) -> None:
        """Freeze the process (SIGSTOP): its sockets stay open and nothing answers."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let a frozen process run on (SIGCONT)."""
        os.kill(self.pid, signal.SIGCONT)

    def log_tail(self, *, limit_bytes: int = LOG_TAIL_BYTES) -> str:
        """Return the end of the program's log."""
        if not self.log_path.exists():
            return ""
        return self.log_path.read_bytes()[-limit_bytes:].decode(errors="replace")

    def _end(self, how: signal.Signals) -> None:
        process = self._process
        if process is None:
            return
        if process.poll() is None:
            process.send_signal(how)
            process.send_signal(signal.SIGCONT)  # a frozen process hears SIGTERM only afterwards
            try:
                process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(STOP_TIMEOUT_S)
        self._forget()

    def _forget(self) -> None:
        self._process = None
        _running.pop(id(self), None)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()


@atexit.register
def _kill_leftovers() -> None:
    for server in running_servers():
        server.kill()
