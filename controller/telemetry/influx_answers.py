"""What an InfluxDB's answer to a write means: done, try again, split, or refused for good."""

from __future__ import annotations

import email.utils
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from controller.errors import ControllerError, StoreRejectedError, StoreUnavailableError

REASON: Final = "store_rejected"
RETRY_AFTER_S_MAX: Final = 60.0
_MESSAGE_CHARS_MAX: Final = 300
_DROPPED: Final = re.compile(r"dropped=(\d+)")

_REMEDIES: Final[Mapping[int, tuple[str, str]]] = {
    401: ("store_login", "set user and secret_file to an account of the store"),
    403: ("store_login", "let this account write to the database (docs/deploy.md)"),
    404: ("store_missing", "create the database, bucket or mapping (docs/deploy.md)"),
    407: ("store_proxy", "let the controller reach the store without a proxy"),
    408: ("store_timeout", ""),
    429: ("store_busy", ""),
}
_NOT_INFLUX: Final = "is that address an InfluxDB? It answered as something else would"


class TooLargeError(StoreRejectedError):
    """More in one request than the server takes; less may do."""


class LinesRefusedError(StoreRejectedError):
    """The server refuses lines.

    Args:
        message: As the server puts it.
        place: The server.
        dropped: How many of the lines it says it has dropped; the others are stored. None where
            it does not say, and then none may be.
    """

    def __init__(self, message: str, *, place: str, dropped: int | None) -> None:
        super().__init__(REASON, message, place=place)
        self.dropped = dropped


def problem_of(status: int, body: bytes, *, place: str) -> ControllerError | None:
    """Return the error that an answer to a write stands for, or None when all is stored.

    Only what an InfluxDB itself says of the lines is permanent. Whatever a proxy, a wrong address
    or a missing right may answer is transient, since a hand mends it and no sample is at fault.
    """
    if status in {200, 204}:
        return None
    message = message_of(body)
    text = (message or f"HTTP status {status}")[:_MESSAGE_CHARS_MAX]
    if status == 413:
        return TooLargeError(REASON, text, place=place)
    if status in {400, 422} and message is not None:
        found = _DROPPED.search(message)
        dropped = None if found is None else int(found[1])
        return LinesRefusedError(text, place=place, dropped=dropped)
    if status >= 500:
        return StoreUnavailableError("store_failing", f"HTTP status {status}: {text}", place=place)
    reason, remedy = _REMEDIES.get(status, ("store_strange", _NOT_INFLUX))
    return StoreUnavailableError(reason, text, place=place, remedy=remedy)


def message_of(body: bytes) -> str | None:
    """Return what an InfluxDB says is wrong, or None where the body is none of its making.

    1.x says `{"error": …}`, 2.x `{"code": …, "message": …}`, 3 `{"error": …, "data": …}`.
    """
    try:
        plain: Any = json.loads(body)
    except ValueError:
        return None
    if not isinstance(plain, dict):
        return None
    said = plain.get("error") or plain.get("message") or plain.get("code")
    return None if said is None else str(said)


def retry_after_s(text: str | None, *, now_s: float) -> float:
    """Return the seconds that a `Retry-After` header asks for (RFC 9110, 10.2.3), bounded."""
    if text is None:
        return 0.0
    if text.strip().isdecimal():
        return min(float(text), RETRY_AFTER_S_MAX)
    try:
        moment = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    until_s = moment.replace(tzinfo=moment.tzinfo or UTC).timestamp() - now_s
    return min(max(until_s, 0.0), RETRY_AFTER_S_MAX)


def utc_s() -> float:
    """The wall clock, which HTTP dates are in."""
    return datetime.now(UTC).timestamp()
