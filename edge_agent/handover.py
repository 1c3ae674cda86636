"""The step from checking to running: the same process begins anew with what was checked in hand.

Checking a configuration takes a YAML reader, validators and a command line, some 10 MB that a
running agent has no use for and Python would not give back. So `campus edge run` checks, joins
configuration and profiles, puts the outcome into a file without a name, and replaces its program by
`edge_agent.runtime`, which takes it up. Process id, limits, standard streams and who waits for the
end stay the same. What it is worth: docs/decisions/012-edge-memory.md.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

from campus_wire.logs import LogFormat
from edge_agent.config import EdgeConfig
from edge_agent.inventory import Inventory

RUNTIME: Final = "edge_agent.runtime"


@dataclass(frozen=True, slots=True)
class Handover:
    """All that the running agent needs to know."""

    config: EdgeConfig
    """Without mistakes."""
    inventory: Inventory
    """The configuration joined with its profiles."""
    versions: Mapping[str, str]
    """What runs here, for the status."""
    log_format: LogFormat = LogFormat.AUTO
    log_level: str = "info"
    path: Path | None = None
    """The configuration's file, to be read again when it has changed."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of checking a changed configuration: one of the two."""

    handover: Handover | None
    mistakes: tuple[str, ...]
    """One a line, with file and line number."""


def hand_over(handover: Handover) -> NoReturn:
    """Replace this program by the running agent."""
    number = put_aside(handover)
    command = [sys.executable, *same_search_path(), "-m", RUNTIME, str(number)]
    sys.stdout.flush()
    sys.stderr.flush()
    # Until the agent takes it for a reload it must not end the program: what is to be read again
    # is being read anyway.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    os.execv(sys.executable, command)  # noqa: S606


def put_aside(handover: Handover) -> int:
    """Return the number of an open file without a name that holds it and outlives the program."""
    number = os.memfd_create("campus-edge", 0)  # without the flag that closes it on the way
    with open(number, "wb", closefd=False) as file:
        pickle.dump(handover, file, protocol=pickle.HIGHEST_PROTOCOL)
    return number


def take_over(number: int) -> Handover:
    """Return what `put_aside` put into the open file of this number, and close it."""
    os.lseek(number, 0, os.SEEK_SET)
    with open(number, "rb") as file:
        handover = pickle.load(file)  # noqa: S301  (from this very process, by no other way)
    assert isinstance(handover, Handover)
    return handover


def same_search_path() -> list[str]:
    """Keep `-m` from looking for modules in the working directory, unless this process does."""
    return [] if {"", os.getcwd()} & set(sys.path) else ["-P"]  # noqa: PTH109
