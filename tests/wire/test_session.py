"""MqttSession against a real mosquitto."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
from pathlib import Path

import pytest
import uvloop

from campus_wire.errors import CredentialsError, LinkDownError, MalformedError, TransientError
from campus_wire.session import MqttSession, Will
from campus_wire.settings import MqttSettings
from tests.support.servers import Mosquitto, free_port
from tests.wire.sessions import Recorder, running, secret_file, settings_for, until

pytestmark = pytest.mark.integration


async def test_messages_arrive_in_order_and_publish_waits_for_the_broker(
    mosquitto: Mosquitto,
) -> None:
    recorder = Recorder()
    settings = settings_for(mosquitto)
    async with running(settings, recorder, subscriptions=[("order/#", 1)]) as session:
        for number in range(50):
            await session.publish("order/x", b"%d" % number)
        await until(lambda: len(recorder.messages) == 50)

    assert recorder.messages == [("order/x", b"%d" % number, False) for number in range(50)]
    assert session.stats.published == session.stats.received == 50


async def test_many_publishes_wait_at_the_same_time(mosquitto: Mosquitto) -> None:
    recorder = Recorder()
    settings = settings_for(mosquitto, inflight_max=50)
    async with (
        running(settings, recorder, subscriptions=[("many/#", 1)]),
        running(settings) as publisher,
        asyncio.TaskGroup() as group,
    ):
        for number in range(1000):
            group.create_task(publisher.publish("many/x", b"%d" % number))
        await until(lambda: len(recorder.messages) == 1000)

    assert {payload for _, payload, _ in recorder.messages} == {b"%d" % n for n in range(1000)}


async def test_retained_messages_are_told_apart(mosquitto: Mosquitto) -> None:
    recorder = Recorder()
    async with running(settings_for(mosquitto)) as session:
        await session.publish("kept/x", b"old", retain=True)
    async with running(settings_for(mosquitto), recorder, subscriptions=[("kept/#", 1)]) as session:
        await session.publish("kept/x", b"new")
        await until(lambda: len(recorder.messages) == 2)
        await session.publish("kept/x", b"", retain=True)

    assert recorder.messages[:2] == [("kept/x", b"old", True), ("kept/x", b"new", False)]


async def test_it_comes_back_and_subscribes_again_after_the_broker_was_killed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="campus_wire.session")
    recorder = Recorder()
    with Mosquitto(tmp_path) as broker:
        settings = settings_for(broker)
        async with running(settings, recorder, subscriptions=[("back/#", 1)]) as session:
            await asyncio.to_thread(broker.kill)
            await until(lambda: not session.connected)
            with pytest.raises(LinkDownError) as caught:
                await session.publish("back/x", b"lost")
            await asyncio.sleep(0.5)  # several attempts that fail
            await asyncio.to_thread(broker.start)
            await until(lambda: recorder.ups == 2)
            await session.publish("back/x", b"1")
            await until(lambda: bool(recorder.messages))

    assert caught.value.reason == "link_down"
    assert recorder.messages == [("back/x", b"1", False)]
    assert recorder.downs == 2  # the kill and the end of the test
    said = [record.getMessage() for record in caplog.records]
    assert sum("connection_lost" in text for text in said) == 1
    assert sum("(refused)" in text for text in said) == 1
    assert sum(text.startswith("connected to") for text in said) == 2


async def test_publishes_under_way_fail_when_the_connection_is_lost(tmp_path: Path) -> None:
    with Mosquitto(tmp_path) as broker:
        async with running(settings_for(broker, timeout_s=30.0)) as session:
            broker.pause()
            publish = asyncio.create_task(session.publish("a/b", b"x"))
            await asyncio.sleep(0.1)
            await asyncio.to_thread(broker.kill)
            async with asyncio.timeout(5):
                with pytest.raises(LinkDownError):
                    await publish


async def test_a_publish_without_answer_ends_after_the_timeout(tmp_path: Path) -> None:
    with Mosquitto(tmp_path) as broker:
        async with running(settings_for(broker, timeout_s=0.3)) as session:
            broker.pause()
            with pytest.raises(LinkDownError) as caught:
                await session.publish("a/b", b"x")
            broker.resume()

    assert caught.value.reason == "publish_timeout"


async def test_a_frozen_broker_is_noticed_by_keepalive(tmp_path: Path) -> None:
    recorder = Recorder()
    with Mosquitto(tmp_path) as broker:
        settings = settings_for(broker, keepalive_s=1, timeout_s=0.5)
        async with running(settings, recorder) as session:
            broker.pause()
            await until(lambda: not session.connected)
            broker.resume()
            await until(lambda: recorder.ups == 2)

    assert session.stats.losses >= 1


async def test_the_will_is_published_when_the_session_dies_and_not_when_it_ends(
    mosquitto: Mosquitto,
) -> None:
    watcher = Recorder()
    will = Will("will/x", b"gone", retain=False)

    async def last_words() -> None:
        await session.publish("will/x", b"stopping")

    subscriptions = [("will/#", 1)]
    async with running(settings_for(mosquitto), watcher, subscriptions=subscriptions):
        async with running(settings_for(mosquitto), will=will, on_stop=last_words) as session:
            pass
        async with running(settings_for(mosquitto), will=will) as session:
            connection = session._connection
            assert connection is not None
            connection.abandon()
            await until(lambda: len(watcher.messages) == 2)

    assert [payload for _, payload, _ in watcher.messages] == [b"stopping", b"gone"]


async def test_a_goodbye_that_hangs_is_cut_off(mosquitto: Mosquitto) -> None:
    async def never() -> None:
        await asyncio.Event().wait()

    async with (
        asyncio.timeout(5),
        running(settings_for(mosquitto, timeout_s=0.2), on_stop=never),
    ):
        pass


async def test_a_handler_that_refuses_does_not_stop_the_next_message(
    mosquitto: Mosquitto, caplog: pytest.LogCaptureFixture
) -> None:
    recorder = Recorder()
    recorder.failure = MalformedError("json", "not JSON")
    settings = settings_for(mosquitto)
    async with running(settings, recorder, subscriptions=[("bad/#", 1)]) as session:
        for _ in range(5):
            await session.publish("bad/x", b"?")
        await until(lambda: session.stats.refused == 5)

    assert sum("refused (json)" in record.getMessage() for record in caplog.records) == 1


async def test_a_broken_handler_ends_the_session(mosquitto: Mosquitto) -> None:
    recorder = Recorder()
    recorder.failure = ZeroDivisionError()
    session = MqttSession(
        settings_for(mosquitto),
        subscriptions=[("broken/#", 1)],
        will=None,
        on_message=recorder.on_message,
    )
    task = asyncio.create_task(session.run())
    await until(lambda: session.connected)
    with contextlib.suppress(LinkDownError):  # the end may come before the answer
        await session.publish("broken/x", b"?")

    with pytest.raises(ExceptionGroup) as caught:
        await task
    assert caught.group_contains(ZeroDivisionError)


async def test_what_does_not_fit_the_inbox_is_dropped_and_counted(
    mosquitto: Mosquitto, caplog: pytest.LogCaptureFixture
) -> None:
    go_on = asyncio.Event()
    handled = 0

    async def slow(topic: str, payload: bytes, retained: bool) -> None:
        nonlocal handled
        await go_on.wait()
        handled += 1

    settings = settings_for(mosquitto, received_max=10)
    session = MqttSession(settings, subscriptions=[("full/#", 0)], will=None, on_message=slow)
    task = asyncio.create_task(session.run())
    await until(lambda: session.connected)
    async with asyncio.TaskGroup() as group:
        for _ in range(100):
            group.create_task(session.publish("full/x", b"x"))
    await until(lambda: session.stats.received + session.stats.dropped == 100)
    go_on.set()
    await until(lambda: handled == session.stats.received)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert 10 <= handled <= 11
    assert session.stats.dropped == 100 - handled
    assert sum("dropping" in record.getMessage() for record in caplog.records) == 1


async def test_a_wrong_password_is_said_once_and_put_right_while_running(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    password_file = secret_file(tmp_path, "wrong-and-secret")
    with Mosquitto(tmp_path / "broker", users={"gw-1": "right-and-secret"}) as broker:
        settings = settings_for(broker, username="gw-1", password_file=password_file)
        async with running(settings, wait=False) as session:
            await asyncio.sleep(0.8)
            assert not session.connected
            secret_file(tmp_path, "right-and-secret")
            await until(lambda: session.connected)

    said = [record.getMessage() for record in caplog.records]
    assert sum("(credentials)" in text for text in said) == 1
    assert "secret" not in "".join(said) + repr(settings)


async def test_a_refused_subscription_is_said(caplog: pytest.LogCaptureFixture) -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(200)
        writer.write(b"\x20\x02\x00\x00")  # CONNACK: accepted
        subscribe = await reader.read(200)
        packet_id = subscribe[2:4]
        writer.write(b"\x90\x04" + packet_id + b"\x01\x80")  # SUBACK: one granted, one refused
        await reader.read()
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    settings = MqttSettings(host="127.0.0.1", port=port, reconnect_refused_s=0.1)
    subscriptions = [("open/#", 1), ("secret/#", 1)]
    async with running(settings, subscriptions=subscriptions, wait=False) as session:
        await until(lambda: bool(caplog.records))
        assert not session.connected
    server.close()

    assert "(subscription)" in caplog.records[0].getMessage()
    assert "secret/#" in caplog.records[0].getMessage()


async def test_a_topic_that_is_not_utf8_is_dropped_and_the_next_message_handled() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(200)
        writer.write(b"\x20\x02\x00\x00")  # CONNACK
        subscribe = await reader.read(200)
        writer.write(b"\x90\x03" + subscribe[2:4] + b"\x00")  # SUBACK
        for topic in (b"\xff\xfe", "教室".encode("gbk"), b"good"):
            writer.write(b"\x30" + bytes([2 + len(topic) + 1, 0, len(topic)]) + topic + b"x")
        await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    recorder = Recorder()
    settings = MqttSettings(host="127.0.0.1", port=port)
    async with running(settings, recorder, subscriptions=[("#", 0)], wait=False) as session:
        await until(lambda: bool(recorder.messages))
        assert session.connected
    server.close()

    assert recorder.messages == [("good", b"x", False)]
    assert session.stats.dropped == 2


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize("answer", [None, b"", b"\x20\x02\x00\x03", b"HTTP/1.1 400 Bad\r\n\r\n"])
async def test_attempts_that_fail_leave_nothing_behind(answer: bytes | None) -> None:
    """A listener that says nothing, hangs up, is unavailable, or speaks another protocol."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        if answer is not None:
            writer.write(answer)
            writer.close()
        await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    settings = MqttSettings(
        host="127.0.0.1",
        port=port,
        timeout_s=0.1,
        reconnect_first_s=0.01,
        reconnect_max_s=0.02,
        reconnect_refused_s=0.02,
    )
    async with running(settings, wait=False) as session:
        await asyncio.sleep(0.3)
        files_before = open_files()
        await asyncio.sleep(1.0)
        files_after = open_files()
        assert not session.connected
    server.close()
    await asyncio.sleep(0.15)
    gc.collect()

    assert files_after <= files_before + 3


async def test_a_name_that_does_not_resolve_and_a_closed_port_are_transient(
    caplog: pytest.LogCaptureFixture,
) -> None:
    for host, reason in (("127.0.0.1", "refused"), ("x" * 64 + ".invalid", "name_unknown")):
        settings = MqttSettings(host=host, port=free_port(), reconnect_first_s=0.01)
        async with running(settings, wait=False):
            await asyncio.sleep(0.3)
        assert any(f"({reason})" in record.getMessage() for record in caplog.records)


async def test_a_start_that_fails_is_tried_on_a_new_connection(mosquitto: Mosquitto) -> None:
    attempts = 0

    async def on_up() -> None:
        nonlocal attempts
        attempts += 1
        if attempts < 3:
            raise TransientError("spool_busy", "not yet")

    async with running(settings_for(mosquitto), wait=False, on_up=on_up) as session:
        await until(lambda: attempts == 3 and session.connected)

    assert session.stats.connects == 3


def test_it_works_on_uvloop(mosquitto: Mosquitto) -> None:
    async def talk() -> Recorder:
        recorder = Recorder()
        settings = settings_for(mosquitto)
        async with running(settings, recorder, subscriptions=[("uv/#", 1)]) as session:
            async with asyncio.TaskGroup() as group:
                for number in range(100):
                    group.create_task(session.publish("uv/x", b"%d" % number * 5000))
            await until(lambda: len(recorder.messages) == 100)
        return recorder

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        recorder = runner.run(talk())

    assert len(recorder.messages) == 100


def test_errors_of_credentials_are_retried() -> None:
    assert issubclass(CredentialsError, TransientError)
