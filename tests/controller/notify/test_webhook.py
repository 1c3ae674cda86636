"""Webhooks against a real HTTP server."""

import time

import orjson
import pytest

from controller.notify import signature
from controller.notify.channel import Message
from controller.notify.errors import (
    ChannelConfigError,
    DeliveryDelayedError,
    DeliveryRefusedError,
)
from controller.notify.texts import Style, render
from controller.notify.webhook import WebhookChannel
from tests.controller.notify.samples import RAISED
from tests.controller.notify.sink import Answer, Sink

SECRET = b"0123456789abcdef"
STYLE = Style(page_url="https://campus.example")
MESSAGE = Message("a1b2c3.1.raised.ops", (RAISED,), render(RAISED, STYLE))
NOW_NS = time.time_ns()


def channel(url: str, *, allow_private: bool = True, timeout_s: float = 5.0) -> WebhookChannel:
    return WebhookChannel(
        "ops",
        url,
        secret=SECRET,
        style=STYLE,
        allow_private=allow_private,
        timeout_s=timeout_s,
    )


async def send(url: str, *, allow_private: bool = True, timeout_s: float = 5.0) -> None:
    hook = channel(url, allow_private=allow_private, timeout_s=timeout_s)
    try:
        await hook.send(MESSAGE, now_ns=NOW_NS)
    finally:
        await hook.close()


async def test_carries_the_notice_signed_and_with_its_key() -> None:
    async with Sink() as sink:
        await send(sink.url)

    [request] = sink.received
    assert request.path == "/hook"
    assert request.headers["idempotency-key"] == "a1b2c3.1.raised.ops"
    assert request.headers["host"] == f"127.0.0.1:{sink.port}"
    assert signature.is_signed(
        request.body,
        secret=SECRET,
        timestamp=request.headers["x-campus-timestamp"],
        signature=request.headers["x-campus-signature"],
        now_s=NOW_NS // 10**9,
    )
    document = orjson.loads(request.body)
    assert document["kind"] == "raised"
    assert (document["value"], document["limit"], document["unit"]) == (42.25, 30.0, "mg/m³")
    assert document["url"] == "https://campus.example/alarms/a1b2c3"
    assert "氨气" in document["text"]["zh"]["title"]
    assert "Ammonia" in document["text"]["en"]["title"]


async def test_keeps_its_connection() -> None:
    async with Sink() as sink:
        hook = channel(sink.url)
        for _ in range(3):
            await hook.send(MESSAGE, now_ns=NOW_NS)
        await hook.close()

    assert sink.connections == 1


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
async def test_a_passing_refusal_is_delayed(status: int) -> None:
    async with Sink(lambda _r, _n: Answer(status)) as sink:
        with pytest.raises(DeliveryDelayedError) as caught:
            await send(sink.url)

    assert caught.value.reason == f"http_{status}"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 422])
async def test_a_lasting_refusal_is_refused(status: int) -> None:
    async with Sink(lambda _r, _n: Answer(status)) as sink:
        with pytest.raises(DeliveryRefusedError) as caught:
            await send(sink.url)

    assert caught.value.reason == f"http_{status}"


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_is_not_followed(status: int) -> None:
    async with Sink() as inner:
        where = {"Location": inner.url}
        async with Sink(lambda _r, _n: Answer(status, where)) as sink:
            with pytest.raises(DeliveryRefusedError, match="not followed"):
                await send(sink.url)

    assert inner.received == []


@pytest.mark.parametrize(
    ("header", "seconds"), [("7", 7.0), ("0", 0.0), ("soon", None), ("-3", None)]
)
async def test_retry_after_is_heard(header: str, seconds: float | None) -> None:
    async with Sink(lambda _r, _n: Answer(429, {"Retry-After": header})) as sink:
        with pytest.raises(DeliveryDelayedError) as caught:
            await send(sink.url)

    assert caught.value.retry_after_s == seconds


async def test_retry_after_may_be_a_date() -> None:
    where = {"Retry-After": "Fri, 21 Nov 2110 20:00:00 GMT"}
    async with Sink(lambda _r, _n: Answer(503, where)) as sink:
        with pytest.raises(DeliveryDelayedError) as caught:
            await send(sink.url)

    assert caught.value.retry_after_s is not None
    assert caught.value.retry_after_s > 86_400


async def test_a_dropped_reply_is_delayed() -> None:
    async with Sink(lambda _r, _n: Answer(drop=True)) as sink:
        with pytest.raises(DeliveryDelayedError) as caught:
            await send(sink.url)

    assert caught.value.reason == "unreachable"


async def test_silence_is_delayed() -> None:
    async with Sink(lambda _r, _n: Answer(delay_s=30)) as sink:
        with pytest.raises(DeliveryDelayedError) as caught:
            await send(sink.url, timeout_s=0.2)

    assert caught.value.reason == "timeout"


async def test_nobody_there_is_delayed(free_port: int) -> None:
    with pytest.raises(DeliveryDelayedError) as caught:
        await send(f"http://127.0.0.1:{free_port}/")

    assert caught.value.reason == "unreachable"


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "2130706433",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "10.0.0.1",
        "100.100.100.200",
        "169.254.169.254",
        "[fe80::1]",
        "[fd00:ec2::254]",
        "0.0.0.0",
        "192.0.0.192",
        "[::127.0.0.1]",
        "[::ffff:0:127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[64:ff9b:1::7f00:1]",
        "[2002:7f00:1::]",
        "[fec0::1]",
    ],
)
async def test_an_inner_address_is_refused(host: str) -> None:
    with pytest.raises(DeliveryRefusedError) as caught:
        await send(f"http://{host}:9/", allow_private=False)

    assert caught.value.reason == "address"


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254",
        "[::ffff:169.254.169.254]",
        "[64:ff9b::a9fe:a9fe]",
        "224.0.0.1",
        "100.100.100.200",
        "192.0.0.192",
        "[fd00:ec2::254]",
    ],
)
async def test_link_local_and_metadata_are_refused_even_where_private_is_allowed(host: str) -> None:
    with pytest.raises(DeliveryRefusedError) as caught:
        await send(f"http://{host}:9/", allow_private=True)

    assert caught.value.reason == "address"


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org/",
        "file:///etc/passwd",
        "http://user:secret@example.org/",
        "http:///nohost",
        "http://0177.0.0.1/",
        "http://example.org:99999999/",
        "http://exa\r\nmple.org/",
    ],
)
def test_a_wrong_url_is_refused_at_start(url: str) -> None:
    with pytest.raises(ChannelConfigError) as caught:
        channel(url)

    assert caught.value.reason == "webhook_url"
    assert "secret@" not in str(caught.value)


def test_a_short_secret_is_refused_at_start() -> None:
    with pytest.raises(ChannelConfigError, match="shorter"):
        WebhookChannel("ops", "https://example.org/", secret=b"short", style=STYLE)


@pytest.mark.parametrize(
    ("timestamp", "body", "now_s", "genuine"),
    [
        ("1000", b"{}", 1000, True),
        ("1000", b"{}", 1300, True),
        ("1000", b"{}", 1301, False),  # replayed later
        ("1001", b"{}", 1000, False),  # another time than was signed
        ("1000", b"{ }", 1000, False),  # another body
        ("-1000", b"{}", 1000, False),
        ("", b"{}", 1000, False),
    ],
)
def test_signature(timestamp: str, body: bytes, now_s: int, genuine: bool) -> None:
    signed = signature.sign(b"{}", secret=SECRET, timestamp_s=1000)

    assert genuine is signature.is_signed(
        body, secret=SECRET, timestamp=timestamp, signature=signed, now_s=now_s
    )
