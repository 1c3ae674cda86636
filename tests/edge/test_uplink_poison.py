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
