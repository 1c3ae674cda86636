"""Notices as signed JSON to one address. docs/notices.md tells receivers what comes."""

from __future__ import annotations

import asyncio
import email.utils
import socket
import time
from dataclasses import dataclass
from typing import Any, Final

import httpx
import orjson

from controller.notify import signature
from controller.notify.addresses import check_address, check_url_parts
from controller.notify.channel import Message
from controller.notify.errors import (
    ChannelConfigError,
    DeliveryDelayedError,
    DeliveryRefusedError,
)
from controller.notify.notice import Notice
from controller.notify.pacing import Rate
from controller.notify.texts import Style, link_of, render_in

_NS: Final = 1_000_000_000
_RESOLVED_S: Final = 60.0
_TRANSIENT: Final = frozenset({408, 409, 421, 423, 425, 429})
_SECRET_BYTES_MIN: Final = 16


@dataclass(frozen=True, slots=True)
class _Target:
    """A checked address to connect to, until `until_s` on the monotonic clock."""

    address: str
    until_s: float


class WebhookChannel:
    """Posts each notice to one URL, over a connection that is kept open.

    Args:
        channel_id: the channel's id.
        url: http or https, without user or password.
        secret: the key of the signatures, at least 16 bytes.
        style: language, time zone and page of the texts.
        allow_private: whether the URL may lead to private networks and this machine.
        timeout_s: for the whole of one delivery.

    Raises:
        ChannelConfigError: the URL or the secret cannot be used.
    """

    def __init__(
        self,
        channel_id: str,
        url: str,
        *,
        secret: bytes,
        style: Style,
        allow_private: bool = False,
        timeout_s: float = 10.0,
    ) -> None:
        if len(secret) < _SECRET_BYTES_MIN:
            message = f"the secret is shorter than {_SECRET_BYTES_MIN} bytes"
            raise ChannelConfigError("webhook_secret", message, place=channel_id)
        self.id = channel_id
        self.rate: Rate | None = None
        self._url = _parse(url, channel_id)
        self._secret = secret
        self._style = style
        self._allow_private = allow_private
        self._timeout_s = timeout_s
        self._target: _Target | None = None
        self._client = httpx.AsyncClient(
            timeout=timeout_s,
            follow_redirects=False,
            trust_env=False,  # a proxy would connect to an address nobody checked
            limits=httpx.Limits(max_connections=8, keepalive_expiry=300.0),
        )

    async def send(self, message: Message, *, now_ns: int) -> None:
        """Deliver one notice. Raises as `Channel.send` does."""
        body = orjson.dumps(payload(message.notices[0], message.key, self._style))
        try:
            async with asyncio.timeout(self._timeout_s):
                target = await self._resolve()
                response = await self._client.send(self._request(body, message, target, now_ns))
        except TimeoutError as error:
            raise self._delayed("timeout", f"no answer within {self._timeout_s:g} s") from error
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            self._target = None
            raise self._delayed("unreachable", f"{type(error).__name__}: {error}") from error
        self._judge(response)

    async def close(self) -> None:
        """Close the connection."""
        await self._client.aclose()

    def _request(self, body: bytes, message: Message, target: str, now_ns: int) -> httpx.Request:
        timestamp_s = now_ns // _NS
        host = self._url.host
        return self._client.build_request(
            "POST",
            self._url.copy_with(host=target),
            content=body,
            headers={
                "Host": self._url.netloc.decode("ascii"),
                "Content-Type": "application/json",
                "User-Agent": "campus-iot",
                "Idempotency-Key": message.key,
                signature.TIMESTAMP_HEADER: str(timestamp_s),
                signature.SIGNATURE_HEADER: signature.sign(
                    body, secret=self._secret, timestamp_s=timestamp_s
                ),
            },
            extensions={"sni_hostname": host},
        )

    async def _resolve(self) -> str:
        now_s = time.monotonic()
        if self._target is None or self._target.until_s < now_s:
            loop = asyncio.get_running_loop()
            try:
                found = await loop.getaddrinfo(self._url.host, self._port, type=socket.SOCK_STREAM)
            except (socket.gaierror, UnicodeError) as error:
                raise self._delayed("unresolved", f"{self._url.host}: {error}") from error
            addresses = [str(entry[4][0]) for entry in found]
            for address in addresses:
                check_address(address, allow_private=self._allow_private)
            self._target = _Target(addresses[0], now_s + _RESOLVED_S)
        return self._target.address

    @property
    def _port(self) -> int:
        return self._url.port or (443 if self._url.scheme == "https" else 80)

    def _judge(self, response: httpx.Response) -> None:
        status = response.status_code
        if response.is_success:
            return
        said = f"answered {status}"
        if status in _TRANSIENT or status >= 500:
            raise self._delayed(
                f"http_{status}", said, retry_after_s=_retry_after_s(response.headers)
            )
        if response.is_redirect:
            said += ", a redirect, which is not followed"
        raise DeliveryRefusedError(f"http_{status}", said, place=self.id)

    def _delayed(
        self, reason: str, message: str, *, retry_after_s: float | None = None
    ) -> DeliveryDelayedError:
        return DeliveryDelayedError(reason, message, place=self.id, retry_after_s=retry_after_s)


def payload(notice: Notice, key: str, style: Style) -> dict[str, Any]:
    """Return the document that a webhook carries."""
    about = notice.about
    texts = {language: render_in(notice, language, style) for language in ("zh", "en")}
    return {
        "v": 1,
        "key": key,
        "alarm": notice.alarm,
        "kind": notice.kind,
        "occurrence": notice.occurrence,
        "rule": about.rule,
        "instance": about.instance,
        "severity": about.severity,
        "class": about.alarm_class,
        "name": about.name.model_dump(),
        "gateway": about.gateway,
        "school": about.school,
        "building": about.building,
        "area": about.area,
        "device": about.device,
        "point": about.point,
        "category": about.category,
        "value": notice.value,
        "limit": about.limit,
        "unit": about.unit,
        "condition_ns": notice.condition_ns,
        "raised_ns": notice.raised_ns,
        "cleared_ns": notice.cleared_ns,
        "acked_ns": notice.acked_ns,
        "acked_by": notice.acked_by,
        "note": notice.note,
        "url": link_of(notice.alarm, style),
        "text": {
            language: {"title": text.title, "body": text.body} for language, text in texts.items()
        },
    }


def _parse(url: str, channel_id: str) -> httpx.URL:
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise ChannelConfigError("webhook_url", f"is no URL: {error}", place=channel_id) from None
    check_url_parts(
        scheme=parsed.scheme,
        host=parsed.host,
        port=parsed.port,
        userinfo=parsed.userinfo,
        place=channel_id,
    )
    return parsed


def _retry_after_s(headers: httpx.Headers) -> float | None:
    """Return the seconds of a Retry-After header (RFC 9110, 10.2.3), or None."""
    text = headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdecimal():
        return float(text[:9])
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return None
