"""Reloading as people do it: a changed file, and `campus edge reload` or SIGHUP."""

import asyncio
import json
import re
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from campus_wire.catalog import decode_catalog
from campus_wire.settings import MqttSettings
from edge_agent.control import NoAgentError, ask_to_reload
from tests.edge.kit import FakeController, eventually
from tests.edge.reload_rig import Site, a_site, device_id, sensor
from tests.support import servers

pytestmark = pytest.mark.integration

SETTLED_RELOADS = 2
RELOADS = 8
GROWTH_MB_MAX = 2.0


class Running:
    """An agent as a process, its file, and the controller that hears it."""

    def __init__(self, site: Site, controller: FakeController, gateway: str) -> None:
        self.site = site
        self.controller = controller
        self.gateway = gateway
        self.path = site.folder / "edge.yaml"
        self.process: asyncio.subprocess.Process | None = None

    def write(self, *buses: Sequence[dict[str, Any]], **more: Any) -> None:
        plain = self.site.plain(*buses, **{"gateway": self.gateway, **more})
        self.path.write_text(json.dumps(plain), encoding="utf-8")

    async def reload(self) -> tuple[int, str]:
        """Call the command; return its exit code and what it said."""
        command = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "campus_cli.main", "edge", "reload", "-c", str(self.path)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await command.communicate()
        assert command.returncode is not None
        return command.returncode, said.decode()

    def kinds(self) -> list[str]:
        return [event.kind for event in self.controller.events]

    def devices_heard(self) -> list[str]:
        """The devices of the last batch, by the catalogs that were published."""
        if not self.controller.batches:
            return []
        catalogs = dict(decode_catalog(payload) for payload, _ in self.controller.catalogs)
        batch = self.controller.batches[-1][1]
        devices = catalogs[batch.catalog].devices
        return sorted({devices[at].id for block in batch.blocks for at in block.devices})

    def resident_mb(self) -> float:
        assert self.process is not None
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        assert found is not None
        return int(found[1]) / 1024


@asynccontextmanager
async def an_agent(
    folder: Path, broker: servers.Mosquitto, gateway: str, *buses: Sequence[dict[str, Any]]
) -> AsyncIterator[Running]:
    controller = FakeController(MqttSettings(host=broker.host, port=broker.port), gateway)
    task = asyncio.create_task(controller.run())
    async with a_site(folder, broker.port) as site:
        agent = Running(site, controller, gateway)
        agent.write(*buses)
        await eventually(lambda: controller.connected, "controller connected")
        agent.process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "campus_cli.main", "edge", "run", "-c", str(agent.path)),
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            await eventually(lambda: bool(controller.batches), "a batch")
            yield agent
        finally:
            if agent.process.returncode is None:
                agent.process.terminate()
            await agent.process.wait()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def test_the_command_applies_a_changed_file_and_refuses_a_broken_one(
    mosquitto: servers.Mosquitto, gateway_id: str, tmp_path: Path
) -> None:
    async with an_agent(tmp_path, mosquitto, gateway_id, [sensor(0, 1)]) as agent:
        agent.write([sensor(0, 1), sensor(0, 2)], [sensor(1, 1)])
        assert await agent.reload() == (
            0,
            "the new configuration runs: devices added 2, sources begun 1\n",
        )
        both = [device_id(0, 1), device_id(0, 2), device_id(1, 1)]
        await eventually(lambda: agent.devices_heard() == both, "the new devices")
        await eventually(lambda: "config_applied" in agent.kinds(), "the event")

        agent.write([{**sensor(0, 1), "unit_id": "one"}])
        code, said = await agent.reload()
        assert code == 1
        assert "edge.yaml" in said
        assert "unit" in said
        agent.write([sensor(0, 1)], spool={"path": str(tmp_path / "spool.db"), "max_mb": 9})
        code, said = await agent.reload()
        assert (code, "spool.max_mb" in said, "restart" in said) == (1, True, True)
        await eventually(lambda: "config_refused" in agent.kinds(), "the refusal")
        heard = len(agent.controller.batches)
        await eventually(lambda: len(agent.controller.batches) > heard + 2, "it goes on")
        assert agent.devices_heard() == both

    assert agent.process is not None
    assert agent.process.returncode == 0
    refused = [one for one in agent.controller.events if one.kind == "config_refused"]
    assert [one.attributes["mistakes"] for one in refused] == [1]
    assert "spool.max_mb" in str(refused[0].attributes["mistake_1"])


async def test_a_signal_with_a_broken_file_changes_nothing(
    mosquitto: servers.Mosquitto, gateway_id: str, tmp_path: Path
) -> None:
    async with an_agent(tmp_path, mosquitto, gateway_id, [sensor(0, 1)]) as agent:
        assert agent.process is not None
        agent.path.write_text("gateway: [", encoding="utf-8")
        agent.process.send_signal(signal.SIGHUP)
        await eventually(lambda: "config_refused" in agent.kinds(), "the refusal")
        agent.write([sensor(0, 2)])
        agent.process.send_signal(signal.SIGHUP)
        await eventually(lambda: agent.devices_heard() == [device_id(0, 2)], "the other device")

    refused = next(one for one in agent.controller.events if one.kind == "config_refused")
    assert "edge.yaml:1" in str(refused.attributes["mistake_1"])


async def test_memory_does_not_grow_with_reloads(
    mosquitto: servers.Mosquitto, gateway_id: str, tmp_path: Path
) -> None:
    def devices(bus: int, *, many: bool) -> list[dict[str, Any]]:
        return [sensor(bus, unit) for unit in (range(1, 7) if many else (1,))]

    sizes = []
    async with an_agent(tmp_path, mosquitto, gateway_id, devices(0, many=True)) as agent:
        for number in range(RELOADS):
            is_even = number % 2 == 0
            agent.write(devices(0, many=is_even), devices(1, many=not is_even))
            done = await asyncio.to_thread(ask_to_reload, tmp_path / "spool.db")
            assert done.mistakes == ()
            sizes.append(agent.resident_mb())

    assert sizes[-1] - sizes[SETTLED_RELOADS] < GROWTH_MB_MAX, sizes


def test_without_an_agent_the_command_says_so(tmp_path: Path) -> None:
    with pytest.raises(NoAgentError, match="no agent"):
        ask_to_reload(tmp_path / "spool.db")


async def test_it_can_be_stopped_while_it_checks(
    mosquitto: servers.Mosquitto, gateway_id: str, tmp_path: Path
) -> None:
    async with an_agent(tmp_path, mosquitto, gateway_id, [sensor(0, 1)]) as agent:
        assert agent.process is not None
        asked = asyncio.create_task(agent.reload())
        agent.process.send_signal(signal.SIGHUP)
        await asyncio.sleep(0.3)
        agent.process.terminate()
        async with asyncio.timeout(20):
            assert await agent.process.wait() == 0
        await asked
