"""Values into writes, within what the profile allows."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType
from typing import Final

from device_profiles.combining import factor_of
from device_profiles.curves import Curve, Polynomial, Scaling, scaling_of
from device_profiles.errors import WriteRefusedError
from device_profiles.model import ModbusProfile, Profile
from device_profiles.model_modbus import Location, ModbusPoint, ModbusRead, ModbusWrite
from device_profiles.model_point import Point, WriteLimits
from device_profiles.registers import DataType, is_float, struct_code
from device_profiles.scaling import Linear, exact
from device_profiles.write_request import WriteRequest, encode_integer, lay

_FINENESS: Final = {
    DataType.FLOAT16: 2.0**-10,
    DataType.FLOAT32: 2.0**-22,
    DataType.FLOAT64: 2.0**-22,
}
"""The step between neighbouring floats, next to their size; twice that of 32 bits for a device that
computes in 32 bits what it shows in 64."""
_NONE: Final[Mapping[str, float]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class ReadBack:
    """How to see whether a write took effect."""

    point: str
    tolerance: float
    """How far the value read may be from the one written, in the point's unit."""
    after_s: float


def plan_write(
    profile: ModbusProfile, point: ModbusPoint, value: float, *, known: Mapping[str, float] = _NONE
) -> WriteRequest:
    """Return the write that gives a point a value; see `WriteRequest.reads_first`.

    Args:
        profile: of the device.
        point: one of that profile.
        value: in the point's unit.
        known: the values of the points that `write_factors` names, by name.

    Raises:
        WriteRefusedError: the profile does not allow it, or a factor is not known.
    """
    write = allowed_write(profile, point, value)
    assert isinstance(write, ModbusWrite), f"{point.name} is written over Modbus"
    place = profile.write_location(point)
    pattern = _named_pattern(point, write, place, value)
    if pattern is None:
        raw = _raw_of(point, write, place, value, known)
        pattern = _pattern(point, place, raw)
    values, kept = lay(place, pattern, write.rest)
    return WriteRequest(
        write.function,
        place.address,
        values,
        page=place.page,
        unlock=write.unlock,
        then=write.then,
        kept=kept,
    )


def write_factors(point: ModbusPoint) -> tuple[str, ...]:
    """Return the points whose values are needed to turn a value of this one into a raw number."""
    if point.write is None or point.read is None or point.write.scales_itself:
        return ()
    return point.read.factors


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


def plan_read_back(
    profile: ModbusProfile, point: ModbusPoint, *, known: Mapping[str, float] = _NONE
) -> ReadBack | None:
    """Return how to read back a writable point, or None when nothing shows its value.

    `known` is as for `plan_write`.
    """
    write = point.write
    shown_by = read_back_point(point)
    if write is None or shown_by is None:
        return None
    place = profile.write_location(point)
    shown = profile.find(shown_by)
    if shown is None or place.table.holds_bits:
        return ReadBack(shown_by, 0.0, write.read_back_after_s)
    steps = [_write_step(point, place, known)]
    if shown.read is not None and shown.read.decimal is None:
        # what a register of floats shows is as fine as what was written
        fine = is_float(shown.read.raw_type) and not shown.read.factors
        steps.append(
            _float_step(point, shown.read.raw_type) if fine else _read_step(shown.read, known)
        )
    return ReadBack(shown_by, max(steps) / 2, write.read_back_after_s)


def _write_step(point: ModbusPoint, place: Location, known: Mapping[str, float]) -> float:
    assert point.write is not None, f"{point.name} cannot be written"
    if is_float(place.data_type):
        return max(_float_step(point, place.data_type), point.write.step or 0.0)
    if point.write.scales_itself or point.read is None:
        return abs(place.scale)
    return _read_step(point.read, known)


def _float_step(point: ModbusPoint, data_type: DataType) -> float:
    """Return how fine the largest value that may be written can be said."""
    write = point.write
    limits = [*point.states] if write is None else [write.minimum, write.maximum, *point.states]
    largest = max((abs(limit) for limit in limits if limit is not None), default=1.0)
    return max(largest * _FINENESS[data_type], 2e-6)


def _read_step(read: ModbusRead, known: Mapping[str, float]) -> float:
    """Return by how much the value changes, at most, where the raw number changes by one."""
    scaling = scaling_of(read.scale, read.offset, polynomial=read.polynomial, curve=read.curve)
    step = abs(read.scale)
    if isinstance(scaling, Curve):
        step = max(abs(line.a / line.c) for line in scaling.lines)
    elif isinstance(scaling, Polynomial):
        step = abs(scaling.coefficients[-2] / scaling.c)
    elif read.polynomial is not None:
        step = abs(read.polynomial[1])
    factor = _factor(read, known)
    return step if factor is None else step * abs(float(factor))


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


def _named_pattern(
    point: ModbusPoint, write: ModbusWrite, place: Location, value: float
) -> int | None:
    """Return the raw number that the profile names for a value; None where it is to be scaled."""
    if value in write.values:
        return write.values[int(value)]
    read = point.read
    if read is None or not read.values or write.scales_itself or write.data_type is not None:
        return None
    if read.input_type.holds_bits != place.table.holds_bits or place.bit != read.bit:
        return None
    for raw, number in read.values.items():
        if number == value:
            return raw % (1 << place.width)
    if read.other_values == "scaled":
        return None
    raise _refused("unrepresentable", point, f"no raw number means {value:g}")


def _raw_of(
    point: ModbusPoint,
    write: ModbusWrite,
    place: Location,
    value: float,
    known: Mapping[str, float],
) -> Fraction:
    """Return the raw number of a value, a whole one but for floats."""
    scaling: Scaling = Linear.of(place.scale, place.offset)
    factor = None
    if point.read is not None and not write.scales_itself:
        read = point.read
        scaling = scaling_of(read.scale, read.offset, polynomial=read.polynomial, curve=read.curve)
        if read.factors:
            factor = _factor(read, known)
            if not factor:
                names = " and ".join(read.factors)
                raise _refused("factor_unknown", point, f"needs the values of {names}")
    assert not isinstance(scaling, Polynomial), "the model refuses to turn polynomials round"
    raw = scaling.raw_of(value if factor is None else exact(value) / factor)
    if raw is None:
        raise _refused("unrepresentable", point, f"{value:g} is not on the curve")
    if is_float(place.data_type) or raw.denominator == 1:
        return raw
    if write.step is not None or isinstance(scaling, Curve):
        # the profile says which values there are; the nearest raw number stands for each
        return Fraction(round(raw))
    step = abs(Fraction(scaling.a, scaling.c) * (factor or Fraction(1)))
    message = f"{value:g} is no whole number of steps of {float(step):g} {point.unit}".rstrip()
    raise _refused("off_step", point, message)


def _factor(read: ModbusRead, known: Mapping[str, float]) -> Fraction | None:
    values = [known[name] for name in read.factors if name in known]
    return factor_of(read)(values) if len(values) == len(read.factors) else None


def _pattern(point: ModbusPoint, place: Location, raw: Fraction) -> int:
    """Return the bits of a raw number as an unsigned number."""
    if place.table.holds_bits:
        if raw not in (0, 1):
            raise _refused("unrepresentable", point, f"{float(raw):g} is not one bit")
        return int(raw)
    if is_float(place.data_type):
        try:
            packed = struct.pack(f">{struct_code(place.data_type)}", float(raw))
        except OverflowError:
            raise _refused("unrepresentable", point, f"{float(raw):g} is too large") from None
        return int.from_bytes(packed, "big")
    pattern = encode_integer(place, int(raw))
    if pattern is None:
        coding = place.encoding or place.data_type
        raise _refused("unrepresentable", point, f"{int(raw)} is no {coding} of {place.width} bits")
    return pattern


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
    "write_factors",
]
