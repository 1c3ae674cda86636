"""Why a message or sample is refused for good: the closed list of slugs that acks carry."""

from __future__ import annotations

from typing import Final

REFUSAL_REASONS: Final[dict[str, str]] = {
    "payload_too_large": "the payload is over its limit",
    "decoded_too_large": "the decompressed payload is over its limit",
    "zstd": "it begins like a zstd frame and is not one whole frame",
    "json": "it is not JSON in UTF-8 (RFC 8259), or a number is beyond a double",
    "nesting": "arrays and objects are nested too deep",
    "duplicate_key": "an object holds the same key twice",
    "version": "the version of the contract is unknown",
    "schema": "an element is missing, unknown, of the wrong type or out of range",
    "batch_too_large": "the batch holds too many samples or values",
    "time": "a time lies before 1970 or beyond 64-bit nanoseconds",
    "value_range": "the magnitude of a value is over its limit",
    "quality": "null values and bad qualities do not match",
    "topic": "it is no topic of this contract",
    "gateway_id": "it is no gateway id",
    "gateway_mismatch": "the message names another gateway than its topic",
    "catalog_mismatch": "the batch names devices or points that its catalog does not hold so",
    "time_before_build": "the sample is older than the software that stores it",
    "time_ahead": "the sample lies too far in the future",
    "refused_before": "the same samples were refused when they first came",
    "store_rejected": "the telemetry store refuses the sample and always will",
}
