"""Values into writes, within what the profile allows."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from device_profiles.errors import WriteRefusedError
from device_profiles.model import ModbusProfile, Profile
from device_profiles.model_modbus import Location, ModbusPoint, Table
from device_profiles.model_point import Point, WriteLimits
from device_profiles.registers import integer_range, is_float, positions, struct_code
from device_profiles.scaling import Linear, exact


@dataclass(frozen=True, slots=True)
class WriteRequest:
    """One write."""

    function: int
    """5 or 15 for coils, 6 or 16 for holding registers."""
    address: int
    """On the wire."""
    values: tuple[int, ...]
    """Registers, or bits as 0 and 1 (function 5 sends 1 as FF00)."""

    @property
    def table(self) -> Table:
        """The table written to."""
        return Table.COIL if self.function in (5, 15) else Table.HOLDING


@dataclass(frozen=True, slots=True)
class ReadBack:
    """How to see whether a write took effect."""

    point: str
    tolerance: float
    """How far the value read may be from the one written, in the point's unit."""
    after_s: float


def plan_write(profile: ModbusProfile, point: ModbusPoint, value: float) -> WriteRequest:
    """Return the write that gives a point a value.

    Raises:
        WriteRefusedError: the profile does not allow it.
    """
    write = allowed_write(profile, point, value)
    place = profile.write_location(point)
    if write.step is None and not is_float(place.data_type):
        _check_step(point, value, abs(place.scale), exact(place.offset))
    function = point.write.function if point.write is not None else 0
    return WriteRequest(function, place.address, _encode(point, place, value))


def allowed_write(profile: Profile, point: Point, value: float) -> WriteLimits:
    """Return the limits of a point after checking a value against them.

    Raises:
        WriteRefusedError: the point is read-only, or the value is not allowed.
    """
    if profile.points_by_name.get(point.name) is not point:
        meant = f"{profile.id} has no point {point.name}"
        raise WriteRefusedError("unknown_point", meant, place=profile.id)
    write = point.write
    if write is None:
        raise _refused("read_only", point, "cannot be written")
    if not math.isfinite(value):
        raise _refused("not_finite", point, f"{value} is no number")
    if point.states and value not in point.states:
        known = ", ".join(f"{state} ({label.en})" for state, label in point.states.items())
        raise _refused("not_a_state", point, f"{value:g} is no state", remedy=f"one of {known}")
    if write.minimum is not None and value < write.minimum:
        message = f"{value:g} is below {write.minimum:g} {point.unit}"
        raise _refused("below_minimum", point, message)
    if write.maximum is not None and value > write.maximum:
        message = f"{value:g} is above {write.maximum:g} {point.unit}"
        raise _refused("above_maximum", point, message)
    if write.step is not None:
        origin = 0.0 if write.minimum is None else write.minimum
        _check_step(point, value, write.step, exact(origin))
    return write


def plan_read_back(profile: ModbusProfile, point: ModbusPoint) -> ReadBack | None:
    """Return how to read back a writable point, or None when nothing shows its value."""
    write = point.write
    shown_by = read_back_point(point)
    if write is None or shown_by is None:
        return None
    place = profile.write_location(point)
    tolerance = 1e-6 if is_float(place.data_type) else 0.0
    shown = profile.find(shown_by)
    if shown is not None and not place.table.holds_bits:
        scales = (place.scale, profile.read_location(shown).scale)
        tolerance = max(tolerance, max(map(abs, scales)) / 2)
    return ReadBack(shown_by, tolerance, write.read_back_after_s)


def read_back_point(point: Point) -> str | None:
    """Return the point that shows what was written to `point`, or None."""
    if point.write is None:
        return None
    if point.write.read_back is not None:
        return point.write.read_back
    return point.name if point.is_readable else None


def moved_together(points: Iterable[Point], name: str) -> tuple[str, ...]:
    """Return the points that share an output with `name`, itself among them."""
    reach = {
        point.name: {point.name, *(point.write.also_writes if point.write is not None else ())}
        for point in points
    }
    own = reach.get(name, {name})
    return tuple(other for other, reached in reach.items() if own & reached)


def _check_step(point: Point, value: float, step: float, origin: Fraction) -> None:
    if (exact(value) - origin) % exact(step):
        message = f"{value:g} is no whole number of steps of {step:g} {point.unit}".rstrip()
        raise _refused("off_step", point, message)


def _encode(point: ModbusPoint, place: Location, value: float) -> tuple[int, ...]:
    raw = Linear.of(place.scale, place.offset).raw_of(value)
    if place.table.holds_bits:
        if raw not in (0, 1):
            raise _refused("unrepresentable", point, f"{value:g} is not one bit")
        return (int(raw),)
    registers = _pack(point, place, raw)
    letters = positions(place.byte_order)
    travelling = bytearray(len(letters))
    for byte, position in zip(registers, letters, strict=True):
        travelling[position] = byte
    return struct.unpack(f">{place.count}H", travelling)


def _pack(point: ModbusPoint, place: Location, raw: Fraction) -> bytes:
    """Return the bytes of a raw value, the most significant first."""
    code = f">{struct_code(place.data_type)}"
    if is_float(place.data_type):
        try:
            return struct.pack(code, float(raw))
        except OverflowError:
            raise _refused("unrepresentable", point, f"{float(raw):g} is too large") from None
    low, high = integer_range(place.data_type)
    if raw.denominator != 1 or not low <= raw <= high:
        message = f"{float(raw):g} is no {place.data_type}"
        raise _refused("unrepresentable", point, message)
    return struct.pack(code, int(raw))


def _refused(reason: str, point: Point, message: str, *, remedy: str = "") -> WriteRefusedError:
    return WriteRefusedError(reason, message.rstrip(), place=point.name, remedy=remedy)


__all__ = [
    "ReadBack",
    "WriteRequest",
    "allowed_write",
    "moved_together",
    "plan_read_back",
    "plan_write",
    "read_back_point",
]
