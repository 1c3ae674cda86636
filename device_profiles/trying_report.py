"""An outcome of trying as JSON has it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from campus_wire.catalog import Label
from device_profiles.model import ModbusProfile, MqttProfile
from device_profiles.model_point import Point
from device_profiles.trying import Origin, Outcome, Tried


def plain_outcome(profile: ModbusProfile | MqttProfile, outcome: Outcome) -> dict[str, Any]:
    """Return everything that was decoded, and what was not and why."""
    times = {one.time_ns for one in outcome.values} | {one[2] for one in outcome.texts}
    [said] = times if len(times) == 1 else [None]
    return {
        "profile": profile.id,
        "protocol": profile.protocol,
        "time": None if said is None else iso_time(said),
        "readings": [_plain_value(profile.find(one.point), one) for one in outcome.values],
        "texts": [_plain_text(*one) for one in outcome.texts],
        "undecoded": [{"point": one.point, "reason": one.reason} for one in outcome.undecoded],
        "notes": list(outcome.notes),
    }


def _plain_value(point: Point | None, tried: Tried) -> dict[str, Any]:
    assert point is not None, "only points of the profile are decoded"
    plain: dict[str, Any] = {
        "point": tried.point,
        "labels": {"zh": point.labels.zh, "en": point.labels.en},
        "value": tried.value,
        "unit": point.unit,
        "quality": tried.quality.name.lower(),
    }
    if tried.value is not None and point.states:
        state = point.states.get(int(tried.value))
        plain["state"] = None if state is None else {"zh": state.zh, "en": state.en}
    if tried.value is not None and point.flags:
        plain["flags"] = _flags(int(tried.value), point.flags)
    if point.hidden:
        plain["hidden"] = True
    if tried.origin is not None:
        plain["from"] = _plain_origin(tried.origin)
    if tried.time_ns is not None:
        plain["time"] = iso_time(tried.time_ns)
    if tried.is_history:
        plain["history"] = True
    return plain


def _flags(number: int, flags: Mapping[int, Label]) -> list[dict[str, Any]]:
    return [
        {"bit": bit, "zh": label.zh, "en": label.en}
        for bit, label in flags.items()
        if number >> bit & 1
    ]


def _plain_origin(origin: Origin) -> dict[str, Any]:
    bits = origin.table in ("coil", "discrete")
    return {
        "table": origin.table,
        "wire_address": origin.wire_address,
        "printed_address": origin.printed_address,
        "raw": [str(word) if bits else f"{word:04X}" for word in origin.raw],
    }


def _plain_text(point: str, text: str, time_ns: int | None) -> dict[str, Any]:
    plain: dict[str, Any] = {"point": point, "text": text}
    if time_ns is not None:
        plain["time"] = iso_time(time_ns)
    return plain


def iso_time(time_ns: int) -> str:
    """Return a time as ISO 8601 in UTC, with milliseconds."""
    moment = datetime.fromtimestamp(time_ns / 1e9, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
