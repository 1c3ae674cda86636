"""The check of a changed configuration, in a process of its own that ends with it.

    python -m edge_agent.reload_check NUMBER CONFIG

A running agent has none of what checking needs (docs/decisions/012-edge-memory.md) and must not
stand still for it. So it starts this program, which leaves what it found in the open file NUMBER.
"""

from __future__ import annotations

import os
import pickle
import sys
from pathlib import Path
from typing import Final

from campus_wire.config_file import ConfigFileError
from campus_wire.errors import CampusError
from edge_agent.config_check import load_config
from edge_agent.handover import Checked, Handover
from edge_agent.inventory import build_inventory
from edge_agent.versions import versions

_NICENESS: Final = 5
"""Polling goes first."""


def check(path: Path) -> Checked:
    """Return what is to run from now on, or what is wrong with it."""
    try:
        loaded = load_config(path)
        inventory = build_inventory(loaded.config, loaded.library)
    except ConfigFileError as error:
        return Checked(None, tuple(str(error).splitlines()))
    except CampusError as error:
        return Checked(None, (str(error),))
    return Checked(Handover(loaded.config, inventory, versions(), path=path), ())


def main() -> None:
    """Check, and leave the outcome in the open file."""
    os.nice(_NICENESS)
    number, path = int(sys.argv[1]), Path(sys.argv[2])
    with open(number, "wb", closefd=False) as file:
        pickle.dump(check(path), file, protocol=pickle.HIGHEST_PROTOCOL)
    sys.stdout.flush()
    os.close(number)


if __name__ == "__main__":
    main()
