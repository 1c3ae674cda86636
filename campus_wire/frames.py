"""Bytes ↔ JSON: zstd told apart by its magic bytes, and JSON within bounds."""

from __future__ import annotations

import json
import re
from typing import Any, Final, NoReturn

import orjson
import zstandard
from pydantic import ValidationError

from campus_wire.errors import MalformedError
from campus_wire.limits import DECODED_BYTES_MAX, NESTING_MAX, PAYLOAD_BYTES_MAX

ZSTD_MAGIC: Final = b"\x28\xb5\x2f\xfd"
"""First bytes of a zstd frame (RFC 8878, section 3.1.1)."""

_compressor: Final = zstandard.ZstdCompressor(level=3, write_content_size=True)
_decompressor: Final = zstandard.ZstdDecompressor(max_window_size=DECODED_BYTES_MAX)
_NOT_BRACKETS: Final = re.compile(rb'"(?:[^"\\]|\\.)*"|[^\[\]{}]+', re.DOTALL)


def pack(document: bytes) -> bytes:
    """Return the zstd frame of `document` where that is smaller, else `document` itself."""
    packed = _compressor.compress(document)
    return packed if len(packed) < len(document) else document


def unpack(payload: bytes) -> bytes:
    """Return the JSON text in a payload.

    Raises:
        MalformedError: `payload_too_large`, `decoded_too_large`, `zstd`.
    """
    if len(payload) > PAYLOAD_BYTES_MAX:
        raise _too_large("payload_too_large", len(payload), PAYLOAD_BYTES_MAX)
    if not payload.startswith(ZSTD_MAGIC):
        return payload
    try:
        with _decompressor.stream_reader(payload) as reader:
            document = reader.read(DECODED_BYTES_MAX + 1)
    except zstandard.ZstdError as error:
        raise MalformedError("zstd", f"not a whole zstd frame: {error}") from None
    if len(document) > DECODED_BYTES_MAX:
        raise _too_large("decoded_too_large", len(document), DECODED_BYTES_MAX)
    return document


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
    parse_fast(document)  # UTF-8 and surrogates: orjson is the stricter of the two
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
