"""Names and texts of strangers made fit for a profile."""

from __future__ import annotations

import re
from typing import Final

from device_profiles.dialects.words import snake

LABEL_CHARS_MAX: Final = 80
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]+")
_NOT_ID: Final = re.compile(r"[^A-Za-z0-9_.-]+")
_PLAIN: Final = re.compile(r"[A-Za-z0-9_-]+")


def one_line(text: str, *, most: int = LABEL_CHARS_MAX) -> str:
    """Return text without control characters, cut to `most` characters."""
    return " ".join(_CONTROL.sub(" ", text).split())[:most].strip()


def profile_id(*parts: str) -> str:
    """Return the id of a profile.

    >>> profile_id("zigbee2mqtt", "WSDCGQ11LM / 温度")
    'zigbee2mqtt-WSDCGQ11LM'
    """
    text = "-".join(_NOT_ID.sub("-", part).strip("-_.") for part in parts if part)
    return re.sub(r"-{2,}", "-", text)[:64].strip("-_.") or "device"


def point_name(*parts: str) -> str:
    """Return the name of a point, possibly nothing.

    >>> point_name("relay", "1"), point_name("2nd Floor"), point_name("温度")
    ('relay_1', 'p_2nd_floor', '')
    """
    name = "_".join(one for one in map(snake, parts) if one)
    if name and not name[0].isalpha():
        name = f"p_{name}"
    return name[:56].strip("_")


def path(*steps: str | int) -> str | None:
    """Return the path of keys and positions, or None where a key cannot be said.

    >>> path("params", "switch:0", "aenergy", "total"), path("emeters", 0)
    ('params["switch:0"].aenergy.total', 'emeters[0]')
    """
    written = ""
    for step in steps:
        if isinstance(step, int):
            written += f"[{step}]"
        elif _PLAIN.fullmatch(step):
            written += f".{step}" if written else step
        elif '"' in step or not step or _CONTROL.search(step) or "{" in step or "}" in step:
            return None
        else:
            written += f'["{step}"]'
    return written if 0 < len(written) <= 200 and len(steps) <= 16 else None


def topic_level(text: str) -> bool:
    """Say whether it can stand for a capture of a topic."""
    return bool(text) and len(text) <= 200 and not re.search(r"[#+\x00-\x1f]", text)
