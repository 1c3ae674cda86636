"""Which network addresses a webhook may reach.

A webhook's address is typed by a person and resolved by whatever answers, so what it resolves to is
checked every time, and the connection is made to the very address that was checked. Otherwise it
could be turned against what only this machine can reach: its own services, or the metadata service
of a cloud.
"""

from __future__ import annotations

import ipaddress
from typing import Final

from controller.notify.errors import ChannelConfigError, DeliveryRefusedError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052, 2.1
_SHARED: Final = ipaddress.IPv4Network("100.64.0.0/10")  # RFC 6598; some clouds' metadata is here


def plain(address: Address) -> Address:
    """Return the IPv4 address inside an IPv6 one, where there is one; else the address."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    inner = address.ipv4_mapped or address.sixtofour
    if inner is None and address in _NAT64:
        inner = ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address if inner is None else inner


def check_address(text: str, *, allow_private: bool) -> None:
    """Refuse an address that no webhook may reach.

    `allow_private` admits private networks and the loopback, but never link-local addresses (where
    metadata services live), multicast or unspecified ones.

    Raises:
        DeliveryRefusedError: reason `address`.
    """
    address = plain(ipaddress.ip_address(text.partition("%")[0]))
    if address.is_link_local or address.is_multicast or address.is_unspecified:
        raise _refused(text, "is link-local, multicast or unspecified")
    if allow_private:
        return
    shared = isinstance(address, ipaddress.IPv4Address) and address in _SHARED
    if shared or not address.is_global:
        raise _refused(text, "is not public; allow_private: true would allow it")


def check_url_parts(
    *, scheme: str, host: str, port: int | None, userinfo: bytes, place: str
) -> None:
    """Refuse a URL that is no plain http(s) address.

    Raises:
        ChannelConfigError: reason `webhook_url`.
    """
    if scheme not in {"http", "https"}:
        raise ChannelConfigError("webhook_url", "begins with http:// or https://", place=place)
    if userinfo:
        raise ChannelConfigError(
            "webhook_url", "holds a user or password; the signature says who sends", place=place
        )
    if not host:
        raise ChannelConfigError("webhook_url", "names no host", place=place)
    if port is not None and not 0 < port < 65_536:
        raise ChannelConfigError("webhook_url", f"{port} is no port", place=place)


def _refused(text: str, why: str) -> DeliveryRefusedError:
    return DeliveryRefusedError("address", f"the address {text} {why}")
