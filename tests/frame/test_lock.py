"""The lock files: complete, hashed, of one mind, and free of addresses."""

import re
from functools import cache

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.frame import tree

LOCKS = ("edge", "controller", "demo", "dev")

# Would cost a gateway memory, or are nobody's business there.
NOT_ON_A_GATEWAY = {
    "alembic",
    "amqtt",
    "apprise",
    "duckdb",
    "fastapi",
    "influxdb-client",
    "numpy",
    "pytest",
    "sqlalchemy",
    "uvicorn",
}


@cache
def entries(lock: str) -> tuple[str, ...]:
    """Requirements of one lock, each with its options on one line."""
    text = (tree.ROOT / "requirements" / f"{lock}.txt").read_text(encoding="utf-8")
    joined = re.sub(r"\\\n\s*", " ", text)
    return tuple(
        line for line in joined.splitlines() if line.strip() and not line.lstrip().startswith("#")
    )


def pins(lock: str) -> set[tuple[str, str, str]]:
    """Name, version and marker of everything in one lock."""
    found: set[tuple[str, str, str]] = set()
    for entry in entries(lock):
        requirement = Requirement(entry.split(" --hash")[0])
        [specifier] = requirement.specifier
        assert specifier.operator == "==", entry
        name = canonicalize_name(requirement.name)
        found.add((name, specifier.version, str(requirement.marker or "")))
    return found


@pytest.mark.parametrize("lock", LOCKS)
def test_everything_is_pinned_with_a_hash(lock: str) -> None:
    assert entries(lock)
    for entry in entries(lock):
        assert re.search(r" --hash=sha256:[0-9a-f]{64}\b", entry), entry
        assert not entry.startswith("-"), "an option, for example an index address"


@pytest.mark.parametrize("lock", LOCKS)
def test_smaller_sets_are_parts_of_dev(lock: str) -> None:
    assert {pin[:2] for pin in pins(lock)} <= {pin[:2] for pin in pins("dev")}


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_satisfies_what_pyproject_asks_for(lock: str) -> None:
    versions: dict[str, list[str]] = {}
    for name, version, _ in pins(lock):
        versions.setdefault(name, []).append(version)
    extras = {"edge": (), "controller": ("controller",), "demo": ("controller", "demo")}
    project = tree.pyproject()["project"]
    optional = project["optional-dependencies"]
    wanted = [*project["dependencies"], *tree.pyproject()["build-system"]["requires"]]
    for extra in extras.get(lock, ("controller", "demo", "dev")):
        wanted += optional[extra]

    for requirement in map(Requirement, wanted):
        if requirement.name == project["name"]:
            continue
        locked = versions.get(canonicalize_name(requirement.name), [])
        assert locked, f"{requirement} is not in {lock}.txt: make lock"
        assert all(requirement.specifier.contains(version) for version in locked), requirement


def test_gateway_stays_small() -> None:
    assert not NOT_ON_A_GATEWAY & {name for name, _, _ in pins("edge")}
