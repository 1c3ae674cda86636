"""A running controller: a bad message is quarantined with its reason, the next good one stored."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import orjson
import pytest

from campus_wire.errors import MalformedError
from campus_wire.topics import Up, parse, up
from tests.controller.core.samples import catalog
from tests.support.bad_payloads import BAD_PAYLOADS, NamedCase
from tests.support.controller_process import ControllerProcess
from tests.support.servers import Mosquitto
from tests.system.bad_input.api_cases import API_CASES, V1, ApiCase
from tests.system.bad_input.prober import GOOD_WITHIN_S, Prober, probing, quarantined
from tests.system.bad_input.tally import tried

pytestmark = [pytest.mark.integration, pytest.mark.alone]

GATEWAY: Final = "demo-school-1"
CATALOG: Final = catalog(GATEWAY)
UPWARD: Final = frozenset(str(kind) for kind in Up)
MS: Final = 1_000_000
RAW_REQUESTS: Final = (
    ("no HTTP", b"hello\r\n\r\n"),
    ("NUL in the path", b"GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n"),
    ("a header without a name", b"GET / HTTP/1.1\r\n: x\r\n\r\n"),
    ("a length of text", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: many\r\n\r\n"),
    ("a length negative", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n"),
    ("HTTP 9", b"GET / HTTP/9.9\r\nHost: x\r\n\r\n"),
    ("a header of 1 MiB", b"GET / HTTP/1.1\r\nX: " + b"a" * 1_048_576 + b"\r\n\r\n"),
    ("TLS on a plain port", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 32),
)


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path_factory.mktemp("bad-input-broker")) as server:
        yield server


@pytest.fixture(scope="module")
def controller(
    tmp_path_factory: pytest.TempPathFactory, broker: Mosquitto
) -> Iterator[ControllerProcess]:
    directory = tmp_path_factory.mktemp("bad-input-controller")
    process = ControllerProcess(directory, broker, store="duckdb:///t.duckdb")
    process.start()
    yield process
    process.stop()
    log = process.log_path.read_text("utf-8")
    assert "Traceback" not in log, log[-4000:]


@pytest.mark.parametrize("kind", sorted(UPWARD))
async def test_bad_messages_are_quarantined_and_the_next_batch_is_stored(
    broker: Mosquitto, controller: ControllerProcess, kind: str
) -> None:
    cases = [case for case in BAD_PAYLOADS if case.kind == kind]
    failures: list[str] = []
    async with probing(broker.port, CATALOG) as prober:
        last = max((row[0] for row in quarantined(controller.state_path, after=0)), default=0)
        for case in cases:
            failure, last = await _try(prober, controller, case, last)
            failures += failure
    assert not failures
    assert cases
    tried(f"controller: {kind}", len(cases))


async def _try(
    prober: Prober, controller: ControllerProcess, case: NamedCase, last: int
) -> tuple[list[str], int]:
    await prober.send(up(GATEWAY, Up(case.kind)), case.payload)
    took_s = await prober.good_one()
    rows = quarantined(controller.state_path, after=last)
    failures = []
    if [row[1:] for row in rows] != [(case.kind, case.reason)]:
        failures.append(f"{case.id}: {case.reason} expected, quarantined were {rows}")
    if took_s > GOOD_WITHIN_S:
        failures.append(f"{case.id}: the next good batch took {took_s:.2f} s")
    return failures, max([last, *(row[0] for row in rows)])


def _batch(number: int, time_ms: Any, blocks: Any, revision: str = CATALOG.revision) -> list[Any]:
    return [1, str(uuid.UUID(int=number << 64 | 4 << 76 | 8 << 60)), 1, revision, time_ms, blocks]


def _unfitting() -> Iterator[tuple[str, list[Any], str]]:
    """Yield batches that are well formed and cannot be taken: name, batch, reason."""
    now_ms = time.time_ns() // MS
    good = [[[0, 1], [0], [0], [[21.5], [40.0]]]]
    yield (
        "a device that is not in the catalog",
        _batch(1, now_ms, [[[0], [9], [0], [[1]]]]),
        "catalog_mismatch",
    )
    yield (
        "a point that is not in the catalog",
        _batch(2, now_ms, [[[7], [0], [0], [[1]]]]),
        "catalog_mismatch",
    )
    yield "time 0", _batch(3, 0, good), "time_before_build"
    yield "seconds in place of milliseconds", _batch(4, now_ms // 1000, good), "time_before_build"
    yield "before the software", _batch(5, 1_700_000_000_000, good), "time_before_build"
    yield "an hour ahead", _batch(6, now_ms + 3_600_000, good), "time_ahead"
    yield "11 minutes ahead", _batch(7, now_ms + 660_000, good), "time_ahead"
    yield "the year 2038", _batch(8, 2**31 * 1000, good), "time_ahead"
    yield "the year 2262", _batch(9, 9_223_372_036_854, good), "time_ahead"


async def test_batches_that_do_not_fit_are_refused_in_the_ack(
    broker: Mosquitto, controller: ControllerProcess
) -> None:
    failures = []
    async with probing(broker.port, CATALOG) as prober:
        cases = list(_unfitting())
        for name, batch, reason in cases:
            epoch = batch[1]
            await prober.send(up(GATEWAY, Up.BATCH), orjson.dumps(batch))
            took_s = await prober.good_one()
            said = prober.refused.get(epoch, {}).get(1)
            if said != reason or took_s > GOOD_WITHIN_S:
                failures.append(f"{name}: {said}, not {reason}; next one after {took_s:.2f} s")
    assert not failures
    tried("controller: batch", len(cases))


def _publishable(topic: str) -> bool:
    """Whether mosquitto lets a client publish there at all: no wildcards, no control characters."""
    is_printable = topic.isprintable() and not set(topic) & set("+#")
    return bool(topic) and is_printable and len(topic) < 60_000


async def test_bad_topics_reach_nobody(broker: Mosquitto, controller: ControllerProcess) -> None:
    cases = [case for case in BAD_PAYLOADS if case.kind == "topic"]
    async with probing(broker.port, CATALOG) as prober:
        for case in cases:
            topic = case.payload.decode()
            with pytest.raises(MalformedError) as caught:
                parse(topic)
            assert caught.value.reason == case.reason
            if _publishable(topic):
                await prober.send(topic, b"{}")
                assert await prober.good_one() <= GOOD_WITHIN_S, case.id
    await asyncio.sleep(0)
    assert controller.is_running
    tried("controller: topic", len(cases))


async def test_bad_requests_get_a_problem_with_a_reason(
    broker: Mosquitto, controller: ControllerProcess
) -> None:
    async with probing(broker.port, CATALOG):
        failures = await asyncio.to_thread(_ask_badly, controller)
    assert not failures
    tried("API", len(API_CASES) + len(RAW_REQUESTS))


def _ask_badly(controller: ControllerProcess) -> list[str]:
    failures: list[str] = []
    with httpx.Client(base_url=f"http://127.0.0.1:{controller.port}", timeout=10) as client:
        admin = {"Authorization": f"Bearer {controller.token}"}
        made = client.post(f"{V1}/tokens", json={"name": "eyes", "role": "viewer"}, headers=admin)
        tokens = {"admin": controller.token, "viewer": made.json()["token"]}
        for case in API_CASES:
            failures += _ask(client, case, tokens)
            failures += _good_request(client, admin, case.name)
        for name, request in RAW_REQUESTS:
            status = _raw_status(controller.port, request)
            if not 400 <= status < 500:
                failures.append(f"{name}: {status}")
            failures += _good_request(client, admin, name)
    return failures


def _ask(client: httpx.Client, case: ApiCase, tokens: dict[str, str]) -> list[str]:
    token = tokens.get(case.token, case.token)
    headers = {"Content-Type": "application/json", **case.headers}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    answer = client.request(case.method, case.path, content=case.body, headers=headers)
    is_problem = answer.headers.get("content-type", "") == "application/problem+json"
    said = answer.json().get("reason") if is_problem else answer.text[:200]
    if (answer.status_code, said) == (case.status, case.reason):
        return []
    return [f"{case.name}: {answer.status_code} {said}, not {case.status} {case.reason}"]


def _good_request(client: httpx.Client, admin: dict[str, str], name: str) -> list[str]:
    started_s = time.monotonic()
    answer = client.get(f"{V1}/schools", headers=admin)
    took_s = time.monotonic() - started_s
    if answer.status_code == 200 and took_s <= GOOD_WITHIN_S:
        return []
    return [f"after {name} a good request got {answer.status_code} in {took_s:.2f} s"]


def _raw_status(port: int, request: bytes) -> int:
    """Send bytes; return the status of the answer, or 499 for a connection closed without one."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(request)
        with contextlib.suppress(ConnectionResetError):
            words = connection.recv(4096).split(b" ")
            if len(words) > 1:
                return int(words[1])
    return 499


def test_there_is_room_for_every_case(tmp_path: Path) -> None:
    """The quarantine keeps its newest rows; one case must never push out another's."""
    assert max(sum(c.kind == kind for c in BAD_PAYLOADS) for kind in UPWARD) < 200
