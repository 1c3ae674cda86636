"""The names of other points that a point uses, replaced.

Inside a group, `voltage` is that of the same instance: `phase_2_voltage`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeVar

from device_profiles.copies import copied
from device_profiles.model_compute import Compute
from device_profiles.model_point import Point, WriteLimits
from device_profiles.references import inputs_of

P = TypeVar("P", bound=Point)

_SEVERAL: Final = ("multiplier", "divisor")
"""Keys of `read` that name points, as `scale_factor` names one; MQTT has none of them."""


def renamed(point: P, names: Mapping[str, str]) -> P:
    """Return the point with the names it uses replaced by others; its own name stays."""
    changes: dict[str, object] = {}
    if any(name in names for name in inputs_of(point)):
        changes |= _inputs_renamed(point, names)
    if point.write is not None:
        write = _write_renamed(point.write, names)
        if write is not point.write:
            changes["write"] = write
    return copied(point, changes) if changes else point


def _inputs_renamed(point: Point, names: Mapping[str, str]) -> dict[str, object]:
    if point.compute is not None:
        return {"compute": _compute_renamed(point.compute, names)}
    read = point.read
    assert read is not None
    factor = getattr(read, "scale_factor", None)
    changes: dict[str, object] = {"scale_factor": names.get(factor or "", factor)}
    for key in _SEVERAL:
        changes[key] = tuple(names.get(name, name) for name in getattr(read, key))
    return {"read": copied(read, changes)}


def _compute_renamed(compute: Compute, names: Mapping[str, str]) -> Compute:
    terms = tuple(
        copied(term, {"point": names.get(term.point, term.point)}) for term in compute.terms
    )
    return copied(compute, {compute.operation.value: terms})


def _write_renamed(write: WriteLimits, names: Mapping[str, str]) -> WriteLimits:
    changes: dict[str, object] = {}
    if write.read_back is not None and write.read_back in names:
        changes["read_back"] = names[write.read_back]
    if any(name in names for name in write.also_writes):
        changes["also_writes"] = tuple(names.get(name, name) for name in write.also_writes)
    return copied(write, changes) if changes else write
