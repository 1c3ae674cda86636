"""From `notices` in controller.yaml to channels and style."""

from __future__ import annotations

from pathlib import Path

from controller import config
from controller.notify.apprise_channel import AppriseChannel, read_urls
from controller.notify.channel import Channel
from controller.notify.errors import ChannelConfigError
from controller.notify.texts import Style
from controller.notify.webhook import WebhookChannel

_SECRET_FILE_BYTES_MAX = 64 * 1024


def style_of(settings: config.NoticesSettings) -> Style:
    """Return how notices are put into words."""
    return Style(languages=settings.language, page_url=settings.page_url)


def build_channels(settings: config.NoticesSettings) -> list[Channel]:
    """Return the configured channels.

    Raises:
        ChannelConfigError: a secret cannot be read, or a channel cannot be used as it stands.
    """
    style = style_of(settings)
    channels: list[Channel] = []
    for one in settings.channels:
        if isinstance(one, config.WebhookChannel):
            channels.append(
                WebhookChannel(
                    one.id,
                    one.url,
                    secret=_read(one.id, one.secret_file).strip().encode(),
                    style=style,
                    allow_private=one.allow_private,
                    timeout_s=one.timeout_s,
                )
            )
        else:
            urls = read_urls(_read(one.id, one.url_file))
            channels.append(AppriseChannel(one.id, urls, timeout_s=one.timeout_s))
    return channels


def _read(channel: str, path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_SECRET_FILE_BYTES_MAX).decode()
    except (OSError, UnicodeDecodeError) as error:
        said = error.strerror if isinstance(error, OSError) else "is not UTF-8 text"
        message = f"{path} cannot be read: {said}"
        raise ChannelConfigError("channel_file", message, place=channel) from error
