"""A batch that nobody can read must not travel for ever."""

from pathlib import Path

import pytest

from tests.edge.kit import eventually
from tests.edge.test_uplink_broker import a_controller, an_edge
from tests.support import servers

pytestmark = pytest.mark.integration


async def test_a_batch_that_cannot_be_read_is_dropped_with_a_gap(
    mosquitto: servers.Mosquitto, gateway_id: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with (
        a_controller(mosquitto, gateway_id) as controller,
        an_edge(tmp_path / "spool.db", mosquitto, gateway_id) as edge,
    ):
        await eventually(lambda: bool(controller.statuses), "status")
        with monkeypatch.context() as patched:
            patched.setattr("edge_agent.spool.intake.encode_batch", lambda _: b"{not a batch")
            edge.read(3)
            await eventually(lambda: edge.spool.counts.batches == 1, "the poison")

        def flows() -> bool:
            edge.read(1)  # its neighbours go on
            return any(event.kind == "gap" for event in controller.events)

        await eventually(flows, "a gap")

        [gap] = {str(event.attributes) for event in controller.events if event.kind == "gap"}
        assert "undecodable" in gap
        assert "'last': 3" in gap
        await eventually(lambda: edge.spool.counts.batches == 0, "spool empty")


async def test_an_orderly_stop_waits_for_acks_of_what_is_under_way(
    mosquitto: servers.Mosquitto, gateway_id: str, tmp_path: Path
) -> None:
    async with (
        a_controller(mosquitto, gateway_id) as controller,
        an_edge(tmp_path / "spool.db", mosquitto, gateway_id, ack_timeout_s=60) as edge,
    ):
        await eventually(lambda: bool(controller.statuses), "online")
        controller.acks = False
        edge.read(2)
        edge.batcher.flush()
        await eventually(lambda: len(controller.batches) == 1, "published")  # and not acked

        draining = asyncio.create_task(edge.uplink.drain(30))
        await asyncio.sleep(0.1)
        assert not draining.done()

        _, batch = controller.batches[0]
        await controller.ack(gateway_id, ack_of(batch.epoch, (batch.first, batch.last)))
        async with asyncio.timeout(10):
            await draining
        await edge.spool.settled()
        assert edge.spool.counts.batches == 0


async def test_a_stop_does_not_wait_for_a_controller_that_acks_nothing(
    mosquitto: servers.Mosquitto, gateway_id: str, tmp_path: Path
) -> None:
    async with (
        a_controller(mosquitto, gateway_id) as controller,
        an_edge(tmp_path / "spool.db", mosquitto, gateway_id, ack_timeout_s=60) as edge,
    ):
        await eventually(lambda: bool(controller.statuses), "online")
        controller.acks = False
        edge.read(2)
        edge.batcher.flush()
        await eventually(lambda: len(controller.batches) == 1, "published")

        async with asyncio.timeout(10):
            await edge.uplink.drain(0.1)
        assert edge.spool.counts.batches == 1
