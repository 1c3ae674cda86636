"""How much may still be written: below the cap, and without taking the disk's reserve."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import apsw

from edge_agent.spool.schema import PAGE_BYTES

_MARGIN_PAGES_MAX: Final = 64
_FLOOR_PAGES: Final = 256
_ROW_PAGES: Final = 2


def pages_for(payload_bytes: int) -> int:
    """Return how many pages a payload takes at most, with its row and index entry."""
    return payload_bytes // (PAGE_BYTES - 4) + 1 + _ROW_PAGES


class Room:
    """Counts pages.

    Args:
        connection: an open spool.
        path: its file.
        max_pages: the cap. A part of it stays free, so that deleting always has room.
        disk_reserve_bytes: the file does not grow while the disk has less than this.
    """

    def __init__(
        self, connection: apsw.Connection, path: Path, *, max_pages: int, disk_reserve_bytes: int
    ) -> None:
        self._connection = connection
        self._directory = path.parent
        self._max_pages = max_pages - min(_MARGIN_PAGES_MAX, max_pages // 8)
        self._reserve_bytes = disk_reserve_bytes

    @property
    def used_pages(self) -> int:
        """Pages that hold something."""
        return self._pragma("page_count") - self._pragma("freelist_count")

    def fits(self, pages: int) -> bool:
        """Say whether this many more pages may be taken."""
        used = self.used_pages
        if used + pages > self._max_pages:
            return False
        file_pages = self._pragma("page_count")
        if used + pages <= max(file_pages, _FLOOR_PAGES):
            return True
        growth_bytes = (used + pages - file_pages) * PAGE_BYTES
        return self._free_bytes() - growth_bytes >= self._reserve_bytes

    def _free_bytes(self) -> int:
        try:
            disk = os.statvfs(self._directory)
        except OSError:
            return 0
        return disk.f_bavail * disk.f_frsize

    def _pragma(self, name: str) -> int:
        return int(self._connection.pragma(name))
