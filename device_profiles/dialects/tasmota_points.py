"""The points of a Tasmota device: sensors, state and outputs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from device_profiles.dialects.documents import number, text
from device_profiles.dialects.naming import path
from device_profiles.dialects.points import Draft, Part, Points, said_by
from device_profiles.dialects.tasmota_keys import (
    BADGE_READERS,
    CATEGORIES,
    KEYS,
    NOT_QUANTITIES,
    SENSORS,
    STATE_KEYS,
    Key,
)
from device_profiles.dialects.words import snake

_NUMBERED: Final = re.compile(r"(?P<sensor>.+?)[-_](?P<index>\d{1,2})")
_SHUTTER: Final = re.compile(r"Shutter(\d{1,2})")
_DEPTH_MAX: Final = 4
_RELAY: Final = {"zh": "继电器", "en": "relay"}

Steps = tuple[str | int, ...]


def add_sensors(points: Points, document: dict[str, Any], *, command: str) -> None:
    """Add what `tele/…/SENSOR` says."""
    for sensor, said in document.items():
        shutter = _SHUTTER.fullmatch(sensor)
        if shutter is not None and isinstance(said, dict) and "Position" in said:
            write = {"topic": f"{command}ShutterPosition{shutter[1]}", "template": "$value"}
            _add_level(points, "position", {"path": f"{sensor}.Position"}, write, shutter[1])
            continue
        if sensor in NOT_QUANTITIES:
            continue
        if isinstance(said, dict):
            _add_sensor(points, sensor, said, document)
        elif number(said) is not None:
            points.number(Draft(sensor, _at((sensor,))))
        elif sensor.startswith("Switch") and said in ("ON", "OFF"):
            points.binary(Draft(sensor, _at((sensor,)), name=snake(sensor)), on="ON", off="OFF")


def _add_sensor(
    points: Points, sensor: str, said: dict[str, Any], document: dict[str, Any]
) -> None:
    match = _NUMBERED.fullmatch(sensor)
    kind = sensor if sensor in SENSORS or match is None else match["sensor"]
    probe = text(said.get("Id"))
    root = _probe_path(kind, probe) if match is not None and probe else path(sensor)
    for steps, value in _leaves(said, ()):
        key = ".".join(str(step) for step in steps if isinstance(step, str))
        known = SENSORS.get(kind, {}).get(key) or KEYS.get(key)
        rest = path(*steps)
        if root is None or rest is None or (key in NOT_QUANTITIES and known is None):
            continue
        where = f"{root}.{rest}" if not rest.startswith("[") else root + rest
        phases = [step for step in steps if isinstance(step, int)]
        channel = f"L{phases[0] + 1}" if phases and kind == "ENERGY" else _joined(phases)
        if not channel and probe and match is not None:
            channel = probe
        draft = Draft(
            (known.quantity if known else key),
            {"path": where},
            channel=channel,
            apart=sensor,
            unit=_unit(known, document),
            category=CATEGORIES.get(kind, ""),
            labels={"zh": known.zh, "en": known.en} if known and known.zh else {},
        )
        _add(points, draft, value, is_badge=kind in BADGE_READERS)


def _add(points: Points, draft: Draft, value: object, *, is_badge: bool) -> None:
    if is_badge or (isinstance(value, str) and number_of(value) is None):
        points.text(draft, on_change=not is_badge)  # the same badge twice is two events
    else:
        points.number(draft)


def number_of(value: object) -> float | None:
    """Return a number, also one that is written as text."""
    if isinstance(value, str) and re.fullmatch(r"[+-]?\d+(\.\d+)?", value):
        return float(value)
    return number(value)


def _probe_path(kind: str, probe: str) -> str | None:
    # the keys number the probes anew when one is added: only the id stays
    if re.fullmatch(r"[0-9A-Fa-f]+", probe) and re.fullmatch(r"[A-Za-z0-9_]+", kind):
        return f"{kind}*[Id={probe}]"
    return None


def _leaves(value: Any, steps: Steps) -> Iterator[tuple[Steps, Any]]:
    if len(steps) > _DEPTH_MAX:
        return
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(inner, (*steps, key))
    elif isinstance(value, list):
        for at, inner in enumerate(value[:16]):
            yield from _leaves(inner, (*steps, at))
    elif value is not None:
        yield steps, value


def _unit(known: Key | None, document: dict[str, Any]) -> str | None:
    if known is None:
        return None
    if known.unit == "TempUnit":
        return {"F": "°F", "K": "K"}.get(text(document.get("TempUnit")), "°C")
    if known.unit == "PressureUnit":
        return text(document.get("PressureUnit"), "hPa")
    return known.unit


def _joined(positions: list[int]) -> str:
    return "_".join(str(position + 1) for position in positions)


def _at(steps: Steps) -> Part | None:
    where = path(*steps)
    return {"path": where} if where is not None else None


def add_state(
    points: Points, document: dict[str, Any], *, tele: str, stat: str, command: str
) -> None:
    """Add what `tele/…/STATE` says beside the outputs."""
    if number(document.get("Dimmer")) is not None:
        read = said_by(
            {"topic": f"{tele}STATE", "path": "Dimmer"},
            {"topic": f"{stat}RESULT", "path": "Dimmer"},
        )
        write = {"topic": f"{command}Dimmer", "template": "$value"}
        _add_level(points, "brightness", read, write, "")
    for steps, value in _leaves(document, ()):
        key = ".".join(map(str, steps))
        known = STATE_KEYS.get(key)
        if known is not None and number(value) is not None:
            labels = {"zh": known.zh, "en": known.en} if known.zh else {}
            read = {"topic": f"{tele}STATE", "path": path(*steps)}
            points.number(Draft(known.quantity, read, unit=known.unit, labels=labels, slow=True))


def _add_level(points: Points, key: str, read: Part, write: Part, number_of: str) -> None:
    """Add what is set in percent."""
    limits = {"minimum": 0.0, "maximum": 100.0, "step": 1.0}
    channel = "" if number_of == "1" else number_of
    points.number(Draft(key, read, {**write, **limits}, channel, unit="%"))


def add_switches(
    points: Points, name: str, words: tuple[str, str], *, command: str, stat: str, tele: str
) -> None:
    """Add a relay or light, by its name in messages: POWER or POWER1 and so on."""
    off, on = words
    read = said_by(
        {"topic": f"{stat}RESULT", "path": name},
        {"topic": f"{stat}{name}"},
        {"topic": f"{tele}STATE", "path": name},
    )
    write: Part = {"topic": f"{command}{name}", "template": "$value"}
    draft = Draft(
        "relay", read, write, channel=name[5:], name="relay", category="relay", labels=_RELAY
    )
    points.binary(draft, on=on, off=off)
