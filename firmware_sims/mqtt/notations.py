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
from firmware_sims.mqtt.tree import Node, hops_of

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
    if isinstance(value, bytes):
        return value
    text = json_text(value) if isinstance(value, list | dict) else plain(value)
    return text.encode(charset)


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
    writers: Mapping[str | None, Callable[[object], object]] = {
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
        "duration": lambda value: f"PT{plain(value)}S",
        "senml": _senml,
        "object": lambda value: _in_two_lists(value, step.names or "", step.values or ""),
        "influx": lambda value: "\n".join(_line(one) for one in _items(value)),
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
        cells = [plain(value.get(name)) for name in columns]
    else:
        cells = [plain(one) for one in _items(value)]
    # blanks in a row are one, so that an empty cell has to be something
    return separator.join(cell or ("-" if separator.isspace() else "") for cell in cells)


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
    parts: list[str] = []
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


def _senml(value: object) -> list[dict[str, object]]:
    """SenML records (RFC 8428): truth values and texts have keys of their own."""
    records: list[dict[str, object]] = []
    for name, record in value.items() if isinstance(value, dict) else ():
        said = dict(record) if isinstance(record, dict) else {"v": record}
        if "v" in said and isinstance(said["v"], bool | str):
            given = said.pop("v")
            said["vb" if isinstance(given, bool) else "vs"] = given
        records.append({"n": name, **said})
    return records


def _line(value: object) -> str:
    """A line of InfluxDB's line protocol."""
    point = value if isinstance(value, dict) else {}
    tags = point.get("tags") or {}
    head = ",".join([plain(point.get("measurement", "m")), *_settings(tags)])
    fields = ",".join(
        f'{name}="{one}"' if isinstance(one, str) else f"{name}={plain(one)}"
        for name, one in (point.get("fields") or {}).items()
    )
    tail = f" {plain(point['time'])}" if "time" in point else ""
    return f"{head} {fields}{tail}"


def _settings(pairs: Mapping[str, object]) -> list[str]:
    return [f"{name}={plain(one)}" for name, one in pairs.items()]


def _listed(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else [value]


def _in_two_lists(value: object, names: str, values: str) -> object:
    """Names in one list and values in another; of several objects a row of values each."""
    several: list[Mapping[str, object]] = [one for one in _listed(value) if isinstance(one, dict)]
    columns = list(dict.fromkeys(name for one in several for name in one))
    rows = [[one.get(name) for name in columns] for one in several]
    root = Node()
    root.at(hops_of(names, {})).raw = columns
    root.at(hops_of(values, {})).raw = rows if isinstance(value, list) else rows[0]
    return root.built()
