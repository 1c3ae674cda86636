"""A profile document as YAML that people go on editing (pure)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

_BLOCKS: Final = frozenset({"modbus", "mqtt"})


def profile_text(document: Mapping[str, Any], comments: Mapping[str, str] | None = None) -> str:
    """Return a profile's YAML: one line a key, points as blocks, their inner parts in braces.

    Args:
        document: the profile.
        comments: by the name of a point, what to look at.
    """
    lines: list[str] = []
    for key, value in document.items():
        if key == "points":
            lines.append("points:")
            for point in value:
                lines += _point(point, (comments or {}).get(str(point["name"]), ""))
        elif key == "sources":
            lines.append("sources:")
            lines += [f"  - {_flow(one)}" for one in value]
        elif key in _BLOCKS:
            lines.append(f"{key}:")
            lines += [f"  {inner}: {_flow(part)}" for inner, part in value.items()]
        else:
            lines.append(f"{key}: {_flow(value)}")
    return "\n".join(lines) + "\n"


def _point(point: Mapping[str, Any], comment: str) -> list[str]:
    lines = [f"  # {comment}"] if comment else []
    mark = "  - "
    for key, value in point.items():
        lines.append(f"{mark}{key}: {_flow(value)}")
        mark = "    "
    return lines


def _flow(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_flow(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_flow, value)) + "]"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, str):
        plain = value.replace("_", "").replace("-", "")
        is_word = plain.isascii() and plain.isalnum() and plain[:1].isalpha()
        if is_word and value.lower() not in _RESERVED and not value.startswith("-"):
            return value
        return json.dumps(value, ensure_ascii=False)
    return json.dumps(value, ensure_ascii=False)


_RESERVED: Final = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
