"""RS-485 echo: what a line repeats of a request must never pass for the reply to it."""

from collections.abc import Callable, Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.modbus.ascii_framing import AsciiFraming
from edge_agent.modbus.echo import ANSWERS_WITHOUT_ECHO, Echo
from edge_agent.modbus.errors import ModbusError, NoAnswerError
from edge_agent.modbus.framing import Framing, RtuFraming
from edge_agent.modbus.requests import Request, read_request, write_request
from tests.support.modbus_script import ascii_frame, crc16

Make = Callable[[Echo], Framing]
KINDS: dict[str, Make] = {"rtu": RtuFraming, "ascii": AsciiFraming}

READ = read_request(1, "holding", address=0, count=1)
COIL = write_request(1, 5, address=3, values=[1])
REGISTER = write_request(1, 6, address=3, values=[700])
COILS_THAT_LOOK_LIKE_A_REPLY = read_request(1, "coil", address=0x0300, count=20)
SAME_REPLY = [COIL, REGISTER, COILS_THAT_LOOK_LIKE_A_REPLY]

anything = st.one_of(
    st.builds(
        read_request,
        st.integers(1, 247),
        st.sampled_from(["coil", "discrete", "input", "holding"]),
        address=st.integers(0, 0x500),
        count=st.integers(1, 60),
    ),
    st.builds(
        write_request,
        st.integers(1, 247),
        st.sampled_from([5, 6, 15, 16]),
        address=st.integers(0, 65_000),
        values=st.lists(st.integers(0, 1), min_size=1, max_size=1),
    ),
)


def frame(kind: str, request: Request, pdu: bytes) -> bytes:
    body = bytes([request.unit]) + pdu
    return body + crc16(body) if kind == "rtu" else ascii_frame(body)


def answer_to(request: Request) -> bytes:
    return request.reply_head.ljust(request.reply_bytes, b"\5")


def exchange(framing: Framing, kind: str, request: Request, *, echo: bool) -> bytes | None:
    """A request that is answered, on a line with or without an echo."""
    heard = framing.begin(request) if echo else b""
    if not echo:
        framing.begin(request)
    return framing.receive(heard + frame(kind, request, answer_to(request)))


@pytest.mark.parametrize("kind", KINDS)
def test_an_answered_read_tells_whether_there_is_an_echo(kind: str) -> None:
    for is_there in (True, False):
        echo = Echo()
        framing = KINDS[kind](echo)
        assert exchange(framing, kind, READ, echo=is_there) == answer_to(READ)
        assert echo.heard is is_there


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("request_", SAME_REPLY, ids=["coil", "register", "coils"])
def test_an_echo_is_not_the_reply_that_looks_like_it(kind: str, request_: Request) -> None:
    echo = Echo()
    framing = KINDS[kind](echo)
    exchange(framing, kind, READ, echo=True)

    sent = framing.begin(request_)
    assert framing.receive(sent) is None
    assert isinstance(framing.give_up(), NoAnswerError)
    sent = framing.begin(request_)
    assert framing.receive(sent) is None
    assert framing.receive(sent) == request_.pdu


@pytest.mark.parametrize("kind", KINDS)
def test_without_an_echo_the_same_frame_is_the_reply(kind: str) -> None:
    framing = KINDS[kind](Echo())
    exchange(framing, kind, READ, echo=False)

    assert framing.receive(framing.begin(COIL)) == COIL.pdu


@pytest.mark.parametrize("kind", KINDS)
def test_a_first_write_is_believed_only_once_the_line_is_known(kind: str) -> None:
    """One frame like the request is either; nobody can tell, so it is no answer."""
    echo = Echo()
    framing = KINDS[kind](echo)

    assert framing.receive(framing.begin(COIL)) is None
    assert isinstance(framing.give_up(), NoAnswerError)
    assert echo.heard is None
    sent = framing.begin(COIL)
    assert framing.receive(sent + sent) == COIL.pdu
    assert echo.heard is True


@pytest.mark.parametrize("kind", KINDS)
def test_an_exception_after_the_echo_of_a_write_is_an_answer(kind: str) -> None:
    echo = Echo()
    framing = KINDS[kind](echo)
    sent = framing.begin(COIL)

    assert framing.receive(sent + frame(kind, COIL, b"\x85\x02")) == b"\x85\x02"
    assert echo.heard is True


@pytest.mark.parametrize("kind", KINDS)
def test_an_echo_that_ends_is_believed_after_some_answers(kind: str) -> None:
    echo = Echo()
    framing = KINDS[kind](echo)
    exchange(framing, kind, READ, echo=True)

    for answered in range(ANSWERS_WITHOUT_ECHO):
        assert echo.heard is True, answered
        exchange(framing, kind, READ, echo=False)
    assert echo.heard is False
    exchange(framing, kind, READ, echo=True)
    assert echo.heard is True


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_configured_stays(kind: str) -> None:
    for said in (True, False):
        echo = Echo(said)
        framing = KINDS[kind](echo)
        for _ in range(ANSWERS_WITHOUT_ECHO + 1):
            exchange(framing, kind, READ, echo=not said)
        assert echo.heard is said


def test_silence_says_what_became_of_the_echo() -> None:
    framing = RtuFraming(Echo(heard=True))
    framing.begin(READ)
    assert "not even the line's echo" in str(framing.give_up())
    framing.receive(framing.begin(READ))
    assert "only what was sent came back" in str(framing.give_up())


def _write_whose_echo_begins_like_its_reply() -> Request:
    """Writing registers is echoed with the byte count where the reply has its CRC."""
    for address in range(65_536):
        head = b"\1\x10" + address.to_bytes(2, "big") + b"\0\1"
        low, high = crc16(head)
        if low == 2:
            return write_request(1, 16, address=address, values=[high << 8 | 0x34])
    raise AssertionError("no such address")


def test_the_begin_of_an_echo_is_not_a_reply_however_well_its_checksum_fits() -> None:
    request = _write_whose_echo_begins_like_its_reply()
    echo = Echo()
    framing = RtuFraming(echo)
    exchange(framing, "rtu", READ, echo=True)

    sent = framing.begin(request)
    assert framing.receive(sent[:8]) is None
    assert framing.receive(sent[8:]) is None
    assert framing.receive(frame("rtu", request, answer_to(request))) == answer_to(request)


@pytest.mark.parametrize("kind", KINDS)
@given(
    request_=anything, cuts=st.lists(st.integers(1, 80), max_size=4), noise=st.binary(max_size=6)
)
def test_a_dead_device_behind_an_echo_never_answers(
    kind: str, request_: Request, cuts: Sequence[int], noise: bytes
) -> None:
    echo = Echo()
    framing = KINDS[kind](echo)
    exchange(framing, kind, READ, echo=True)
    sent = framing.begin(request_) + noise
    edges = [0, *sorted(cuts), len(sent)]

    for start, end in pairwise(edges):
        assert framing.receive(sent[start:end]) is None
    assert isinstance(framing.give_up(), ModbusError)


@pytest.mark.parametrize("kind", KINDS)
def test_another_masters_question_and_its_answer_are_not_ours(kind: str) -> None:
    framing = KINDS[kind](Echo(heard=False))
    foreign = read_request(1, "holding", address=77, count=1)
    framing.begin(READ)

    assert framing.receive(frame(kind, foreign, foreign.pdu)) is None
    assert framing.receive(frame(kind, foreign, b"\3\2\x12\x34")) is None
    assert framing.receive(frame(kind, READ, b"\3\2\0\7")) == b"\3\2\0\7"


@pytest.mark.parametrize("kind", KINDS)
def test_a_busy_line_is_listened_to_with_little_memory(kind: str) -> None:
    framing = KINDS[kind](Echo(heard=False))
    other = read_request(9, "holding", address=0, count=100)
    framing.begin(READ)
    for _ in range(100):
        assert framing.receive(frame(kind, other, answer_to(other))) is None
    assert framing.receive(b"\0\xff" * 200) is None
    assert framing.receive(frame(kind, READ, b"\3\2\0\7")) == b"\3\2\0\7"
    assert len(framing._buffer) <= 1_024  # type: ignore[attr-defined]


def test_an_ascii_frame_ends_with_a_long_pause() -> None:
    framing = AsciiFraming(Echo(heard=False))
    framing.begin(READ)
    half = frame("ascii", READ, b"\3\2\0\7")[:6]

    framing.receive(half)
    framing.pause()
    assert framing.receive(frame("ascii", READ, b"\3\2\0\7")[6:]) is None
    assert ":01030" in str(framing.give_up())
