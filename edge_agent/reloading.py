"""Reading the configuration again while the agent runs.

The check runs in a process of its own (`edge_agent.reload_check`), so that the agent neither stands
still for it nor keeps its memory. A file with mistakes changes nothing, and that is said.
"""

from __future__ import annotations

import asyncio
import logging
import os
import pickle
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edge_agent.errors import ReloadRefusedError
from edge_agent.handover import Checked, Handover, same_search_path
from edge_agent.reload_plan import ReloadPlan

_log: Final = logging.getLogger(__name__)

CHECKER: Final = "edge_agent.reload_check"
CHECK_TIMEOUT_S: Final = 60.0
MISTAKES_SAID: Final = 5
_TEXT_CHARS_MAX: Final = 300

Say = Callable[[str, Mapping[str, str | int]], None]
Apply = Callable[[Handover], Awaitable[ReloadPlan]]
Check = Callable[[Path], Awaitable[Checked]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a reload ended: `mistakes` is empty when the new configuration runs."""

    mistakes: tuple[str, ...] = ()
    facts: Mapping[str, int] | None = None


async def check_apart(path: Path) -> Checked:
    """Check a configuration in a process of its own, in at most `CHECK_TIMEOUT_S`."""
    number = os.memfd_create("campus-edge-check", os.MFD_CLOEXEC)
    try:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, *same_search_path(), "-m", CHECKER, str(number), str(path)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            pass_fds=(number,),
        )
        try:
            async with asyncio.timeout(CHECK_TIMEOUT_S):
                code = await process.wait()
        except TimeoutError:
            return Checked(None, (f"the check took over {CHECK_TIMEOUT_S:g} s",))
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if code != 0:
            return Checked(None, (f"the check failed with exit code {code}; see the log",))
        checked = _taken_from(number)
    except OSError as error:
        return Checked(None, (f"the check cannot be run: {error.strerror}",))
    finally:
        os.close(number)
    return checked


def _taken_from(number: int) -> Checked:
    os.lseek(number, 0, os.SEEK_SET)
    with open(number, "rb", closefd=False) as file:
        checked = pickle.load(file)  # noqa: S301  (from a child, by a file nobody else has)
    assert isinstance(checked, Checked)
    return checked


class Reloader:
    """Reads the configuration again whenever it is asked to, one time after the other.

    Args:
        path: the file; None when the agent was started without one.
        apply: lets the agent go on with another configuration, or raises ReloadRefusedError.
        requests: set by whoever wants a reload and does not wait for its outcome.
        say: tells the controller what became of it.
        check: checks the file.
    """

    def __init__(
        self,
        path: Path | None,
        apply: Apply,
        *,
        requests: asyncio.Event,
        say: Say,
        check: Check = check_apart,
    ) -> None:
        self._path = path
        self._apply = apply
        self._requests = requests
        self._say = say
        self._check = check
        self._waiting: list[asyncio.Future[Outcome]] = []

    async def run(self) -> None:
        """Serve requests until cancelled."""
        try:
            while True:
                await self._requests.wait()
                self._requests.clear()
                waiting, self._waiting = self._waiting, []
                outcome = await self.reload()
                for one in waiting:
                    if not one.done():
                        one.set_result(outcome)
        finally:
            for one in self._waiting:
                one.cancel()

    async def ask(self) -> Outcome:
        """Ask for a reload and wait for its outcome."""
        outcome: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._waiting.append(outcome)
        self._requests.set()
        return await outcome

    async def reload(self) -> Outcome:
        """Check the file and apply it; returns what became of that."""
        outcome = await self._reload()
        if outcome.mistakes:
            self._refused(outcome.mistakes)
        else:
            facts = outcome.facts or {}
            words = [f"{count} {name.replace('_', ' ')}" for name, count in facts.items() if count]
            _log.info("the new configuration runs: %s", ", ".join(words) or "nothing else changed")
            self._say("config_applied", outcome.facts or {})
        return outcome

    async def _reload(self) -> Outcome:
        if self._path is None:
            return Outcome(("the agent was started without a configuration file",))
        checked = await self._check(self._path)
        if checked.handover is None:
            return Outcome(checked.mistakes or ("the check gave no outcome",))
        try:
            plan = await self._apply(checked.handover)
        except ReloadRefusedError as error:
            return Outcome((str(error),))
        return Outcome(facts=plan.facts())

    def _refused(self, mistakes: tuple[str, ...]) -> None:
        _log.error(
            "the configuration has changed and is refused; the old one goes on: %s",
            "; ".join(mistakes[:MISTAKES_SAID]),
        )
        facts: dict[str, str | int] = {"mistakes": len(mistakes)}
        for number, mistake in enumerate(mistakes[:MISTAKES_SAID], start=1):
            facts[f"mistake_{number}"] = " ".join(mistake.split())[:_TEXT_CHARS_MAX]
        self._say("config_refused", facts)
