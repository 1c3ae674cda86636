"""Values as texts: JSON, cells, pairs, lines, patterns, numbers with units, hexadecimal, base64."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from device_profiles.model_message import Step
from firmware_sims.errors import UnsupportedPointError
from firmware_sims.mqtt.clock_text import time_raw
from firmware_sims.mqtt.meaning import Raw

_DECIMALS = 9


def plain(value: object) -> str:
    """A single value as text; nothing is empty text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(int(value)) if value == int(value) else repr(value)
    return value if isinstance(value, str) else str(value)


def json_text(value: object) -> str:
    """A value as compact JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def as_bytes(value: object, charset: str = "utf-8") -> bytes:
    """A payload, or what bytes are written of."""
    return value if isinstance(value, bytes) else plain(value).encode(charset)


@dataclass(frozen=True)
class TextNotation:
    """A notation that keeps every value as it is.

    Args:
        write: the value in the notation.
    """

    write: Callable[[object], object]

    def encode(self, value: object) -> tuple[object, Mapping[str, Raw] | None]:
        """The value written so."""
        return self.write(value), None


def notation_of(step: Step) -> TextNotation:
    """How a step's notation is written.

    Raises:
        UnsupportedPointError: it is not known here.
    """
    writers: Mapping[str, Callable[[object], object]] = {
        "json": json_text,
        "text": as_bytes,
        "base64": lambda value: base64.b64encode(as_bytes(value)).decode(),
        "hex": lambda value: as_bytes(value).hex().upper(),
        "lines": lambda value: "\n".join(plain(one) for one in _items(value)),
        "hex_number": lambda value: f"{int(str(value)):04X}",
        "csv": lambda value: _cells(value, step.separator or ",", step.columns),
        "key_value": lambda value: _pairs(value, step.separator or ";", step.assign or "="),
        "number": lambda value: _number(value, step),
        "pattern": lambda value: _pattern(value, step.pattern or ""),
        "time": lambda value: _time(value, step),
    }
    if step.to not in writers:
        raise UnsupportedPointError("notation", f"{step.to} cannot be written")
    return TextNotation(writers[step.to])


def format_of(name: str) -> TextNotation | None:
    """How a payload of a format is written; None is as it is."""
    if name in ("text", "bytes"):
        return None
    return notation_of(Step.model_validate({"as": name}))


def _items(value: object) -> Sequence[object]:
    if isinstance(value, list):
        return value
    return list(value.values()) if isinstance(value, dict) else [value]


def _cells(value: object, separator: str, columns: Sequence[str]) -> str:
    if isinstance(value, dict) and columns:
        return separator.join(plain(value.get(name)) for name in columns)
    return separator.join(plain(one) for one in _items(value))


def _pairs(value: object, separator: str, assign: str) -> str:
    if not isinstance(value, dict):
        raise UnsupportedPointError("notation", "key_value needs names")
    return separator.join(f"{name}{assign}{plain(one)}" for name, one in value.items())


def _number(value: object, step: Step) -> str:
    unit = next((name for name, factor in step.units.items() if factor == 1), None)
    factor = 1.0
    if unit is None and step.units:
        unit, factor = next(iter(step.units.items()))
    if value is None:
        return ""
    number = round(float(str(value)) / factor, _DECIMALS)
    text = plain(number)
    if step.decimal == "comma":
        text = text.replace(".", ",")
    return text if unit is None else f"{text} {unit}"


def _pattern(value: object, pattern: str) -> str:
    items = list(_items(value))
    names = value if isinstance(value, dict) else {}
    parts = []
    for part in pattern.split("{"):
        if not parts:
            parts.append(part)
            continue
        name, _, after = part.partition("}")
        given = "x" if name == "_" else plain(names[name] if name else items.pop(0))
        parts.append(given + after)
    return "".join(parts)


def _time(value: object, step: Step) -> object:
    if value is None:
        return None
    return time_raw(int(float(str(value)) * 1_000_000_000), step.format, step.utc_offset)
