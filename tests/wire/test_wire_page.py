"""The page is enough to write a publisher from, and says what the code does."""

from __future__ import annotations

import ast
import asyncio
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any, Final

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from campus_wire import ids, limits, messages, topics
from campus_wire.batch import Batch, Sample, blocks_of, decode_batch
from campus_wire.catalog import Area, Catalog, Device, Point, SampleClass, decode_catalog
from campus_wire.quality import Quality, grade, label
from campus_wire.quantities import UNITS
from campus_wire.reasons import REFUSAL_REASONS
from campus_wire.session import MqttSession
from campus_wire.signing import gateway_key, is_signed, signed_text
from tests.support.bad_payloads import BAD_PAYLOADS
from tests.support.servers import Mosquitto
from tests.wire import page
from tests.wire.sessions import settings_for, until

EPOCH: Final = "0b9f6a2e-8c1d-4a56-9d9c-3f4e5a6b7c8d"
DECODERS: Final[dict[str, Callable[[bytes], Any]]] = {
    "status": lambda payload: messages.decode(messages.Status, payload),
    "catalog": decode_catalog,
    "batch": decode_batch,
    "event": lambda payload: messages.decode(messages.Event, payload),
    "receipt": lambda payload: messages.decode(messages.Receipt, payload),
    "ack": lambda payload: messages.decode(messages.Ack, payload),
    "command": lambda payload: messages.decode(messages.Command, payload),
    "config": lambda payload: messages.decode(messages.DesiredConfig, payload),
}


def test_there_is_an_example_of_every_kind_and_each_is_taken() -> None:
    seen = set()
    for example in page.examples():
        kind = topics.parse(example.topic).kind
        DECODERS[kind](example.payload)
        seen.add(kind)

    assert seen == set(DECODERS)


def test_the_worked_batch_says_what_the_page_says() -> None:
    [payload, _] = [e.payload for e in page.examples() if e.topic.endswith("/batch")]
    at_ns = 1_780_000_000_000_000_000

    assert decode_batch(payload) == Batch(
        epoch=EPOCH,
        first=1,
        catalog="da3918bbf530c2ed",
        blocks=(
            blocks(
                Sample(0, (0, 1), at_ns, (21.5, 48.2), (0, 0)),
                Sample(0, (0, 1), at_ns + 48_000_000, (21.6, None), (0, 65)),
            ),
            blocks(Sample(1, (2,), at_ns + 60_000_000, (640,), (0,))),
        ),
    )


def blocks(*samples: Sample) -> Any:
    """The one block of these samples, with lists as the decoder makes them."""
    [block] = blocks_of(samples)
    return type(block)(
        block.points,
        list(block.devices),
        list(block.times_ns),
        [list(column) for column in block.columns],
        tuple(block.flaws),
    )


def test_the_signature_can_be_made_from_the_page_alone() -> None:
    [payload] = [e.payload for e in page.examples() if e.topic.endswith("/command")]
    command = messages.decode(messages.Command, payload)
    key = bytes.fromhex(page.block("key"))
    text = page.block("signed").encode()

    assert hmac.new(key, text, hashlib.sha256).hexdigest() == json.loads(payload)["signature"]
    assert signed_text(command) == text
    assert gateway_key(bytes(range(32)), "demo-school-1") == key
    assert is_signed(command, key)


class Controller:
    """A small consumer: decodes what gateways publish and acks batches and events."""

    def __init__(self) -> None:
        self.batches: dict[str, list[Batch]] = {}
        self.others: list[Any] = []
        self.session: MqttSession

    async def on_message(self, topic: str, payload: bytes, retained: bool) -> None:  # noqa: ARG002
        address = topics.parse(topic)
        if address.gateway != "demo-school-1":  # the broker serves other tests, too
            return
        decoded = DECODERS[address.kind](payload)
        ack = None
        if isinstance(decoded, Batch):
            self.batches.setdefault(address.gateway, []).append(decoded)
            stored = messages.Range(first=decoded.first, last=decoded.last)
            ack = messages.Ack(epoch=decoded.epoch, stored=(stored,))
        else:
            self.others.append(decoded)
        if isinstance(decoded, messages.Event):
            ack = messages.Ack(epoch=EPOCH, messages=(decoded.id,))
        if ack is not None:
            down = topics.down(address.gateway, topics.Down.ACK)
            await self.session.publish(down, messages.encode(ack), qos=0)


@pytest.mark.integration
async def test_a_stranger_publishes_the_literal_bytes_of_the_page(mosquitto: Mosquitto) -> None:
    """A plain MQTT client, no code of ours, and the bytes as they stand on the page."""
    controller = Controller()
    controller.session = MqttSession(
        settings_for(mosquitto),
        subscriptions=[(topics.all_up(), 1)],
        will=None,
        on_message=controller.on_message,
    )
    running = asyncio.create_task(controller.session.run())
    await until(lambda: controller.session.connected)
    acks: list[dict[str, Any]] = []
    stranger = paho.Client(CallbackAPIVersion.VERSION2, client_id="demo-school-1")
    stranger.on_message = lambda _client, _data, message: acks.append(json.loads(message.payload))
    stranger.connect(mosquitto.host, mosquitto.port)
    stranger.loop_start()
    stranger.subscribe("campus/1/down/demo-school-1/+", 1)
    sent = [example for example in page.examples() if example.topic.startswith("campus/1/up/")]
    for example in sent:
        stranger.publish(example.topic, example.payload, qos=1)
    await until(lambda: len(acks) == 4)
    stranger.disconnect()
    stranger.loop_stop()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)

    assert [(b.first, b.last) for b in controller.batches["demo-school-1"]] == [(1, 3), (4, 4)]
    assert controller.batches["demo-school-1"][1].sample_class is SampleClass.SAFETY
    assert len(controller.others) == len(sent) - 2
    assert [ack["stored"] for ack in acks if ack.get("stored")] == [
        [{"first": 1, "last": 3}],
        [{"first": 4, "last": 4}],
    ]


# --- tables -----------------------------------------------------------------------------------


def test_limits() -> None:
    said = {row[0]: ast.literal_eval(row[1]) for row in page.table("Limits")}

    assert said == {name: value for name, value in vars(limits).items() if name.isupper()}


def test_qualities() -> None:
    said = [tuple(row) for row in page.table("Qualities")]

    assert said == [
        (str(code.value), grade(code), label(code, "zh"), label(code, "en")) for code in Quality
    ]


def test_units() -> None:
    said = {row[0].removeprefix("(empty)"): (row[1], row[2]) for row in page.table("Units")}

    assert said == {unit: tuple(quantity) for unit, quantity in UNITS.items()}


def test_reasons() -> None:
    assert {row[0]: row[1] for row in page.table("Refusals")} == REFUSAL_REASONS
    assert {case.reason for case in BAD_PAYLOADS} <= set(REFUSAL_REASONS)


def test_topics() -> None:
    said = {row[0].replace("<gateway>", "demo-school-1") for row in page.table("Topics")}

    every = [topics.up("demo-school-1", kind) for kind in topics.Up]
    every += [topics.down("demo-school-1", kind) for kind in topics.Down]
    assert said == set(every)


def test_patterns() -> None:
    text = page.text()
    for pattern in (ids.GATEWAY_PATTERN, ids.NAME_PATTERN, ids.POINT_PATTERN):
        assert f"`{pattern}`" in text


@pytest.mark.parametrize(
    ("heading", "nth", "model"),
    [
        ("Status", 0, messages.Status),
        ("Catalog", 0, Catalog),
        ("Catalog", 1, Area),
        ("Catalog", 2, Point),
        ("Catalog", 3, Device),
        ("Ack", 0, messages.Ack),
        ("Event", 0, messages.Event),
        ("Command", 0, messages.Command),
        ("Receipt", 0, messages.Receipt),
        ("Config", 0, messages.DesiredConfig),
    ],
)
def test_fields(heading: str, nth: int, model: Any) -> None:
    said: dict[str, bool] = {}
    for name, _, needed, *_ in page.table(heading, nth=nth):
        for one in name.replace("`", "").split(", "):
            said[one] = needed == "yes"

    fields = {f.alias or name: f.is_required() for name, f in model.model_fields.items()}
    signature = {"signature": True} if "signature" in fields else {}  # empty only before signing
    assert said == fields | signature


def test_outcomes() -> None:
    assert [row[0] for row in page.table("Receipt", nth=1)] == list(messages.Outcome)
