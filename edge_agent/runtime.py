"""The program of the running agent: `campus edge run` becomes it once it has checked.

    python -m edge_agent.runtime NUMBER

NUMBER is that of the open file with the `Handover`. What only checking needs is not imported from
here on; `tests/edge/test_memory.py` guards that and what it comes to.
"""

from __future__ import annotations

import sys

from edge_agent.lazy_modules import stand_in_for_unused


def main() -> None:
    """Take over and run."""
    stand_in_for_unused()
    from edge_agent.process import take_over_and_run  # noqa: PLC0415  (after the stand-ins)

    take_over_and_run(int(sys.argv[1]))


if __name__ == "__main__":
    main()
