"""The blocks of docs/deploy.md, which the tests run as they stand on the page."""

import re
import subprocess
from pathlib import Path

_PAGE = Path(__file__).resolve().parents[2] / "docs" / "deploy.md"
_BLOCK = re.compile(
    r"<!-- block: (?P<name>.+?) -->\n```\w*\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE
)


def block(name: str, *replacements: tuple[str, str]) -> str:
    """Return a block of the page.

    Args:
        name: As in the comment above the block.
        replacements: Pairs of a text that must occur in the block and what stands for it.
    """
    texts = {match["name"]: match["text"] for match in _BLOCK.finditer(_PAGE.read_text("utf-8"))}
    text = texts[name]
    for old, new in replacements:
        assert old in text, f"{old!r} is not in the block {name!r}"
        text = text.replace(old, new)
    return text


def run(name: str, directory: Path, *replacements: tuple[str, str]) -> None:
    """Run a block of shell commands in ``directory``."""
    result = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block(name, *replacements)],
        cwd=directory,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert result.returncode == 0, result.stderr
