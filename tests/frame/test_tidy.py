"""Habits that a machine can check, over every file of the tree."""

import ast
import re
from pathlib import Path

import pytest

from tests.frame import tree

MODULE_LINES_MAX = 400
FUNCTION_LINES_MAX = 70

# A ratchet: what is over the limit stands here with its reason, and leaves again when it shrinks.
LONG_MODULES: dict[str, str] = {}
LONG_FUNCTIONS: dict[str, str] = {
    "controller/metrics.py:__init__": "a table: one metric after the other",
}

# Put together from halves, so that this file does not hold what it looks for.
_FORBIDDEN_TEXT = {
    "a path of one machine": "|".join(
        rf"(?<![\w.\-}}]){re.escape('/' + name)}/\w" for name in ("work", "root", "home", "Users")
    ),
    "a package index": "|".join(
        re.escape(host)
        for host in ("pypi" + ".org", "pythonhosted" + ".org", "opt/" + "pypi", "opt/" + "wheels")
    ),
    "an index option": r"--(extra-)?index" + r"-url[ =]\S|--find" + r"-links[ =]\S",
    "unfinished work": r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X)\b|NotImplemented" + "Error",
}
_SKIPS = {"skip", "skipif", "importorskip"}


@pytest.mark.parametrize("what", _FORBIDDEN_TEXT)
def test_no_file_holds(what: str) -> None:
    pattern = re.compile(_FORBIDDEN_TEXT[what])
    found = [
        f"{name}:{text.count(chr(10), 0, match.start()) + 1}: {match.group()}"
        for name, text in tree.text_files()
        for match in pattern.finditer(text)
    ]

    assert found == []


def test_text_ends_with_a_newline_and_lines_without_spaces() -> None:
    suffixes = (".py", ".md", ".toml", ".yaml", ".txt")
    found = [
        name
        for name, text in tree.text_files()
        if name.endswith(suffixes)
        and (re.search(r"[ \t]+$", text, re.MULTILINE) or (text and not text.endswith("\n")))
    ]

    assert found == []


def test_modules_are_short() -> None:
    long = {
        tree.relative(path)
        for path in tree.python_files()
        if len(path.read_text(encoding="utf-8").splitlines()) > MODULE_LINES_MAX
    }

    assert long - set(LONG_MODULES) == set(), "split it, or list it with a reason"
    assert set(LONG_MODULES) - long == set(), "short again: take it off the list"


def test_functions_are_short() -> None:
    long = {
        f"{tree.relative(path)}:{node.name}"
        for path in tree.python_files()
        for node in ast.walk(tree.parse(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and _lines_without_docstring(node) > FUNCTION_LINES_MAX
    }

    assert long - set(LONG_FUNCTIONS) == set(), "split it, or list it with a reason"
    assert set(LONG_FUNCTIONS) - long == set(), "short again: take it off the list"


def _lines_without_docstring(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    lines = (node.end_lineno or node.lineno) - node.lineno + 1
    if ast.get_docstring(node) is not None:
        docstring = node.body[0]
        lines -= (docstring.end_lineno or docstring.lineno) - docstring.lineno + 1
    return lines


def test_no_test_is_skipped() -> None:
    found = [
        f"{tree.relative(path)}:{node.lineno}"
        for path in tree.python_files("tests")
        for node in ast.walk(tree.parse(path))
        if isinstance(node, ast.Attribute) and node.attr in _SKIPS and "pytest" in ast.unparse(node)
    ]

    assert found == []


def test_every_directory_of_code_is_a_package() -> None:
    directories = {path.parent for path in tree.python_files(*tree.PACKAGES, "tests", "benchmarks")}
    migrations = {path for path in directories if "migrations" in path.parts}

    missing = [
        tree.relative(path)
        for path in directories - migrations
        if not (path / "__init__.py").is_file()
    ]

    assert missing == []


def test_every_package_says_that_it_is_typed() -> None:
    missing = [
        package for package in tree.PACKAGES if not (tree.ROOT / package / "py.typed").is_file()
    ]

    assert missing == []


def test_links_between_documents_resolve() -> None:
    link = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)")
    code = re.compile(r"^```.*?^```$|`[^`\n]+`", re.DOTALL | re.MULTILINE)
    broken = [
        f"{name}: {target}"
        for name, text in tree.text_files()
        if name.endswith(".md")
        for target in link.findall(code.sub("", text))
        if not (tree.ROOT / Path(name).parent / target).exists()
    ]

    assert broken == []
