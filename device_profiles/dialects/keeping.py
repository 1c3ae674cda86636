"""What is kept of what devices say of themselves, so that they need not be heard again.

Descriptions take the place of older ones. Ordinary messages say a part each: what is kept of them
adds up to their form, and does not change with the values in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

import orjson

from device_profiles.dialects.documents import DOCUMENT_BYTES_MAX, text
from device_profiles.dialects.found import Dialect
from device_profiles.errors import MessageRefusedError
from device_profiles.topics import matches

TOPICS_MAX: Final = 4_000
BYTES_MAX: Final = 16 * 1024 * 1024
MESSAGE_BYTES_MAX: Final = 64 * 1024
DEPTH_MAX: Final = 8
_SHELLIES: Final = "shellies/announce"
_ZIGBEE_KEYS: Final = ("ieee_address", "friendly_name", "type", "model_id")
_DEFINITION_KEYS: Final = ("model", "vendor", "exposes")


class Kept:
    """What was heard of the devices of one broker, bounded in number and bytes.

    Overflow policy: what is new is not kept, and counted.

    Args:
        dialects: those that are listened for.
        messages: what was kept before, by topic.
    """

    def __init__(self, dialects: Iterable[Dialect], messages: Mapping[str, bytes]) -> None:
        self.dialects = tuple(dialects)
        self.dropped = 0
        """Messages for which there was no room."""
        self._messages: dict[str, bytes] = {}
        self._bytes = 0
        for topic, payload in messages.items():
            if any(self._is_of(topic, one.subscriptions) for one in self.dialects):
                self._put(topic, payload)

    @property
    def messages(self) -> Mapping[str, bytes]:
        """What is kept, by topic."""
        return self._messages

    @property
    def filters(self) -> tuple[str, ...]:
        """The filters to listen on."""
        return tuple(dict.fromkeys(one for d in self.dialects for one in d.subscriptions))

    def take(self, topic: str, payload: bytes) -> bool:
        """Take a message; say whether it describes something that was not known."""
        for dialect in self.dialects:
            if self._is_of(topic, dialect.descriptions):
                return self._describe(topic, payload)
            if self._is_of(topic, dialect.messages):
                return self._add(topic, payload, dialect.told_by_value)
        return False

    @staticmethod
    def _is_of(topic: str, filters: Iterable[str]) -> bool:
        return any(matches(one, topic) for one in filters)

    def _describe(self, topic: str, payload: bytes) -> bool:
        if not payload:  # how a retained description is taken back
            return self._drop(topic)
        if len(payload) > DOCUMENT_BYTES_MAX:
            self.dropped += 1
            return False
        if topic == _SHELLIES:  # all of them announce themselves there, one after the other
            topic = f"shellies/{text((_object(payload) or {}).get('id'), 'none')}/announce"
        reduced = _reduced(topic, payload)
        return reduced != self._messages.get(topic) and self._put(topic, reduced)

    def _add(self, topic: str, payload: bytes, told_by_value: frozenset[str]) -> bool:
        if not payload or len(payload) > MESSAGE_BYTES_MAX:
            return False
        before = self._messages.get(topic)
        if before is None:
            return self._put(topic, payload)
        old, new = _object(before), _object(payload)
        if old is None or new is None or not _merge(old, new, told_by_value, DEPTH_MAX):
            return False
        merged = orjson.dumps(old)
        return len(merged) <= MESSAGE_BYTES_MAX and self._put(topic, merged)

    def _put(self, topic: str, payload: bytes) -> bool:
        before = self._messages.get(topic)
        size = self._bytes + len(payload) - len(before or b"")
        if (before is None and len(self._messages) >= TOPICS_MAX) or size > BYTES_MAX:
            self.dropped += 1
            return False
        self._messages[topic] = payload
        self._bytes = size
        return True

    def _drop(self, topic: str) -> bool:
        payload = self._messages.pop(topic, None)
        self._bytes -= len(payload or b"")
        return payload is not None


def _object(payload: bytes) -> dict[str, Any] | None:
    if payload[:1] not in (b"{", b" ", b"\n", b"\t", b"\r"):
        return None
    try:
        document = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return None
    return document if isinstance(document, dict) else None


def _merge(
    old: dict[str, Any], new: Mapping[str, Any], told_by_value: frozenset[str], depth: int
) -> bool:
    """Add to `old` what only `new` has; say whether there was any."""
    changed = False
    for key, value in new.items():
        before = old.get(key)
        if isinstance(before, dict) and isinstance(value, dict):
            changed |= depth > 0 and _merge(before, value, told_by_value, depth - 1)
        elif key not in old or _is_news(before, value, by_value=key in told_by_value):
            old[key] = value
            changed = True
    return changed


def _is_news(before: object, value: object, *, by_value: bool) -> bool:
    """Say whether a value tells more of its form: null became a number, one phase became three."""
    if value is None:
        return False
    if isinstance(before, list) and isinstance(value, list):
        return len(before) != len(value)
    is_other = isinstance(before, dict | list) != isinstance(value, dict | list)
    return before is None or is_other or (by_value and before != value)


def _reduced(topic: str, payload: bytes) -> bytes:
    """Return a description without what changes by itself and describes nothing."""
    if topic.endswith(("/bridge/devices", "/bridge/info")):
        return _reduced_bridge(payload)
    if topic.startswith("spBv1.0/"):
        return _reduced_birth(payload)
    return payload


def _reduced_birth(payload: bytes) -> bytes:
    """Return a Sparkplug birth without times and values, but for what a device says of itself."""
    from device_profiles.sparkplug.payload import (  # noqa: PLC0415 - rarely used
        Payload,
        decode_payload,
        encode_payload,
    )

    try:
        metrics = decode_payload(payload).metrics
    except MessageRefusedError:
        return b""
    kept = (
        replace(
            metric,
            alias=None,
            timestamp_ms=None,
            value=metric.value if metric.name.startswith("Properties/") else None,
            is_null=False,
            is_historical=False,
        )
        for metric in metrics
        if metric.name
    )
    return encode_payload(Payload(metrics=tuple(kept)))


def _reduced_bridge(payload: bytes) -> bytes:
    """Return what a Zigbee bridge says of its devices, and of the form of their messages.

    It lists every device's bindings and network address, too, and its own configuration with the
    documentation of every key.
    """
    try:
        document = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return b""
    if isinstance(document, list):
        return orjson.dumps([_zigbee_device(one) for one in document if isinstance(one, dict)])
    config = document.get("config") if isinstance(document, dict) else None
    advanced = config.get("advanced") if isinstance(config, dict) else None
    if not isinstance(advanced, dict):
        return b"{}"
    kept = {key: advanced[key] for key in ("last_seen", "output") if key in advanced}
    return orjson.dumps({"config": {"advanced": kept}})


def _zigbee_device(device: dict[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {key: device[key] for key in _ZIGBEE_KEYS if key in device}
    definition = device.get("definition")
    if isinstance(definition, dict):
        kept["definition"] = {key: definition[key] for key in _DEFINITION_KEYS if key in definition}
    return kept
