"""apprise channels against a real HTTP server, and channels from configuration."""

from pathlib import Path

import orjson
import pytest

from controller import config
from controller.notify.apprise_channel import AppriseChannel, read_urls
from controller.notify.build import build_channels, style_of
from controller.notify.channel import Message
from controller.notify.errors import ChannelConfigError, DeliveryDelayedError
from controller.notify.pacing import ROBOT_RATE
from controller.notify.texts import Style, render
from tests.controller.notify.samples import CLEARED, RAISED
from tests.controller.notify.sink import Answer, Sink

MESSAGE = Message("k", (RAISED,), render(RAISED, Style()))


async def test_delivers_title_and_body() -> None:
    async with Sink() as sink:
        await AppriseChannel("duty", [f"json://127.0.0.1:{sink.port}/"]).send(MESSAGE, now_ns=0)

    document = orjson.loads(sink.received[0].body)
    assert "氨气浓度过高" in document["title"]
    assert "What to do: Keep out" in document["message"]


async def test_a_refusal_is_delayed() -> None:
    async with Sink(lambda _r, _n: Answer(500)) as sink:
        channel = AppriseChannel("duty", [f"json://127.0.0.1:{sink.port}/"])
        with pytest.raises(DeliveryDelayedError) as caught:
            await channel.send(MESSAGE, now_ns=0)

    assert caught.value.reason == "not_accepted"


async def test_a_url_that_took_a_notice_does_not_get_it_again_because_another_fails() -> None:
    statuses = iter([500, 500, 200, 200])
    async with Sink() as good, Sink(lambda _r, _n: Answer(next(statuses))) as bad:
        urls = [f"json://127.0.0.1:{sink.port}/" for sink in (good, bad)]
        channel = AppriseChannel("duty", urls)
        for _ in range(2):
            with pytest.raises(DeliveryDelayedError):
                await channel.send(MESSAGE, now_ns=0)
        await channel.send(MESSAGE, now_ns=0)

        assert (len(good.received), len(bad.received)) == (1, 3)
        # A later notice of the same alarm is another one.
        await channel.send(Message("k2", (CLEARED,), render(CLEARED, Style())), now_ns=0)
        assert len(good.received) == 2


@pytest.mark.parametrize("urls", [[], ["nonsense://secret"], ["json://ok", "no url, secret"]])
def test_an_unknown_url_is_refused_without_showing_it(urls: list[str]) -> None:
    with pytest.raises(ChannelConfigError) as caught:
        AppriseChannel("duty", urls)

    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("url", ["dingtalk://abcdefghij/", "wecombot://botkey-of-some-length/"])
def test_robots_have_a_rate(url: str) -> None:
    assert AppriseChannel("duty", [url]).rate == ROBOT_RATE


def test_a_file_of_urls() -> None:
    assert read_urls("# duty room\njson://a\n\n  json://b  \n") == ("json://a", "json://b")


def test_channels_are_built_from_configuration(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("0123456789abcdef\n")
    (tmp_path / "url").write_text("json://127.0.0.1/\n")
    settings = config.NoticesSettings(
        language="zh",
        page_url="https://campus.example",
        channels=(
            config.WebhookChannel(
                id="ops", kind="webhook", url="https://e.org/", secret_file=tmp_path / "secret"
            ),
            config.AppriseChannel(id="duty", kind="apprise", url_file=tmp_path / "url"),
        ),
    )

    assert [channel.id for channel in build_channels(settings)] == ["ops", "duty"]
    assert style_of(settings).languages == "zh"


def test_a_missing_secret_is_told(tmp_path: Path) -> None:
    settings = config.NoticesSettings(
        channels=(
            config.WebhookChannel(
                id="ops", kind="webhook", url="https://e.org/", secret_file=tmp_path / "none"
            ),
        )
    )
    with pytest.raises(ChannelConfigError, match="cannot be read"):
        build_channels(settings)
