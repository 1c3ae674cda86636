"""Sparkplug B: births tell the metrics of edge nodes and devices.

Sparkplug 3.0.0, chapters 5 and 6. Units stand in the property `engUnit` where a maker gives it.
What may be written no birth says in a standard way: metrics in a folder called outputs, commands,
setpoints or control are taken for writable, and those with a property `writable`, or `readOnly`
that is false; numbers only with limits (`engLow`, `engHigh`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from device_profiles.dialects.device import About, device
from device_profiles.dialects.documents import number
from device_profiles.dialects.found import FoundDevice
from device_profiles.dialects.naming import path, topic_level
from device_profiles.dialects.points import Draft, Part, Points
from device_profiles.dialects.words import snake
from device_profiles.errors import MessageRefusedError
from device_profiles.sparkplug.payload import DataType, Metric, decode_payload
from device_profiles.sparkplug.topics import NAMESPACE, SparkplugTopic, Verb, parse_topic

_CONTROL: Final = ("Node Control/", "Device Control/")
_SET_FOLDERS: Final = re.compile(
    r"(?:^|/)(?:outputs?|commands?|set_?points?|controls?)/", re.IGNORECASE
)
_UNITS: Final = ("engUnit", "EngUnit", "units", "unit")
_TEXTS: Final = frozenset({DataType.STRING, DataType.TEXT, DataType.UUID})
_NUMBERS: Final = frozenset(range(DataType.INT8, DataType.BOOLEAN))
_SOURCES: Final = (
    (
        "https://sparkplug.eclipse.org/specification/",
        "specification of the dialect; the points are the metrics of the birth",
    ),
)


def describe(heard: Mapping[str, bytes]) -> list[FoundDevice]:
    """Return the nodes and devices whose births were heard."""
    found = (_device(at, metrics) for at, metrics in _births(heard))
    return [one for one in found if one is not None]


def _births(heard: Mapping[str, bytes]) -> Iterator[tuple[SparkplugTopic, tuple[Metric, ...]]]:
    for topic in sorted(heard):
        at = parse_topic(topic)
        if at is None or at.verb not in (Verb.NBIRTH, Verb.DBIRTH):
            continue
        if not all(topic_level(part) for part in (at.group, at.node, at.device or "-")):
            continue
        try:
            yield at, decode_payload(heard[topic], place=topic).metrics
        except MessageRefusedError:
            continue


def _device(at: SparkplugTopic, metrics: tuple[Metric, ...]) -> FoundDevice | None:
    points = Points()
    verb = "D" if at.device else "N"
    tail = "/{device_id}" if at.device else ""
    command = f"{NAMESPACE}/{{group_id}}/{verb}CMD/{{edge_node_id}}{tail}"
    about = {metric.name: metric.value for metric in metrics}
    for metric in metrics:
        if metric.name and metric.name != "bdSeq" and not metric.name.startswith(_CONTROL):
            _add(points, metric, command)
    parameters = {"group_id": at.group, "edge_node_id": at.node}
    if at.device:
        parameters["device_id"] = at.device
    name = at.device or at.node
    return device(
        About(
            "sparkplug",
            "/".join(parameters.values()),
            name,
            _word(about, ("Properties/Hardware Make", "Properties/Vendor")) or at.group,
            _word(about, ("Properties/Hardware Model", "Properties/Model")) or name,
            f"{NAMESPACE}/{{group_id}}/{verb}DATA/{{edge_node_id}}{tail}",
            parameters,
            _SOURCES,
            section={"format": "sparkplug_b"},
        ),
        points,
    )


def _word(about: Mapping[str, object], names: tuple[str, ...]) -> str:
    return next((str(about[name]) for name in names if about.get(name)), "")


def _add(points: Points, metric: Metric, command: str) -> None:
    where = path(metric.name)
    folder, _, last = metric.name.rpartition("/")
    if where is None or metric.datatype not in (*_NUMBERS, *_TEXTS, DataType.BOOLEAN):
        points.leave_out(metric.name, f"is of the type {metric.datatype}")
        return
    draft = Draft(
        last or metric.name,
        {"path": where},
        _write(metric, command),
        apart=metric.name,
        slow=snake(folder) == "properties",
    )
    if metric.datatype == DataType.BOOLEAN:
        points.binary(draft)
    elif metric.datatype in _TEXTS:
        points.text(draft)
    else:
        unit = next((metric.properties[key] for key in _UNITS if key in metric.properties), None)
        named = isinstance(unit, str) and unit
        points.number(replace(draft, unit=str(unit) if named else None))


def _write(metric: Metric, command: str) -> Part | None:
    properties = metric.properties
    may = properties.get("writable") is True or properties.get("readOnly") is False
    if not may and (not _SET_FOLDERS.search(metric.name) or properties.get("readOnly") is True):
        return None
    if metric.datatype in _TEXTS:
        return None
    template: dict[str, Any] = {
        "name": metric.name,
        "datatype": int(metric.datatype),
        "value": "$value",
    }
    write: Part = {"topic": command, "template": template}
    if metric.datatype in _NUMBERS:
        write |= {
            "minimum": number(properties.get("engLow")),
            "maximum": number(properties.get("engHigh")),
        }
        if metric.datatype < DataType.FLOAT:
            write["step"] = 1.0
    return write
