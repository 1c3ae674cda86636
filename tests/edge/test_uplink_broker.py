"""From a sample to the ack, over a real broker."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from campus_wire.catalog import SampleClass, decode_catalog, encode_catalog
from campus_wire.messages import Ack, ClockState, LinkState, Refusal
from campus_wire.session import MqttSession
from campus_wire.settings import MqttSettings
from campus_wire.topics import Down, all_down
from edge_agent.batcher import Batcher
from edge_agent.clock import Clock
from edge_agent.config import UplinkConfig
from edge_agent.pipeline import Pipeline
from edge_agent.spool.records import SpoolLimits
from edge_agent.spool.store import SpoolStore
from edge_agent.spool.writer import Spool
from edge_agent.status import StatusFacts, StatusMaker
from edge_agent.uplink import Uplink
from tests.edge.kit import BOOT, FakeController, ack_of, catalog_of, eventually, sample
from tests.support import servers

pytestmark = pytest.mark.integration

QUICK = {"reconnect_first_s": 0.05, "reconnect_max_s": 0.2, "timeout_s": 5.0}


def settings_for(broker: servers.Mosquitto, **more: Any) -> MqttSettings:
    return MqttSettings(host=broker.host, port=broker.port, **{**QUICK, **more})


class Edge:
    """The core of an agent, without sources."""

    def __init__(self, spool: Spool, clock: Clock, gateway: str, uplink: UplinkConfig) -> None:
        catalog = catalog_of(gateway)
        self.catalog = catalog
        self.spool = spool
        self.clock = clock
        self.batcher = Batcher(spool, clock, catalog=catalog.revision, devices=4, age_s=0.05)
        spool.when_idle(self.batcher.flush_safety)
        self.pipeline = Pipeline(self.batcher)
        self.commands: list[tuple[bytes, bool]] = []
        self.uplink = Uplink(
            uplink,
            catalog=catalog,
            spool=spool,
            status=StatusMaker(gateway, boot=BOOT, versions={}, facts=self._facts),
            monotonic_ns=time.monotonic_ns,
            on_command=self._on_command,
        )
        self.session = MqttSession(
            uplink.broker,
            subscriptions=[(all_down(gateway), 1)],
            will=self.uplink.will,
            on_message=self.uplink.on_message,
            on_up=self.uplink.on_up,
            on_down=self.uplink.on_down,
            on_stop=self.uplink.on_stop,
        )
        self.uplink.use(self.session)

    async def _on_command(self, payload: bytes, retained: bool) -> None:
        self.commands.append((payload, retained))

    def _facts(self) -> StatusFacts:
        return StatusFacts(
            time_ns=self.clock.now_ns(),
            epoch=self.spool.epoch,
            catalog=self.catalog.revision,
            clock=self.clock.stamp.state,
            spool_batches=self.spool.counts.batches,
            overloaded={},
        )

    def read(self, count: int, *, sample_class: SampleClass = SampleClass.NORMAL) -> None:
        for _ in range(count):
            self.pipeline.accept([sample(self.clock.now_ns())], sample_class)


@asynccontextmanager
async def an_edge(
    path: Path, broker: servers.Mosquitto, gateway: str, **options: Any
) -> AsyncIterator[Edge]:
    more = options.pop("settings", {})
    config = UplinkConfig(
        broker=settings_for(broker, client_id=gateway, **more), **{"ack_timeout_s": 1, **options}
    )
    spool = Spool(
        lambda: SpoolStore(
            path,
            limits=SpoolLimits(max_bytes=8 * 1024 * 1024),
            boot=BOOT,
            run="run",
            wall_ns=time.time_ns,
            monotonic_ns=time.monotonic_ns,
        )
    )
    await spool.start()
    clock = Clock(
        boot=BOOT,
        origin_ns=time.time_ns() - time.monotonic_ns(),
        monotonic_ns=time.monotonic_ns,
    )
    from edge_agent.clock_source import SystemClock

    clock.look(SystemClock().read())
    edge = Edge(spool, clock, gateway, config)
    await spool.put_catalog(edge.catalog.revision, encode_catalog(edge.catalog))
    uplink = asyncio.create_task(edge.uplink.run())
    session = asyncio.create_task(edge.session.run())
    try:
        yield edge
    finally:
        uplink.cancel()
        await asyncio.gather(uplink, return_exceptions=True)
        await spool.close()
        session.cancel()
        await asyncio.gather(session, return_exceptions=True)


@asynccontextmanager
async def a_controller(broker: servers.Mosquitto, gateway: str) -> AsyncIterator[FakeController]:
    controller = FakeController(settings_for(broker), gateway)
    task = asyncio.create_task(controller.run())
    try:
        await eventually(lambda: controller.connected, "controller connected")
        yield controller
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_sample_is_published_and_leaves_the_spool_upon_its_ack(
    mosquitto: servers.Mosquitto, gateway_id: str, tmp_path: Path
) -> None:
    async with (
        a_controller(mosquitto, gateway_id) as controller,
        an_edge(tmp_path / "spool.db", mosquitto, gateway_id) as edge,
    ):
        await eventually(lambda: bool(controller.statuses), "status")
        edge.read(5)

        await eventually(lambda: len(controller.seqs()) == 5, "five samples")
        await eventually(lambda: edge.spool.counts.batches == 0, "spool empty")

    batch = controller.batches[0][1]
    assert batch.clock is ClockState.SYNCED
    assert batch.catalog == edge.catalog.revision
    assert controller.seqs() == [1, 2, 3, 4, 5]
    assert [status.state for status in controller.statuses] == [
        LinkState.ONLINE,
        LinkState.STOPPING,
    ]


async def test_everything_of_an_outage_arrives_safety_first_and_live_at_once(
    gateway_id: str, tmp_path: Path
) -> None:
    """The broker is killed and its state wiped, while samples go on."""
    broker = servers.Mosquitto(tmp_path / "broker")
    await asyncio.to_thread(broker.start)
    try:
        async with (
            a_controller(broker, gateway_id) as controller,
            an_edge(tmp_path / "spool.db", broker, gateway_id, backlog_batches_per_s=40) as edge,
        ):
            await eventually(lambda: bool(controller.statuses), "status")
            await asyncio.to_thread(broker.kill)
            for number in range(30):
                edge.read(1, sample_class=SampleClass.NORMAL)
                if number % 10 == 0:
                    edge.read(1, sample_class=SampleClass.SAFETY)
                edge.batcher.flush()
            await eventually(lambda: edge.spool.counts.next_seq == 34, "everything stored")
            broker.wipe()
            await asyncio.to_thread(broker.start)

            await eventually(lambda: controller.connected, "controller back")
            await eventually(lambda: edge.spool.counts.batches == 0, "spool empty")

        assert set(controller.seqs()) == set(range(1, 34))
        classes = [batch.sample_class for _, batch in controller.batches]
        assert classes[:3] == [SampleClass.SAFETY] * 3
        assert SampleClass.SAFETY not in classes[3:]
        assert controller.order[3:] == sorted(controller.order[3:])
    finally:
        await asyncio.to_thread(broker.kill)


async def test_live_batches_pass_a_backlog_that_drains_slowly(
    mosquitto: servers.Mosquitto, gateway_id: str, tmp_path: Path
) -> None:
    async with (
        a_controller(mosquitto, gateway_id) as controller,
        an_edge(
            tmp_path / "spool.db",
            mosquitto,
            gateway_id,
            backlog_batches_per_s=5,
            backlog_window=2,
            ack_timeout_s=60,
        ) as edge,
    ):
        await eventually(lambda: bool(controller.statuses), "status")
        controller.acks = False
        edge.uplink._is_up = False  # as during an outage
        for _ in range(20):
            edge.read(1)
            edge.batcher.flush()
        await eventually(lambda: edge.spool.counts.batches == 20, "a backlog")
        edge.uplink._is_up = True
        edge.read(1)
        edge.batcher.flush()

        await eventually(lambda: 21 in controller.order, "the live one")
        await eventually(lambda: len(controller.order) == 3, "as much backlog as the window takes")

    assert controller.order.index(21) <= 2
    assert sorted(controller.order)[:2] == [1, 2]


async def test_a_batch_without_ack_is_sent_again_and_a_refused_one_is_not(
    mosquitto: servers.Mosquitto, gateway_id: str, tmp_path: Path
) -> None:
    async with (
        a_controller(mosquitto, gateway_id) as controller,
        an_edge(tmp_path / "spool.db", mosquitto, gateway_id) as edge,
    ):
        await eventually(lambda: bool(controller.statuses), "status")
        controller.acks = False
        edge.read(2)
        await eventually(lambda: len(controller.batches) >= 2, "the batch twice")
        refusal = Refusal(first=1, last=2, reason="schema")
        await controller.ack(gateway_id, ack_of(edge.spool.epoch, refused=[refusal]))

        await eventually(lambda: edge.spool.counts.batches == 0, "set aside")
        await eventually(lambda: bool(controller.events), "the gap")
        assert edge.spool.counts.messages == 1
        await eventually(lambda: len(controller.events) >= 2, "the gap once more, without ack")
        controller.acks = True
        await eventually(lambda: edge.spool.counts.messages == 0, "the gap acked")

    gap = controller.events[0]
    assert gap.kind == "gap"
    assert gap.attributes == {
        "epoch": edge.spool.epoch,
        "first": 1,
        "last": 2,
        "reason": "refused_schema",
    }
    assert {event.id for event in controller.events} == {gap.id}


async def test_catalogs_are_sent_when_asked_for_and_the_current_one_stays_retained(
    mosquitto: servers.Mosquitto, gateway_id: str, tmp_path: Path
) -> None:
    old = catalog_of(gateway_id, devices=2)
    async with (
        a_controller(mosquitto, gateway_id) as controller,
        an_edge(tmp_path / "spool.db", mosquitto, gateway_id) as edge,
    ):
        await eventually(lambda: bool(controller.catalogs), "catalog")
        controller.acks = False
        await edge.spool.put_catalog(old.revision, encode_catalog(old))
        asked = Ack(epoch=edge.spool.epoch, wants_catalog=old.revision)
        await controller.ack(gateway_id, asked)
        await eventually(lambda: len(controller.catalogs) == 3, "old and current")

        revisions = [decode_catalog(payload)[0] for payload, _ in controller.catalogs]
        assert revisions == [edge.catalog.revision, old.revision, edge.catalog.revision]
        async with a_controller(mosquitto, gateway_id) as late:
            await eventually(lambda: bool(late.catalogs), "the retained one")
            assert [decode_catalog(one)[0] for one, _ in late.catalogs] == [edge.catalog.revision]


async def test_commands_are_handed_on_with_whether_they_were_retained(
    mosquitto: servers.Mosquitto, gateway_id: str, tmp_path: Path
) -> None:
    async with (
        a_controller(mosquitto, gateway_id) as controller,
        an_edge(tmp_path / "spool.db", mosquitto, gateway_id) as edge,
    ):
        await eventually(lambda: bool(controller.statuses), "status")
        await controller.send(gateway_id, Down.COMMAND, b"a command")

        await eventually(lambda: bool(edge.commands), "the command")

    assert edge.commands == [(b"a command", False)]


async def test_rubbish_on_the_ack_topic_is_refused_and_the_next_ack_counts(
    mosquitto: servers.Mosquitto, gateway_id: str, tmp_path: Path
) -> None:
    async with (
        a_controller(mosquitto, gateway_id) as controller,
        an_edge(tmp_path / "spool.db", mosquitto, gateway_id) as edge,
    ):
        await eventually(lambda: bool(controller.statuses), "status")
        for rubbish in (b"", b"{", b"[]", b"\xff" * 99, b'{"v":1,"epoch":"x"}'):
            await controller.send(gateway_id, Down.ACK, rubbish)
        edge.read(1)

        await eventually(lambda: edge.spool.counts.next_seq == 2, "stored")
        await eventually(lambda: edge.spool.counts.batches == 0, "acked")
        await eventually(lambda: edge.session.stats.refused == 5, "all refused")


async def test_acks_for_an_epoch_of_somebody_else_are_said(
    mosquitto: servers.Mosquitto, gateway_id: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with (
        a_controller(mosquitto, gateway_id) as controller,
        an_edge(tmp_path / "spool.db", mosquitto, gateway_id) as edge,
    ):
        await eventually(lambda: bool(controller.statuses), "status")
        controller.acks = False
        edge.read(1)
        await eventually(lambda: edge.spool.counts.batches == 1, "stored")
        for _ in range(12):
            await controller.ack(gateway_id, ack_of(BOOT, (1, 1)))

        await eventually(lambda: "another agent seems to run" in caplog.text, "said")
        assert edge.spool.counts.batches == 1


async def test_a_lost_agent_is_offline_by_its_will(
    mosquitto: servers.Mosquitto, gateway_id: str, tmp_path: Path
) -> None:
    async with a_controller(mosquitto, gateway_id) as controller:
        async with an_edge(tmp_path / "spool.db", mosquitto, gateway_id) as edge:
            await eventually(lambda: bool(controller.statuses), "status")
            # A second connection with its id makes the broker end the first.
            async with aiomqtt.Client(mosquitto.host, mosquitto.port, identifier=gateway_id):
                pass
            await eventually(
                lambda: LinkState.OFFLINE in [one.state for one in controller.statuses], "will"
            )
            await eventually(
                lambda: controller.statuses[-1].state is LinkState.ONLINE, "back by itself"
            )
        boots = {(status.boot, status.epoch) for status in controller.statuses}
    assert boots == {(BOOT, edge.spool.epoch)}


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
        await eventually(lambda: edge.spool.counts.batches == 0, "freed")


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
