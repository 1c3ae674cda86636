"""Modbus TCP on real sockets, well and broken."""

import asyncio
import json
import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_sims.device import Temper
from firmware_sims.faults import Fault, FaultKind
from firmware_sims.modbus import ascii_frame, rtu_frame
from firmware_sims.modbus.spoil import Framing
from firmware_sims.truth import TruthLog
from tests.sims.client import StillClock, connected, endpoint, mbap, plain_device, read_pdu

ASK = read_pdu(3, 0, 2)
GOOD = bytes.fromhex("0304" + "00640065")


async def test_units_behind_one_port_answer_for_themselves() -> None:
    devices = [plain_device(unit, device_id=f"d{unit}", count=unit) for unit in (1, 2, 247)]
    async with endpoint(*devices) as server, connected(server.port) as client:
        assert len(await client.ask(1, read_pdu(3, 0, 1))) == 4
        assert (await client.ask(1, read_pdu(3, 0, 2))).hex() == "8302"
        assert len(await client.ask(2, read_pdu(3, 0, 2))) == 6
        assert len(await client.ask(247, read_pdu(3, 100, 125))) == 252


@pytest.mark.parametrize("unit_id", [0, 1, 255])
async def test_a_lone_device_answers_to_the_ids_of_an_address(unit_id: int) -> None:
    async with endpoint(plain_device()) as server, connected(server.port) as client:
        assert await client.ask(unit_id, ASK) == GOOD


async def test_a_gateway_says_when_a_unit_is_missing() -> None:
    devices = [plain_device(1), plain_device(2, device_id="d2")]
    async with (
        endpoint(*devices, answers_for_missing=True) as server,
        connected(server.port) as client,
    ):
        assert (await client.ask(9, ASK)).hex() == "830b"


async def test_a_missing_unit_is_silent_otherwise() -> None:
    async with (
        endpoint(plain_device(1), plain_device(2, device_id="d2")) as server,
        connected(server.port) as client,
    ):
        client.send(mbap(1, 9, ASK) + mbap(2, 2, ASK))

        assert await client.receive() == (2, 2, GOOD)


async def test_requests_may_be_merged_and_split() -> None:
    async with endpoint(plain_device()) as server, connected(server.port) as client:
        both = mbap(1, 1, ASK) + mbap(2, 1, ASK)
        for start in range(0, len(both), 5):
            client.send(both[start : start + 5])
            await asyncio.sleep(0.001)

        assert [await client.receive(), await client.receive()] == [(1, 1, GOOD), (2, 1, GOOD)]


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", id="another protocol"),
        pytest.param(struct.pack(">HHHB", 1, 0, 255, 1), id="too long"),
        pytest.param(struct.pack(">HHHB", 1, 0, 1, 1), id="without a function"),
    ],
)
async def test_what_cannot_be_modbus_closes_the_connection(data: bytes) -> None:
    async with endpoint(plain_device()) as server:
        async with connected(server.port) as client:
            client.send(data)
            assert await client.is_closed()
        async with connected(server.port) as client:
            assert await client.ask(1, ASK) == GOOD


async def answers_with(kind: FaultKind, value: float = 0.0) -> bytes:
    device = plain_device()
    async with endpoint(device) as server, connected(server.port) as client:
        device.begin_fault(Fault(kind, value))
        client.send(mbap(7, 1, ASK))
        spoilt = await client.everything()
        device.end_fault(kind)
        assert await client.ask(1, ASK) == GOOD
        return spoilt


WHOLE = mbap(7, 1, GOOD)


async def test_silence() -> None:
    assert await answers_with(FaultKind.SILENCE) == b""


async def test_an_exception_code() -> None:
    assert await answers_with(FaultKind.EXCEPTION, 6) == mbap(7, 1, bytes.fromhex("8306"))


async def test_garbage() -> None:
    garbage = await answers_with(FaultKind.GARBAGE)

    assert len(garbage) == len(WHOLE)
    assert garbage != WHOLE


async def test_a_wrong_unit() -> None:
    spoilt = await answers_with(FaultKind.WRONG_UNIT)

    assert (spoilt[6], spoilt[:6], spoilt[7:]) == (0, WHOLE[:6], WHOLE[7:])


async def test_a_wrong_transaction() -> None:
    spoilt = await answers_with(FaultKind.WRONG_TRANSACTION)

    assert (spoilt[:2], spoilt[2:]) == (b"\0\6", WHOLE[2:])


async def test_a_length_that_lies() -> None:
    spoilt = await answers_with(FaultKind.BAD_CRC)

    assert spoilt[5] != WHOLE[5]
    assert (spoilt[:5], spoilt[6:]) == (WHOLE[:5], WHOLE[6:])


async def test_a_short_frame() -> None:
    spoilt = await answers_with(FaultKind.SHORT_FRAME)

    assert WHOLE.startswith(spoilt)
    assert 0 < len(spoilt) < len(WHOLE)


async def test_byte_by_byte_is_slow_and_right() -> None:
    device = plain_device()
    device.begin_fault(Fault(FaultKind.BYTE_BY_BYTE, 2.0))
    async with endpoint(device) as server, connected(server.port) as client:
        client.send(mbap(7, 1, ASK))
        first = await client.everything(quiet_s=0.2)

    assert first == WHOLE


async def test_a_late_answer_comes_after_the_next_devices() -> None:
    late, other = plain_device(1), plain_device(2, device_id="d2")
    late.begin_fault(Fault(FaultKind.LATE, 100.0))
    async with endpoint(late, other) as server, connected(server.port) as client:
        client.send(mbap(1, 1, ASK))
        client.send(mbap(2, 2, ASK))

        assert (await client.receive())[:2] == (2, 2)
        assert await client.receive() == (1, 1, GOOD)


async def test_a_late_answer_to_a_closed_connection_is_dropped() -> None:
    device = plain_device()
    device.begin_fault(Fault(FaultKind.LATE, 50.0))
    async with endpoint(device) as server:
        async with connected(server.port) as client:
            client.send(mbap(1, 1, ASK))
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        device.end_fault()
        async with connected(server.port) as client:
            assert await client.ask(1, ASK) == GOOD


@pytest.mark.parametrize(
    ("kind", "acts"),
    [
        (FaultKind.SILENCE, False),
        (FaultKind.EXCEPTION, False),
        (FaultKind.GARBAGE, True),
        (FaultKind.SHORT_FRAME, True),
        (FaultKind.LATE, True),
    ],
)
async def test_whether_a_write_acts_when_its_answer_is_spoilt(
    kind: FaultKind, *, acts: bool
) -> None:
    device = plain_device(writable=True)
    device.begin_fault(Fault(kind, 4.0))
    async with endpoint(device) as server, connected(server.port) as client:
        client.send(mbap(1, 1, bytes.fromhex("0600000005")))
        await client.everything(quiet_s=0.1)

    assert (device.shown["p0"] == 5) == acts


async def test_the_truth_log_holds_what_left_the_device(tmp_path: Path) -> None:
    path = tmp_path / "truth.jsonl"
    device = plain_device(writable=True)
    with TruthLog(path) as truth:
        async with endpoint(device, truth=truth) as server, connected(server.port) as client:
            await client.ask(1, ASK)
            await client.ask(1, bytes.fromhex("0600000005"))
            await client.ask(1, read_pdu(3, 90, 3))
            device.begin_fault(Fault(FaultKind.BAD_CRC))
            client.send(mbap(1, 1, ASK))
            await client.everything(quiet_s=0.1)

    lines = [json.loads(line) for line in path.read_text().splitlines()]
    stripped = [{k: v for k, v in line.items() if k != "t"} for line in lines]
    assert stripped == [
        {"device": "device-1", "values": {"p0": 100, "p1": 101}, "how": "modbus"},
        {"device": "device-1", "written": {"p0": 5}},
        {
            "device": "device-1",
            "values": {"p0": 5, "p1": 101},
            "how": "modbus",
            "broken": "bad_crc",
        },
    ]
    assert [line["t"] for line in lines] == sorted(line["t"] for line in lines)
    assert truth.readings == 1


async def test_turnaround_is_waited() -> None:
    async with (
        endpoint(plain_device(), turnaround_s=0.05) as server,
        connected(server.port) as client,
    ):
        loop = asyncio.get_running_loop()
        begin_s = loop.time()
        assert await client.ask(1, ASK) == GOOD
        assert loop.time() - begin_s >= 0.045


async def test_a_thousand_requests_in_one_go() -> None:
    clock = StillClock()
    async with endpoint(plain_device(), clock=clock) as server, connected(server.port) as client:
        client.send(b"".join(mbap(n, 1, ASK) for n in range(1000)))

        assert [(await client.receive())[0] for _ in range(1000)] == list(range(1000))


async def test_a_client_that_takes_no_answers_is_not_heard_on() -> None:
    device = plain_device(count=125)
    async with endpoint(device) as server, connected(server.port) as greedy:
        ask = mbap(1, 1, read_pdu(3, 0, 125))
        for _ in range(200):
            greedy.send(ask * 200)
            await asyncio.sleep(0)
        await asyncio.sleep(0.3)
        # about ten megabytes of answers were asked for; a few socket buffers full were made
        assert server.service.requests < 38_000
        async with connected(server.port) as other:
            assert await other.ask(1, ASK) == GOOD


@given(st.binary(max_size=400))
@settings(max_examples=40, deadline=None)
def test_random_bytes_leave_the_server_well(data: bytes) -> None:
    async def try_it() -> None:
        async with endpoint(plain_device()) as server:
            async with connected(server.port) as client:
                client.send(data)
                await client.everything(quiet_s=0.01)
            async with connected(server.port) as client:
                assert await client.ask(1, ASK) == GOOD

    asyncio.run(try_it())


# --- other envelopes, and how many connections -------------------------------------------------


@pytest.mark.parametrize("framing", ["rtu", "ascii"])
async def test_serial_frames_in_a_stream(framing: Framing) -> None:
    make = rtu_frame.make_frame if framing == "rtu" else ascii_frame.make_frame
    devices = [plain_device(unit, device_id=f"d{unit}") for unit in (1, 2)]
    async with endpoint(*devices, framing=framing) as server, connected(server.port) as client:
        whole = make(2, ASK)
        client.send(whole[:3])
        await asyncio.sleep(0.01)
        client.send(whole[3:] + make(9, ASK))

        assert await client.everything() == make(2, GOOD)


async def test_a_device_with_one_connection_refuses_the_second() -> None:
    async with (
        endpoint(plain_device(), policy="refuse") as server,
        connected(server.port) as first,
    ):
        assert await first.ask(1, ASK) == GOOD
        async with connected(server.port) as second:
            assert await second.is_closed()
        assert await first.ask(1, ASK) == GOOD


async def test_a_device_may_drop_its_first_connection_for_the_second() -> None:
    async with (
        endpoint(plain_device(), policy="replace") as server,
        connected(server.port) as first,
    ):
        assert await first.ask(1, ASK) == GOOD
        async with connected(server.port) as second:
            assert await second.ask(1, ASK) == GOOD
            assert await first.is_closed()
            assert await second.ask(1, ASK) == GOOD


async def test_a_device_that_wants_pauses_does_not_hear_who_hurries() -> None:
    clock = StillClock()
    device = plain_device()
    device.temper = Temper(pause_s=0.5, wakes_after_s=1.0)
    async with endpoint(device, clock=clock) as server, connected(server.port) as client:
        client.send(mbap(1, 1, ASK))
        assert await client.everything(quiet_s=0.1) == b""  # not awake yet
        clock.now_s = 1.1
        assert await client.ask(1, ASK) == GOOD
        clock.now_s = 1.4
        client.send(mbap(1, 1, ASK))
        assert await client.everything(quiet_s=0.1) == b""
        clock.now_s = 1.7
        assert await client.ask(1, ASK) == GOOD


async def test_two_devices_with_one_unit_id_behind_a_gateway() -> None:
    spoilt = await answers_with(FaultKind.SAME_UNIT)

    assert spoilt == mbap(7, 1, bytes.fromhex("830b"))  # it saw no whole frame


async def test_in_a_stream_no_answer_comes_between_the_pieces_of_another() -> None:
    late, split = plain_device(1), plain_device(2, device_id="d2")
    late.begin_fault(Fault(FaultKind.LATE, 60.0))
    split.begin_fault(Fault(FaultKind.SPLIT, 120.0))
    async with endpoint(late, split) as server, connected(server.port) as client:
        client.send(mbap(1, 1, ASK) + mbap(2, 2, ASK))

        assert await client.receive() == (2, 2, GOOD)
        assert await client.receive() == (1, 1, GOOD)


async def test_noise_surrounds_an_answer_that_is_right() -> None:
    device = plain_device()
    device.begin_fault(Fault(FaultKind.NOISE))
    async with (
        endpoint(device, framing="rtu") as server,
        connected(server.port) as client,
    ):
        frame = rtu_frame.make_frame(1, GOOD)
        client.send(rtu_frame.make_frame(1, ASK))
        heard = await client.everything()

    assert frame in heard
    assert heard != frame
