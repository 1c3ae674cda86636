"""Every bad message is refused with its typed reason; the good ones beside it are taken."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import orjson
import pytest

from campus_wire import messages, topics
from campus_wire.batch import decode_batch
from campus_wire.catalog import decode_catalog
from campus_wire.errors import MalformedError, PermanentError
from tests.support import good_payloads as good
from tests.support.bad_payloads import BAD_PAYLOADS, NamedCase

DECODERS: Final[dict[str, Callable[[bytes], object]]] = {
    "batch": decode_batch,
    "catalog": decode_catalog,
    "topic": lambda payload: topics.parse(payload.decode()),
    "status": lambda payload: messages.decode(messages.Status, payload),
    "event": lambda payload: messages.decode(messages.Event, payload),
    "receipt": lambda payload: messages.decode(messages.Receipt, payload),
    "ack": lambda payload: messages.decode(messages.Ack, payload),
    "command": lambda payload: messages.decode(messages.Command, payload),
    "config": lambda payload: messages.decode(messages.DesiredConfig, payload),
}


@pytest.mark.parametrize("case", BAD_PAYLOADS, ids=lambda case: case.id)
def test_bad_input_is_refused_with_its_reason(case: NamedCase) -> None:
    with pytest.raises(MalformedError) as caught:
        DECODERS[case.kind](case.payload)

    assert caught.value.reason == case.reason
    assert len(str(caught.value)) < 1_000


@pytest.mark.parametrize(
    ("kind", "plain"),
    [
        ("batch", good.batch()),
        ("catalog", good.catalog_message()),
        ("status", good.status()),
        ("event", good.event()),
        ("receipt", good.receipt()),
        ("ack", good.ack()),
        ("command", good.command()),
        ("config", good.config()),
    ],
)
def test_the_good_message_each_is_made_from_is_taken(kind: str, plain: Any) -> None:
    DECODERS[kind](orjson.dumps(plain))


def test_cases_have_names_of_their_own_and_are_many() -> None:
    ids = [case.id for case in BAD_PAYLOADS]

    assert len(ids) == len(set(ids))
    assert len(ids) >= 120
    assert issubclass(MalformedError, PermanentError)
