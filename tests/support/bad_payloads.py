"""Bad input on the wire, by name: what it is, its bytes, and the reason it must be refused with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import orjson
import zstandard

from campus_wire.limits import (
    ACK_RANGES_MAX,
    AREA_DEPTH_MAX,
    ATTRIBUTES_MAX,
    BATCH_BLOCKS_MAX,
    BATCH_SAMPLES_MAX,
    CATALOG_DEVICES_MAX,
    DECODED_BYTES_MAX,
    NESTING_MAX,
    PAYLOAD_BYTES_MAX,
    TEXT_CHARS_MAX,
)
from tests.support import good_payloads as good


@dataclass(frozen=True, slots=True)
class NamedCase:
    """One bad message.

    Attributes:
        kind: `batch`, `catalog`, `status`, `event`, `receipt`, `ack`, `command`, `config`; for
            `topic`, `payload` is the topic in UTF-8.
        name: Unique within the kind.
        payload: The bytes to send.
        reason: The `reason` of the `MalformedError`.
    """

    kind: str
    name: str
    payload: bytes
    reason: str

    @property
    def id(self) -> str:
        """What to call the case in a report."""
        return f"{self.kind}-{self.name.replace(' ', '-')}"


_MAKERS: Final[dict[str, Callable[[], Any]]] = {
    "batch": good.batch,
    "catalog": good.catalog_message,
    "status": good.status,
    "event": good.event,
    "receipt": good.receipt,
    "ack": good.ack,
    "command": good.command,
    "config": good.config,
}
_ABSENT: Final = object()
_BLOCK: Final = (5, 0)


def _with(plain: Any, path: tuple[Any, ...], value: Any) -> bytes:
    at = plain
    for step in path[:-1]:
        at = at[step]
    if value is _ABSENT:
        del at[path[-1]]
    elif isinstance(at, list) and path[-1] == len(at):
        at.append(value)
    else:
        at[path[-1]] = value
    return orjson.dumps(plain)


def _raw(kind: str, old: str, new: bytes) -> bytes:
    text = orjson.dumps(_MAKERS[kind]())
    if text.count(old.encode()) < 1:
        raise AssertionError(f"{old} is not in a good {kind}")
    return text.replace(old.encode(), new, 1)


def _any_kind(kind: str) -> Iterator[tuple[str, bytes, str]]:
    """Yield what every JSON message must refuse."""
    text = orjson.dumps(_MAKERS[kind]())
    packed = zstandard.ZstdCompressor().compress(text)
    yield "empty", b"", "json"
    yield "not JSON", b"hello", "json"
    yield "cut short", text[:-1], "json"
    yield "byte order mark", b"\xef\xbb\xbf" + text, "json"
    yield "UTF-16", text.decode().encode("utf-16"), "json"
    yield "trailing comma", text[:-1] + b"," + text[-1:], "json"
    yield "NUL at the end", text + b"\0", "json"
    yield "two documents", text + text, "json"
    yield "null", b"null", "schema"
    yield "zstd cut short", packed[:-1], "zstd"
    yield "zstd with a tail", packed + b"x", "zstd"
    yield "zstd of garbage", packed[:4] + b"\xff" * 40, "zstd"
    yield "16 MiB", b" " * (16 * 1024 * 1024), "payload_too_large"
    yield "one byte over", text.ljust(PAYLOAD_BYTES_MAX + 1), "payload_too_large"
    yield "bomb", _bomb(sized=True), "decoded_too_large"
    yield "bomb that hides its size", _bomb(sized=False), "decoded_too_large"
    yield "depth 10000", b"[" * 10_000 + b"]" * 10_000, "json" if kind == "batch" else "nesting"


def _bomb(*, sized: bool) -> bytes:
    compressor = zstandard.ZstdCompressor(write_content_size=sized)
    return compressor.compress(b" " * (DECODED_BYTES_MAX + 1))


_BATCH: Final[tuple[tuple[str, tuple[Any, ...], Any, str], ...]] = (
    ("version 2", (0,), 2, "version"),
    ("version as text", (0,), "1", "version"),
    ("version true", (0,), True, "version"),
    ("epoch in upper case", (1,), good.EPOCH.upper(), "schema"),
    ("epoch with a newline", (1,), good.EPOCH + "\n", "schema"),
    ("epoch null", (1,), None, "schema"),
    ("first 0", (2,), 0, "schema"),
    ("first negative", (2,), -5, "schema"),
    ("first 2^53", (2,), 2**53, "schema"),
    ("first a fraction", (2,), 1.5, "schema"),
    ("first a whole fraction", (2,), 101.0, "schema"),
    ("first true", (2,), True, "schema"),
    ("last over 2^53", (2,), 2**53 - 2, "schema"),
    ("catalog too short", (3,), "5f0c", "schema"),
    ("catalog a number", (3,), 5, "schema"),
    ("time negative", (4,), -1, "schema"),
    ("time in ns as if in ms", (4,), good.TIME_NS, "time"),
    ("time beyond 2262", (4,), 9_223_372_036_855, "time"),
    ("time 2^63", (4,), 2**63, "schema"),
    ("time as text", (4,), "1780000000000", "schema"),
    ("no blocks", (5,), [], "schema"),
    ("blocks an object", (5,), {}, "schema"),
    ("too many blocks", (5,), [[[2], [0], [0], [[1]]]] * (BATCH_BLOCKS_MAX + 1), "schema"),
    ("block an object", (5, 0), {"points": [0]}, "schema"),
    ("block too short", (5, 0), [[0], [0], [0]], "schema"),
    ("block too long", (5, 0), [[0], [0], [0], [[1]], [], []], "schema"),
    ("no points", (*_BLOCK, 0), [], "schema"),
    ("points repeated", (*_BLOCK, 0), [0, 0], "schema"),
    ("point negative", (*_BLOCK, 0), [0, -1], "schema"),
    ("point out of range", (*_BLOCK, 0), [0, 5000], "schema"),
    ("point a fraction", (*_BLOCK, 0), [0, 0.5], "schema"),
    ("device negative", (*_BLOCK, 1), [0, -1], "schema"),
    ("device out of range", (*_BLOCK, 1), [0, CATALOG_DEVICES_MAX], "schema"),
    ("device true", (*_BLOCK, 1), [True, 0], "schema"),
    ("too few devices", (*_BLOCK, 1), [0], "schema"),
    ("too many samples", (*_BLOCK, 1), [0] * (BATCH_SAMPLES_MAX + 1), "schema"),
    ("time before 1970", (*_BLOCK, 2), [0, -1_780_000_000_001], "time"),
    ("time step 2^64", (*_BLOCK, 2), [0, 2**64 - 1], "time"),
    ("time step null", (*_BLOCK, 2), [0, None], "schema"),
    ("too few columns", (*_BLOCK, 3), [[21.5, 22]], "schema"),
    ("columns an object", (*_BLOCK, 3), {}, "schema"),
    ("column too short", (*_BLOCK, 3, 0), [21.5], "schema"),
    ("column no array", (*_BLOCK, 3, 0), 21.5, "schema"),
    ("value as text", (*_BLOCK, 3, 0, 0), "21.5", "schema"),
    ("value true", (*_BLOCK, 3, 0, 0), True, "schema"),
    ("value an array", (*_BLOCK, 3, 0, 0), [21.5], "schema"),
    ("value beyond 1e300", (*_BLOCK, 3, 0, 0), 1.1e300, "value_range"),
    ("value below -1e300", (*_BLOCK, 3, 0, 0), -1.1e300, "value_range"),
    ("null without a reason", (*_BLOCK, 3, 0, 0), None, "quality"),
    ("bad quality with a number", (*_BLOCK, 3, 1, 1), 50, "quality"),
    ("quality on another value", (*_BLOCK, 4), [[0, 0, 65]], "quality"),
    ("quality twice", (*_BLOCK, 4), [[1, 1, 65], [1, 1, 66]], "quality"),
    ("quality good", (*_BLOCK, 4), [[1, 1, 0]], "schema"),
    ("quality 128", (*_BLOCK, 4), [[1, 1, 128]], "schema"),
    ("quality row out of range", (*_BLOCK, 4), [[2, 1, 65]], "schema"),
    ("quality column out of range", (*_BLOCK, 4), [[1, 2, 65]], "schema"),
    ("quality of two numbers", (*_BLOCK, 4), [[1, 65]], "schema"),
    ("qualities an object", (*_BLOCK, 4), {}, "schema"),
    ("more qualities than values", (*_BLOCK, 4), [[1, 1, 65]] * 5, "schema"),
    ("unknown option", (6,), {"colour": 1}, "schema"),
    ("options null", (6,), None, "schema"),
    ("class unknown", (6,), {"class": "urgent"}, "schema"),
    ("class null", (6,), {"class": None}, "schema"),
    ("clock unknown", (6,), {"clock": "fine"}, "schema"),
    ("boot no UUID", (6,), {"boot": "yesterday"}, "schema"),
    ("tick 0", (6,), {"tick": 0}, "schema"),
    ("tick over a second", (6,), {"tick": 1_000_000_001}, "schema"),
    ("too many values", (5, 1), [[*range(3)], [0] * 5000, [0] * 5000, [[1] * 5000] * 3],
     "batch_too_large"),
)  # fmt: skip

_CHAIN: Final = [{"id": "a0", "kind": "x", "name": {"zh": "甲", "en": "a"}}] + [
    {"id": f"a{n}", "parent": f"a{n - 1}", "kind": "x", "name": {"zh": "甲", "en": "a"}}
    for n in range(1, AREA_DEPTH_MAX + 1)
]

_MESSAGES: Final[tuple[tuple[str, str, tuple[Any, ...], Any, str], ...]] = (
    ("catalog", "no revision", ("revision",), _ABSENT, "schema"),
    ("catalog", "version 2", ("catalog", "v"), 2, "schema"),
    ("catalog", "unknown key", ("catalog", "colour"), 1, "schema"),
    ("catalog", "gateway in upper case", ("catalog", "gateway"), "GW-1", "schema"),
    ("catalog", "gateway with a slash", ("catalog", "gateway"), "a/b", "schema"),
    ("catalog", "gateway too long", ("catalog", "gateway"), "a" * 33, "schema"),
    ("catalog", "device twice", ("catalog", "devices", 1, "id"), "th-101", "schema"),
    ("catalog", "device in no area", ("catalog", "devices", 0, "area"), "r999", "schema"),
    ("catalog", "device without points", ("catalog", "devices", 0, "points"), [], "schema"),
    ("catalog", "device with a missing point", ("catalog", "devices", 0, "points"), [9], "schema"),
    ("catalog", "device with a point twice", ("catalog", "devices", 0, "points"), [0, 0], "schema"),
    ("catalog", "device with point -1", ("catalog", "devices", 0, "points"), [-1], "schema"),
    ("catalog", "device id of dots", ("catalog", "devices", 0, "id"), "..", "schema"),
    ("catalog", "device id with a comma", ("catalog", "devices", 0, "id"), "a,b", "schema"),
    ("catalog", "interval 0", ("catalog", "devices", 0, "interval_s"), 0, "schema"),
    ("catalog", "name in one language", ("catalog", "devices", 0, "name"), {"en": "x"}, "schema"),
    ("catalog", "name with a newline", ("catalog", "devices", 0, "name", "en"), "a\nb", "schema"),
    ("catalog", "name too long", ("catalog", "devices", 0, "name", "en"), "a" * 201, "schema"),
    ("catalog", "unknown unit", ("catalog", "points", 0, "unit"), "degC", "schema"),
    ("catalog", "point name with a space", ("catalog", "points", 0, "name"), "a b", "schema"),
    ("catalog", "area twice", ("catalog", "areas", 1, "id"), "b1", "schema"),
    ("catalog", "area in a missing area", ("catalog", "areas", 1, "parent"), "b9", "schema"),
    ("catalog", "area in itself", ("catalog", "areas", 1, "parent"), "r101", "schema"),
    ("catalog", "areas in a circle", ("catalog", "areas", 0, "parent"), "r101", "schema"),
    ("catalog", "areas too deep", ("catalog", "areas"), _CHAIN, "schema"),
    ("catalog", "devices no array", ("catalog", "devices"), {}, "schema"),
    ("status", "no boot", ("boot",), _ABSENT, "schema"),
    ("status", "unknown state", ("state",), "sleeping", "schema"),
    ("status", "version 2", ("v",), 2, "schema"),
    ("status", "time beyond 2262", ("time_ns",), 2**63, "schema"),
    ("status", "time a fraction", ("time_ns",), 1.5, "schema"),
    ("status", "versions with a long key", ("versions",), {"k" * 65: "1"}, "schema"),
    ("status", "version with a newline", ("versions",), {"edge": "1\n2"}, "schema"),
    ("status", "spool negative", ("spool_batches",), -1, "schema"),
    ("status", "load as text", ("overloaded",), {"line-1": "1.3"}, "schema"),
    ("status", "bus with a space", ("overloaded",), {"line 1": 1.3}, "schema"),
    ("event", "id in upper case", ("id",), good.MESSAGE_ID.upper(), "schema"),
    ("event", "kind with a space", ("kind",), "inter lock", "schema"),
    ("event", "kind with capitals", ("kind",), "Trip", "schema"),
    ("event", "attribute an object", ("attributes", "x"), {"y": 1}, "schema"),
    ("event", "attribute with NUL", ("attributes", "x"), "a\0b", "schema"),
    ("event", "attribute 2^53", ("attributes", "x"), 2**53, "schema"),
    ("event", "attribute too long", ("attributes", "x"), "a" * (TEXT_CHARS_MAX + 1), "schema"),
    ("event", "attribute name empty", ("attributes", ""), 1, "schema"),
    ("event", "too many attributes", ("attributes",),
     {f"a{n}": n for n in range(ATTRIBUTES_MAX + 1)}, "schema"),
    ("event", "time as text", ("time_ns",), "1780000000000000000", "schema"),
    ("receipt", "unknown outcome", ("outcome",), "done", "schema"),
    ("receipt", "no command", ("command",), _ABSENT, "schema"),
    ("receipt", "value as text", ("value_read",), "1", "schema"),
    ("receipt", "value true", ("value_read",), True, "schema"),
    ("receipt", "reason too long", ("reason",), "a" * 49, "schema"),
    ("receipt", "version as text", ("v",), "1", "schema"),
    ("ack", "range backwards", ("stored",), [{"first": 9, "last": 8}], "schema"),
    ("ack", "range from 0", ("stored",), [{"first": 0, "last": 8}], "schema"),
    ("ack", "range over 2^53", ("stored",), [{"first": 1, "last": 2**53}], "schema"),
    ("ack", "too many ranges", ("stored",),
     [{"first": n, "last": n} for n in range(1, ACK_RANGES_MAX + 2)], "schema"),
    ("ack", "refusal without a reason", ("refused",), [{"first": 1, "last": 2}], "schema"),
    ("ack", "refusal with a sentence", ("refused",),
     [{"first": 1, "last": 2, "reason": "It was bad."}], "schema"),
    ("ack", "ranges as pairs", ("stored",), [[1, 2]], "schema"),
    ("ack", "message no UUID", ("messages",), ["1"], "schema"),
    ("ack", "epoch null", ("epoch",), None, "schema"),
    ("command", "no expiry", ("expires_ns",), _ABSENT, "schema"),
    ("command", "expiry before issue", ("expires_ns",), good.TIME_NS - 1, "schema"),
    ("command", "expiry at issue", ("expires_ns",), good.TIME_NS, "schema"),
    ("command", "life over 300 s", ("expires_ns",), good.TIME_NS + 301 * 10**9, "schema"),
    ("command", "value as text", ("value",), "1", "schema"),
    ("command", "value true", ("value",), True, "schema"),
    ("command", "value null", ("value",), None, "schema"),
    ("command", "value beyond 1e300", ("value",), 1e301, "schema"),
    ("command", "value an array", ("value",), [1], "schema"),
    ("command", "signature too short", ("signature",), "00", "schema"),
    ("command", "signature in upper case", ("signature",), "AB" * 32, "schema"),
    ("command", "device with a wildcard", ("device",), "+", "schema"),
    ("command", "point with a newline", ("point",), "relay_1\n", "schema"),
    ("command", "by with a newline", ("by",), "a\nsigned: b", "schema"),
    ("command", "unknown key", ("force",), True, "schema"),
    ("command", "expectation for an hour", ("expect", "within_s"), 3600, "schema"),
    ("command", "tolerance negative", ("expect", "tolerance"), -1, "schema"),
    ("config", "revision too long", ("revision",), "0" * 17, "schema"),
    ("config", "no time", ("time_ns",), _ABSENT, "schema"),
)  # fmt: skip

_RAW: Final[tuple[tuple[str, str, str, bytes, str], ...]] = (
    ("batch", "value NaN", "21.5", b"NaN", "json"),
    ("batch", "value Infinity", "21.5", b"-Infinity", "json"),
    ("batch", "value 1e400", "21.5", b"1e400", "json"),
    ("batch", "value of 400 digits", "21.5", b"9" * 400, "json"),
    ("batch", "lone surrogate", good.EPOCH, b"\\ud800", "json"),
    ("batch", "GBK bytes", good.EPOCH, "教室".encode("gbk"), "json"),
    ("batch", "option twice", "[[640]]]]]", b'[[640]]]],{"tick":1,"tick":1}]', "duplicate_key"),
    ("status", "key twice", '"v":1', b'"v":1,"v":1', "duplicate_key"),
    ("status", "key twice with an escape", '"v":1', b'"v":1,"\\u0076":1', "duplicate_key"),
    ("status", "GBK bytes", "0.1.0", "教室".encode("gbk"), "json"),
    ("event", "attribute twice", '"manual":false', b'"manual":1,"manual":2', "duplicate_key"),
    ("event", "attribute NaN", "31.5", b"NaN", "json"),
    ("event", "attribute 1e400", "31.5", b"1e400", "json"),
    ("event", "attribute of 5000 digits", "31.5", b"9" * 5000, "json"),
    ("event", "lone surrogate", "nh3-fan", b"\\udc00", "json"),
    ("event", "deep attribute", "31.5", b"[" * NESTING_MAX + b"]" * NESTING_MAX, "nesting"),
    ("command", "value 1e400", '"value":1.0', b'"value":1e400', "json"),
    ("command", "value given twice", '"value":1.0', b'"value":0,"value":1.0', "duplicate_key"),
    ("ack", "stored twice", '"stored"', b'"stored":[],"stored"', "duplicate_key"),
    ("catalog", "overlong UTF-8", "Room", b"\xc0\xaf", "json"),
    ("catalog", "device key twice", '"profile"', b'"area":"b1","profile"', "duplicate_key"),
)  # fmt: skip

_TOPICS: Final[tuple[tuple[str, str, str], ...]] = (
    ("empty", "", "topic"),
    ("plus", "campus/1/up/+/batch", "topic"),
    ("hash", "campus/1/up/demo-school-1/#", "topic"),
    ("of the broker", "$SYS/broker/uptime", "topic"),
    ("empty gateway", "campus/1/up//batch", "topic"),
    ("leading slash", "/campus/1/up/demo-school-1/batch", "topic"),
    ("trailing slash", "campus/1/up/demo-school-1/batch/", "topic"),
    ("version 2", "campus/2/up/demo-school-1/batch", "topic"),
    ("sideways", "campus/1/left/demo-school-1/batch", "topic"),
    ("down kind going up", "campus/1/up/demo-school-1/command", "topic"),
    ("up kind going down", "campus/1/down/demo-school-1/batch", "topic"),
    ("gateway in upper case", "campus/1/up/Demo-School-1/batch", "topic"),
    ("gateway with a newline", "campus/1/up/demo-school-1\n/batch", "topic"),
    ("gateway with NUL", "campus/1/up/demo\0school/batch", "topic"),
    ("gateway of two letters", "campus/1/up/ab/batch", "topic"),
    ("gateway of 33 letters", f"campus/1/up/{'a' * 33}/batch", "topic"),
    ("gateway in full-width letters", "campus/1/up/ｄｅｍｏ/batch", "topic"),
    ("gateway in Chinese", "campus/1/up/朝阳小学/batch", "topic"),
    ("gateway climbing", "campus/1/up/../batch", "topic"),
    ("65535 bytes", "a" * 65_535, "topic"),
    ("65535 levels", "/" * 65_535, "topic"),
    ("kind with a newline", "campus/1/up/demo-school-1/batch\n", "topic"),
)


def _all() -> Iterator[NamedCase]:
    for kind in _MAKERS:
        for name, payload, reason in _any_kind(kind):
            yield NamedCase(kind, name, payload, reason)
    for name, path, value, reason in _BATCH:
        yield NamedCase("batch", name, _with(good.batch(), path, value), reason)
    for kind, name, path, value, reason in _MESSAGES:
        yield NamedCase(kind, name, _with(_MAKERS[kind](), path, value), reason)
    for kind, name, old, new, reason in _RAW:
        yield NamedCase(kind, name, _raw(kind, old, new), reason)
    for name, topic, reason in _TOPICS:
        yield NamedCase("topic", name, topic.encode(), reason)


BAD_PAYLOADS: Final[tuple[NamedCase, ...]] = tuple(_all())
