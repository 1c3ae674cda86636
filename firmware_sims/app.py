"""Runs a described school until it is told to stop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from device_profiles.library import Library
from firmware_sims.control import Controller, ControlServer
from firmware_sims.running import RunningSchool, RunOptions
from firmware_sims.school import SchoolPlan
from firmware_sims.truth import TruthLog

OnStarted = Callable[[RunningSchool, Controller], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class AppOptions:
    """How a school is run.

    Args:
        run: what the run takes beside the described school.
        truth: the truth log's file; None writes none.
        control: file that tells others how to give orders; None opens no port.
        for_s: seconds to run; None is until stopped.
    """

    run: RunOptions
    truth: Path | None = None
    control: Path | None = None
    for_s: float | None = None


async def run_school(
    plan: SchoolPlan,
    options: AppOptions,
    *,
    on_started: OnStarted | None = None,
    stop: asyncio.Event | None = None,
) -> RunningSchool:
    """Bring a school up, keep it up, and take it down in order.

    Args:
        plan: the described school.
        options: how to run it.
        on_started: called when all ports are open, before anything is answered.
        stop: ends the run when it is set.

    Raises:
        SchoolError: the school cannot be brought up.
    """
    ended = stop or asyncio.Event()
    library = await asyncio.to_thread(Library.builtin, plan.profiles_folder)
    with TruthLog(options.truth) as truth:
        school = RunningSchool(plan, library, truth, options.run)
        controller = Controller(school, ended.set)
        server = ControlServer(controller, options.control) if options.control else None
        try:
            await school.start()
            if server is not None:
                await server.start()
            if on_started is not None:
                await on_started(school, controller)
            await _run_until(school, ended, options.for_s)
        finally:
            if server is not None:
                await server.stop()
            await school.stop()
    return school


async def _run_until(school: RunningSchool, ended: asyncio.Event, for_s: float | None) -> None:
    work = asyncio.create_task(school.run(), name="school")
    wait = asyncio.create_task(ended.wait(), name="stop")
    try:
        done, _ = await asyncio.wait(
            {work, wait}, timeout=for_s, return_when=asyncio.FIRST_COMPLETED
        )
    finally:
        work.cancel()
        wait.cancel()
        await asyncio.gather(work, wait, return_exceptions=True)
    if work in done and not work.cancelled():
        work.result()  # it never returns by itself: this raises what broke it
