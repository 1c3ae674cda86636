"""Expected texts in files beside the tests."""

from __future__ import annotations

import os
from pathlib import Path


def check(path: Path, text: str) -> None:
    """Compare a text with the one kept at ``path``.

    With GOLDEN=write in the environment it is written there instead, to be read and committed.
    """
    if os.environ.get("GOLDEN") == "write":
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")
