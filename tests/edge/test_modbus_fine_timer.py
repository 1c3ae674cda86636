"""Waits that end on time."""

import asyncio
from pathlib import Path

import pytest

from edge_agent.modbus.fine_timer import FineTimer


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_it_waits_as_long_as_it_is_told() -> None:
    timer = FineTimer()
    loop = asyncio.get_running_loop()
    for seconds in (0.0, 0.000_3, 0.002, 0.01):
        begun = loop.time()
        await timer.wait(seconds)
        assert loop.time() - begun >= seconds
    timer.close()


async def test_a_wait_that_was_given_up_does_not_end_the_next_one_early() -> None:
    timer = FineTimer()
    loop = asyncio.get_running_loop()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.001):
            await timer.wait(0.005)
    begun = loop.time()
    await timer.wait(0.03)
    assert loop.time() - begun >= 0.03
    timer.close()


async def test_closing_it_ends_the_wait_and_gives_the_file_back() -> None:
    before = open_files()
    timer = FineTimer()
    waiting = asyncio.create_task(timer.wait(60))
    await asyncio.sleep(0)
    timer.close()
    await waiting
    timer.close()

    assert open_files() == before


async def test_without_such_a_timer_the_loops_own_serve(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge_agent.modbus.fine_timer._libc", object)
    timer = FineTimer()
    loop = asyncio.get_running_loop()
    begun = loop.time()
    await timer.wait(0.002)
    assert loop.time() - begun >= 0.002
    timer.close()
