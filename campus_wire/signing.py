"""Signatures of commands: HMAC-SHA256 (RFC 2104) with a key of the gateway's own.

The district holds one secret; each gateway's key is derived from it, so that a stolen gateway can
sign for nobody else and the controller stores no list of keys.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
from typing import Final

from campus_wire.messages import Command

KEY_BYTES_MIN: Final = 32


def gateway_key(district_secret: bytes, gateway: str) -> bytes:
    """Derive the 32-byte command key of one gateway from the district's secret."""
    return hmac.digest(district_secret, b"campus/1/command/" + gateway.encode(), "sha256")


def sign(command: Command, key: bytes) -> Command:
    """Return the command with its signature."""
    return command.model_copy(update={"signature": _signature(command, key)})


def is_signed(command: Command, key: bytes) -> bool:
    """Say whether the signature was made with `key` over just this command."""
    return hmac.compare_digest(command.signature, _signature(command, key))


def _signature(command: Command, key: bytes) -> str:
    return hmac.new(key, signed_text(command), hashlib.sha256).hexdigest()


def signed_text(command: Command) -> bytes:
    """Return the text that is signed: the fields in a fixed order, one a line.

    A number with a fraction is written as the 16 hexadecimal digits of its IEEE 754 double, since
    languages print decimals differently.
    """
    expect = command.expect
    fields: list[object] = [
        *("campus/1", command.id, command.gateway, command.device, command.point),
        *(command.value, command.issued_ns, command.expires_ns, command.by.encode().hex()),
    ]
    if expect is not None:
        fields += [expect.point, expect.value, expect.tolerance, expect.within_s]
    return "\n".join(
        struct.pack(">d", f).hex() if isinstance(f, float) else str(f) for f in fields
    ).encode()
