"""Says at the end of a run how many cases of bad input were tried."""

from __future__ import annotations

import pytest

from tests.system.bad_input.tally import TRIED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the counts."""
    if TRIED:
        each = ", ".join(f"{receiver} {count}" for receiver, count in sorted(TRIED.items()))
        terminalreporter.write_line(f"{TRIED.total()} bad-input cases ({each})")
