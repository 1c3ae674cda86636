"""Frames → InfluxDB line protocol, a column at a time.

    gas,area=r1,building=b1,device=g-1,gateway=gw-1,profile=p,school=s nh3=4.2,seq=7i 178…

One line a sample. A bad value's field is left out and `<point>_q=<code>i` says why; an uncertain
value has both. The text before the fields is made once per device; numbers are written by orjson, a
whole column in one call.

What line protocol cannot carry in a tag becomes what looks like it: a backslash would change the
meaning of what follows it and becomes U+FF3C, control characters become their pictures (U+2400 and
on). No id of the wire's contract holds either.

Source: InfluxDB 1.8 documentation, "Line protocol reference": escaping of tags, data types.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
import orjson
from numpy.typing import NDArray

from campus_wire.quality import Grade, grade
from controller.errors import StoreRejectedError
from controller.frames import DeviceInfo, Frame, IntArray, PointInfo

SEQ_FIELD: Final = "seq"
QUALITY_SUFFIX: Final = "_q"
TAGS: Final = ("area", "building", "device", "gateway", "profile", "school")
"""Sorted, as InfluxDB sorts them for its own keys."""

_KEY_BYTES_MAX: Final = 60_000
"""InfluxDB refuses a series key over 65,535 bytes, which also holds the field's name."""
_DEVICES_MAX: Final = 500_000
_CACHES_MAX: Final = 16_384
_TAKEN: Final = frozenset({SEQ_FIELD, "time", *TAGS})
_PICTURES: Final = {**{code: 0x2400 + code for code in range(32)}, 127: 0x2421, ord("\\"): 0xFF3C}
_ESCAPES: Final = {ord(character): f"\\{character}" for character in ", ="}
_MEASUREMENT_ESCAPES: Final = {key: _ESCAPES[key] for key in map(ord, ", ")}
_TAG: Final = _PICTURES | _ESCAPES


class LineEncoder:
    """Encodes frames; remembers what is the same in every line of a device."""

    def __init__(self) -> None:
        # By identity: all frames of a catalog share one tuple of devices (`controller.frames`).
        self._prefixes: dict[int, tuple[tuple[DeviceInfo, ...], list[str | None]]] = {}
        self._held_devices = 0
        self._templates: dict[int, tuple[tuple[PointInfo, ...], str, list[str]]] = {}
        # Frames of the same devices in the same order mostly share the array that says so.
        self._rows: dict[int, tuple[IntArray, tuple[DeviceInfo, ...], list[str]]] = {}

    def encode(self, frame: Frame) -> list[str]:
        """Return one line per sample, in the frame's order, without line ends.

        Raises:
            StoreRejectedError: a device's tags are too long for a series key.
        """
        if not frame.sample_count:
            return []
        prefixes = self._device_prefixes(frame)
        template, names = self._template(frame.points)
        columns = [_texts(column) for column in frame.values]
        seqs, times = _texts(frame.seq), _texts(frame.time_ns)
        lines = list(map(template.__mod__, zip(prefixes, *columns, seqs, times, strict=True)))
        if frame.qualities is not None:
            for row in np.flatnonzero(frame.qualities.any(axis=0)).tolist():
                codes = frame.qualities[:, row].tolist()
                fields = map(_flawed, names, [column[row] for column in columns], codes)
                ending = f"{SEQ_FIELD}={seqs[row]}i {times[row]}"
                lines[row] = f"{prefixes[row]}{''.join(fields)}{ending}"
        return lines

    def _device_prefixes(self, frame: Frame) -> list[str]:
        cached = self._rows.get(id(frame.device_row))
        if cached is not None and cached[0] is frame.device_row and cached[1] is frame.devices:
            return cached[2]
        if len(self._rows) >= _CACHES_MAX:
            self._rows.clear()
        found = self._make_prefixes(frame)
        self._rows[id(frame.device_row)] = (frame.device_row, frame.devices, found)
        return found

    def _make_prefixes(self, frame: Frame) -> list[str]:
        key = id(frame.devices)
        if key not in self._prefixes:
            self._held_devices += len(frame.devices)
            if self._held_devices > _DEVICES_MAX:
                self._prefixes.clear()
                self._held_devices = len(frame.devices)
            self._prefixes[key] = (frame.devices, [None] * len(frame.devices))
        devices, known = self._prefixes[key]
        found = []
        for row in frame.device_row.tolist():
            prefix = known[row]
            if prefix is None:
                prefix = known[row] = series_key(devices[row]) + " "
            found.append(prefix)
        return found

    def _template(self, points: tuple[PointInfo, ...]) -> tuple[str, list[str]]:
        key = id(points)
        if key not in self._templates:
            if len(self._templates) >= _CACHES_MAX:
                self._templates.clear()
            names = [field_key(point.name) for point in points]
            fields = "".join(f"{name.replace('%', '%%')}=%s," for name in names)
            self._templates[key] = (points, f"%s{fields}{SEQ_FIELD}=%si %s", names)
        _, template, names = self._templates[key]
        return template, names


def _texts(column: NDArray[np.int64] | NDArray[np.float64]) -> list[str]:
    text = orjson.dumps(np.ascontiguousarray(column), option=orjson.OPT_SERIALIZE_NUMPY)
    return text[1:-1].decode().split(",")


def _flawed(name: str, text: str, code: int) -> str:
    reason = f"{name}{QUALITY_SUFFIX}={code}i," if code else ""
    return reason if grade(code) is Grade.BAD else f"{name}={text},{reason}"


def series_key(device: DeviceInfo) -> str:
    """Return measurement and tags of a device, escaped; empty tags are left out.

    Raises:
        StoreRejectedError: it is too long for InfluxDB.
    """
    tags = ((tag, getattr(device, tag)) for tag in TAGS)
    pairs = "".join(f",{tag}={value.translate(_TAG)}" for tag, value in tags if value)
    key = measurement(device.category) + pairs
    if len(key.encode()) > _KEY_BYTES_MAX:
        raise StoreRejectedError("store_rejected", f"the tags of {device.device[:64]} are too long")
    return key


def measurement(category: str) -> str:
    """Return a category as a measurement, escaped; a leading # would begin a comment."""
    return stored_measurement(category).translate(_MEASUREMENT_ESCAPES)


def stored_measurement(category: str) -> str:
    """Return what a category is called in the store, unescaped."""
    text = category.translate(_PICTURES)
    return f"＃{text[1:]}" if text.startswith("#") else text


def stored_tag(value: str) -> str:
    """Return what a tag's value is in the store, unescaped."""
    return value.translate(_PICTURES)


def field_key(point: str) -> str:
    """Return a point's name as a field key, escaped."""
    return stored_field(point).translate(_TAG)


def stored_field(point: str) -> str:
    """Return what a point is called in the store, unescaped.

    Names of our own columns get an underscore at the end, and names that look so get one more.
    """
    text = point.translate(_PICTURES)
    bare = text.rstrip("_")
    return f"{text}_" if bare in _TAKEN or bare.endswith(QUALITY_SUFFIX) else text


def bodies(lines: Sequence[str], *, bytes_max: int) -> Iterator[Sequence[str]]:
    """Cut lines into groups of at most so many bytes (one longer line is a group of its own).

    A character counts as one byte, which names in Chinese exceed; leave some room.
    """
    if lines and sum(map(len, lines)) + len(lines) <= bytes_max:  # nearly always, and far cheaper
        yield lines
        return
    group: list[str] = []
    size = 0
    for line in lines:
        if group and size + len(line) >= bytes_max:
            yield group
            group, size = [], 0
        group.append(line)
        size += len(line) + 1
    if group:
        yield group
