"""Log lines for people and for machines."""

import io
import json
import logging
from collections.abc import Iterator

import pytest

from campus_wire.logs import LogFormat, set_up_logging


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    logging.captureWarnings(capture=False)
    root.handlers[:] = handlers
    root.setLevel(level)


def lines_of(log_format: LogFormat) -> list[str]:
    stream = io.StringIO()
    set_up_logging(log_format, stream=stream, gateway="school-1")
    log = logging.getLogger("campus.test")
    log.info("spool of %d batches", 7, extra={"device": "th-101"})
    log.debug("not shown")
    try:
        int("boom")
    except ValueError:
        log.exception("went wrong")
    return stream.getvalue().splitlines()


@pytest.mark.parametrize("log_format", [LogFormat.JSON, LogFormat.AUTO])
def test_without_a_terminal_each_line_is_a_json_object(log_format: LogFormat) -> None:
    first, second = (json.loads(line) for line in lines_of(log_format))

    assert first["message"] == "spool of 7 batches"
    assert (first["level"], first["gateway"], first["device"]) == ("info", "school-1", "th-101")
    assert first["time"].endswith("Z")
    assert "ValueError: invalid literal" in second["exception"]


def test_on_the_console_a_line_reads_like_one() -> None:
    lines = lines_of(LogFormat.CONSOLE)

    assert lines[0].endswith("spool of 7 batches device=th-101")
    assert "ERROR" in lines[1]
    assert "ValueError: invalid literal" in lines[-1]


@pytest.mark.parametrize("log_format", [LogFormat.JSON, LogFormat.CONSOLE])
def test_what_others_sent_cannot_pass_for_a_line_of_its_own(log_format: LogFormat) -> None:
    stream = io.StringIO()
    set_up_logging(log_format, stream=stream)
    sent = "a\n12:00:00 ERROR b\r\x1b[2J\u2028c 中文"
    logging.getLogger("campus.test").warning("refused: %s", sent, extra={"topic": sent})

    [line] = stream.getvalue().removesuffix("\n").split("\n")
    assert "\x1b" not in line
    assert "\r" not in line
    assert "中文" in line
