"""The client against devices that answer byte for byte as told."""

import asyncio
import termios
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
import serial

from campus_wire.errors import TransientError
from campus_wire.quality import Quality
from edge_agent.modbus.client import ModbusClient
from edge_agent.modbus.errors import (
    DeviceBusyError,
    DeviceExceptionError,
    GarbledError,
    ModbusError,
    NoAnswerError,
    NotConnectedError,
    WrongUnitError,
)
from edge_agent.modbus.framing import MbapFraming, RtuFraming
from edge_agent.modbus.links import LIBRARY_ERRORS, SerialLink, TcpLink
from edge_agent.modbus.requests import read_request, write_request
from tests.support.modbus_script import (
    CLOSE,
    ScriptedSerial,
    ScriptedTcp,
    Send,
    crc16,
    mbap,
    registers,
    rtu,
    scripted_serial,
    scripted_tcp,
)
from tests.support.servers import SerialPair

READ_TWO = read_request(1, "holding", address=0, count=2)
GOOD = registers(10, 20)
Frame = Callable[..., bytes]


@asynccontextmanager
async def tcp_client(
    *replies: Callable[[bytes], list[bytes]], timeout_s: float = 0.15
) -> AsyncIterator[tuple[ModbusClient, ScriptedTcp]]:
    """A connected client, and a device that answers request n with the bytes of reply n."""
    waiting = list(replies)

    async def script(request: bytes, send: Send) -> None:
        for part in waiting.pop(0)(request) if waiting else [mbap(request, GOOD)]:
            send(part)
            await asyncio.sleep(0.002)

    async with scripted_tcp(script) as device:
        client = ModbusClient(TcpLink("127.0.0.1", device.port), MbapFraming, timeout_s=timeout_s)
        await client.connect()
        try:
            yield client, device
        finally:
            client.close()


@asynccontextmanager
async def rtu_client(
    pair: SerialPair, *replies: Callable[[bytes], list[bytes]], timeout_s: float = 0.15
) -> AsyncIterator[tuple[ModbusClient, ScriptedSerial]]:
    waiting = list(replies)

    async def script(request: bytes, send: Send) -> None:
        for part in waiting.pop(0)(request) if waiting else [rtu(request, GOOD)]:
            send(part)
            await asyncio.sleep(0.002)

    async with scripted_serial(pair.device_port, script) as device:
        link = SerialLink(str(pair.gateway_port), baud_rate=115_200)
        client = ModbusClient(link, RtuFraming, timeout_s=timeout_s)
        await client.connect()
        try:
            yield client, device
        finally:
            client.close()


async def test_reads_registers_over_tcp() -> None:
    async with tcp_client() as (client, device):
        assert await client.execute(READ_TWO) == (10, 20)
        assert device.requests[0][2:] == bytes.fromhex("0000 0006 01 03 0000 0002")


async def test_reads_registers_over_a_serial_line(serial_pair: SerialPair) -> None:
    async with rtu_client(serial_pair) as (client, device):
        assert await client.execute(READ_TWO) == (10, 20)
        asked = bytes.fromhex("01 03 0000 0002")
        assert device.requests == [asked + crc16(asked)]


async def test_reads_bits_lowest_first() -> None:
    request = read_request(1, "coil", address=0, count=10)
    async with tcp_client(lambda asked: [mbap(asked, bytes([1, 2, 0b101, 0b10]))]) as (client, _):
        assert await client.execute(request) == [1, 0, 1, 0, 0, 0, 0, 0, 0, 1]


@pytest.mark.parametrize("function", [5, 6, 15, 16])
async def test_a_write_is_good_only_with_its_whole_echo(function: int) -> None:
    request = write_request(1, function, address=3, values=[1])
    wrong = bytearray(request.reply_head)
    wrong[-1] ^= 1
    async with tcp_client(
        lambda asked: [mbap(asked, request.reply_head)], lambda asked: [mbap(asked, bytes(wrong))]
    ) as (client, _):
        assert list(await client.execute(request)) == []
        with pytest.raises(GarbledError):
            await client.execute(request)


async def test_a_reply_may_come_one_byte_at_a_time() -> None:
    def bytewise(asked: bytes) -> list[bytes]:
        return [bytes([byte]) for byte in mbap(asked, GOOD)]

    async with tcp_client(bytewise, timeout_s=1.0) as (client, _):
        assert await client.execute(READ_TWO) == (10, 20)


async def test_a_serial_reply_may_come_one_byte_at_a_time(serial_pair: SerialPair) -> None:
    def bytewise(asked: bytes) -> list[bytes]:
        return [bytes([byte]) for byte in rtu(asked, GOOD)]

    async with rtu_client(serial_pair, bytewise, timeout_s=1.0) as (client, _):
        assert await client.execute(READ_TWO) == (10, 20)


async def test_a_late_answer_never_becomes_the_next_requests_value() -> None:
    late: list[bytes] = []

    def silent(asked: bytes) -> list[bytes]:
        late.append(mbap(asked, registers(666, 666)))
        return []

    async with tcp_client(silent, lambda asked: [*late, mbap(asked, GOOD)]) as (client, _):
        with pytest.raises(NoAnswerError):
            await client.execute(READ_TWO)
        assert await client.execute(READ_TWO) == (10, 20)


async def test_an_answer_that_waited_while_the_process_stood_still_is_no_value_of_now() -> None:
    async def script(request: bytes, send: Send) -> None:
        send(mbap(request, GOOD))
        if len(device.requests) == 1:
            time.sleep(1.2)  # noqa: ASYNC251  # as if stopped

    async with scripted_tcp(script) as device:
        link = TcpLink("127.0.0.1", device.port)
        client = ModbusClient(link, MbapFraming, timeout_s=0.05)
        await client.connect()

        with pytest.raises(NoAnswerError):
            await client.execute(READ_TWO)
        assert await client.execute(READ_TWO) == (10, 20)
        client.close()


async def test_a_late_answer_merged_with_the_right_one_is_told_apart() -> None:
    def merged(asked: bytes) -> list[bytes]:
        stale = mbap(asked, registers(666, 666), tid=0xFFFF)
        return [stale + mbap(asked, GOOD) + stale]

    async with tcp_client(merged, merged) as (client, _):
        assert await client.execute(READ_TWO) == (10, 20)
        assert await client.execute(READ_TWO) == (10, 20)


async def test_late_serial_bytes_are_forgotten_before_the_next_request(
    serial_pair: SerialPair,
) -> None:
    async with rtu_client(serial_pair, lambda _: []) as (client, device):
        with pytest.raises(NoAnswerError):
            await client.execute(READ_TWO)
        device.send(rtu(device.requests[0], registers(666, 666)))
        await asyncio.sleep(0.02)
        assert await client.execute(READ_TWO) == (10, 20)


async def test_a_late_serial_answer_of_another_unit_is_skipped(serial_pair: SerialPair) -> None:
    def late_then_right(asked: bytes) -> list[bytes]:
        return [rtu(asked, registers(666, 666), unit=9) + rtu(asked, GOOD)]

    async with rtu_client(serial_pair, late_then_right) as (client, _):
        assert await client.execute(READ_TWO) == (10, 20)


async def test_an_echo_and_noise_before_a_serial_reply_are_skipped(serial_pair: SerialPair) -> None:
    async with rtu_client(serial_pair, lambda asked: [asked, b"\x00\xff", rtu(asked, GOOD)]) as (
        client,
        _,
    ):
        assert await client.execute(READ_TWO) == (10, 20)


BAD_TCP = {
    "silence": (lambda _: [], NoAnswerError),
    "wrong transaction": (lambda asked: [mbap(asked, GOOD, tid=999)], NoAnswerError),
    "wrong unit": (lambda asked: [mbap(asked, GOOD, unit=2)], WrongUnitError),
    "half a frame": (lambda asked: [mbap(asked, GOOD)[:-2]], NoAnswerError),
    "other function": (lambda asked: [mbap(asked, registers(1, 2, function=4))], GarbledError),
    "too few registers": (lambda asked: [mbap(asked, registers(1))], GarbledError),
    "too many registers": (lambda asked: [mbap(asked, registers(1, 2, 3))], GarbledError),
    "count and bytes differ": (lambda asked: [mbap(asked, b"\x03\x04\0\1")], GarbledError),
    "bytes after the registers": (lambda asked: [mbap(asked, GOOD + b"\0")], GarbledError),
    "another protocol": (lambda asked: [asked[:2] + b"\0\1\0\7\1" + GOOD], GarbledError),
    "a length of 0": (lambda asked: [asked[:2] + b"\0\0\0\0\1" + GOOD], GarbledError),
    "a length of 65535": (lambda asked: [asked[:2] + b"\0\0\xff\xff\1" + GOOD], GarbledError),
    "text": (lambda _: [b"HTTP/1.1 400 Bad Request\r\n\r\n"], GarbledError),
    "an exception without code": (lambda asked: [mbap(asked, b"\x83")], GarbledError),
    "an exception of another function": (lambda asked: [mbap(asked, b"\x84\x02")], GarbledError),
    "close": (lambda _: [CLOSE], NotConnectedError),
}


@pytest.mark.parametrize("name", BAD_TCP)
async def test_a_bad_tcp_answer_is_a_typed_error_and_the_next_good_one_counts(name: str) -> None:
    reply, error = BAD_TCP[name]
    async with tcp_client(reply) as (client, _):
        with pytest.raises(error):
            await client.execute(READ_TWO)
        if not client.connected or name == "half a frame":
            await client.connect()
        assert await client.execute(READ_TWO) == (10, 20)


def _bad_crc(asked: bytes) -> list[bytes]:
    frame = bytearray(rtu(asked, GOOD))
    frame[-1] ^= 0x40
    return [bytes(frame)]


BAD_RTU = {
    "silence": (lambda _: [], NoAnswerError),
    "bad crc": (_bad_crc, GarbledError),
    "short frame": (lambda asked: [rtu(asked, GOOD)[:-3]], GarbledError),
    "wrong unit": (lambda asked: [rtu(asked, GOOD, unit=7)], WrongUnitError),
    "other function": (lambda asked: [rtu(asked, registers(1, 2, function=4))], GarbledError),
    "too few registers": (lambda asked: [rtu(asked, registers(1))], GarbledError),
    "only the echo": (lambda asked: [asked], NoAnswerError),
    "babble": (lambda _: [b"\x55" * 1_500], GarbledError),
}


@pytest.mark.parametrize("name", BAD_RTU)
async def test_a_bad_serial_answer_is_a_typed_error_and_the_next_good_one_counts(
    name: str, serial_pair: SerialPair
) -> None:
    reply, error = BAD_RTU[name]
    async with rtu_client(serial_pair, reply) as (client, _):
        with pytest.raises(error):
            await client.execute(READ_TWO)
        if not client.connected:
            await client.connect()
        assert await client.execute(READ_TWO) == (10, 20)


@pytest.mark.parametrize("code", range(256))
async def test_every_exception_code_is_a_typed_error(code: int) -> None:
    async with tcp_client(lambda asked: [mbap(asked, bytes([0x83, code]))]) as (client, _):
        with pytest.raises(DeviceExceptionError) as caught:
            await client.execute(READ_TWO)

    assert caught.value.code == code
    assert isinstance(caught.value, DeviceBusyError) == (code in {5, 6})
    qualities = {5: Quality.BUSY, 6: Quality.BUSY, 10: Quality.NOT_CONNECTED, 11: Quality.NO_ANSWER}
    assert caught.value.quality == qualities.get(code, Quality.EXCEPTION)


async def test_an_exception_over_a_serial_line(serial_pair: SerialPair) -> None:
    async with rtu_client(serial_pair, lambda asked: [rtu(asked, b"\x83\x02")]) as (client, _):
        with pytest.raises(DeviceExceptionError, match="illegal data address"):
            await client.execute(READ_TWO)


async def test_nobody_listens(free_port: int) -> None:
    client = ModbusClient(TcpLink("127.0.0.1", free_port), MbapFraming, timeout_s=0.1)

    with pytest.raises(NotConnectedError, match=f"127.0.0.1:{free_port}"):
        await client.connect()
    with pytest.raises(NotConnectedError):
        await client.execute(READ_TWO)


async def test_there_is_no_such_serial_port() -> None:
    client = ModbusClient(SerialLink("/dev/no-such-port"), RtuFraming, timeout_s=0.1)

    with pytest.raises(NotConnectedError):
        await client.connect()


async def test_a_port_that_is_no_serial_port() -> None:
    client = ModbusClient(SerialLink("/dev/null"), RtuFraming, timeout_s=0.1)

    with pytest.raises(NotConnectedError):
        await client.connect()


async def test_a_serial_port_held_by_another_is_refused(serial_pair: SerialPair) -> None:
    link = SerialLink(str(serial_pair.gateway_port))
    first = ModbusClient(link, RtuFraming, timeout_s=0.1)
    second = ModbusClient(link, RtuFraming, timeout_s=0.1)
    await first.connect()

    with pytest.raises(NotConnectedError):
        await second.connect()
    first.close()
    await second.connect()
    second.close()


async def test_closing_ends_a_request_under_way() -> None:
    async with tcp_client(lambda _: [], timeout_s=10) as (client, device):
        request = asyncio.create_task(client.execute(READ_TWO))
        while not device.requests:  # noqa: ASYNC110 - the device tells nobody
            await asyncio.sleep(0.001)
        client.close()
        with pytest.raises(NotConnectedError):
            await request


def test_every_error_of_the_libraries_is_mapped() -> None:
    theirs = [
        *(serial.SerialException, serial.SerialTimeoutException, serial.PortNotOpenError),
        *(OSError, ConnectionError, TimeoutError, EOFError, ValueError, termios.error),
    ]

    assert [kind for kind in theirs if not issubclass(kind, LIBRARY_ERRORS)] == []


def test_every_error_is_transient_and_has_a_bad_quality() -> None:
    kinds: list[type[ModbusError]] = [*ModbusError.__subclasses__(), DeviceBusyError]

    assert all(issubclass(kind, TransientError) for kind in kinds)
    assert all(kind.quality >= Quality.BAD for kind in kinds)
    assert len({kind.slug for kind in kinds}) == len(kinds)


def test_silence_and_character_time_follow_the_line() -> None:
    assert SerialLink("p", 9600).character_s == pytest.approx(10 / 9600)
    assert SerialLink("p", 9600, "E").silence_s == pytest.approx(3.5 * 11 / 9600)
    assert SerialLink("p", 115_200).silence_s == pytest.approx(0.00175)
