"""Counts the cases of bad input that were tried; `tests/system/conftest.py` prints the counts."""

from __future__ import annotations

from collections import Counter

TRIED: Counter[str] = Counter()


def tried(receiver: str, count: int) -> None:
    """Count cases that one receiver refused."""
    TRIED[receiver] += count
