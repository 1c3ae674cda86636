"""Logging of every program here: lines for people on a terminal, JSON lines otherwise.

What is logged is a change of state; a thing that repeats is counted, not logged again.
"""

from __future__ import annotations

import logging
import sys
import time
from enum import StrEnum
from typing import Final, TextIO

import orjson

_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_COLOURS: Final = {
    logging.WARNING: "\x1b[33m",
    logging.ERROR: "\x1b[31m",
    logging.CRITICAL: "\x1b[1;31m",
}
_RESET: Final = "\x1b[0m"
_LINE_CHARS_MAX: Final = 4_000


class LogFormat(StrEnum):
    """How a line looks."""

    AUTO = "auto"
    CONSOLE = "console"
    JSON = "json"


def set_up_logging(
    log_format: LogFormat = LogFormat.AUTO,
    *,
    level: str = "INFO",
    stream: TextIO | None = None,
    **context: str,
) -> None:
    """Log to standard error, and nowhere else.

    Args:
        log_format: `auto` is `console` on a terminal and `json` otherwise.
        level: the lowest level to show.
        stream: in place of standard error.
        context: goes with every line, for example `gateway="demo-school-1"`.
    """
    target = sys.stderr if stream is None else stream
    is_console = log_format is LogFormat.CONSOLE or (
        log_format is LogFormat.AUTO and target.isatty()
    )
    handler = logging.StreamHandler(target)
    handler.setFormatter(
        ConsoleFormatter(colour=target.isatty()) if is_console else JsonFormatter(context)
    )
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())
    logging.captureWarnings(capture=True)
    for noisy in ("pymodbus", "asyncio", "apprise", "amqtt", "transitions", "httpx", "alembic"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, root.level))


class JsonFormatter(logging.Formatter):
    """One JSON object a line: `time` (UTC), `level`, `logger`, `message`, and what came with it.

    Args:
        context: goes with every line.
    """

    def __init__(self, context: dict[str, str]) -> None:
        super().__init__()
        self._context = context

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        plain: dict[str, object] = {
            "time": _utc(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage()[:_LINE_CHARS_MAX],
            **self._context,
            **_extras(record),
        }
        if record.exc_info:
            plain["exception"] = self.formatException(record.exc_info)
        return orjson.dumps(plain, default=str, option=orjson.OPT_NON_STR_KEYS).decode()


class ConsoleFormatter(logging.Formatter):
    """A line for people: time, level where it matters, the message.

    Args:
        colour: whether to colour warnings and errors.
    """

    def __init__(self, *, colour: bool) -> None:
        super().__init__()
        self._colour = colour

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        clock = time.strftime("%H:%M:%S", time.localtime(record.created))
        extras = "".join(f" {key}={value}" for key, value in _extras(record).items())
        said = _one_line(record.getMessage()[:_LINE_CHARS_MAX] + extras)
        line = f"{clock} {record.levelname:<8} {said}"
        colour = _COLOURS.get(record.levelno, "")
        if self._colour and colour:
            line = f"{colour}{line}{_RESET}"
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line


def _one_line(text: str) -> str:
    """Return text that no terminal takes for more lines or for orders: others sent parts of it."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)


def _extras(record: logging.LogRecord) -> dict[str, object]:
    return {key: value for key, value in vars(record).items() if key not in _STANDARD}


def _utc(created_s: float) -> str:
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(created_s))
    return f"{whole}.{int(created_s % 1 * 1000):03d}Z"
