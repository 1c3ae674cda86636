"""What comes back is told apart: answers, refusals, noise, others' answers, echoes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_profiles.model_modbus import Table
from edge_agent.finding.asks import identification_ask, read_ask
from edge_agent.finding.envelopes import (
    Envelope,
    Outcome,
    Understood,
    is_whole,
    rtu_frames,
    understand,
    wrap,
)
from tests.support.modbus_script import crc16

ASK = read_ask(1, Table.INPUT, 1)
SENT = wrap("rtu", ASK)
GOOD = bytes.fromhex("01 04 02 01 31 79 74")


def told(raw: bytes) -> Understood:
    return understand("rtu", ASK, SENT, raw)


def framed(body: bytes) -> bytes:
    return body + crc16(body)


def test_the_request_of_the_manual() -> None:
    assert SENT.hex(" ").upper() == "01 04 00 01 00 01 60 0A"


def test_a_good_answer() -> None:
    assert told(GOOD).outcome is Outcome.ANSWERED
    assert told(GOOD).pdu == GOOD[1:-2]


def test_nothing() -> None:
    assert told(b"").outcome is Outcome.SILENT


def test_a_refusal_tells_its_code() -> None:
    found = told(framed(b"\x01\x84\x02"))

    assert (found.outcome, found.code) == (Outcome.REFUSED, 2)


def test_a_wrong_checksum_is_noise() -> None:
    assert told(GOOD[:-1] + b"\0").outcome is Outcome.GARBLED


def test_another_unit_is_named() -> None:
    found = told(framed(b"\x07\x04\x02\x00\x00"))

    assert (found.outcome, found.other_unit) == (Outcome.WRONG_UNIT, 7)


def test_an_answer_behind_a_late_one_is_found() -> None:
    late = framed(b"\x07\x04\x02\x00\x00")

    assert told(late + GOOD).outcome is Outcome.ANSWERED


def test_an_echo_is_told_and_looked_past() -> None:
    assert told(SENT).echoed
    assert told(SENT).outcome is Outcome.SILENT
    assert told(SENT + GOOD).echoed
    assert told(SENT + GOOD).outcome is Outcome.ANSWERED


def test_two_answers_leave_something_over() -> None:
    second = framed(b"\x01\x04\x02\x00\xff")

    assert told(GOOD + second).extra == second


def test_an_answer_of_another_length_is_none() -> None:
    assert told(framed(b"\x01\x04\x04\x00\x00\x00\x00")).outcome is Outcome.GARBLED


def test_an_identification_of_unknown_length_ends_where_its_objects_end() -> None:
    ask = identification_ask(1)
    body = bytes.fromhex("01 2B 0E 01 01 00 00 02 00 04") + b"Acme" + b"\x01\x02T1"

    assert is_whole("rtu", ask, wrap("rtu", ask), framed(body), transaction=0)
    assert not is_whole("rtu", ask, wrap("rtu", ask), framed(body)[:-1], transaction=0)


@pytest.mark.parametrize("envelope", ["rtu", "ascii", "tcp"])
@given(unit=st.integers(1, 247), words=st.lists(st.integers(0, 0xFFFF), min_size=1, max_size=20))
def test_an_answer_in_each_envelope(envelope: Envelope, unit: int, words: list[int]) -> None:
    ask = read_ask(unit, Table.HOLDING, 5, len(words))
    sent = wrap(envelope, ask, 9)
    data = b"".join(word.to_bytes(2, "big") for word in words)
    answer = bytes([unit, 3, len(data)]) + data
    raw = {
        "rtu": framed(answer),
        "ascii": b":" + (answer + bytes([-sum(answer) & 0xFF])).hex().upper().encode() + b"\r\n",
        "tcp": b"\0\x09\0\0" + len(answer).to_bytes(2, "big") + answer,
    }[envelope]

    found = understand(envelope, ask, sent, raw, transaction=9)

    assert found.outcome is Outcome.ANSWERED
    assert found.pdu[2:] == data
    for end in range(len(raw)):
        part = understand(envelope, ask, sent, raw[:end], transaction=9)
        assert part.outcome is not Outcome.ANSWERED


@given(st.binary(max_size=300))
def test_noise_is_never_an_answer_without_its_checksum(data: bytes) -> None:
    found = told(data)

    if found.outcome in (Outcome.ANSWERED, Outcome.REFUSED):
        assert any(
            data[start] == 1 and crc16(data[start : end - 2]) == data[end - 2 : end]
            for start, end in rtu_frames(data)
        )


def test_an_old_transaction_is_not_the_answer() -> None:
    sent = wrap("tcp", ASK, 5)
    raw = bytes.fromhex("0004 0000 0005 01 04 02 0131")

    assert understand("tcp", ASK, sent, raw, transaction=5).outcome is Outcome.GARBLED
    assert understand("tcp", ASK, sent, raw, transaction=4).outcome is Outcome.ANSWERED
