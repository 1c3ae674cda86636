"""Messages, topics and signatures."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from campus_wire import topics
from campus_wire.errors import (
    CampusError,
    CredentialsError,
    LinkDownError,
    MalformedError,
    PermanentError,
    TransientError,
    WireError,
)
from campus_wire.frames import ZSTD_MAGIC
from campus_wire.ids import is_gateway_id
from campus_wire.limits import SEQ_MAX, TIME_NS_MAX, VALUE_ABS_MAX
from campus_wire.messages import (
    Ack,
    Command,
    DesiredConfig,
    Event,
    Expectation,
    Message,
    Outcome,
    Range,
    Receipt,
    Status,
    decode,
    encode,
)
from campus_wire.quality import Grade, Quality, grade, label
from campus_wire.quantities import UNITS
from campus_wire.reasons import REFUSAL_REASONS
from campus_wire.signing import gateway_key, is_signed, sign
from tests.support import good_payloads as good

gateways = st.from_regex(r"\A[a-z0-9][a-z0-9-]{1,30}[a-z0-9]\Z")
uuids = st.uuids().map(str)
times = st.integers(0, TIME_NS_MAX)
numbers = st.floats(-VALUE_ABS_MAX, VALUE_ABS_MAX)
lines = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=50)
points = st.from_regex(r"\A[a-z][a-z0-9_]{0,10}\Z")
names = st.from_regex(r"\A[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,10}[A-Za-z0-9])?\Z")
ranges = st.tuples(st.integers(1, SEQ_MAX), st.integers(1, SEQ_MAX)).map(
    lambda pair: Range(first=min(pair), last=max(pair))
)
acks = st.builds(
    Ack,
    epoch=uuids,
    stored=st.lists(ranges, max_size=5).map(tuple),
    refused=st.just(()),
    messages=st.lists(uuids, max_size=5).map(tuple),
    wants_catalog=st.none(),
    time_ns=st.none() | times,
)
attributes = st.dictionaries(
    st.from_regex(r"\A[A-Za-z0-9_.-]{1,64}\Z"),
    st.booleans() | st.integers(-SEQ_MAX, SEQ_MAX) | numbers | lines | st.none(),
    max_size=5,
)
events = st.builds(
    Event, id=uuids, time_ns=times, kind=points, device=st.none() | names, attributes=attributes
)
receipts = st.builds(
    Receipt,
    id=uuids,
    command=uuids,
    outcome=st.sampled_from(Outcome),
    reason=st.none() | points,
    value_read=st.none() | numbers,
    time_ns=times,
)
expectations = st.builds(
    Expectation,
    point=points,
    value=numbers,
    tolerance=st.floats(0, 1e6),
    within_s=st.floats(0.1, 60),
)


@st.composite
def commands(draw: st.DrawFn) -> Command:
    issued_ns = draw(st.integers(0, 2**62))
    return Command(
        id=draw(uuids),
        gateway=draw(gateways),
        device=draw(names),
        point=draw(points),
        value=draw(numbers),
        issued_ns=issued_ns,
        expires_ns=issued_ns + draw(st.integers(1, 300 * 10**9)),
        by=draw(lines),
        expect=draw(st.none() | expectations),
    )


@given(acks | events | receipts | commands())
def test_messages_come_back(message: Message) -> None:
    payload = encode(message)

    assert decode(type(message), payload) == message
    assert not payload.startswith(ZSTD_MAGIC)


@given(st.binary(max_size=200), st.sampled_from((Status, Event, Ack, Command, Receipt)))
def test_garbage_raises_only_the_typed_error(payload: bytes, model: type[Message]) -> None:
    with pytest.raises(MalformedError) as caught:
        decode(model, payload)

    assert caught.value.reason in REFUSAL_REASONS


@given(st.data())
def test_a_damaged_message_is_refused_or_still_a_message(data: st.DataObject) -> None:
    models: dict[type[Message], Any] = {
        Status: good.status(),
        Event: good.event(),
        Ack: good.ack(),
        Command: good.command(),
        Receipt: good.receipt(),
        DesiredConfig: good.config(),
    }
    model = data.draw(st.sampled_from(list(models)))
    payload = bytearray(orjson.dumps(models[model]))
    at = data.draw(st.integers(0, len(payload) - 1))
    payload[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=4))
    try:
        message = decode(model, bytes(payload))
    except MalformedError as error:
        assert error.reason in REFUSAL_REASONS  # noqa: PT017  # both ends are right
    else:
        assert decode(model, encode(message)) == message


@given(gateways, st.sampled_from([*topics.Up, *topics.Down]))
def test_topics_come_back(gateway: str, kind: topics.Up | topics.Down) -> None:
    address = topics.Address(gateway, kind)

    assert topics.parse(address.topic) == address
    if isinstance(kind, topics.Up):
        assert topics.up(gateway, kind) == address.topic
    else:
        assert topics.down(gateway, kind) == address.topic


@given(st.text(max_size=60))
def test_any_topic_is_parsed_or_refused(topic: str) -> None:
    for text in (topic, f"campus/1/up/{topic}/batch", f"campus/1/down/gw-1/{topic}"):
        try:
            address = topics.parse(text)
        except MalformedError as error:
            assert error.reason == "topic"  # noqa: PT017
        else:
            assert address.topic == text
            assert is_gateway_id(address.gateway)


@pytest.mark.parametrize("gateway", ["", "ab", "a" * 33, "+", "a/b", "A-b-c", "abc-", "abc\n"])
def test_no_topic_is_made_for_what_is_no_gateway(gateway: str) -> None:
    with pytest.raises(MalformedError, match="no gateway id"):
        topics.up(gateway, topics.Up.BATCH)
    with pytest.raises(MalformedError, match="no gateway id"):
        topics.down(gateway, topics.Down.ACK)
    with pytest.raises(MalformedError, match="no gateway id") as caught:
        topics.all_down(gateway)
    assert caught.value.reason == "gateway_id"


def test_filters() -> None:
    assert topics.all_up() == "campus/1/up/+/+"
    assert topics.all_up(topics.Up.BATCH) == "campus/1/up/+/batch"
    assert topics.all_down("gw-1") == "campus/1/down/gw-1/+"


# --- signatures -------------------------------------------------------------------------------

KEY = gateway_key(bytes(range(32)), "gw-1")


@given(commands())
def test_a_signature_survives_the_wire_and_no_other_key_makes_it(command: Command) -> None:
    received = decode(Command, encode(sign(command, KEY)))

    assert is_signed(received, KEY)
    assert not is_signed(received, gateway_key(bytes(range(32)), "gw-2"))
    assert not is_signed(command, KEY)


@pytest.mark.parametrize(
    "change",
    [
        {"id": good.MESSAGE_ID},
        {"gateway": "demo-school-2"},
        {"device": "relay-2"},
        {"point": "relay_2"},
        {"value": 0.0},
        {"issued_ns": good.TIME_NS + 1},
        {"expires_ns": good.TIME_NS + 31_000_000_000},
        {"by": "somebody else"},
        {"expect": None},
        {"expect": Expectation(point="relay_1", value=1.0, tolerance=0.5)},
        {"expect": Expectation(point="relay_1", value=1.0, within_s=6)},
        {"expect": Expectation(point="relay_2", value=1.0)},
    ],
)
def test_every_field_is_signed(change: dict[str, Any]) -> None:
    command = sign(decode(Command, orjson.dumps(good.command())), KEY)

    assert is_signed(command, KEY)
    assert not is_signed(command.model_copy(update=change), KEY)


# --- qualities, units, errors -----------------------------------------------------------------


def test_the_grade_of_a_code_can_be_told_without_knowing_it() -> None:
    assert [grade(code) for code in (0, 1, 63, 64, 127)] == [
        Grade.GOOD,
        Grade.UNCERTAIN,
        Grade.UNCERTAIN,
        Grade.BAD,
        Grade.BAD,
    ]
    assert (label(99, "zh"), label(99, "en")) == ("代码99", "code 99")
    assert all(label(code, language) for code in Quality for language in ("zh", "en"))


def test_units_look_like_units() -> None:
    greek_mu = chr(0x3BC)  # looks like the micro sign, and would be another unit
    assert all(unit == unit.strip() and greek_mu not in unit for unit in UNITS)
    assert all(quantity.zh and quantity.en for quantity in UNITS.values())


def test_every_error_is_transient_or_permanent_at_birth() -> None:
    for kind in (MalformedError, LinkDownError, CredentialsError):
        assert issubclass(kind, WireError)
        assert issubclass(kind, TransientError) != issubclass(kind, PermanentError)
        assert kind("x", "y").transient == issubclass(kind, TransientError)


def test_an_error_says_where_and_what_to_do() -> None:
    error = CampusError("slug", "it broke", place="edge.yaml:12", remedy="mend it")

    assert str(error) == "edge.yaml:12: it broke (mend it)"
