"""Bad replies of every kind: nothing wrong is believed, nothing stops, the next good one is served.

The whole campaign is `make garbage-test`; here is a short one, and the proof that it can fail.
"""

import asyncio
import json
from pathlib import Path
from random import Random

import pytest

from campus_wire.quality import Quality
from device_profiles.library import Library
from edge_agent.inventory import build_inventory
from edge_agent.modbus.bus import ModbusBus
from edge_agent.modbus.client import ModbusClient
from tests.campaigns import bus_garbage, garbage_kinds
from tests.campaigns.bus_garbage import HostileLink, lines, play_all
from tests.campaigns.garbage_kinds import Asked, Play
from tests.campaigns.garbage_world import UNITS, Devices, profile_document, truth_of
from tests.edge.fakes import RealClock, RecordingSink, edge_config, modbus_device

CASES = 700
SABOTAGED_CASES = 700


async def test_no_wrong_value_is_believed_and_the_next_good_reply_is_served() -> None:
    tallies = await play_all(CASES, seed=20_261_121)

    assert [one for tally in tallies.values() for one in tally.wrong] == []
    assert sum(tally.cases for tally in tallies.values()) == CASES
    assert all(tally.values > 100 for tally in tallies.values())
    # Three RTU and one TCP line must be told apart by chance alone; ASCII passes 1 in 256.
    by_chance = {name: tally.collisions for name, tally in tallies.items()}
    assert sum(count for name, count in by_chance.items() if "ascii" not in name) <= 1


@pytest.mark.parametrize("sabotage", bus_garbage.SABOTAGES)
async def test_the_campaign_finds_a_product_broken_on_purpose(sabotage: str) -> None:
    spoilt = [
        line
        for line in lines(sabotage)
        if ("tcp" in line.name) == (sabotage == "step") and line.echo == (sabotage == "echo")
    ]
    cases = SABOTAGED_CASES // 7 * len(spoilt)

    tallies = await play_all(cases, seed=3, made=spoilt)

    assert any(tally.wrong for tally in tallies.values())


class HostileBus:
    """A bus whose every device answers as a random kind says, until it is to be good."""

    def __init__(self, line: bus_garbage.Line, profiles: Path, sink: RecordingSink) -> None:
        self.random = Random(line.name)
        self.is_good = False
        self._line = line
        self._devices = Devices()
        config = edge_config(
            *(
                modbus_device(f"d{unit}", "garbage-probe", unit=unit, interval_s=0.1)
                for unit in UNITS
            )
        )
        self.inventory = build_inventory(config, Library.builtin(profiles))
        client = ModbusClient(
            HostileLink(self._answer, echo=line.echo), line.make, timeout_s=bus_garbage.TIMEOUT_S
        )
        self.bus = ModbusBus(
            "bus", client, self.inventory.on_bus("bus"), sink=sink, clock=RealClock()
        )

    def _answer(self, sent: bytes) -> Play:
        unit, pdu = bus_garbage._opened(self._line.framing, sent)
        asked = Asked(self._line.framing, sent, unit, pdu, self._devices.answer(unit, pdu))
        is_good = self.is_good or self.random.random() < 0.4
        kind = garbage_kinds.good if is_good else self.random.choice(garbage_kinds.KINDS)
        return kind(self.random, asked)


@pytest.mark.parametrize("number", range(7))
async def test_a_bus_full_of_garbage_stays_alive(number: int, tmp_path: Path) -> None:
    (tmp_path / "garbage-probe.yaml").write_text(json.dumps(profile_document()), encoding="utf-8")
    sink = RecordingSink()
    hostile = HostileBus(lines()[number], tmp_path, sink)
    task = asyncio.create_task(hostile.bus.run())
    async with asyncio.timeout(30):
        while len(sink.samples) < 30:
            assert not task.done()
            await asyncio.sleep(0.01)
        hostile.is_good = True
        recovered: set[int] = set()
        while len(recovered) < len(UNITS):
            seen = len(sink.samples)
            await asyncio.sleep(0.05)
            fresh = [sample for _, sample in sink.samples[seen:]]
            recovered |= {one.device for one in fresh if not any(one.qualities)}
    assert not task.done()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    names = [point.name for point in hostile.inventory.catalog.points]
    for _, sample in sink.samples:
        for point, value, quality in zip(
            sample.points, sample.values, sample.qualities, strict=True
        ):
            if quality == Quality.GOOD:
                assert value == truth_of(UNITS[sample.device], names[point])
