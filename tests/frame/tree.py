"""What the tree holds, for the tests that keep it tidy."""

import ast
import subprocess
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]

PACKAGES = (
    "campus_wire",
    "campus_rules",
    "device_profiles",
    "edge_agent",
    "controller",
    "firmware_sims",
    "campus_cli",
)

_CODE_DIRECTORIES = (*PACKAGES, "tests", "benchmarks", "scripts")
_NOT_OURS = {".git", ".venv", "__pycache__", "build", "dist"}


@cache
def files() -> tuple[Path, ...]:
    """Every file that is, or by git's rules would be, committed; absolute."""
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=False,
        timeout=30,
    )
    if listing.returncode == 0:
        names = listing.stdout.decode().split("\0")
        found = [ROOT / name for name in names if name]
    else:  # an unpacked archive
        found = [
            path for path in ROOT.rglob("*") if not _NOT_OURS & set(path.relative_to(ROOT).parts)
        ]
    return tuple(sorted(path for path in found if path.is_file()))


def text_files() -> list[tuple[str, str]]:
    """Relative path and content of every file that is UTF-8 text."""
    texts = []
    for path in files():
        try:
            texts.append((relative(path), path.read_text(encoding="utf-8")))
        except UnicodeDecodeError:
            continue
    return texts


def relative(path: Path) -> str:
    """Path from the root of the tree, with slashes."""
    return path.relative_to(ROOT).as_posix()


def python_files(*directories: str) -> list[Path]:
    """Python files below these directories; of all code when none is named."""
    wanted = set(directories or _CODE_DIRECTORIES)
    return [
        path
        for path in files()
        if path.suffix == ".py" and path.relative_to(ROOT).parts[0] in wanted
    ]


def parse(path: Path) -> ast.Module:
    """The syntax tree of a Python file."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def module_name(path: Path) -> str:
    """Dotted name of the module in this file."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def pyproject() -> dict[str, Any]:
    """The decoded pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
