"""Connections that end and come back, answers that are late, and replies of unknown length."""

import asyncio
import os
import termios
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from campus_wire.quality import Quality
from edge_agent.config import SerialModbus
from edge_agent.modbus.ascii_framing import AsciiFraming
from edge_agent.modbus.build import make_bus, make_client
from edge_agent.modbus.client import LINGER_S, ModbusClient
from edge_agent.modbus.errors import GarbledError, NoAnswerError, NotConnectedError
from edge_agent.modbus.framing import Framing, MbapFraming, RtuFraming
from edge_agent.modbus.links import SerialLink, TcpLink, check_parity
from edge_agent.modbus.requests import (
    identification_request,
    read_request,
    server_id_request,
    write_request,
)
from tests.edge.fakes import RealClock, RecordingSink, edge_config, modbus_device, site
from tests.support.modbus_script import (
    CLOSE,
    ScriptedTcp,
    Send,
    ascii_frame,
    mbap,
    registers,
    rtu,
    scripted_serial,
    scripted_tcp,
)
from tests.support.servers import SerialPair

READ_TWO = read_request(1, "holding", address=0, count=2)
WRITE = write_request(1, 6, address=0, values=[5])
GOOD = registers(10, 20)

Reply = Callable[[bytes, Send], Awaitable[None]]


async def answer(asked: bytes, send: Send) -> None:
    send(mbap(asked, GOOD if asked[7] == 3 else asked[7:]))


async def answer_and_close(asked: bytes, send: Send) -> None:
    await answer(asked, send)
    await asyncio.sleep(0.01)
    send(CLOSE)


@asynccontextmanager
async def a_client(
    reply: Reply,
    framing: Callable[[], Framing] = MbapFraming,
    *,
    timeout_s: float = 0.3,
    hangs_up: bool = False,
) -> AsyncIterator[tuple[ModbusClient, ScriptedTcp]]:
    async def script(asked: bytes, send: Send) -> None:
        await reply(asked, send)

    async with scripted_tcp(script) as device:
        client = ModbusClient(
            TcpLink("127.0.0.1", device.port), framing, timeout_s=timeout_s, hangs_up=hangs_up
        )
        await client.connect()
        try:
            yield client, device
        finally:
            client.close()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.005)


async def test_a_device_that_closes_after_each_answer_is_asked_on() -> None:
    async with a_client(answer_and_close) as (client, device):
        for number in range(1, 5):
            assert await client.execute(READ_TWO) == (10, 20)
            await until(lambda: not device._writers)
            assert client.connected
            assert device.connections == number
        assert await client.execute(WRITE) == ()


async def test_a_read_that_meets_the_goodbye_is_sent_once_more() -> None:
    """The device closes while the next request is on its way."""
    answered = 0

    async def close_on_the_second(asked: bytes, send: Send) -> None:
        nonlocal answered
        answered += 1
        if answered == 2:
            send(CLOSE)
        else:
            await answer(asked, send)

    async with a_client(close_on_the_second) as (client, device):
        await client.execute(READ_TWO)
        assert await client.execute(READ_TWO) == (10, 20)
        assert (len(device.requests), device.connections) == (3, 2)


async def test_a_write_that_meets_the_goodbye_is_not_sent_again() -> None:
    async def close_on_a_write(asked: bytes, send: Send) -> None:
        if asked[7] == 3:
            await answer(asked, send)
        else:
            send(CLOSE)

    async with a_client(close_on_a_write) as (client, device):
        await client.execute(READ_TWO)
        with pytest.raises(NotConnectedError):
            await client.execute(WRITE)
        assert [request[7] for request in device.requests] == [3, 6]
        assert await client.execute(READ_TWO) == (10, 20)


async def test_a_device_that_never_answered_is_not_connected() -> None:
    async def only_close(_asked: bytes, send: Send) -> None:
        send(CLOSE)

    async with a_client(only_close) as (client, device):
        with pytest.raises(NotConnectedError):
            await client.execute(READ_TWO)
        assert not client.connected
        with pytest.raises(NotConnectedError):
            await client.execute(READ_TWO)
        assert device.connections == 1


async def test_the_line_is_given_free_when_nothing_more_is_asked() -> None:
    async with a_client(answer, hangs_up=True) as (client, device):
        await client.execute(READ_TWO)
        await client.execute(READ_TWO)
        assert device.connections == 1
        await until(lambda: not device._writers)
        assert client.connected
        assert await client.execute(READ_TWO) == (10, 20)
        assert device.connections == 2
        await asyncio.sleep(2 * LINGER_S)
        assert not device._writers


async def test_a_silent_unit_does_not_end_the_way_to_the_others() -> None:
    async def only_unit_one(asked: bytes, send: Send) -> None:
        if asked[6] == 1:
            await answer(asked, send)

    other = read_request(9, "holding", address=0, count=2)
    async with a_client(only_unit_one, hangs_up=True, timeout_s=0.05) as (client, device):
        with pytest.raises(NoAnswerError):
            await client.execute(other)
        await until(lambda: not device._writers)
        assert client.connected
        assert await client.execute(READ_TWO) == (10, 20)


async def test_a_device_that_takes_one_connection_serves_two_who_hang_up() -> None:
    """The second is let in when the first has gone."""
    free = asyncio.Semaphore(1)
    served = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal served
        async with free:
            while asked := await reader.read(512):
                writer.write(mbap(asked, GOOD))
        writer.close()
        served += 1

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    clients = [
        ModbusClient(TcpLink("127.0.0.1", port), MbapFraming, timeout_s=2, hangs_up=True)
        for _ in range(2)
    ]
    for _ in range(2):
        for client in clients:
            if not client.connected:
                await client.connect()
            assert await client.execute(READ_TWO) == (10, 20)
    for client in clients:
        client.close()
    await until(lambda: served == 4)
    server.close()


async def test_one_request_may_have_more_time_than_the_others() -> None:
    async def slow(asked: bytes, send: Send) -> None:
        await asyncio.sleep(0.1)
        await answer(asked, send)

    async with a_client(slow, timeout_s=0.03) as (client, _):
        with pytest.raises(NoAnswerError):
            await client.execute(READ_TWO)
        assert await client.execute(READ_TWO, timeout_s=5) == (10, 20)
        with pytest.raises(NoAnswerError):
            await client.execute(READ_TWO)


async def test_half_a_tcp_frame_is_left_behind_with_its_connection() -> None:
    replies = 0

    async def half(asked: bytes, send: Send) -> None:
        nonlocal replies
        replies += 1
        send(mbap(asked, GOOD)[: -1 if replies == 1 else None])

    async with a_client(half, timeout_s=0.05) as (client, device):
        with pytest.raises(NoAnswerError):
            await client.execute(READ_TWO)
        assert await client.execute(READ_TWO) == (10, 20)
        assert device.connections == 2


async def test_a_late_answer_is_not_that_to_the_next_question_of_the_same_kind() -> None:
    """RTU replies carry no number; both blocks of the device look alike."""
    asked_for: list[bytes] = []

    async def late(asked: bytes, send: Send) -> None:
        asked_for.append(asked)
        if len(asked_for) == 1:
            await asyncio.sleep(0.15)
            send(rtu(asked, registers(666, 666)))
        else:
            await asyncio.sleep(0.05)
            send(rtu(asked, GOOD))

    other = read_request(1, "holding", address=100, count=2)
    async with a_client(late, RtuFraming, timeout_s=0.1) as (client, _):
        with pytest.raises(NoAnswerError):
            await client.execute(READ_TWO)
        assert await client.execute(other) == (10, 20)


async def test_after_a_late_answer_that_to_the_question_asked_again_is_still_to_come() -> None:
    """The late answer passes for that to the second asking, whose own comes as late."""
    sending: set[asyncio.Task[None]] = set()

    async def later(asked: bytes, send: Send) -> None:
        await asyncio.sleep(0.15)
        send(rtu(asked, registers(666, 666) if asked[3] == READ_TWO.pdu[2] else GOOD))

    async def always_late(asked: bytes, send: Send) -> None:
        sending.add(asyncio.create_task(later(asked, send)))

    other = read_request(1, "holding", address=100, count=2)
    async with a_client(always_late, RtuFraming, timeout_s=0.1) as (client, _):
        with pytest.raises(NoAnswerError):
            await client.execute(READ_TWO)
        assert await client.execute(READ_TWO) == (666, 666)
        with pytest.raises(NoAnswerError):
            await client.execute(other)
        assert await client.execute(other) == (10, 20)


async def test_a_late_answer_is_remembered_while_others_are_silent() -> None:
    sending: set[asyncio.Task[None]] = set()

    async def later(asked: bytes, send: Send) -> None:
        await asyncio.sleep(0.3)
        send(rtu(asked, registers(666, 666)))

    async def slow(asked: bytes, send: Send) -> None:
        if asked[0] == 1 and asked[3] == READ_TWO.pdu[2]:
            sending.add(asyncio.create_task(later(asked, send)))
        elif asked[0] == 1:
            await asyncio.sleep(0.15)
            send(rtu(asked, GOOD))

    silent = read_request(2, "holding", address=0, count=2)
    other = read_request(1, "holding", address=100, count=2)
    async with a_client(slow, RtuFraming, timeout_s=0.2) as (client, _):
        with pytest.raises(NoAnswerError):
            await client.execute(READ_TWO)
        with pytest.raises(NoAnswerError):
            await client.execute(silent, timeout_s=0.02)
        assert await client.execute(other) == (10, 20)


async def test_what_a_device_says_of_itself_has_any_length() -> None:
    said = b"\x11\x05\x0a\xffABC"
    parts = [b"Campus", b"X1", b"2.0"]
    objects = b"".join(bytes([at, len(text)]) + text for at, text in enumerate(parts))
    identity = b"\x2b\x0e\x01\x81\x00\x00\x03" + objects

    async def one_byte_at_a_time(asked: bytes, send: Send) -> None:
        frame = rtu(asked, said if asked[1] == 0x11 else identity)
        for at in range(len(frame)):
            send(frame[at : at + 1])
            await asyncio.sleep(0)

    async def at_once(asked: bytes, send: Send) -> None:
        send(mbap(asked, said if asked[7] == 0x11 else identity))

    for reply, framing in ((one_byte_at_a_time, RtuFraming), (at_once, MbapFraming)):
        async with a_client(reply, framing, timeout_s=2) as (client, _):
            assert bytes(await client.execute(server_id_request(3))) == said
            assert bytes(await client.execute(identification_request(3))) == identity


async def test_a_length_that_lies_is_garbled() -> None:
    async def lie(asked: bytes, send: Send) -> None:
        send(mbap(asked, b"\x11\x09AB"))

    async with a_client(lie) as (client, _):
        with pytest.raises(GarbledError):
            await client.execute(server_id_request(3))


@pytest.mark.parametrize(
    ("settings", "parity_bits"),
    [({}, "7E1"), ({"parity": "O"}, "7O1"), ({"data_bits": 8, "parity": "N"}, "8N1")],
)
async def test_ascii_over_a_serial_line(
    settings: dict[str, object], parity_bits: str, serial_pair: SerialPair
) -> None:
    async def script(_eight_bytes: bytes, send: Send) -> None:
        if len(device.requests) == 2:  # 17 characters
            send(ascii_frame(b"\1" + GOOD)[:9])
            send(ascii_frame(b"\1" + GOOD)[9:])

    config = SerialModbus.model_validate(
        {"transport": "ascii", "port": str(serial_pair.gateway_port), "timeout_s": 2, **settings}
    )
    async with scripted_serial(serial_pair.device_port, script) as device:
        client = make_client(config, [])
        link = client.link
        assert isinstance(link, SerialLink)
        assert f"{link.data_bits}{link.parity}{link.stop_bits}" == parity_bits
        await client.connect()
        assert await client.execute(READ_TWO) == (10, 20)
        assert b"".join(device.requests) == b":010300000002FA\r"  # eight bytes at a time
        client.close()


def test_parity_is_looked_at_by_the_kernel() -> None:
    master, terminal = os.openpty()
    check_parity(terminal)
    asked_for = termios.tcgetattr(terminal)[0]
    os.close(master)
    os.close(terminal)

    assert asked_for & termios.INPCK
    assert asked_for & termios.IGNPAR


async def test_ascii_over_tcp() -> None:
    async def reply(asked: bytes, send: Send) -> None:
        send(ascii_frame(bytes.fromhex(asked[1:3].decode()) + GOOD))

    async with a_client(reply, partial(AsciiFraming)) as (client, device):
        assert await client.execute(READ_TWO) == (10, 20)
        assert device.requests == [b":010300000002FA\r\n"]


async def test_a_port_that_vanished_and_came_back_is_opened_again(tmp_path: Path) -> None:
    """As when a USB adapter is pulled and put in: another terminal, the same link to it."""
    link = tmp_path / "by-id"
    line = {"id": "bus", "modbus": {"transport": "rtu", "port": str(link), "timeout_s": 0.2}}
    device = modbus_device("th", "xy-md02", unit=1, interval_s=0.1)
    config = edge_config(buses=[{**line, "devices": [device]}])
    sink = RecordingSink()
    bus = make_bus(config.buses[0], site(config).on_bus("bus"), sink=sink, clock=RealClock())

    def last() -> int | None:
        return max(sink.samples[-1][1].qualities) if sink.samples else None

    task = asyncio.create_task(bus.run())
    for _ in range(3):
        master, terminal = os.openpty()
        link.unlink(missing_ok=True)
        link.symlink_to(os.ttyname(terminal))
        os.set_blocking(master, False)

        def reply(master: int = master) -> None:
            asked = os.read(master, 256)
            os.write(master, rtu(asked, registers(215, 564, function=4)))

        loop = asyncio.get_running_loop()
        loop.add_reader(master, reply)
        await until(lambda: last() == Quality.GOOD)
        loop.remove_reader(master)
        os.close(terminal)
        os.close(master)
        await until(lambda: last() == Quality.NOT_CONNECTED)
    assert not task.done()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
