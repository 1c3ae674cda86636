"""The benchmarks of the proof, shortened: what they count is whole. No time is judged."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import alarm_latency, link_outage

pytestmark = [pytest.mark.integration, pytest.mark.alone, pytest.mark.timeout(150)]


def test_every_change_of_the_gas_brings_a_notice(tmp_path: Path) -> None:
    figures = alarm_latency.measure(changes=4, rate=500, directory=tmp_path / "run")

    assert figures["notices"] == figures["changes"] == 4
    assert figures["values_per_s_stored"] > 100


def test_nothing_is_missing_after_an_outage(tmp_path: Path) -> None:
    figures = link_outage.measure(seconds=6, backlog_rate=200, directory=tmp_path / "run")

    assert figures["numbers_missing"] == 0
    assert figures["values_missing"] == 0
    assert figures["values_duplicated"] == 0
    assert figures["values_phantom"] == 0
    assert figures["backlog_samples"] > 500
    assert figures["live_samples_meanwhile"] > 0
