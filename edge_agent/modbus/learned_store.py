"""What devices were found to refuse, in a small file beside the spool: no restart asks again.

It is worth keeping and not worth failing for: a file that cannot be read is begun anew, and one
that cannot be written is tried again with the next thing learnt.
"""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any, Final

import orjson

from device_profiles.model_modbus import Table
from device_profiles.planning import AddressRange
from edge_agent.modbus.learning import RANGES_MAX, Learned, Size
from edge_agent.whole_file import write_whole

VERSION: Final = 1
BYTES_MAX: Final = 4_000_000
WRITE_AFTER_S: Final = 5.0

_log: Final = logging.getLogger(__name__)


def path_beside(spool: Path) -> Path:
    """Return where it lies for a spool."""
    return spool.with_name(spool.name + ".learned.json")


class LearnedStore:
    """Keeps `Learned` by device.

    Args:
        path: the file; None keeps nothing beyond this run.
        write_after_s: how long to wait for more before writing.
    """

    def __init__(self, path: Path | None = None, *, write_after_s: float = WRITE_AFTER_S) -> None:
        self._path = path
        self._write_after_s = write_after_s
        self._kept: dict[str, Any] = _load(path) if path is not None else {}
        self._writing: asyncio.Task[None] | None = None
        self._failed = False

    def learned(self, device: str, identity: str) -> Learned:
        """Return what is known of a device; of others of its identity if nothing of itself."""
        own = self._kept.get(device)
        if own is not None and own.get("identity") == identity:
            return _learned(own)
        for plain in self._kept.values():
            if plain.get("identity") == identity:
                return _learned(plain)
        return Learned(identity)

    def keep(self, device: str, learned: Learned) -> None:
        """Keep what is known of a device; it is written a little later."""
        plain = _plain(learned)
        if learned.is_empty:
            if self._kept.pop(device, None) is None:
                return
        elif self._kept.get(device) == plain:
            return
        else:
            self._kept[device] = plain
        if self._path is not None and self._writing is None:
            self._writing = asyncio.get_running_loop().create_task(self._write_later())

    async def _write_later(self) -> None:
        try:
            await asyncio.sleep(self._write_after_s)
        finally:
            self._writing = None
        assert self._path is not None, "nothing is written without a path"
        data = orjson.dumps({"version": VERSION, "devices": self._kept}, option=orjson.OPT_INDENT_2)
        try:
            await asyncio.to_thread(write_whole, self._path, data)
        except OSError as error:
            if not self._failed:
                _log.warning("cannot keep what devices refuse in %s: %s", self._path, error)
            self._failed = True
        else:
            self._failed = False


def _load(path: Path) -> dict[str, Any]:
    try:
        return _devices(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        _log.warning("%s is begun anew: %s", path, error)
        return {}


def _devices(data: bytes) -> dict[str, Any]:
    if len(data) > BYTES_MAX:
        raise ValueError("it is too large")
    document = orjson.loads(data)
    if document["version"] != VERSION:
        raise ValueError("it is of another version")
    devices: dict[str, Any] = document["devices"]
    for plain in devices.values():
        _learned(plain)
    return devices


def _plain(learned: Learned) -> dict[str, Any]:
    return {
        "identity": learned.identity,
        "words": [learned.words.answered, learned.words.refused],
        "bits": [learned.bits.answered, learned.bits.refused],
        "refused": [[str(one.table), one.first, one.last] for one in learned.refused],
    }


def _learned(plain: dict[str, Any]) -> Learned:
    """Raises ValueError, KeyError or TypeError for what is no such thing."""
    learned = Learned(_text(plain["identity"]))
    learned.words = _size(plain["words"])
    learned.bits = _size(plain["bits"])
    ranges = plain["refused"]
    if len(ranges) > RANGES_MAX:
        raise ValueError("too many ranges")
    learned.refused = tuple(
        AddressRange(Table(table), _count(first), _count(last)) for table, first, last in ranges
    )
    return learned


def _size(plain: Any) -> Size:
    answered, refused = plain
    return Size(_count(answered), None if refused is None else max(_count(refused), 1))


def _count(plain: Any) -> int:
    if not isinstance(plain, int) or not 0 <= plain <= 0xFFFF:
        raise ValueError(f"{plain!r} is no address or count")
    return plain


def _text(plain: Any) -> str:
    if not isinstance(plain, str):
        raise TypeError(f"{plain!r} is no text")
    return plain
