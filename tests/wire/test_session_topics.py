"""What an `MqttSession` listens to may change while it runs, against a real mosquitto."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.support.servers import Mosquitto
from tests.wire.sessions import Recorder, running, settings_for, until

pytestmark = pytest.mark.integration


async def test_what_it_listens_to_changes_while_it_is_connected(mosquitto: Mosquitto) -> None:
    recorder = Recorder()
    settings = settings_for(mosquitto)
    async with (
        running(settings) as publisher,
        running(settings, recorder, subscriptions=[("first/x", 1), ("stays/x", 1)]) as session,
    ):
        for topic in ("stays/x", "second/x"):
            await publisher.publish(topic, b"kept", retain=True)
        await until(lambda: ("stays/x", b"kept", False) in recorder.messages)
        session.subscribe_to([("stays/x", 1), ("second/x", 1)])
        await until(lambda: ("second/x", b"kept", True) in recorder.messages)
        await until(lambda: not session._wanted.is_set() and len(session._subscribed) == 2)
        await asyncio.sleep(0.1)  # the broker takes the UNSUBSCRIBE
        for topic in ("first/x", "second/x", "stays/x"):
            await publisher.publish(topic, b"now")
        await until(lambda: ("stays/x", b"now", False) in recorder.messages)
        for topic in ("stays/x", "second/x"):
            await publisher.publish(topic, b"", retain=True)

    assert [topic for topic, payload, _ in recorder.messages if payload == b"now"] == [
        *("second/x", "stays/x")
    ]
    assert recorder.messages.count(("stays/x", b"kept", True)) == 0
    assert (recorder.ups, session.stats.connects) == (1, 1)


async def test_what_it_is_to_listen_to_is_subscribed_at_the_next_connect(tmp_path: Path) -> None:
    recorder = Recorder()
    with Mosquitto(tmp_path) as broker:
        settings = settings_for(broker)
        async with running(settings, recorder, subscriptions=[("first/x", 1)]) as session:
            await asyncio.to_thread(broker.kill)
            session.subscribe_to([("second/x", 1)])
            await asyncio.to_thread(broker.start)
            await until(lambda: session.stats.connects == 2)
            await session.publish("first/x", b"1")
            await session.publish("second/x", b"2")
            await until(lambda: bool(recorder.messages))

    assert recorder.messages == [("second/x", b"2", False)]
