"""The whole agent as a process: started, read, asked to stop."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from campus_wire.messages import LinkState
from campus_wire.session import MqttSession
from campus_wire.settings import MqttSettings
from tests.edge.kit import FakeController, eventually
from tests.support import servers

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]

CONFIG = """
gateway: {gateway}
school: {{id: sunrise, name: {{zh: 学校, en: School}}}}
areas:
  - {{id: r1, kind: classroom, name: {{zh: 教室, en: Room}}}}
uplink:
  broker: {{host: 127.0.0.1, port: {port}, reconnect_first_s: 0.05, reconnect_max_s: 0.2}}
  ack_timeout_s: 1
spool: {{path: {folder}/spool.db, max_mb: 8, disk_reserve_mb: 0}}
clock: {{source: system}}
mqtt_sources:
  - id: zigbee
    broker: {{host: 127.0.0.1, port: {port}}}
    devices:
      - id: door-1
        profile: z2m-door-contact
        area: r1
        name: {{zh: 门, en: Door}}
        topic: {{friendly_name: {gateway}-door}}
        interval_s: 3600
"""


@asynccontextmanager
async def an_agent(
    folder: Path, port: int, gateway: str, *options: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    path = folder / "edge.yaml"
    path.write_text(CONFIG.format(gateway=gateway, port=port, folder=folder), encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "campus_cli.main", "edge", "run", "--config", str(path)),
        *options,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@asynccontextmanager
async def connected(broker: servers.Mosquitto, gateway: str) -> AsyncIterator[FakeController]:
    controller = FakeController(MqttSettings(host=broker.host, port=broker.port), gateway)
    task = asyncio.create_task(controller.run())
    try:
        await eventually(lambda: controller.connected, "controller connected")
        yield controller
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def publish_door(controller: FakeController, *, closed: bool) -> None:
    session = controller._session
    assert isinstance(session, MqttSession)
    text = f'{{"contact": {str(closed).lower()}, "battery": 90, "voltage": 3000}}'
    await session.publish(f"zigbee2mqtt/{controller.gateway}-door", text.encode())


def command_of(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8").split("\0")


async def test_a_door_is_reported_and_sigterm_ends_the_agent_in_order(
    mosquitto: servers.Mosquitto, gateway_id: str, tmp_path: Path
) -> None:
    async with (
        connected(mosquitto, gateway_id) as controller,
        an_agent(tmp_path, mosquitto.port, gateway_id) as agent,
    ):
        await eventually(lambda: bool(controller.statuses), "online")
        while not controller.batches:  # the agent may still be subscribing
            await publish_door(controller, closed=False)
            await asyncio.sleep(0.2)
        agent.send_signal(signal.SIGTERM)
        async with asyncio.timeout(5):
            assert await agent.wait() == 0
        await eventually(lambda: controller.statuses[-1].state is LinkState.STOPPING, "the goodbye")

    values = [
        column[0]
        for _, batch in controller.batches
        for block in batch.blocks
        for column in block.columns
    ]
    assert 90 in values
    assert {status.epoch for status in controller.statuses} == {controller.batches[0][1].epoch}


async def test_killed_and_started_again_it_goes_on_where_it_was(
    mosquitto: servers.Mosquitto, gateway_id: str, tmp_path: Path
) -> None:
    async with connected(mosquitto, gateway_id) as controller:
        controller.acks = False
        for life in (1, 2):
            async with an_agent(tmp_path, mosquitto.port, gateway_id) as agent:
                seen = len(controller.statuses)
                await eventually(lambda: len(controller.statuses) > seen, f"life {life} online")  # noqa: B023
                while len(controller.batches) < life:
                    await publish_door(controller, closed=bool(life % 2))
                    await asyncio.sleep(0.2)
                agent.kill()
                await agent.wait()
        controller.acks = True
        async with an_agent(tmp_path, mosquitto.port, gateway_id):
            last = max(controller.seqs())
            await eventually(lambda: set(range(1, last + 1)) <= set(controller.seqs()), "all")

    assert len({batch.epoch for _, batch in controller.batches}) == 1


async def test_running_keeps_the_process_and_its_search_path(
    mosquitto: servers.Mosquitto, gateway_id: str, tmp_path: Path
) -> None:
    (tmp_path / "orjson.py").write_text("raise SystemExit('from the working directory')")
    path = tmp_path / "edge.yaml"
    path.write_text(
        CONFIG.format(gateway=gateway_id, port=mosquitto.port, folder=tmp_path), encoding="utf-8"
    )
    async with connected(mosquitto, gateway_id) as controller:
        agent = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "campus_cli.main", "edge", "run", "-c", str(path)),
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        try:
            await eventually(lambda: bool(controller.statuses), "online")
            assert "edge_agent.runtime" in command_of(agent.pid)
        finally:
            agent.terminate()
            await agent.wait()
    assert agent.returncode == 0


async def test_for_a_debugger_it_stays_one_program(
    mosquitto: servers.Mosquitto, gateway_id: str, tmp_path: Path
) -> None:
    async with (
        connected(mosquitto, gateway_id) as controller,
        an_agent(tmp_path, mosquitto.port, gateway_id, "--no-exec") as agent,
    ):
        await eventually(lambda: bool(controller.statuses), "online")
        assert "campus_cli.main" in command_of(agent.pid)
        agent.terminate()
        async with asyncio.timeout(10):
            assert await agent.wait() == 0


async def test_a_second_agent_on_the_same_spool_ends_with_a_message(
    mosquitto: servers.Mosquitto, gateway_id: str, tmp_path: Path
) -> None:
    async with (
        connected(mosquitto, gateway_id) as controller,
        an_agent(tmp_path, mosquitto.port, gateway_id),
    ):
        await eventually(lambda: bool(controller.statuses), "online")
        async with an_agent(tmp_path, mosquitto.port, gateway_id) as second:
            async with asyncio.timeout(20):
                _, errors = await second.communicate()

    assert second.returncode == 1
    assert b"another process has this spool open" in errors
    assert b"Traceback" not in errors
