"""Modbus RTU on real pseudo-terminals."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_sims.device import ModbusDevice
from firmware_sims.faults import Fault, FaultKind
from firmware_sims.modbus import ascii_frame
from firmware_sims.modbus.ascii_frame import AsciiReader, lrc8
from firmware_sims.modbus.line_time import LineTime
from firmware_sims.modbus.rtu_frame import (
    Heard,
    crc16,
    make_frame,
    request_length,
    silent_interval_s,
)
from firmware_sims.modbus.serial import LIGHTS_OFF, LINE_AT_ONCE, Foreign, LineTiming, SerialLine
from firmware_sims.modbus.service import ServiceContext, UnitService
from firmware_sims.truth import TruthLog
from tests.sims.client import SerialClient, StillClock, plain_device, read_pdu
from tests.support.serial_pair import SerialPair

ASK = read_pdu(3, 0, 2)
GOOD = bytes.fromhex("0304" + "00640065")


@asynccontextmanager
async def line(
    *devices: ModbusDevice,
    link: Path | None = None,
    port: Path | None = None,
    timing: LineTiming = LINE_AT_ONCE,
    framing: Literal["rtu", "ascii"] = "rtu",
    **more: Any,
) -> AsyncIterator[SerialLine]:
    context = ServiceContext(StillClock(), TruthLog(None))
    service = UnitService(devices, context, framing=framing)
    opened = SerialLine(service, link=link, port=port, timing=timing, framing=framing, **more)
    await opened.start()
    try:
        yield opened
    finally:
        await opened.stop()


@contextmanager
def client_on(path: str | Path) -> Iterator[SerialClient]:
    client = SerialClient(path)
    try:
        yield client
    finally:
        client.close()


def devices(*unit_ids: int) -> list[ModbusDevice]:
    return [plain_device(unit, device_id=f"d{unit}", writable=True) for unit in unit_ids]


def test_checksums_of_documented_frames() -> None:
    assert crc16(bytes.fromhex("010400010001")).hex() == "600a"
    assert crc16(bytes.fromhex("01030000000A")).hex() == "c5cd"


@given(st.binary(max_size=300))
def test_a_frame_with_its_checksum_has_the_checksum_zero(body: bytes) -> None:
    assert crc16(body + crc16(body)) == b"\0\0"


@given(st.binary(max_size=300))
def test_the_length_of_a_request_is_told_from_its_beginning(data: bytes) -> None:
    length = request_length(data)

    assert length is None or length >= 2


@pytest.mark.parametrize(("baud", "silence_ms"), [(9600, 4.01), (19200, 2.005), (115200, 1.75)])
def test_silence_between_frames(baud: int, silence_ms: float) -> None:
    assert silent_interval_s(baud) * 1000 == pytest.approx(silence_ms, abs=0.01)


async def test_several_units_on_one_line(tmp_path: Path) -> None:
    link = tmp_path / "line-1"
    async with line(*devices(1, 2, 30), link=link) as opened:
        assert opened.device_path == str(link)
        with client_on(link) as client:
            for unit in (1, 30, 2):
                client.send(make_frame(unit, ASK))
                assert await client.receive(9) == make_frame(unit, GOOD)
            client.send(make_frame(3, ASK))
            assert await client.everything() == b""
    assert not link.is_symlink()


async def test_a_link_left_behind_is_replaced(tmp_path: Path) -> None:
    link = tmp_path / "line-1"
    link.symlink_to("/dev/null")
    async with line(*devices(1), link=link):
        with client_on(link) as client:
            client.send(make_frame(1, ASK))
            assert await client.receive(9) == make_frame(1, GOOD)


async def test_a_client_may_go_and_come_back(tmp_path: Path) -> None:
    link = tmp_path / "line-1"
    async with line(*devices(1), link=link):
        for _ in range(3):
            with client_on(link) as client:
                client.send(make_frame(1, ASK))
                assert await client.receive(9) == make_frame(1, GOOD)


async def test_a_bad_checksum_gets_no_answer_and_the_next_request_does() -> None:
    async with line(*devices(1)) as opened:
        with client_on(opened.device_path) as client:
            broken = bytearray(make_frame(1, ASK))
            broken[-1] ^= 1
            client.send(bytes(broken))
            assert await client.everything() == b""
            client.send(make_frame(1, ASK))
            assert await client.receive(9) == make_frame(1, GOOD)


async def test_a_request_after_noise_is_found() -> None:
    async with line(*devices(1)) as opened:
        with client_on(opened.device_path) as client:
            client.send(b"\xff\x00\x37" + make_frame(1, ASK))
            assert await client.receive(9) == make_frame(1, GOOD)


async def test_a_request_in_pieces() -> None:
    async with line(*devices(1)) as opened:
        with client_on(opened.device_path) as client:
            frame = make_frame(1, bytes.fromhex("10000000020400050006"))
            for at in range(len(frame)):
                client.send(frame[at : at + 1])
                await asyncio.sleep(0.001)
            assert await client.receive(8) == make_frame(1, bytes.fromhex("1000000002"))


async def test_half_a_request_is_forgotten_after_silence() -> None:
    async with line(*devices(1)) as opened:
        with client_on(opened.device_path) as client:
            client.send(make_frame(1, ASK)[:5])
            await asyncio.sleep(0.15)
            client.send(make_frame(1, ASK))
            assert await client.receive(9) == make_frame(1, GOOD)


async def test_an_unknown_function_is_refused() -> None:
    async with line(*devices(1)) as opened:
        with client_on(opened.device_path) as client:
            client.send(make_frame(1, bytes.fromhex("4101")))
            assert await client.receive(5) == make_frame(1, bytes.fromhex("c101"))


async def test_a_broadcast_acts_everywhere_and_nobody_answers() -> None:
    both = devices(1, 2)
    async with line(*both) as opened:
        with client_on(opened.device_path) as client:
            client.send(make_frame(0, bytes.fromhex("0600000009")))
            assert await client.everything() == b""
    assert [device.shown["p0"] for device in both] == [9, 9]


@pytest.mark.parametrize(
    ("kind", "differs"),
    [
        (FaultKind.BAD_CRC, slice(8, 9)),
        (FaultKind.WRONG_TRANSACTION, slice(1, 2)),
    ],
)
async def test_one_spoilt_byte(kind: FaultKind, differs: slice) -> None:
    [device] = devices(1)
    device.begin_fault(Fault(kind))
    async with line(device) as opened:
        with client_on(opened.device_path) as client:
            client.send(make_frame(1, ASK))
            answer = bytearray(await client.receive(9))
    good = bytearray(make_frame(1, GOOD))

    assert answer[differs] != good[differs]
    answer[differs] = good[differs]
    assert answer == good


async def test_a_wrong_unit_answers_in_a_frame_that_is_whole() -> None:
    [device] = devices(1)
    device.begin_fault(Fault(FaultKind.WRONG_UNIT))
    async with line(device) as opened:
        with client_on(opened.device_path) as client:
            client.send(make_frame(1, ASK))
            answer = await client.receive(9)

    assert answer[0] != 1
    assert answer == make_frame(answer[0], GOOD)


@pytest.mark.parametrize(
    ("kind", "value", "length"),
    [(FaultKind.SHORT_FRAME, 0, 4), (FaultKind.SILENCE, 0, 0), (FaultKind.BYTE_BY_BYTE, 1.0, 9)],
)
async def test_how_much_comes(kind: FaultKind, value: float, length: int) -> None:
    [device] = devices(1)
    device.begin_fault(Fault(kind, value))
    async with line(device) as opened:
        with client_on(opened.device_path) as client:
            client.send(make_frame(1, ASK))
            assert make_frame(1, GOOD)[:length] == await client.everything()


async def test_real_byte_times_take_at_least_their_time() -> None:
    timing = LineTiming(1200, real_byte_times=True)
    due_s = timing.answer_delay_s(8, 9)
    async with line(*devices(1), timing=timing) as opened:
        with client_on(opened.device_path) as client:
            loop = asyncio.get_running_loop()
            begin_s = loop.time()
            client.send(make_frame(1, ASK))
            assert await client.receive(9) == make_frame(1, GOOD)

    assert due_s == pytest.approx((17 + 3.5) * 11 / 1200)
    assert loop.time() - begin_s >= due_s


async def test_turnaround_is_added_to_the_bytes_times() -> None:
    timing = LineTiming(19_200, real_byte_times=True, turnaround_s=0.005)

    # 8 Tc + T3.5 + Tslave + (5 + 2k) Tc with Tc = 11/19200 s, for k = 10 registers
    expected_s = (33 + 3.5) * 11 / 19_200 + 0.005
    assert timing.answer_delay_s(8, 25) == pytest.approx(expected_s)
    assert LineTiming(turnaround_s=0.02).answer_delay_s(8, 25) == 0.02


def test_answers_are_on_the_line_when_their_bytes_are() -> None:
    line_time = LineTime(LineTiming(9600, real_byte_times=True, turnaround_s=0.005))
    byte_s, silence_s = 11 / 9600, 3.5 * 11 / 9600
    request_end_s = line_time.request_end_s(100.0, 8)
    begin_s = line_time.answer_begin_s(100.0, request_end_s)
    pieces = list(line_time.pieces(begin_s, bytes(25)))

    assert request_end_s == pytest.approx(100 + 8 * byte_s)
    assert begin_s == pytest.approx(request_end_s + silence_s + 0.005)
    assert b"".join(piece for _, piece in pieces) == bytes(25)
    assert pieces[0][0] == pytest.approx(begin_s + len(pieces[0][1]) * byte_s)
    assert pieces[-1][0] == pytest.approx(begin_s + 25 * byte_s)
    # a request that is handed over too early waits for the silence; one that kept it does not
    free_s = pieces[-1][0] + silence_s
    assert line_time.request_end_s(pieces[-1][0], 8) == pytest.approx(free_s + 8 * byte_s)


def test_a_cycle_takes_what_the_formula_says() -> None:
    line_time = LineTime(LineTiming(19_200, real_byte_times=True, turnaround_s=0.005))
    now_s = 0.0
    for _ in range(10):
        end_s = line_time.request_end_s(now_s, 8)
        *_, (now_s, _) = line_time.pieces(line_time.answer_begin_s(now_s, end_s), bytes(25))

    # T(k) = 8 Tc + Tslave + (5 + 2k) Tc + 2 T3.5 for k = 10 registers; the last silence is open
    each_s = (33 + 7) * 11 / 19_200 + 0.005
    assert now_s == pytest.approx(10 * each_s - 3.5 * 11 / 19_200)


async def test_ascii_frames() -> None:
    both = devices(1, 2)
    async with line(*both, framing="ascii") as opened:
        with client_on(opened.device_path) as client:
            client.send(b":0203000000" + b"02F9\r\n")
            expected = (
                b":02030400640065" + lrc8(bytes.fromhex("02030400640065")).hex().upper().encode()
            )
            assert await client.everything() == expected + b"\r\n"
            client.send(b":010300000002FB\r\n:0103000000")  # the second one never ends
            assert await client.everything() == b""
            client.send(ascii_frame.make_frame(1, ASK))
            assert await client.everything() == ascii_frame.make_frame(1, GOOD)
            client.send(ascii_frame.make_frame(0, bytes.fromhex("0600000009")))
            assert await client.everything() == b""
    assert [device.shown["p0"] for device in both] == [9, 9]


def test_the_checksum_of_a_documented_ascii_frame() -> None:
    # MODBUS over Serial Line V1.02, appendix B: the sum of all bytes and the checksum is 0
    assert lrc8(bytes.fromhex("F7031389000A")).hex() == "60"


@given(st.integers(1, 247), st.binary(min_size=1, max_size=250), st.binary(max_size=20))
def test_an_ascii_frame_is_found_after_anything(unit: int, pdu: bytes, noise: bytes) -> None:
    frame = ascii_frame.make_frame(unit, pdu)
    reader = AsciiReader()
    heard = [one for part in (noise, frame) for one in reader.feed(part)]

    assert heard[-1:] == [Heard(unit, pdu, len(frame))]


async def test_who_sends_on_an_echoing_line_hears_itself_first() -> None:
    async with line(*devices(1), echo=True) as opened:
        with client_on(opened.device_path) as client:
            request = make_frame(1, ASK)
            client.send(request)
            assert await client.everything() == request + make_frame(1, GOOD)


async def test_an_echo_at_real_speed_comes_before_the_answer() -> None:
    timing = LineTiming(9600, real_byte_times=True)
    async with line(*devices(1), timing=timing, echo=True) as opened:
        with client_on(opened.device_path) as client:
            request = make_frame(1, ASK)
            client.send(request)
            assert await client.everything() == request + make_frame(1, GOOD)


async def test_frames_of_others_are_heard_between_answers() -> None:
    async with line(*devices(1), foreign=Foreign(0.05)) as opened:
        with client_on(opened.device_path) as client:
            foreign = make_frame(0, LIGHTS_OFF)
            assert await client.receive(len(foreign)) == foreign
            client.send(make_frame(1, ASK))
            seen = await client.everything()

    assert seen.count(make_frame(1, GOOD)) == 1
    assert seen.replace(make_frame(1, GOOD), b"").startswith(foreign)


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (FaultKind.TWICE, 0, make_frame(1, GOOD) * 2),
        (FaultKind.SPLIT, 20, make_frame(1, GOOD)),
        (FaultKind.ECHO, 0, make_frame(1, ASK) + make_frame(1, GOOD)),
        (FaultKind.LENGTH_LIES, 0, make_frame(1, bytes.fromhex("0306" + "00640065"))),
        (FaultKind.WRONG_FUNCTION, 0, make_frame(1, bytes.fromhex("0404" + "00640065"))),
    ],
)
async def test_how_an_answer_is_spoilt(kind: FaultKind, value: float, expected: bytes) -> None:
    [device] = devices(1)
    device.begin_fault(Fault(kind, value))
    async with line(device) as opened:
        with client_on(opened.device_path) as client:
            client.send(make_frame(1, ASK))
            assert await client.everything() == expected


async def test_two_devices_with_one_unit_id() -> None:
    [device] = devices(1)
    good = make_frame(1, GOOD)
    async with line(device) as opened:
        with client_on(opened.device_path) as client:
            device.begin_fault(Fault(FaultKind.SAME_UNIT, 0))
            client.send(make_frame(1, ASK))
            overlaid = await client.everything()
            device.begin_fault(Fault(FaultKind.SAME_UNIT, 20))
            client.send(make_frame(1, ASK))
            both = await client.everything()

    assert len(overlaid) == len(good)
    assert crc16(overlaid[:-2]) != overlaid[-2:]
    assert both.startswith(good)
    other = both.removeprefix(good)
    assert other != good
    assert crc16(other[:-2]) == other[-2:]


@pytest.mark.parametrize(("kind", "code"), [(FaultKind.BUSY, 6), (FaultKind.NOT_READY, 5)])
async def test_who_is_busy_answers_when_asked_again(kind: FaultKind, code: int) -> None:
    [device] = devices(1)
    device.begin_fault(Fault(kind, 2))
    refused = make_frame(1, bytes((0x83, code)))
    async with line(device) as opened:
        with client_on(opened.device_path) as client:
            seen = []
            for _ in range(4):
                client.send(make_frame(1, ASK))
                seen.append(await client.everything())

    assert seen == [refused, refused, make_frame(1, GOOD), refused]


@pytest.mark.integration
async def test_an_existing_port(serial_pair: SerialPair) -> None:
    async with line(*devices(1), port=serial_pair.device_port):
        with client_on(serial_pair.gateway_port) as client:
            client.send(make_frame(1, ASK))
            assert await client.receive(9) == make_frame(1, GOOD)
