"""Topic patterns of devices: MQTT topics with named captures, `zigbee2mqtt/{friendly_name}/set`.

A capture stands for one or more levels when it is filled in (or a part of one:
`shellies/shellyem3-{id}/relay/0`), and matches one level at least when a topic is taken apart. A
level that is only `+` stands for any one level that nobody needs to know, such as the receiver that
happened to hear a sensor. Topic names follow MQTT 3.1.1 §4.7.
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


def fill_text(text: str, parameters: Mapping[str, str]) -> str:
    """Return a text of a path or a template with its captures filled in.

    Raises:
        TopicParameterError: a parameter is missing.
    """
    if "{" not in text:
        return text
    for name in captures(text):
        if not parameters.get(name):
            raise TopicParameterError(
                "topic_parameter",
                f"{name} is not given",
                place=text,
                remedy=f"give {name} under topic in the configuration",
            )
    return _CAPTURE.sub(lambda match: parameters[match[1]], text)


def compile_pattern(pattern: str) -> re.Pattern[str]:
    """Return a regular expression that matches topics of the pattern and captures by name."""
    parts: list[str] = []
    end = 0
    for match in _CAPTURE.finditer(pattern):
        parts += [_literal(pattern[end : match.start()]), f"(?P<{match[1]}>[^/]+)"]
        end = match.end()
    return re.compile("".join([*parts, _literal(pattern[end:])]))


def _literal(text: str) -> str:
    return "/".join("[^/]+" if level == "+" else re.escape(level) for level in text.split("/"))


def wildcard(pattern: str) -> str:
    """Return the filter to subscribe to for all devices of a pattern.

    >>> wildcard("tele/{topic}/SENSOR"), wildcard("shellies/shelly-{id}/relay")
    ('tele/+/SENSOR', 'shellies/+/relay')
    """
    return "/".join("+" if _CAPTURE.search(level) else level for level in pattern.split("/"))


def matches(topic_filter: str, topic: str) -> bool:
    """Say whether a topic is one of a filter with `+` levels (no `#`).

    >>> matches("gw/+/sensor", "gw/7/sensor"), matches("gw/+/sensor", "gw/7/8/sensor")
    (True, False)
    """
    wanted, given = topic_filter.split("/"), topic.split("/")
    return len(wanted) == len(given) and all(
        one in ("+", level) for one, level in zip(wanted, given, strict=True)
    )


def _checked(pattern: str) -> str:
    return _checked_levels(pattern, pattern)


def _checked_filter(pattern: str) -> str:
    levels = pattern.split("/")
    if all(level == "+" for level in levels):
        raise ValueError("names no level at all")
    return _checked_levels(pattern, "/".join("x" if one == "+" else one for one in levels))


def _checked_levels(pattern: str, literal: str) -> str:
    names = captures(pattern)
    if len(set(names)) != len(names):
        raise ValueError("names a capture twice")
    rest = _CAPTURE.sub("x", literal)
    if "{" in rest or "}" in rest:
        raise ValueError("captures are written {name}, in lower case")
    if _FORBIDDEN.search(rest):
        raise ValueError("holds a wildcard; write a capture such as {device} instead")
    return pattern


_SIZE: Final = Field(min_length=1, max_length=TOPIC_CHARS_MAX)
TopicPattern = Annotated[str, _SIZE, AfterValidator(_checked)]
"""Of commands and everything that names one topic."""
TopicFilter = Annotated[str, _SIZE, AfterValidator(_checked_filter)]
"""Of what is listened to: a level may be `+`."""
