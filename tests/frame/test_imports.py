"""Modules import, the gateway's part stays lean, and what decides is pure."""

import ast
import importlib
import subprocess
import sys
from typing import Any

import pytest

from tests.frame import tree

MODULES = sorted(
    tree.module_name(path)
    for path in tree.python_files(*tree.PACKAGES)
    if "migrations" not in path.parts and path.name != "__main__.py"
)

# In the packages that decide, only these touch the world; everything else there is pure.
IMPURE_MODULES = {
    "campus_rules.load",
    "campus_wire.cli",
    "campus_wire.config_file",
    "campus_wire.connection",
    "campus_wire.inbox",
    "campus_wire.logs",
    "campus_wire.session",
    "campus_wire.settings",
    "campus_wire.supervise",
    "campus_wire.tls",
    "campus_wire.wire_show",
    "device_profiles.cli",
    "device_profiles.cli_decode",
    "device_profiles.cli_import",
    "device_profiles.cli_new",
    "device_profiles.importing",
    "device_profiles.importing.reading",
    "device_profiles.library",
}
PURE_PACKAGES = ("campus_wire", "campus_rules", "device_profiles")

# Calls that read a clock or roll dice without an import that the import rules would see.
IMPURE_CALLS = {
    "now",
    "utcnow",
    "today",
    "time_ns",
    "monotonic",
    "monotonic_ns",
    "perf_counter",
    "uuid1",
    "uuid4",
    "urandom",
    "token_hex",
    "token_bytes",
    "open",
    "read_text",
    "read_bytes",
    "write_text",
    "write_bytes",
}


def contract(name_part: str) -> dict[str, Any]:
    """The one import contract whose name holds ``name_part``."""
    contracts = tree.pyproject()["tool"]["importlinter"]["contracts"]
    [found] = [candidate for candidate in contracts if name_part in candidate["name"]]
    return dict(found)


@pytest.mark.parametrize("module", MODULES)
def test_module_imports(module: str) -> None:
    importlib.import_module(module)


def test_every_module_that_decides_is_under_the_purity_contract() -> None:
    decides = {
        name
        for name in MODULES
        if name.startswith(tuple(f"{package}." for package in PURE_PACKAGES))
    }

    listed = set(contract("pure")["source_modules"])
    where_to = "list it in pyproject.toml's contract 'pure', or in IMPURE_MODULES here"
    assert decides - IMPURE_MODULES - listed == set(), where_to
    assert (listed | IMPURE_MODULES) - decides == set(), "there is no such module any more"
    assert listed & IMPURE_MODULES == set()


def test_pure_modules_call_no_clock_no_dice_and_no_file() -> None:
    pure = set(contract("pure")["source_modules"])
    found = [
        f"{tree.relative(path)}:{node.lineno}: {ast.unparse(node.func)}"
        for path in tree.python_files(*PURE_PACKAGES)
        if tree.module_name(path) in pure
        for node in ast.walk(tree.parse(path))
        if isinstance(node, ast.Call) and _called_name(node) in IMPURE_CALLS
    ]

    assert found == []


def _called_name(call: ast.Call) -> str:
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""


def test_the_gateway_loads_nothing_heavy() -> None:
    heavy = ("numpy", "fastapi", "influxdb_client", "sqlalchemy", "duckdb", "apprise", "httpx")
    code = (
        f"import sys, edge_agent.app\nprint(*[name for name in {heavy!r} if name in sys.modules])\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        cwd=tree.ROOT,
    )

    assert result.stdout.split() == []
