"""What `campus wire show` says of each message."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from campus_wire.topics import Up
from campus_wire.view import Viewer
from tests.support import good_payloads as good
from tests.support.bad_payloads import BAD_PAYLOADS


def topic(kind: str) -> str:
    direction = "up" if kind in [*Up] else "down"
    return f"campus/1/{direction}/demo-school-1/{kind}"


@pytest.mark.parametrize(
    ("kind", "plain", "headline"),
    [
        ("status", good.status(), "online, clock synced, boot 7d3c1f00, 3 waiting"),
        (
            "event",
            good.event(),
            "interlock_tripped gas-1 interlock=nh3-fan value=31.5 manual=False note=None",
        ),
        ("receipt", good.receipt(), "9a1b2c3d succeeded, read 1"),
        ("command", good.command(), "9a1b2c3d relay-1.relay_1 := 1, by duty@example.org, for 30 s"),
        ("config", good.config(), "revision 5f0c1b2a3d4e5f60"),
        (
            "ack",
            good.ack(),
            "stored 1–103, refused 104–110 (quality), 1 messages, wants catalog 5f0c1b2a3d4e5f60",
        ),
        (
            "catalog",
            good.catalog_message(),
            "5f0c1b2a3d4e5f60: Sunrise Primary (朝阳小学), 2 areas, 2 devices, 3 points",
        ),
    ],
)
def test_headlines(kind: str, plain: Any, headline: str) -> None:
    view = Viewer().read(topic(kind), orjson.dumps(plain))

    assert view.headline == headline
    assert (view.gateway, view.kind, view.is_refused) == ("demo-school-1", kind, False)


def test_a_batch_before_its_catalog_has_numbers_and_after_it_names() -> None:
    viewer = Viewer()
    payload = orjson.dumps(good.batch())

    before = viewer.read(topic("batch"), payload)
    viewer.read(topic("catalog"), orjson.dumps(good.catalog_message()))
    after = viewer.read(topic("batch"), payload)

    assert before.headline.endswith("catalog 5f0c1b2a3d4e5f60 not seen")
    assert before.details[0] == "2026-05-28 20:26:40.000Z  device 0  point 0 21.5  point 1 48.2"
    assert after.headline == (
        f"101–103: 3 samples, 5 values, {len(payload)} bytes ({len(payload) / 5:.1f} a value), "
        "normal"
    )
    assert after.details == (
        "2026-05-28 20:26:40.000Z  th-101  temperature 21.5 °C  humidity 48.2 %RH",
        "2026-05-28 20:26:40.048Z  co2-101  temperature 22 °C  humidity – (no answer)",
        "2026-05-28 20:26:40.060Z  th-101  co2 640 ppm",
    )


def test_long_batches_are_cut_and_said_so() -> None:
    view = Viewer(samples_max=1, language="zh").read(topic("batch"), orjson.dumps(good.batch()))

    assert len(view.details) == 2
    assert view.details[1] == "… 2 more"
    assert view.plain["message"]["samples"][1]["readings"][1] == {
        "point": "point 1",
        "value": None,
        "unit": "",
        "quality": 65,
    }
    assert len(view.plain["message"]["samples"]) == 3


def test_an_empty_retained_message_is_a_removal() -> None:
    view = Viewer().read(topic("catalog"), b"", retained=True)

    assert view.headline.startswith("removed")
    assert not view.is_refused


def test_a_retained_command_stands_out() -> None:
    payload = orjson.dumps(good.command())
    assert not Viewer().read(topic("command"), payload).is_refused
    view = Viewer().read(topic("command"), payload, retained=True)
    assert view.is_refused
    assert "retained" in view.headline


@pytest.mark.parametrize("case", BAD_PAYLOADS, ids=lambda case: case.id)
def test_bad_messages_are_shown_with_their_reason(case: Any) -> None:
    is_topic = case.kind == "topic"
    where = case.payload.decode() if is_topic else topic(case.kind)
    view = Viewer().read(where, b"{}" if is_topic else case.payload)

    if not case.payload and not is_topic:
        assert view.headline.startswith("removed")
    else:
        assert view.plain["refused"] == case.reason
        assert view.is_refused
    orjson.dumps(view.plain)
