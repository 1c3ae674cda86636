"""`influxdb://[user@]host[:port]/database[/retention-policy][?version=…]` → where and how."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

from campus_wire.config_suggest import suggest
from controller.errors import ConfigError

DEFAULT_PORT: Final = 8086
_SCHEMES: Final = {"influxdb": "http", "influxdbs": "https"}
_OPTIONS: Final = ("version", "org", "bucket", "gzip", "plain_secret")
_VERSION: Final = re.compile(r"v?(\d+)(?:\.(\d+))?")
_SWITCH: Final = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class InfluxTarget:
    """What the URL of an InfluxDB says.

    Attributes:
        root: `http://host:port`.
        user: Account of a 1.x server; None for a token alone, or for no account.
        database: Also the bucket of 2.x and 3, unless `bucket` says otherwise.
        retention_policy: None for the default one.
        version: Major and minor, where the URL gives them.
        org: Organisation of 2.x.
        bucket: What to write to by the v2 API.
        gzip: Whether to compress what is written. It costs the controller about as much as all
            else about a value, so it pays on slow or metered links only.
    """

    root: str
    user: str | None
    database: str
    retention_policy: str | None
    version: tuple[int, int] | None
    org: str
    bucket: str
    gzip: bool


def parse_influx_url(url: str, *, has_secret: bool = False) -> InfluxTarget:
    """Take a URL apart.

    Raises:
        ConfigError: it cannot be used; the message says what is wrong and the remedy how it looks.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or DEFAULT_PORT
    except ValueError as error:
        raise _wrong(f"{error}") from error
    if parts.scheme not in _SCHEMES:
        raise _wrong(f"{parts.scheme!r} is neither influxdb nor influxdbs")
    if not parts.hostname:
        raise _wrong("it names no host")
    if parts.password is not None:
        raise _wrong("it holds a password: put that into a file and name it in secret_file")
    path = [unquote(part) for part in parts.path.strip("/").split("/")]
    if not path[0] or len(path) > 2:
        raise _wrong("its path is no database, with or without a retention policy")
    options = _options(parts.query)
    if has_secret and parts.scheme == "influxdb":
        _check_privacy(parts.hostname, options)
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return InfluxTarget(
        root=f"{_SCHEMES[parts.scheme]}://{host}:{port}",
        user=unquote(parts.username) if parts.username else None,
        database=path[0],
        retention_policy=path[1] if len(path) == 2 else None,
        version=_version(options["version"]) if "version" in options else None,
        org=options.get("org", ""),
        bucket=options.get("bucket", "/".join(path)),
        gzip=_switch("gzip", options.get("gzip", "no")),
    )


def _options(query: str) -> dict[str, str]:
    pairs = parse_qsl(query, keep_blank_values=True)
    for name, _ in pairs:
        if name not in _OPTIONS:
            hint = suggest(name, _OPTIONS)
            raise _wrong(f"unknown option {name!r}" + (f", perhaps {hint!r}" if hint else ""))
    if len(dict(pairs)) != len(pairs):
        raise _wrong("an option is given twice")
    return dict(pairs)


def _version(text: str) -> tuple[int, int]:
    found = _VERSION.match(text)
    if found is None:
        raise _wrong(f"{text!r} is no version")
    return int(found[1]), int(found[2] or 0)


def version_of(text: str) -> tuple[int, int] | None:
    """Return major and minor of what a server calls its version, or None."""
    found = _VERSION.match(text)
    return None if found is None else (int(found[1]), int(found[2] or 0))


def _switch(name: str, text: str) -> bool:
    if text.lower() not in _SWITCH:
        raise _wrong(f"{name} is yes or no, not {text!r}")
    return _SWITCH[text.lower()]


def _check_privacy(host: str, options: dict[str, str]) -> None:
    if _switch("plain_secret", options.get("plain_secret", "no")) or _is_loopback(host):
        return
    raise _wrong(
        f"the password or token would travel unencrypted to {host}: use influxdbs://, or add "
        "?plain_secret=yes where nobody else is on that network"
    )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _wrong(what: str) -> ConfigError:
    return ConfigError(
        "store_url",
        f"the store's url: {what}",
        place="store.url",
        remedy="influxdb://user@host:8086/database?version=1.6, or influxdbs:// for TLS",
    )
