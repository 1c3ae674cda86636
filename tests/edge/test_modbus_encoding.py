"""Requests and checksums, byte for byte as pymodbus makes them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymodbus.framer import FramerRTU
from pymodbus.pdu import ModbusPDU
from pymodbus.pdu.bit_message import (
    ReadCoilsRequest,
    ReadDiscreteInputsRequest,
    WriteMultipleCoilsRequest,
    WriteSingleCoilRequest,
)
from pymodbus.pdu.register_message import (
    ReadHoldingRegistersRequest,
    ReadInputRegistersRequest,
    WriteMultipleRegistersRequest,
    WriteSingleRegisterRequest,
)

from edge_agent.modbus.crc import crc_of
from edge_agent.modbus.requests import read_request, write_request

READS: dict[str, type[ModbusPDU]] = {
    "coil": ReadCoilsRequest,
    "discrete": ReadDiscreteInputsRequest,
    "holding": ReadHoldingRegistersRequest,
    "input": ReadInputRegistersRequest,
}
ADDRESSES = st.integers(0, 65_000)


def as_pymodbus_has_it(message: ModbusPDU) -> bytes:
    return bytes([message.function_code]) + message.encode()


@pytest.mark.parametrize("table", READS)
@given(address=ADDRESSES, count=st.integers(1, 125))
def test_reads(table: str, address: int, count: int) -> None:
    theirs = READS[table](address=address, count=count)

    request = read_request(1, table, address=address, count=count)
    assert request.pdu == as_pymodbus_has_it(theirs)


@given(address=ADDRESSES, value=st.integers(0, 65_535), is_on=st.booleans())
def test_single_writes(address: int, value: int, is_on: bool) -> None:
    coil = WriteSingleCoilRequest(address=address, bits=[is_on])
    register = WriteSingleRegisterRequest(address=address, registers=[value])

    for function, theirs, written in ((5, coil, int(is_on)), (6, register, value)):
        request = write_request(1, function, address=address, values=[written])
        assert request.pdu == as_pymodbus_has_it(theirs)


@given(address=ADDRESSES, word=st.integers(2, 65_535))
def test_a_coil_can_be_written_with_a_word_of_the_devices_own(address: int, word: int) -> None:
    request = write_request(1, 5, address=address, values=[word])

    assert request.pdu == bytes([5, *address.to_bytes(2, "big"), *word.to_bytes(2, "big")])


@given(address=ADDRESSES, values=st.lists(st.integers(0, 65_535), min_size=1, max_size=123))
def test_multiple_writes(address: int, values: list[int]) -> None:
    coils = WriteMultipleCoilsRequest(address=address, bits=[bool(value) for value in values])
    registers = WriteMultipleRegistersRequest(address=address, registers=values)

    for function, theirs in ((15, coils), (16, registers)):
        request = write_request(1, function, address=address, values=values)
        assert request.pdu == as_pymodbus_has_it(theirs)


def test_a_function_that_does_not_write_is_refused() -> None:
    with pytest.raises(ValueError, match="3 is no function that writes"):
        write_request(1, 3, address=0, values=[1])


@given(st.binary(max_size=260))
def test_checksums(frame: bytes) -> None:
    assert int.from_bytes(crc_of(frame), "big") == FramerRTU.compute_CRC(frame)
