"""Run benchmarks, one after the other: python -m benchmarks [NAME [ARGUMENT…]].

Each is a program of its own, so that none inherits another's memory, and may be run as such:
python -m benchmarks.NAME. Without a name, all run with their default sizes.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from typing import Final

BENCHMARKS: Final = (
    "alarm_latency",
    "controller_ingest",
    "decode_registers",
    "edge_memory",
    "edge_modbus_tcp",
    "edge_rtu_cycle",
    "edge_scan",
    "edge_spool",
    "link_outage",
    "rules_filter",
    "sims_modbus_tcp",
    "store_plain_writer",
    "store_write",
    "wire_bytes",
)


def main(arguments: Sequence[str]) -> int:
    """Run what was asked for; returns the first exit code that is not 0."""
    if arguments and arguments[0] not in BENCHMARKS:
        print(f"{arguments[0]!r} is no benchmark; there are: {', '.join(BENCHMARKS)}")
        return 2
    failed = 0
    for name in arguments[:1] or BENCHMARKS:
        print(f"== {name}", flush=True)
        command = [sys.executable, "-m", f"benchmarks.{name}", *arguments[1:]]
        failed = failed or subprocess.run(command, check=False).returncode
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
