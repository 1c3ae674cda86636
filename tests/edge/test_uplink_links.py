"""Links that fail without a word."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from campus_wire.catalog import SampleClass
from tests.edge.kit import eventually
from tests.edge.test_uplink_broker import a_controller, an_edge
from tests.support import servers
from tests.support.relay import Relay

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("fail", [Relay.swallow, Relay.swallow_answers])
async def test_what_a_link_swallows_arrives_once_it_heals(
    mosquitto: servers.Mosquitto, gateway_id: str, tmp_path: Path, fail: Callable[[Relay], None]
) -> None:
    with Relay(mosquitto.port) as relay:
        through: Any = SimpleNamespace(host="127.0.0.1", port=relay.port)
        quick = {"keepalive_s": 1, "timeout_s": 1.0}
        async with (
            a_controller(mosquitto, gateway_id) as controller,
            an_edge(tmp_path / "spool.db", through, gateway_id, settings=quick) as edge,
        ):
            edge.read(5)
            await eventually(lambda: len(set(controller.seqs())) == 5, "five samples")
            fail(relay)
            for _ in range(10):
                edge.read(1)
                edge.read(1, sample_class=SampleClass.SAFETY)
                await asyncio.sleep(0.1)
            await eventually(lambda: not edge.session.connected, "the link is known to be dead")
            assert edge.spool.counts.batches > 0
            relay.heal()

            await eventually(lambda: set(controller.seqs()) == set(range(1, 26)), "all samples")
            await eventually(lambda: edge.spool.counts.batches == 0, "an empty spool")
