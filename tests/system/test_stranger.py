"""A foreign gateway, written from docs/wire.md alone, against the real controller.

A plain MQTT client and the literal bytes of the page; no code of the product on this side of the
broker. What it publishes must be found through the controller's HTTP API.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import struct
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from tests.cli.program import campus
from tests.support.controller_process import ControllerProcess
from tests.support.servers import Mosquitto, wait_until
from tests.wire import page

pytestmark = pytest.mark.integration

GATEWAY = "demo-school-1"
EPOCH = "0b9f6a2e-8c1d-4a56-9d9c-3f4e5a6b7c8d"
AT_NS = 1_780_000_000 * 10**9
Json = dict[str, Any]


class Stranger:
    """Connects as the page says and remembers what comes down."""

    def __init__(self, broker: Mosquitto) -> None:
        self.heard: list[tuple[str, Json]] = []
        self.client = paho.Client(CallbackAPIVersion.VERSION2, client_id=GATEWAY)
        self.client.on_message = self._on_message
        self.client.connect(broker.host, broker.port)
        self.client.subscribe(f"campus/1/down/{GATEWAY}/+", 1)
        self.client.loop_start()

    def _on_message(self, _client: paho.Client, _data: None, message: paho.MQTTMessage) -> None:
        self.heard.append((message.topic.rsplit("/", 1)[1], json.loads(message.payload)))

    def publish(
        self, kind: str, payload: bytes | Json | list[Any], *, retain: bool = False
    ) -> None:
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        topic = f"campus/1/up/{GATEWAY}/{kind}"
        self.client.publish(topic, body, qos=1, retain=retain).wait_for_publish(10)

    def said(self, kind: str) -> list[Json]:
        return [body for heard, body in self.heard if heard == kind]

    def stored(self) -> set[int]:
        ranges = [one for ack in self.said("ack") for one in ack.get("stored", ())]
        return {seq for one in ranges for seq in range(one["first"], one["last"] + 1)}

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path / "broker") as one:
        yield one


@pytest.fixture
def controller(tmp_path: Path, broker: Mosquitto) -> Iterator[ControllerProcess]:
    with ControllerProcess(tmp_path / "c", broker, store="duckdb:///telemetry.duckdb") as one:
        yield one


@pytest.fixture
def api(controller: ControllerProcess) -> Iterator[httpx.Client]:
    url = f"http://127.0.0.1:{controller.port}/api/v1"
    with httpx.Client(
        base_url=url, headers={"Authorization": f"Bearer {controller.token}"}, timeout=10
    ) as client:
        yield client


@pytest.fixture
def stranger(broker: Mosquitto, controller: ControllerProcess) -> Iterator[Stranger]:
    assert controller.is_running
    one = Stranger(broker)
    yield one
    one.close()


def by_kind() -> dict[str, list[bytes]]:
    """The page's literal messages of a gateway."""
    found: dict[str, list[bytes]] = {}
    for example in page.examples():
        if example.topic.startswith(f"campus/1/up/{GATEWAY}/"):
            found.setdefault(example.topic.rsplit("/", 1)[1], []).append(example.payload)
    return found


def get(api: httpx.Client, path: str, **query: str | int) -> Any:
    answer = api.get(path, params=query)
    assert answer.is_success, answer.text
    return answer.json()


def history(api: httpx.Client, device: str) -> tuple[list[int], Json]:
    path = f"/gateways/{GATEWAY}/devices/{device}/history"
    found = get(api, path, from_ns=AT_NS - 10**9, to_ns=AT_NS + 10 * 10**9)
    return found["times_ns"], found["values"]


def test_the_literal_bytes_of_the_page_are_stored(stranger: Stranger, api: httpx.Client) -> None:
    says = by_kind()
    stranger.publish("status", says["status"][0], retain=True)
    # A batch may come before its catalog: the controller keeps it and asks.
    for batch in says["batch"]:
        stranger.publish("batch", batch)
    wait_until(lambda: any(a.get("wants_catalog") for a in stranger.said("ack")), what="question")
    assert stranger.stored() == set()
    stranger.publish("catalog", says["catalog"][0], retain=True)
    for event in says["event"]:
        stranger.publish("event", event)

    wait_until(lambda: stranger.stored() == {1, 2, 3, 4}, what="acks of all samples")
    ids = {json.loads(event)["id"] for event in says["event"]}
    wait_until(lambda: acked(stranger) == ids, what="acks of all events")

    times_ns, values = history(api, "th-101")
    assert times_ns == [AT_NS, AT_NS + 48_000_000]
    assert values == {"temperature": [21.5, 21.6], "humidity": [48.2, None]}
    times_ns, values = history(api, "co2-101")
    assert times_ns == [AT_NS + 60_000_000, AT_NS + 1_250_000_000]
    assert values == {"co2": [640.0, 1180.0]}
    assert_places(api)
    [gap] = get(api, "/gaps", gateway=GATEWAY)
    assert (gap["epoch"], gap["first"], gap["last"]) == (EPOCH, 5, 24)
    assert gap["reason"] == "spool_full"


def acked(stranger: Stranger) -> set[str]:
    return {one for ack in stranger.said("ack") for one in ack.get("messages", ())}


def assert_places(api: httpx.Client) -> None:
    [school] = get(api, "/schools")
    assert school["name"] == {"zh": "朝阳小学", "en": "Sunrise Primary"}
    [gateway] = get(api, "/gateways")
    assert (gateway["id"], gateway["state"]) == (GATEWAY, "online")
    assert gateway["versions"] == {"my-gateway": "2.1"}
    device = get(api, f"/gateways/{GATEWAY}/devices/th-101")
    humidity = next(point for point in device["points"] if point["name"] == "humidity")
    assert humidity["value"] is None
    assert humidity["quality_label"] == {"zh": "设备无应答", "en": "no answer"}


def test_what_comes_twice_is_acked_twice_and_stored_once(
    stranger: Stranger, api: httpx.Client
) -> None:
    says = by_kind()
    stranger.publish("catalog", says["catalog"][0], retain=True)
    stranger.publish("batch", says["batch"][0])
    wait_until(lambda: stranger.stored() == {1, 2, 3}, what="the ack")
    before = history(api, "th-101")
    stranger.heard.clear()

    stranger.publish("batch", says["batch"][0])

    wait_until(lambda: stranger.stored() == {1, 2, 3}, what="the same ack again")
    assert history(api, "th-101") == before


def test_a_stranger_is_told_what_is_wrong_and_goes_on(
    stranger: Stranger, api: httpx.Client
) -> None:
    says = by_kind()
    stranger.publish("catalog", says["catalog"][0], retain=True)
    broken = json.loads(says["batch"][0])
    broken[5][0][0] = [0, 7]  # the catalog has three points
    stranger.publish("batch", broken)
    wait_until(lambda: refusals(stranger) != [], what="the refusal")
    assert refusals(stranger) == [{"first": 1, "last": 3, "reason": "catalog_mismatch"}]

    stranger.publish("batch", says["batch"][1])
    wait_until(lambda: stranger.stored() == {4}, what="the next good one")
    assert history(api, "co2-101")[1] == {"co2": [1180.0]}


def refusals(stranger: Stranger) -> list[Json]:
    return [one for ack in stranger.said("ack") for one in ack.get("refused", ())]


def test_a_stranger_s_device_is_commanded(
    stranger: Stranger, api: httpx.Client, controller: ControllerProcess
) -> None:
    """Its own catalog with a relay, its revision, the signature and the receipt: by the page."""
    stranger.publish("catalog", with_relay(), retain=True)
    wait_until(lambda: get(api, "/devices")["devices"] != [], what="the catalog")
    wanted = {"gateway": GATEWAY, "device": "relay-1", "point": "relay_1", "value": 1}
    issued = api.post("/commands", json=wanted)
    assert issued.status_code == 202, issued.text
    wait_until(lambda: stranger.said("command") != [], what="the command")

    [command] = stranger.said("command")
    assert {key: command[key] for key in wanted} == wanted
    assert command["by"] == "first"
    assert command["signature"] == signature(command, key_of(controller))
    receipt = {
        "id": str(uuid.uuid4()),
        "command": command["id"],
        "outcome": "succeeded",
        "value_read": 1,
        "time_ns": time.time_ns(),
    }
    stranger.publish("receipt", receipt)
    wait_until(lambda: acked(stranger) == {receipt["id"]}, what="the receipt's ack")
    ended = get(api, f"/commands/{issued.json()['id']}")
    assert (ended["outcome"], ended["value_read"]) == ("succeeded", 1.0)


def with_relay() -> Json:
    catalog = json.loads(by_kind()["catalog"][0])["catalog"]
    off, on = ({"value": n, "label": {"zh": zh, "en": en}} for n, zh, en in _STATES)
    label = {"zh": "继电器1", "en": "relay 1"}
    catalog["points"].append(
        {"name": "relay_1", "unit": "", "label": label, "writable": True, "states": [off, on]}
    )
    catalog["devices"].append(
        {"id": "relay-1", "name": label, "profile": "my-relay", "category": "relay"}
        | {"area": "r101", "interval_s": 10, "points": [3]}
    )
    text = json.dumps(catalog)
    return {"revision": hashlib.sha256(text.encode()).hexdigest()[:16], "catalog": catalog}


_STATES = ((0, "关", "off"), (1, "开", "on"))


def key_of(controller: ControllerProcess) -> bytes:
    made = campus("controller", "gateway-key", GATEWAY, "--config", controller.config)
    assert made.returncode == 0, made.stderr
    return bytes.fromhex(made.stdout.strip())


def signature(command: Json, key: bytes) -> str:
    """Sign as the page's list of lines says."""
    double: Callable[[float], str] = lambda value: struct.pack(">d", value).hex()  # noqa: E731
    lines = ["campus/1", *(command[name] for name in ("id", "gateway", "device", "point"))]
    lines += [double(command["value"]), str(command["issued_ns"]), str(command["expires_ns"])]
    lines.append(command["by"].encode().hex())
    if expect := command.get("expect"):
        numbers = ("value", "tolerance", "within_s")
        lines += [expect["point"], *(double(expect[name]) for name in numbers)]
    return hmac.new(key, "\n".join(lines).encode(), hashlib.sha256).hexdigest()
