"""What was probably meant by a word that nobody knows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

_CUTOFF: Final = 0.6


def suggest(word: str, known: Iterable[str]) -> str:
    """Return the word of `known` that was most likely meant, or an empty text.

    >>> suggest("baud_rte", ["baud_rate", "parity"])
    'baud_rate'
    """
    import difflib  # noqa: PLC0415  (a mistake is rare, and memory is not)

    folded = {one.casefold(): one for one in known}
    close = difflib.get_close_matches(word.casefold(), folded, n=1, cutoff=_CUTOFF)
    return folded[close[0]] if close else ""
