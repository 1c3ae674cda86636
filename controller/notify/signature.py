"""Signatures of webhooks: HMAC-SHA256 over time stamp and body.

    X-Campus-Timestamp: 1760000000
    X-Campus-Signature: v1=<hexadecimal HMAC-SHA256 of "1760000000." + body>

A receiver recomputes it over the raw body, compares in constant time, and refuses time stamps more
than five minutes off; the idempotency key tells what it has seen before.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

TIMESTAMP_HEADER: Final = "X-Campus-Timestamp"
SIGNATURE_HEADER: Final = "X-Campus-Signature"
TOLERANCE_S: Final = 300


def sign(body: bytes, *, secret: bytes, timestamp_s: int) -> str:
    """Return the value of the signature header."""
    signed = f"{timestamp_s}.".encode() + body
    return "v1=" + hmac.new(secret, signed, hashlib.sha256).hexdigest()


def is_signed(body: bytes, *, secret: bytes, timestamp: str, signature: str, now_s: int) -> bool:
    """Say whether a received webhook is genuine and of now; for receivers and their tests."""
    if not (timestamp.isascii() and timestamp.isdecimal() and len(timestamp) <= 12):
        return False
    expected = sign(body, secret=secret, timestamp_s=int(timestamp))
    genuine = hmac.compare_digest(expected.encode(), signature.encode())
    return genuine and abs(now_s - int(timestamp)) <= TOLERANCE_S
