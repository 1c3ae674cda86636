"""JSON of strangers: read with bounds, and taken apart without trusting its form."""

from __future__ import annotations

from typing import Any, Final

import orjson

DOCUMENT_BYTES_MAX: Final = 4 * 1024 * 1024
"""A bridge describes all its devices in one message; a Zigbee one takes some 4 kB."""


def read_json(payload: bytes) -> Any:
    """Return the document, or None where there is none (orjson itself bounds the depth)."""
    if not payload or len(payload) > DOCUMENT_BYTES_MAX:
        return None
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError:
        return None


def read_object(payload: bytes) -> dict[str, Any]:
    """Return the JSON object, or an empty one where there is none."""
    document = read_json(payload)
    return document if isinstance(document, dict) else {}


def text(value: object, default: str = "") -> str:
    """Return the text, or `default` for anything else and for empty ones."""
    return value.strip() if isinstance(value, str) and value.strip() else default


def number(value: object) -> float | None:
    """Return the finite number, or None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if abs(value) < 1e300 else None


def objects(value: object) -> list[dict[str, Any]]:
    """Return the objects of a list, or nothing."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
