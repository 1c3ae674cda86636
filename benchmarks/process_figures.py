"""What this process has used."""

from __future__ import annotations

import os
import time
from pathlib import Path


def cpu_s() -> float:
    """CPU seconds of this process so far, in user and system mode."""
    return time.process_time()


def rss_mb() -> float:
    """Resident memory now."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
