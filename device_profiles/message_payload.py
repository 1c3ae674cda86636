"""A payload on its way through the decoders: text and JSON of it, each read once at most."""

from __future__ import annotations

import json
from typing import Any

import orjson

from device_profiles.errors import MessageRefusedError
from device_profiles.json_depth import DEPTH_MAX, depth_is_allowed
from device_profiles.json_path import ABSENT


class Message:
    """A payload on its way through the kinds of one topic; each notation is read once at most."""

    __slots__ = ("_json", "_texts", "payload", "topic")

    def __init__(self, topic: str, payload: bytes) -> None:
        self.topic = topic
        self.payload = payload
        self._json: Any = ABSENT
        self._texts: dict[str, str] = {}

    def text(self, encoding: str = "utf-8") -> str:
        """Return the payload as text.

        Raises:
            MessageRefusedError: it is none (`not_text`).
        """
        if encoding not in self._texts:
            try:
                self._texts[encoding] = self.payload.decode(encoding).strip()
            except UnicodeDecodeError:
                name = encoding.upper()
                message = f"is not {name} text"
                raise MessageRefusedError("not_text", message, place=self.topic) from None
        return self._texts[encoding]

    def json(self, encoding: str = "utf-8") -> Any:
        """Return the payload as JSON.

        Raises:
            MessageRefusedError: it is none (`not_json`), or nested too deeply (`too_deep`).
        """
        if self._json is ABSENT:
            if encoding != "utf-8":
                self._json = parse_json(self.topic, self.text(encoding).encode())
            else:
                self._json = parse_json(self.topic, self.payload)
        return self._json


def parse_json(topic: str, payload: bytes) -> Any:
    """Return the JSON document in a payload.

    Raises:
        MessageRefusedError: as `Message.json` does.
    """
    if not depth_is_allowed(payload, DEPTH_MAX):
        message = f"is nested deeper than {DEPTH_MAX} levels"
        raise MessageRefusedError("too_deep", message, place=topic)
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        nearly = _nearly_json(payload)
        if nearly is not ABSENT:
            return nearly
        raise MessageRefusedError("not_json", f"is not JSON: {error}", place=topic) from None


def _nearly_json(payload: bytes) -> Any:
    """Return what a device meant that sends the end of its C string, a byte order mark or NaN."""
    plain = payload.removeprefix(b"\xef\xbb\xbf").rstrip(b"\0 \t\r\n")
    if plain == payload and b"NaN" not in payload and b"Infinity" not in payload:
        return ABSENT
    try:
        return json.loads(plain, parse_int=_whole)
    except (ValueError, RecursionError):
        return ABSENT


def _whole(text: str) -> float:
    # as orjson does: what no 64 bits hold is no integer
    return int(text) if len(text) < 19 else float(text)
