"""Nothing but reading can be put in a request."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_profiles.model_modbus import Table
from edge_agent.finding.asks import (
    READ_ONLY_FUNCTIONS,
    Ask,
    identification_ask,
    read_ask,
    server_id_ask,
)


def test_what_can_be_asked() -> None:
    asks = [
        read_ask(1, Table.COIL, 0, 8),
        read_ask(1, Table.DISCRETE, 0, 8),
        read_ask(1, Table.HOLDING, 0x1234, 2),
        read_ask(1, Table.INPUT, 0),
        server_id_ask(1),
        identification_ask(1),
    ]

    assert [one.pdu.hex() for one in asks] == [
        "0100000008",
        "0200000008",
        "0312340002",
        "0400000001",
        "11",
        "2b0e0100",
    ]


@given(st.binary(min_size=1, max_size=8), st.integers(0, 255))
def test_no_request_that_writes_can_be_made(pdu: bytes, unit: int) -> None:
    reads = pdu[0] in READ_ONLY_FUNCTIONS and (pdu[0] != 43 or pdu[1:2] == b"\x0e")
    if reads:
        assert Ask(unit, pdu).function == pdu[0]
    else:
        with pytest.raises((ValueError, IndexError)):
            Ask(unit, pdu)
