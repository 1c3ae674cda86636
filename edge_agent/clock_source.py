"""The wall clock and whether to trust it; the boot id."""

from __future__ import annotations

import ctypes
import logging
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from campus_wire.ids import is_uuid

_log: Final = logging.getLogger(__name__)

_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
_STAT: Final = Path("/proc/stat")
_STA_UNSYNC: Final = 0x0040
_STA_NANO: Final = 0x2000
_S: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Reading:
    """One look: wall and monotonic clock at the same moment."""

    wall_ns: int
    monotonic_ns: int
    is_trusted: bool


class WallClock(Protocol):
    """Something that tells the wall time, and whether to trust it."""

    def read(self) -> Reading:
        """Look at it once."""


class SystemClock:
    """Trusts the wall clock whatever it says."""

    def read(self) -> Reading:
        """Look at it once."""
        return Reading(time.time_ns(), time.monotonic_ns(), is_trusted=True)


class _Timex(ctypes.Structure):
    """`struct timex` as in adjtimex(2), up to what is read here."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("constant", ctypes.c_long),
        ("precision", ctypes.c_long),
        ("tolerance", ctypes.c_long),
        ("time_s", ctypes.c_long),
        ("time_fraction", ctypes.c_long),
        ("rest", ctypes.c_char * 256),
    )


class KernelClock:
    """Trusts the wall clock while the kernel says that something disciplines it (adjtimex(2)).

    The kernel raises STA_UNSYNC when the clock is set by hand, and when the discipline has not been
    heard of for so long that the error may have grown to 16 s.
    """

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._has_failed = False

    def read(self) -> Reading:
        """Look at it once."""
        timex = _Timex()  # modes 0 only reads
        before_ns = time.monotonic_ns()
        result = self._libc.adjtimex(ctypes.byref(timex))
        monotonic_ns = (before_ns + time.monotonic_ns()) // 2
        if result < 0:
            self._say_failure()
            return Reading(time.time_ns(), monotonic_ns, is_trusted=False)
        fraction_ns = timex.time_fraction * (1 if timex.status & _STA_NANO else 1_000)
        is_trusted = not timex.status & _STA_UNSYNC
        return Reading(timex.time_s * _S + fraction_ns, monotonic_ns, is_trusted=is_trusted)

    def _say_failure(self) -> None:
        if not self._has_failed:
            self._has_failed = True
            _log.warning(
                "the kernel does not tell whether the clock is synced (errno %d): samples stay "
                "marked; set clock.source to system to trust the clock",
                ctypes.get_errno(),
            )


def wall_clock(source: str) -> WallClock:
    """Return the clock for `clock.source`: `ntp` or `system`."""
    return SystemClock() if source == "system" else KernelClock()


def boot_id() -> str:
    """Return an id that is the same until the machine starts again."""
    try:
        text = _BOOT_ID.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        text = ""
    return text if is_uuid(text) else _boot_id_from_start()


def _boot_id_from_start() -> str:
    """Derive an id from the second in which the machine started, or else make up a new one."""
    try:
        lines = _STAT.read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError):
        lines = []
    started = next((line for line in lines if line.startswith("btime ")), "")
    if not started:
        return str(uuid.uuid4())
    return str(uuid.uuid5(uuid.NAMESPACE_OID, started))
