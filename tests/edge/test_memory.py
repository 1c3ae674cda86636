"""How much memory an agent keeps, started as people start it, and what it must not load.

Resident memory here is VmRSS in units of 2**20 bytes. Measured: 44 for one device, 48 for 500; the
bounds leave room for other builds of Python, whose libraries differ by a few megabytes.
"""

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from benchmarks import edge_points
from benchmarks.edge_modbus_tcp import device_farm
from campus_wire.batch import Batch
from campus_wire.settings import MqttSettings
from edge_agent.config_check import load_config
from edge_agent.handover import Handover, put_aside, take_over
from edge_agent.inventory import build_inventory
from tests.edge.kit import FakeController, eventually
from tests.support import servers

ROOT = Path(__file__).parents[2]
START_MB_MAX = 50.0
LARGE_MB_MAX = 60.0
DEVICES = 500
ENDPOINTS = 60
NAME = {"zh": "电表", "en": "meter"}
NOT_FOR_RUNNING = (
    *("typer", "rich", "ruamel", "difflib", "campus_wire.config_file", "edge_agent.config_check"),
    *("email", "http", "zipfile", "pymodbus", "serial"),
)


def write_site(folder: Path, gateway: str, *, port: int, devices: int, ports: list[int]) -> Path:
    """An `edge.yaml` of meters, shared evenly among TCP endpoints."""
    (folder / "profiles").mkdir()
    profile = folder / "profiles" / "benchmark-meter.yaml"
    profile.write_text(json.dumps(edge_points.profile()), encoding="utf-8")
    config = {
        "gateway": gateway,
        "school": {"id": "s", "name": NAME},
        "areas": [{"id": "r", "kind": "classroom", "name": NAME}],
        "profiles": str(folder / "profiles"),
        "uplink": {"broker": {"host": "127.0.0.1", "port": port}},
        "spool": {"path": str(folder / "spool.db")},
        "clock": {"source": "system"},
        "buses": [
            {
                "id": f"bus-{at}",
                "modbus": {"transport": "tcp", "host": "127.0.0.1", "port": one},
                "devices": [meter(n, unit + 1) for unit, n in enumerate(range(at, devices, step))],
            }
            for step in [len(ports)]
            for at, one in enumerate(ports)
        ],
    }
    path = folder / "edge.yaml"
    path.write_text(json.dumps(config), encoding="utf-8")
    return path


def meter(number: int, unit: int) -> dict[str, Any]:
    return {
        "id": f"meter-{number}",
        "profile": "benchmark-meter",
        "unit_id": unit,
        "area": "r",
        "name": NAME,
        "interval_s": 2.0,
    }


@asynccontextmanager
async def running(config: Path) -> AsyncIterator[int]:
    """Start the agent; yield its process id."""
    agent = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "campus_cli.main", "edge", "run", "--config", str(config)),
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield agent.pid
    finally:
        agent.terminate()
        await agent.wait()


@asynccontextmanager
async def listening(broker: servers.Mosquitto, gateway: str) -> AsyncIterator[FakeController]:
    controller = FakeController(MqttSettings(host=broker.host, port=broker.port), gateway)
    task = asyncio.create_task(controller.run())
    try:
        await eventually(lambda: controller.connected, "controller connected")
        yield controller
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def resident_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) / 1024


def heard_of(batch: Batch) -> set[int]:
    """The devices with good values in a batch."""
    return {device for block in batch.blocks if not block.flaws for device in block.devices}


@pytest.mark.integration
async def test_an_agent_with_one_device_is_small(
    mosquitto: servers.Mosquitto, gateway_id: str, tmp_path: Path
) -> None:
    with device_farm(1) as ports:
        config = write_site(tmp_path, gateway_id, port=mosquitto.port, devices=1, ports=ports)
        async with listening(mosquitto, gateway_id) as controller, running(config) as pid:
            await eventually(lambda: bool(controller.batches), "a batch")
            assert resident_mb(pid) < START_MB_MAX


@pytest.mark.integration
async def test_an_agent_with_500_devices_stays_small(
    mosquitto: servers.Mosquitto, gateway_id: str, tmp_path: Path
) -> None:
    heard: set[int] = set()
    with device_farm(ENDPOINTS) as ports:
        config = write_site(tmp_path, gateway_id, port=mosquitto.port, devices=DEVICES, ports=ports)
        async with listening(mosquitto, gateway_id) as controller, running(config) as pid:
            while len(heard) < DEVICES:
                await eventually(lambda: bool(controller.batches), "a batch")
                heard |= heard_of(controller.batches.pop()[1])
            await asyncio.sleep(3)  # every device is read once more
            assert resident_mb(pid) < LARGE_MB_MAX


def in_a_fresh_python(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        cwd=ROOT,
    )
    return done.stdout.strip()


def test_running_loads_nothing_that_only_checking_needs() -> None:
    loaded = in_a_fresh_python(
        "import sys\n"
        "from edge_agent.lazy_modules import stand_in_for_unused\n"
        "stand_in_for_unused()\n"
        "import edge_agent.process, edge_agent.modbus.build, edge_agent.mqtt_source\n"
        "from campus_wire.messages import LinkState, Status, encode\n"
        "encode(Status(gateway='school-1', state=LinkState.ONLINE, time_ns=1,"
        " boot='11111111-1111-4111-8111-111111111111'))\n"
        f"print(*[name for name in {NOT_FOR_RUNNING!r} if name in sys.modules])"
    )

    assert loaded == ""


def test_a_stand_in_gives_way_to_its_module_when_that_is_used() -> None:
    said = in_a_fresh_python(
        "import sys\n"
        "from edge_agent.lazy_modules import stand_in_for_unused\n"
        "stand_in_for_unused()\n"
        "import importlib.metadata, urllib.request\n"
        "from importlib.metadata import version\n"
        "before = 'email' in sys.modules\n"
        "known = version('pydantic') == importlib.metadata.version('pydantic')\n"
        "host = urllib.request.Request('http://school.example/a').host\n"
        "print(before, known, host, 'email' in sys.modules)"
    )

    assert said == "False True school.example True"


def test_what_is_handed_over_arrives_whole() -> None:
    loaded = load_config(ROOT / "examples" / "edge.yaml")
    inventory = build_inventory(loaded.config, loaded.library)

    taken = take_over(put_aside(Handover(loaded.config, inventory, {"campus-iot": "1"})))

    assert taken.config == loaded.config
    assert taken.inventory.catalog.revision == inventory.catalog.revision
    assert taken.inventory.devices == inventory.devices
    assert taken.versions == {"campus-iot": "1"}


def test_devices_alike_share_what_is_known_of_their_points() -> None:
    loaded = load_config(ROOT / "examples" / "edge.yaml")
    inventory = build_inventory(loaded.config, loaded.library)
    seen: dict[tuple[str, tuple[str, ...]], int] = {}
    for device in inventory.devices:
        key = (device.profile.id, tuple(point.name for point in device.points))
        assert seen.setdefault(key, id(device.point_indices)) == id(device.point_indices)
