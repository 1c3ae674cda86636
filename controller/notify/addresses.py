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

_WITH_IPV4_INSIDE: Final = (
    ipaddress.IPv6Network("64:ff9b::/96"),  # NAT64, RFC 6052, 2.1
    ipaddress.IPv6Network("::/96"),  # IPv4-compatible, RFC 4291, 2.5.5.1
    ipaddress.IPv6Network("::ffff:0:0:0/96"),  # IPv4-translated, RFC 2765, 2.1
)
_NOT_PUBLIC: Final = (  # beside what `is_global` knows in every version of Python
    ipaddress.IPv4Network("100.64.0.0/10"),  # shared by providers, RFC 6598
    ipaddress.IPv4Network("192.0.0.0/24"),  # protocol assignments, RFC 6890
    ipaddress.IPv6Network("64:ff9b:1::/48"),  # NAT64 of one's own, RFC 8215
    ipaddress.IPv6Network("fec0::/10"),  # site-local, deprecated by RFC 3879
)
_METADATA: Final = frozenset(
    # Services that hand a machine's secrets to whoever asks, outside the link-local range: Alibaba
    # Cloud, Oracle Cloud, AWS.
    map(ipaddress.ip_address, ("100.100.100.200", "192.0.0.192", "fd00:ec2::254"))
)


def plain(address: Address) -> Address:
    """Return the IPv4 address inside an IPv6 one, where there is one; else the address."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    inner = address.ipv4_mapped or address.sixtofour
    own = int(address) < 2  # :: and ::1 are addresses of their own
    if inner is None and not own and any(address in net for net in _WITH_IPV4_INSIDE):
        inner = ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address if inner is None else inner


def check_address(text: str, *, allow_private: bool) -> None:
    """Refuse an address that no webhook may reach.

    `allow_private` admits private networks and the loopback, but never the metadata services of
    clouds and whatever else is link-local, multicast or unspecified.

    Raises:
        DeliveryRefusedError: reason `address`.
    """
    address = plain(ipaddress.ip_address(text.partition("%")[0]))
    if address.is_link_local or address.is_multicast or address.is_unspecified:
        raise _refused(text, "is link-local, multicast or unspecified")
    if address in _METADATA:
        raise _refused(text, "is a cloud's metadata service")
    if allow_private:
        return
    if not address.is_global or any(address in net for net in _NOT_PUBLIC):
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
