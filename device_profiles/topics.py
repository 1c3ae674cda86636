"""Topic patterns of devices: MQTT topics with named captures, `zigbee2mqtt/{friendly_name}/set`.

A capture stands for one or more levels when it is filled in, and matches one level at least when a
topic is taken apart. Topic names follow MQTT 3.1.1 §4.7.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Final

from pydantic import AfterValidator, Field

from device_profiles.errors import TopicParameterError

TOPIC_CHARS_MAX: Final = 512
_CAPTURE: Final = re.compile(r"\{([a-z][a-z0-9_]*)\}")
_FORBIDDEN: Final = re.compile(r"[#+\x00]")


def captures(pattern: str) -> tuple[str, ...]:
    """Return the names of a pattern's captures, in order."""
    return tuple(_CAPTURE.findall(pattern))


def fill(pattern: str, parameters: Mapping[str, str]) -> str:
    """Return the topic of one device.

    >>> fill("zigbee2mqtt/{friendly_name}/set", {"friendly_name": "door-101"})
    'zigbee2mqtt/door-101/set'

    Raises:
        TopicParameterError: a parameter is missing, or holds a wildcard (reason `topic_parameter`).
    """
    for name in captures(pattern):
        value = parameters.get(name, "")
        if not value or _FORBIDDEN.search(value):
            raise TopicParameterError(
                "topic_parameter",
                f"{name} is {'not given' if not value else 'no part of a topic'}",
                place=pattern,
                remedy=f"give {name} under topic in the configuration, without + or #",
            )
    return _CAPTURE.sub(lambda match: parameters[match[1]], pattern)


def compile_pattern(pattern: str) -> re.Pattern[str]:
    """Return a regular expression that matches topics of the pattern and captures by name."""
    parts: list[str] = []
    end = 0
    for match in _CAPTURE.finditer(pattern):
        parts += [re.escape(pattern[end : match.start()]), f"(?P<{match[1]}>[^/]+)"]
        end = match.end()
    return re.compile("".join([*parts, re.escape(pattern[end:])]))


def wildcard(pattern: str) -> str:
    """Return the filter to subscribe to for all devices of a pattern.

    >>> wildcard("tele/{topic}/SENSOR"), wildcard("shellies/shelly-{id}/relay")
    ('tele/+/SENSOR', 'shellies/+/relay')
    """
    return "/".join("+" if _CAPTURE.search(level) else level for level in pattern.split("/"))


def _checked(pattern: str) -> str:
    names = captures(pattern)
    if len(set(names)) != len(names):
        raise ValueError("names a capture twice")
    rest = _CAPTURE.sub("x", pattern)
    if "{" in rest or "}" in rest:
        raise ValueError("captures are written {name}, in lower case")
    if _FORBIDDEN.search(rest):
        raise ValueError("holds a wildcard; write a capture such as {device} instead")
    return pattern


TopicPattern = Annotated[
    str, Field(min_length=1, max_length=TOPIC_CHARS_MAX), AfterValidator(_checked)
]
