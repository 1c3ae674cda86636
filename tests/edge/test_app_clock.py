"""The whole agent under a wall clock that is wrong, and then right."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from campus_wire.messages import ClockState
from edge_agent.app import run_agent
from edge_agent.clock_source import Reading
from edge_agent.config_check import load_config
from edge_agent.handover import Handover
from edge_agent.inventory import build_inventory
from tests.edge.kit import FakeController, S, eventually
from tests.edge.test_app import CONFIG, connected, publish_door
from tests.support import servers

pytestmark = pytest.mark.integration

NEAR_NS = 2 * S


class SetByHand:
    """A wall clock that is off by as much as a test says."""

    def __init__(self, *, off_ns: int, is_trusted: bool) -> None:
        self.off_ns = off_ns
        self.is_trusted = is_trusted

    def read(self) -> Reading:
        return Reading(time.time_ns() + self.off_ns, time.monotonic_ns(), self.is_trusted)


@contextlib.asynccontextmanager
async def an_agent(folder: Path, port: int, gateway: str, wall: SetByHand) -> AsyncIterator[None]:
    path = folder / "edge.yaml"
    path.write_text(CONFIG.format(gateway=gateway, port=port, folder=folder), encoding="utf-8")
    loaded = load_config(path)
    stop = asyncio.Event()
    inventory = build_inventory(loaded.config, loaded.library)
    handover = Handover(loaded.config, inventory, versions={})
    task = asyncio.create_task(run_agent(handover, stop, wall=wall))
    try:
        yield
    finally:
        stop.set()
        await task


def times_ns(controller: FakeController, state: ClockState) -> list[int]:
    return [
        time_ns
        for _, batch in controller.batches
        if batch.clock is state
        for block in batch.blocks
        for time_ns in block.times_ns
    ]


async def test_samples_of_1970_are_restamped_by_the_first_sync(
    mosquitto: servers.Mosquitto, gateway_id: str, tmp_path: Path
) -> None:
    wall = SetByHand(off_ns=100 * S - time.time_ns(), is_trusted=False)
    async with connected(mosquitto, gateway_id) as controller:
        async with an_agent(tmp_path, mosquitto.port, gateway_id, wall):
            await eventually(lambda: bool(controller.statuses), "status")
            assert controller.statuses[-1].clock is ClockState.UNSYNCED
            said_ns = time.time_ns()
            await publish_door(controller, closed=True)
            await asyncio.sleep(1.5)
            wall.off_ns, wall.is_trusted = 0, True
            await eventually(
                lambda: bool(times_ns(controller, ClockState.RESTAMPED)), "re-stamped samples"
            )
            await publish_door(controller, closed=False)
            await eventually(
                lambda: bool(times_ns(controller, ClockState.SYNCED)), "samples of a right clock"
            )
        assert times_ns(controller, ClockState.UNSYNCED) == []

    restamped = times_ns(controller, ClockState.RESTAMPED)
    assert all(abs(time_ns - said_ns) < NEAR_NS for time_ns in restamped)
    assert all(
        0 <= time.time_ns() - time_ns < 10 * S
        for time_ns in times_ns(controller, ClockState.SYNCED)
    )
    assert "clock_synced" in {event.kind for event in controller.events}


@pytest.mark.parametrize("off_s", [3_600, -3_600])
async def test_a_wall_clock_set_wrong_for_a_moment_moves_no_sample(
    mosquitto: servers.Mosquitto, gateway_id: str, tmp_path: Path, off_s: int
) -> None:
    wall = SetByHand(off_ns=0, is_trusted=True)
    async with connected(mosquitto, gateway_id) as controller:
        async with an_agent(tmp_path, mosquitto.port, gateway_id, wall):
            await eventually(lambda: bool(controller.statuses), "status")
            wall.off_ns = off_s * S
            await asyncio.sleep(2.2)
            said_ns = time.time_ns()
            await publish_door(controller, closed=True)
            await eventually(lambda: bool(controller.batches), "samples")
            wall.off_ns = 0
        [*found] = times_ns(controller, ClockState.SYNCED)

    assert found
    assert all(abs(time_ns - said_ns) < NEAR_NS for time_ns in found)
