"""Bytes ↔ JSON: zstd told apart by its magic bytes, and JSON within bounds."""

from __future__ import annotations

import json
import re
import threading
from functools import cache
from typing import Any, Final, NoReturn

import orjson
import zstandard
from pydantic import ValidationError

from campus_wire.errors import MalformedError
from campus_wire.limits import DECODED_BYTES_MAX, NESTING_MAX, PAYLOAD_BYTES_MAX

ZSTD_MAGIC: Final = b"\x28\xb5\x2f\xfd"
"""First bytes of a zstd frame (RFC 8878, section 3.1.1)."""

# The smallest documents gain from a thorough search and pay little for it: 17 devices' batch of
# 0.5 KB takes 20 µs at level 12. One of 500 values takes 60 µs at level 6, and at level 12 150 µs
# for 2 % less.
_LEVELS: Final = ((1_024, 12), (DECODED_BYTES_MAX, 6))
_PIECE_BYTES: Final = 64
_NOT_BRACKETS: Final = re.compile(rb'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)|[^"\[\]{}]+', re.DOTALL)


class _PerThread(threading.local):
    """Contexts of zstd, which must not be used by two threads at once."""

    def __init__(self) -> None:
        self.compressor = cache(lambda level: zstandard.ZstdCompressor(level=level))
        self.decompressor = zstandard.ZstdDecompressor(max_window_size=DECODED_BYTES_MAX)


_contexts: Final = _PerThread()


def pack(document: bytes) -> bytes:
    """Return the zstd frame of `document` where that is smaller, else `document` itself.

    Raises:
        MalformedError: nobody would take it (`payload_too_large`, `decoded_too_large`).
    """
    if len(document) > DECODED_BYTES_MAX:
        raise _too_large("decoded_too_large", len(document), DECODED_BYTES_MAX)
    level = next(level for size, level in _LEVELS if len(document) <= size)
    packed = _contexts.compressor(level).compress(document)
    return checked_size(packed if len(packed) < len(document) else document)


def checked_size(payload: bytes) -> bytes:
    """Return the payload itself.

    Raises:
        MalformedError: nobody would take it (`payload_too_large`).
    """
    if len(payload) > PAYLOAD_BYTES_MAX:
        raise _too_large("payload_too_large", len(payload), PAYLOAD_BYTES_MAX)
    return payload


def unpack(payload: bytes) -> bytes:
    """Return the JSON text in a payload.

    Raises:
        MalformedError: `payload_too_large`, `decoded_too_large`, `zstd`.
    """
    checked_size(payload)
    if not payload.startswith(ZSTD_MAGIC):
        return payload
    try:
        size = zstandard.frame_content_size(payload)
        if size > DECODED_BYTES_MAX:
            raise _too_large("decoded_too_large", size, DECODED_BYTES_MAX)
        if size < 0:
            return _unpack_unsized(payload)
        return _contexts.decompressor.decompress(payload, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise MalformedError("zstd", f"not one whole zstd frame: {error}") from None


def _unpack_unsized(payload: bytes) -> bytes:
    """Decompress a frame that does not say its size, in pieces too small to hold a bomb.

    A block takes at least 4 bytes and yields at most 128 KiB (RFC 8878, section 3.1.1.2).
    """
    stream = _contexts.decompressor.decompressobj()
    text = bytearray()
    for start in range(0, len(payload), _PIECE_BYTES):
        text += stream.decompress(payload[start : start + _PIECE_BYTES])
        if len(text) > DECODED_BYTES_MAX:
            raise _too_large("decoded_too_large", len(text), DECODED_BYTES_MAX)
        if stream.eof and (stream.unused_data or start + _PIECE_BYTES < len(payload)):
            raise MalformedError("zstd", "something follows the zstd frame")
    if not stream.eof:
        raise MalformedError("zstd", "the zstd frame is cut short")
    return bytes(text)


def parse_fast(document: bytes) -> Any:
    """Parse JSON at full speed, for documents whose shape the caller checks to the last element.

    A key given twice goes unnoticed here (see `parse_strict`).

    Raises:
        MalformedError: `json`.
    """
    try:
        return orjson.loads(document)
    except orjson.JSONDecodeError as error:
        raise MalformedError("json", f"not JSON: {error}") from None


def parse_strict(document: bytes) -> Any:
    """Parse JSON and refuse what readers disagree on: repeated keys, NaN, infinities, depth.

    Raises:
        MalformedError: `json`, `nesting`, `duplicate_key`.
    """
    _check_nesting(document)
    parse_fast(document)  # UTF-8, surrogates and size of numbers: orjson is the stricter of the two
    return json.loads(document, object_pairs_hook=_unique, parse_constant=_no_constant)


def _check_nesting(document: bytes) -> None:
    depth = 0
    for bracket in _NOT_BRACKETS.sub(b"", document):
        depth += 1 if bracket in b"[{" else -1
        if depth > NESTING_MAX:
            raise MalformedError("nesting", f"nested deeper than {NESTING_MAX} levels")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise MalformedError("duplicate_key", "an object holds the same key twice")
    return result


def _no_constant(name: str) -> NoReturn:
    raise MalformedError("json", f"{name} is not JSON")


def _too_large(reason: str, size: int, limit: int) -> MalformedError:
    return MalformedError(reason, f"{size} bytes or more, where {limit} are allowed")


def first_error(error: ValidationError) -> str:
    """Say the first thing a model found wrong, in one bounded line."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    return f"{place}: {first['msg']}"[:300] if place else str(first["msg"])[:300]
