"""Bad requests to the HTTP API, by name: the request, and the status and reason it must get."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import orjson

BODY_BYTES_MAX: Final = 64 * 1024
V1: Final = "/api/v1"
DEVICE: Final = f"{V1}/gateways/demo-school-1/devices/th-0"
GOOD_COMMAND: Final = {
    "gateway": "demo-school-1",
    "device": "th-0",
    "point": "set_temperature",
    "value": 21,
}
_UNKNOWN_ID: Final = "9a1b2c3d-4e5f-4a6b-8c7d-0e1f2a3b4c5d"


@dataclass(frozen=True, slots=True)
class ApiCase:
    """One request. `token` is `admin`, `viewer` or what to put in place of a token."""

    name: str
    method: str
    path: str
    status: int
    reason: str
    body: bytes | None = None
    token: str = "admin"
    headers: dict[str, str] = field(default_factory=dict)


def _tokens() -> Iterator[ApiCase]:
    path = f"{V1}/schools"
    for name, token in (
        ("no token", ""),
        ("an unknown token", "campus_00_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
        ("a token of one letter", "x"),
        ("a token of 4000 letters", "x" * 4000),
        ("SQL for a token", "' OR '1'='1"),
        ("a path for a token", "../../first.token"),
    ):
        yield ApiCase(name, "GET", path, 401, "token", token=token)
    basic = {"Authorization": "Basic YWRtaW46YWRtaW4="}
    yield ApiCase("a password", "GET", path, 401, "token", token="", headers=basic)
    yield ApiCase("metrics without a token", "GET", "/metrics", 401, "token", token="")
    yield ApiCase(
        "the document without a token", "GET", f"{V1}/openapi.json", 401, "token", token=""
    )
    for name, method, where, body in (
        ("a viewer commands", "POST", "commands", GOOD_COMMAND),
        ("a viewer makes a token", "POST", "tokens", {"name": "x", "role": "viewer"}),
        ("a viewer lists tokens", "GET", "tokens", None),
        ("a viewer reads the audit", "GET", "audit", None),
        ("a viewer acknowledges", "POST", f"alarms/{_UNKNOWN_ID}/acknowledge", {"note": "x"}),
        ("a viewer revokes a token", "DELETE", "tokens/x", None),
    ):
        sent = None if body is None else orjson.dumps(body)
        yield ApiCase(name, method, f"{V1}/{where}", 403, "role", sent, token="viewer")


def _paths() -> Iterator[ApiCase]:
    yield ApiCase("an unknown path", "GET", f"{V1}/nothing", 404, "not_found")
    yield ApiCase("version 2", "GET", "/api/v2/schools", 404, "not_found")
    yield ApiCase("a path that climbs", "GET", f"{V1}/../../etc/passwd", 404, "not_found")
    yield ApiCase("interactive pages", "GET", "/docs", 404, "not_found")
    yield ApiCase(
        "a method that is not there", "DELETE", f"{V1}/schools", 405, "method_not_allowed"
    )
    yield ApiCase("TRACE", "TRACE", f"{V1}/schools", 405, "method_not_allowed")
    for name, where, reason in (
        ("an unknown school", "schools/moon/areas", "school_unknown"),
        ("an unknown gateway", "gateways/moon/devices/th-0", "device_unknown"),
        ("an unknown device", "gateways/demo-school-1/devices/th-99", "device_unknown"),
        ("a device in Chinese", "gateways/demo-school-1/devices/温度", "device_unknown"),
        ("a device with SQL", "gateways/demo-school-1/devices/' OR 1=1 --", "device_unknown"),
        ("an unknown alarm", f"alarms/{_UNKNOWN_ID}", "alarm_unknown"),
        ("an alarm of 5000 letters", f"alarms/{'a' * 5000}", "alarm_unknown"),
        ("an unknown command", f"commands/{_UNKNOWN_ID}", "command_unknown"),
        ("a command that climbs", "commands/..%2F..%2Ftokens", "not_found"),
    ):
        yield ApiCase(name, "GET", f"{V1}/{where}", 404, reason)
    yield ApiCase("an unknown token revoked", "DELETE", f"{V1}/tokens/nobody", 404, "token_unknown")
    note = orjson.dumps({"note": "x"})
    where = f"{V1}/alarms/{_UNKNOWN_ID}/acknowledge"
    yield ApiCase("an unknown alarm acknowledged", "POST", where, 404, "alarm_unknown", note)


def _queries() -> Iterator[ApiCase]:
    history = f"{DEVICE}/history"
    for name, query in (
        ("a window of 0", "window_s=0"),
        ("a window of text", "window_s=hour"),
        ("a window NaN", "window_s=nan"),
        ("a window infinite", "window_s=inf"),
        ("a window of a century", "window_s=3155760000"),
        ("an unknown aggregate", "window_s=60&aggregate=median"),
        ("a time before 1970", "from_ns=-1"),
        ("a time with a fraction", "from_ns=1.5"),
        ("a time of text", "to_ns=yesterday"),
        ("a limit of 0", "limit=0"),
        ("a limit of a billion", "limit=1000000000"),
        ("a limit of text", "limit=all"),
        ("an unknown format", "format=xml"),
    ):
        yield ApiCase(f"history with {name}", "GET", f"{history}?{query}", 422, "validation")
    unknown = f"{history}?points=temprature"
    yield ApiCase("history of an unknown point", "GET", unknown, 404, "point_unknown")
    for path in ("devices", "alarms", "commands"):
        for limit in ("0", "-1", "100000", "x", "1e3"):
            where = f"{V1}/{path}?limit={limit}"
            yield ApiCase(f"{path} with limit {limit}", "GET", where, 422, "validation")
    yield ApiCase("alarms in no state", "GET", f"{V1}/alarms?state=loud", 422, "validation")
    yield ApiCase("alarms after nonsense", "GET", f"{V1}/alarms?after=x", 422, "validation")
    yield ApiCase(
        "a gateway too long", "GET", f"{V1}/commands?gateway={'a' * 40}", 422, "validation"
    )
    yield ApiCase("a query of 9 KiB", "GET", f"{V1}/devices?x={'a' * 9000}", 414, "query_too_long")


def _command(**changes: object) -> bytes:
    return orjson.dumps({**GOOD_COMMAND, **changes})


def _bodies() -> Iterator[ApiCase]:
    path = f"{V1}/commands"
    for name, body in (
        ("no body", b""),
        ("no JSON", b"hello"),
        ("a list", b"[]"),
        ("null", b"null"),
        ("cut short", _command()[:-1]),
        ("a byte order mark", b"\xef\xbb\xbf{"),
        ("a lone surrogate", _command().replace(b"th-0", b"\\ud800")),
        ("NaN", _command().replace(b"21", b"NaN")),
        ("Infinity", _command().replace(b"21", b"Infinity")),
        ("1e400", _command().replace(b"21", b"1e400")),
        ("1e301", _command().replace(b"21", b"1e301")),
        ("a value of text", _command(value="warm")),
        ("a value of null", _command(value=None)),
        ("a value of a list", _command(value=[21])),
        ("a life of 0", _command(life_s=0)),
        ("a life negative", _command(life_s=-1)),
        ("a life of an hour", _command(life_s=3600)),
        ("an unknown key", _command(force=True)),
        ("no device", orjson.dumps({"gateway": "demo-school-1", "point": "x", "value": 1})),
        ("a gateway too long", _command(gateway="a" * 33)),
        ("a device that is a number", _command(device=5)),
    ):
        yield ApiCase(f"a command with {name}", "POST", path, 422, "validation", body)
    gbk = _command().replace(b"th-0", "温度".encode("gbk"))
    deep = b"[" * 10_000 + b"]" * 10_000
    yield ApiCase("a command in GBK", "POST", path, 400, "bad_request", gbk)
    yield ApiCase("a command of depth 10000", "POST", path, 400, "bad_request", deep)
    for name, body, status, reason in (
        ("an unknown gateway", _command(gateway="moon"), 404, "device_unknown"),
        ("an unknown device", _command(device="th-9"), 404, "device_unknown"),
        ("an unknown point", _command(point="humidty"), 404, "point_unknown"),
        ("a read-only point", _command(point="humidity"), 409, "read_only"),
        ("a value just below", _command(value=15.999), 400, "value_range"),
        ("a value just above", _command(value=30.001), 400, "value_range"),
        ("a device with a newline", _command(device="th\n0"), 404, "device_unknown"),
        ("a device with NUL", _command(device="th\0"), 404, "device_unknown"),
    ):
        yield ApiCase(f"a command to {name}", "POST", path, status, reason, body)
    large = b'{"note": "' + b"x" * BODY_BYTES_MAX + b'"}'
    yield ApiCase("a body too large", "POST", path, 413, "body_too_large", large)
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    yield ApiCase("a form", "POST", path, 422, "validation", b"value=1", headers=form)
    for name, token_body in (
        ("no name", {"name": "", "role": "viewer"}),
        ("a name too long", {"name": "a" * 101, "role": "viewer"}),
        ("an unknown role", {"name": "x", "role": "root"}),
        ("no role", {"name": "x"}),
    ):
        sent = orjson.dumps(token_body)
        yield ApiCase(f"a token with {name}", "POST", f"{V1}/tokens", 422, "validation", sent)


API_CASES: Final[tuple[ApiCase, ...]] = (*_tokens(), *_paths(), *_queries(), *_bodies())
