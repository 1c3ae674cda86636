"""Laws of framing: whatever bytes arrive, only the right frame passes."""

from collections.abc import Callable, Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.modbus.ascii_framing import AsciiFraming
from edge_agent.modbus.echo import Echo
from edge_agent.modbus.errors import GarbledError, ModbusError, NoAnswerError, WrongUnitError
from edge_agent.modbus.framing import Framing, MbapFraming, RtuFraming
from edge_agent.modbus.requests import (
    Request,
    identification_request,
    read_request,
    server_id_request,
    unpack_reply,
    write_request,
)
from tests.support.modbus_script import ascii_frame, crc16

requests = st.one_of(
    st.builds(
        read_request,
        st.integers(0, 255),
        st.sampled_from(["coil", "discrete", "input", "holding"]),
        address=st.integers(0, 65_000),
        count=st.integers(1, 125),
    ),
    st.builds(
        write_request,
        st.integers(0, 255),
        st.sampled_from([5, 6, 15, 16]),
        address=st.integers(0, 65_000),
        values=st.lists(st.integers(0, 65_535), min_size=1, max_size=1),
    ),
)
unknown_lengths = st.one_of(
    st.builds(server_id_request, st.integers(0, 255)),
    st.builds(identification_request, st.integers(0, 255), code=st.integers(1, 4)),
)


def good_pdu(request: Request, fill: int = 0) -> bytes:
    return request.reply_head.ljust(request.reply_bytes, bytes([fill]))


def as_mbap(sent: bytes, pdu: bytes) -> bytes:
    return sent[:4] + (len(pdu) + 1).to_bytes(2, "big") + sent[6:7] + pdu


def as_rtu(sent: bytes, pdu: bytes) -> bytes:
    return sent[:1] + pdu + crc16(sent[:1] + pdu)


def rtu_of(frame: bytes) -> bytes:
    return frame + crc16(frame)


def as_ascii(sent: bytes, pdu: bytes) -> bytes:
    return ascii_frame(bytes.fromhex(sent[1:3].decode()) + pdu)


def silent_rtu() -> Framing:
    """On a line without an echo, so that a first write is believed at once."""
    return RtuFraming(Echo(heard=False))


def silent_ascii() -> Framing:
    return AsciiFraming(Echo(heard=False))


Make = Callable[[], Framing]
FRAMES: dict[str, tuple[Make, Callable[[bytes, bytes], bytes]]] = {
    "mbap": (MbapFraming, as_mbap),
    "rtu": (silent_rtu, as_rtu),
    "ascii": (silent_ascii, as_ascii),
}


def answer(framing: Framing, request: Request, parts: Sequence[bytes]) -> bytes | None:
    """Feed parts until a reply passes as good."""
    for part in parts:
        try:
            pdu = framing.receive(part)
            if pdu is not None:
                unpack_reply(request, pdu)
                return pdu
        except ModbusError:
            return None
    return None


@pytest.mark.parametrize("kind", FRAMES)
@given(request=requests, fill=st.integers(0, 255), cuts=st.lists(st.integers(1, 260), max_size=8))
def test_a_right_frame_passes_however_it_is_cut(
    kind: str, request: Request, fill: int, cuts: list[int]
) -> None:
    make, frame = FRAMES[kind]
    framing = make()
    pdu = good_pdu(request, fill)
    whole = frame(framing.begin(request), pdu)
    edges = sorted({0, len(whole), *(cut for cut in cuts if cut < len(whole))})
    parts = [whole[start:end] for start, end in pairwise(edges)]

    assert answer(framing, request, parts) == pdu
    assert len(framing.begin(request)) + len(whole) == framing.exchange_bytes(request)


@pytest.mark.parametrize("kind", FRAMES)
@given(request=requests, garbage=st.lists(st.binary(max_size=40), max_size=6), data=st.data())
def test_whatever_arrives_only_the_right_frame_passes(
    kind: str, request: Request, garbage: list[bytes], data: st.DataObject
) -> None:
    make, frame = FRAMES[kind]
    framing = make()
    sent = framing.begin(request)
    right = frame(sent, good_pdu(request))
    broken = bytearray(right)
    broken[data.draw(st.integers(0, len(right) - 1))] ^= data.draw(st.integers(1, 255))
    parts = [*garbage, bytes(broken)[: data.draw(st.integers(0, len(right)))], *garbage]

    passed = answer(framing, request, parts)

    if passed is not None:
        assert frame(sent, passed) in b"".join(parts)


@pytest.mark.parametrize("kind", FRAMES)
@given(request=requests, parts=st.lists(st.binary(min_size=1, max_size=300), max_size=8))
def test_garbage_raises_only_typed_errors_and_the_next_request_is_answered(
    kind: str, request: Request, parts: list[bytes]
) -> None:
    make, frame = FRAMES[kind]
    framing = make()
    framing.begin(request)
    for part in parts:
        try:
            framing.receive(part)
        except GarbledError:
            framing = make()  # the connection is closed
            break
        except ModbusError:
            break
    assert isinstance(framing.give_up(), ModbusError)
    if kind != "mbap":
        sent = framing.begin(request)
        assert framing.receive(frame(sent, good_pdu(request))) == good_pdu(request)


@given(request=requests, first=st.integers(0, 255))
def test_only_the_answer_to_the_last_tcp_request_passes(request: Request, first: int) -> None:
    framing = MbapFraming()
    earlier = framing.begin(request)
    framing.give_up()
    later = framing.begin(request)

    assert framing.receive(as_mbap(earlier, good_pdu(request, first))) is None
    assert framing.receive(as_mbap(later, good_pdu(request))) == good_pdu(request)
    assert framing.receive(as_mbap(later, good_pdu(request))) is None
    assert framing.stale_replies == 2


def test_transaction_ids_wrap_without_zero() -> None:
    framing = MbapFraming()
    request = read_request(1, "holding", address=0, count=1)

    ids = [int.from_bytes(framing.begin(request)[:2], "big") for _ in range(0x10001)]

    assert (min(ids), max(ids)) == (1, 0xFFFF)
    assert ids[-1] == 2


@pytest.mark.parametrize(
    ("unit", "address", "count"), [(256, 0, 1), (-1, 0, 1), (1, 65_535, 2), (1, 0, 126), (1, 0, 0)]
)
def test_a_request_that_modbus_cannot_carry_is_refused(unit: int, address: int, count: int) -> None:
    with pytest.raises(ValueError, match=r"unit|carries|addresses"):
        read_request(unit, "input", address=address, count=count)


def test_a_value_that_no_register_holds_is_refused() -> None:
    with pytest.raises(ValueError, match="65535"):
        write_request(1, 6, address=0, values=[65_536])
    with pytest.raises(ValueError, match="no function"):
        write_request(1, 23, address=0, values=[1])


@pytest.mark.parametrize(
    ("framing", "as_frame"), [(RtuFraming, rtu_of), (AsciiFraming, ascii_frame)]
)
@pytest.mark.parametrize(
    ("units", "reason"),
    [
        ([0], NoAnswerError),
        ([0, 0], NoAnswerError),
        ([9], WrongUnitError),
        ([0, 9], WrongUnitError),
        ([9, 0], WrongUnitError),
        ([9, 12], WrongUnitError),
        ([0, 1], GarbledError),
    ],
)
def test_broadcasts_of_others_do_not_change_why_there_is_no_answer(
    framing: Callable[[Echo], Framing],
    as_frame: Callable[[bytes], bytes],
    units: Sequence[int],
    reason: type[ModbusError],
) -> None:
    line = framing(Echo(heard=False))
    line.begin(read_request(1, "holding", address=0, count=2))
    for unit in units:
        # no reply to what was asked, whoever sends it
        line.receive(as_frame(bytes([unit, 6, 0, 9, 0, 1])))
    assert type(line.give_up()) is reason
