"""The file in which descriptions that devices gave of themselves outlive a restart.

One for each local broker, beside the spool. Losing it costs nothing but time: devices are heard
again, bridges keep their descriptions at the broker.
"""

from __future__ import annotations

import base64
import binascii
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import orjson

from edge_agent.whole_file import write_whole

_log: Final = logging.getLogger(__name__)

_VERSION: Final = 1


def descriptions_path(spool: Path, source: str) -> Path:
    """Return the file of a local broker, beside the spool's."""
    return spool.with_name(f"{spool.name}.{source}.dialects.json")


def load_descriptions(path: Path) -> dict[str, bytes]:
    """Return what was kept, by topic; nothing when there is no such file, or no such content."""
    try:
        return _parsed(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        _log.warning("descriptions in %s cannot be read and are heard anew: %s", path, error)
        return {}


def _parsed(content: bytes) -> dict[str, bytes]:
    document = orjson.loads(content)
    heard = document.get("heard") if isinstance(document, dict) else None
    if not isinstance(heard, dict) or document.get("v") != _VERSION:
        raise ValueError("it is of another form")
    return {topic: _bytes(payload) for topic, payload in heard.items()}


def save_descriptions(path: Path, heard: Mapping[str, bytes]) -> None:
    """Write the file, whole or not at all.

    Raises:
        OSError: it cannot be written.
    """
    document = {"v": _VERSION, "heard": {topic: _plain(data) for topic, data in heard.items()}}
    write_whole(path, orjson.dumps(document))


def _plain(payload: bytes) -> str | dict[str, str]:
    try:
        return payload.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(payload).decode()}


def _bytes(payload: object) -> bytes:
    if isinstance(payload, str):
        return payload.encode()
    if isinstance(payload, dict) and isinstance(payload.get("base64"), str):
        try:
            return base64.b64decode(payload["base64"], validate=True)
        except binascii.Error as error:
            raise ValueError(str(error)) from None
    raise ValueError("a payload is neither text nor base64")
