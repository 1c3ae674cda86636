"""How deep a JSON payload is nested, told before it is parsed: parsing would recurse."""

from __future__ import annotations

import re
from typing import Final

DEPTH_MAX: Final = 32

_NOT_BRACKETS: Final = re.compile(rb'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)|[^"\[\]{}]+', re.DOTALL)


def depth_is_allowed(payload: bytes, depth_max: int) -> bool:
    """Say whether no value lies deeper than `depth_max` brackets."""
    # only what holds many brackets can be deep, and only then is it worth a look
    if payload.count(b"[") + payload.count(b"{") <= depth_max:
        return True
    depth = 0
    for bracket in _NOT_BRACKETS.sub(b"", payload):
        depth += 1 if bracket in b"[{" else -1
        if depth > depth_max:
            return False
    return True
