"""The real process on a real broker: batches go in over MQTT and come out of the store."""

import asyncio
import contextlib
import os
import signal
import sqlite3
import sys
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import httpx
import pytest

from campus_wire.messages import LinkState, Status, encode
from campus_wire.topics import Up
from tests.controller.core.process import gateway
from tests.controller.core.samples import EPOCH, TOO_HOT, catalog, payload
from tests.support.controller_process import ControllerProcess
from tests.support.servers import InfluxDB, Mosquitto

pytestmark = pytest.mark.integration


def stored_rows(path: Path) -> list[tuple[int, int]]:
    """Return (sequence number, how often) of what the file holds of the first point."""
    with contextlib.closing(duckdb.connect(str(path), read_only=True)) as connection:
        return connection.execute(
            "SELECT seq, count(*) FROM samples JOIN points ON points.key = point"
            " WHERE name = 'temperature' GROUP BY seq ORDER BY seq"
        ).fetchall()


async def test_batch_to_duckdb_to_ack(
    tmp_path: Path, mosquitto: Mosquitto, gateway_id: str
) -> None:
    of = catalog(gateway_id)
    controller = ControllerProcess(tmp_path, mosquitto, store="duckdb:///t.duckdb")
    await asyncio.to_thread(controller.start)
    try:
        async with gateway(mosquitto, of) as sender:
            now_ns = time.time_ns()
            await sender.introduce(time_ns=now_ns)
            for first in range(1, 100, 3):
                await sender.publish(Up.BATCH, payload(of, first, time_ns=now_ns))
            await sender.until(lambda: sender.stored == set(range(1, 100)))
        headers = {"Authorization": f"Bearer {controller.token}"}
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{controller.port}") as client:
            answer = await client.get("/metrics", headers=headers)
        assert "campus_controller_values_stored_total 198.0" in answer.text
        # What a service prints is kept in a journal that many may read.
        assert controller.token not in controller.log_path.read_text()
    finally:
        await asyncio.to_thread(controller.stop)

    assert stored_rows(tmp_path / "t.duckdb") == [(number, 1) for number in range(1, 100)]


async def test_batch_to_influxdb_to_ack(
    tmp_path: Path, mosquitto: Mosquitto, influx: InfluxDB, gateway_id: str
) -> None:
    of = catalog(gateway_id)
    store = f"influxdb://{influx.host}:{influx.port}/{influx.database}?version=1"
    controller = ControllerProcess(tmp_path, mosquitto, store=store)
    await asyncio.to_thread(controller.start)
    try:
        async with gateway(mosquitto, of) as sender:
            now_ns = time.time_ns()
            await sender.introduce(time_ns=now_ns)
            for first in range(1, 100, 3):
                await sender.publish(Up.BATCH, payload(of, first, time_ns=now_ns))
            await sender.until(lambda: sender.stored == set(range(1, 100)))
    finally:
        await asyncio.to_thread(controller.stop)

    rows = await asyncio.to_thread(influx.query, "SELECT humidity, seq FROM climate")
    assert sorted(row["seq"] for row in rows) == list(range(1, 100))
    assert all(row["humidity"] == row["seq"] for row in rows)


async def test_killed_between_commit_and_ack_nothing_is_lost_or_done_twice(
    tmp_path: Path, mosquitto: Mosquitto, gateway_id: str
) -> None:
    """The store does not exist while the first life runs, so its life ends before any ack."""
    of = catalog(gateway_id)
    store = tmp_path / "stored"
    controller = ControllerProcess(
        tmp_path, mosquitto, store=f"duckdb:///{store.name}/t.duckdb", more=_RULES
    )
    (tmp_path / "rules.yaml").write_text(TOO_HOT)
    await asyncio.to_thread(start_unready, controller)
    try:
        async with gateway(mosquitto, of) as sender:
            now_ns = time.time_ns()
            await sender.introduce(time_ns=now_ns)
            hot = payload(of, 1, time_ns=now_ns, value=50.0)
            async with asyncio.timeout(20):
                while not (raised := transitions(controller.state_path)):
                    await sender.publish(Up.BATCH, hot)  # unacked, so it comes again
                    await asyncio.sleep(0.1)
            assert sender.stored == set()
            os.kill(controller.pid, signal.SIGKILL)
            await asyncio.to_thread(controller.kill)

            store.mkdir()
            await asyncio.to_thread(controller.start)
            await sender.publish(Up.BATCH, hot)
            await sender.until(lambda: sender.stored == {1, 2, 3})
    finally:
        await asyncio.to_thread(controller.stop)

    assert stored_rows(store / "t.duckdb") == [(1, 1), (2, 1), (3, 1)]
    assert transitions(controller.state_path) == raised
    assert len(raised) == 3


_RULES = "rules: [rules.yaml]\n"


def start_unready(controller: ControllerProcess) -> None:
    """Start without waiting for readiness, which a missing store withholds."""
    ready = controller._is_ready
    controller._is_ready = controller.state_path.exists  # type: ignore[method-assign]
    try:
        controller.start()
    finally:
        controller._is_ready = ready  # type: ignore[method-assign]


def transitions(path: Path) -> list[tuple[str, str]]:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        try:
            rows = connection.execute("SELECT alarm, kind FROM transitions ORDER BY id")
            return list(rows)
        except sqlite3.OperationalError:
            return []


async def test_a_gateway_that_is_gone_is_one_alarm_and_clears(
    tmp_path: Path, mosquitto: Mosquitto, gateway_id: str
) -> None:
    of = catalog(gateway_id)
    controller = ControllerProcess(
        tmp_path, mosquitto, store="duckdb:///t.duckdb", more="liveness: {offline_after_s: 1}\n"
    )
    await asyncio.to_thread(controller.start)
    try:
        async with gateway(mosquitto, of) as sender:
            await sender.introduce(time_ns=time.time_ns())
            gone = Status(
                gateway=gateway_id,
                state=LinkState.OFFLINE,
                time_ns=time.time_ns(),
                boot=EPOCH,
            )
            await sender.publish(Up.STATUS, encode(gone), retain=True)
            path = controller.state_path
            await until(lambda: alarm_states(path, gateway_id) == ["active_unacknowledged"])
            await sender.introduce(time_ns=time.time_ns())
            await until(lambda: alarm_states(path, gateway_id) == ["cleared_unacknowledged"])
            await sender.publish(Up.STATUS, b"", retain=True)
    finally:
        await asyncio.to_thread(controller.stop)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110  # the state of another process
            await asyncio.sleep(0.1)


def alarm_states(path: Path, gateway: str) -> list[str]:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT state FROM alarms WHERE instance = ?", (gateway,))
        return [state for (state,) in rows]


async def test_a_second_controller_on_the_same_state_ends_with_a_word(
    tmp_path: Path, mosquitto: Mosquitto
) -> None:
    controller = ControllerProcess(tmp_path, mosquitto, store="duckdb:///t.duckdb")
    await asyncio.to_thread(controller.start)
    try:
        command = [sys.executable, "-m", "campus_cli.main", "controller", "run"]
        second = await asyncio.create_subprocess_exec(
            *command, "--config", str(controller.config), stderr=asyncio.subprocess.PIPE
        )
        async with asyncio.timeout(30):
            _, said = await second.communicate()
    finally:
        await asyncio.to_thread(controller.stop)

    assert second.returncode == 1
    assert b"another controller (process" in said
    assert b"Traceback" not in said
