"""The TCP endpoints that a user names (pure): `10.1.2.0/28`, `10.1.2.10-20`, `meter.lan:1502`."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

HOSTS_MAX: Final = 4_096
DEFAULT_PORT: Final = 502
_RANGE: Final = re.compile(r"((?:\d{1,3}\.){3})(\d{1,3})-(\d{1,3})")
_NAME: Final = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,252})")


class Endpoint(NamedTuple):
    """One address to try."""

    host: str
    port: int = DEFAULT_PORT

    @property
    def text(self) -> str:
        """`10.1.2.3:502`."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def endpoints(texts: Iterable[str], ports: Iterable[int] = (DEFAULT_PORT,)) -> list[Endpoint]:
    """Return the endpoints that the texts name, in their order.

    Raises:
        ValueError: a text names none, or more than 4,096 come together.
    """
    found: dict[Endpoint, None] = {}
    known_ports = tuple(ports)
    for text in texts:
        for part in text.split(","):
            for endpoint in _of(part.strip(), known_ports):
                found[endpoint] = None
                if len(found) > HOSTS_MAX:
                    raise ValueError(
                        f"{text}: more than {HOSTS_MAX} addresses; name a smaller range"
                    )
    return list(found)


def _of(text: str, ports: tuple[int, ...]) -> Iterator[Endpoint]:
    host, port = _split(text)
    for address in _hosts(host):
        for one in (port,) if port is not None else ports:
            yield Endpoint(address, one)


def _split(text: str) -> tuple[str, int | None]:
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        return host, _port(rest[1:]) if rest else None
    if text.count(":") == 1:
        host, _, port = text.partition(":")
        return host, _port(port)
    return text, None


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65_535:
        raise ValueError(f"{text!r} is no port")
    return int(text)


def _hosts(text: str) -> Iterator[str]:
    match = _RANGE.fullmatch(text)
    if match is not None:
        first, last = int(match[2]), int(match[3])
        if first > last or last > 255:
            raise ValueError(f"{text} runs backwards, or over 255")
        yield from (f"{match[1]}{number}" for number in range(first, last + 1))
    elif "/" in text:
        network = ipaddress.ip_network(text, strict=False)
        if network.num_addresses > HOSTS_MAX:
            raise ValueError(f"{text}: more than {HOSTS_MAX} addresses; name a smaller range")
        yield from map(str, network.hosts())
    elif _is_address(text) or _NAME.fullmatch(text):
        yield text
    else:
        raise ValueError(f"{text!r} is no host, address or range such as 10.1.2.0/28")


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
