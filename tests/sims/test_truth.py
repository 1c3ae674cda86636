"""The truth log's lines."""

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_sims.truth import BUFFER_LINES_MAX, TruthLog, number_text, values_text


@given(st.floats(allow_infinity=False))
def test_numbers_come_back_from_json(number: float) -> None:
    back = json.loads(number_text(number))

    assert back is None if math.isnan(number) else back == number


def test_whole_numbers_have_no_point_and_no_reading_is_null() -> None:
    assert values_text({"a": 3.0, "b": 2.5, "c": None}) == '"a":3,"b":2.5,"c":null'


def test_lines_reach_the_file_when_flushed_or_many(tmp_path: Path) -> None:
    path = tmp_path / "truth.jsonl"
    with TruthLog(path) as log:
        log.reading("d", 1, '"a":1', 1)
        assert path.read_text() == ""
        log.flush()
        assert json.loads(path.read_text()) == {
            "t": 1,
            "device": "d",
            "values": {"a": 1},
            "how": "modbus",
        }
        for number in range(BUFFER_LINES_MAX):
            log.written("d", number, {"a": 1})
        assert len(path.read_text().splitlines()) == 1 + BUFFER_LINES_MAX
        log.change("d", 5, {"fault": "silence"})
    assert json.loads(path.read_text().splitlines()[-1])["change"] == {"fault": "silence"}


def test_what_was_spoilt_or_is_not_sure_counts_as_no_reading(tmp_path: Path) -> None:
    with TruthLog(tmp_path / "truth.jsonl") as log:
        log.reading("d", 1, '"a":1,"b":2', 2)
        log.reading("d", 2, '"a":1', 1, mark=',"broken":"garbage"')
        log.reading("d", 3, '"a":1', 1, how="mqtt", mark=',"sure":false')

    assert (log.readings, log.values) == (1, 2)


@pytest.mark.parametrize("path", [None])
def test_without_a_file_only_counts_are_kept(path: None) -> None:
    log = TruthLog(path)
    log.reading("d", 1, "", 0)
    log.written("d", 1, {"a": 1.0})

    assert (log.readings, log.writes) == (1, 1)
