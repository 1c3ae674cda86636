"""Runs described schools until it is told to stop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from device_profiles.library import Library
from firmware_sims.control import Controller, ControlServer
from firmware_sims.district import DistrictPlan
from firmware_sims.running import RunOptions
from firmware_sims.running_district import OnProgress, RunningDistrict
from firmware_sims.truth import TruthLog

OnStarted = Callable[[RunningDistrict, Controller], Awaitable[None]]


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


async def run_district(
    plan: DistrictPlan,
    options: AppOptions,
    *,
    on_started: OnStarted | None = None,
    on_progress: OnProgress = lambda _: None,
    stop: asyncio.Event | None = None,
) -> RunningDistrict:
    """Bring all schools up, keep them up, and take them down in order.

    Args:
        plan: the described schools.
        options: how to run them.
        on_started: called when all ports are open, before anything is published.
        on_progress: told what is done next, in words.
        stop: ends the run when it is set.

    Raises:
        SchoolError: a school cannot be brought up.
    """
    ended = stop or asyncio.Event()
    libraries = await asyncio.to_thread(_libraries, plan)
    with TruthLog(options.truth) as truth:
        district = RunningDistrict(
            plan,
            lambda school: libraries[school.profiles_folder],
            truth,
            options.run,
            on_progress=on_progress,
        )
        controller = Controller(district, ended.set)
        server = ControlServer(controller, options.control) if options.control else None
        try:
            await district.start()
            if server is not None:
                await server.start()
            if on_started is not None:
                await on_started(district, controller)
            await _run_until(district, ended, options.for_s)
        finally:
            if server is not None:
                await server.stop()
            await district.stop()
    return district


def _libraries(plan: DistrictPlan) -> dict[Path | None, Library]:
    """One library for each folder of profiles."""
    return {
        folder: Library.builtin(folder)
        for folder in {school.profiles_folder for school in plan.schools}
    }


async def _run_until(school: RunningDistrict, ended: asyncio.Event, for_s: float | None) -> None:
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
