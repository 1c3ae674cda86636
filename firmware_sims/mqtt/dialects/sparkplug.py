"""Sparkplug B: an edge node with its devices; births with names and aliases, data by alias.

Sparkplug 3.0.0, chapters 5 and 6: https://sparkplug.eclipse.org/specification/.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from campus_wire.session import Will
from firmware_sims.message import Message
from firmware_sims.mqtt.dialects.hubs import Hubs, Kit, PlainVoice
from firmware_sims.mqtt.dialects.protobuf import chunk, double, fields, single, whole
from firmware_sims.mqtt.dialects.quantities import Quantity
from firmware_sims.mqtt.voice import Heard, Numbers, Texts

_MS: Final = 1_000_000
_UINT64, _FLOAT, _DOUBLE, _BOOLEAN, _STRING = 8, 9, 10, 11, 12
# fields of Payload and of Metric
_TIMESTAMP, _METRICS, _SEQ = 1, 2, 3
_NAME, _ALIAS, _METRIC_TIME, _TYPE, _IS_NULL, _PROPERTIES = 1, 2, 3, 4, 7, 9
_LONG, _SINGLE, _DOUBLE_VALUE, _BOOLEAN_VALUE, _STRING_VALUE = 11, 12, 13, 14, 15
_REBIRTH: Final = "Node Control/Rebirth"
_SEQ_END: Final = 256


class EdgeNode:
    """One edge node: its sequence, its births and its death."""

    connects = True

    def __init__(self, group: str, node: str) -> None:
        self._base = (group, node)
        self.devices: list[SparkplugDevice] = []
        self._birth_number = 0
        self._was_born = False
        self._seq = 0
        self.aliases = 0

    def topic(self, verb: str, device: str | None = None) -> str:
        """A topic of this node, or of a device of it."""
        group, node = self._base
        tail = f"/{device}" if device is not None else ""
        return f"spBv1.0/{group}/{verb}/{node}{tail}"

    def will(self) -> Will | None:
        """Its death; each connection has a number of its own, as its birth has."""
        if self._was_born:
            self._birth_number = (self._birth_number + 1) % _SEQ_END
            self._was_born = False
        payload = chunk(_METRICS, self._birth_metric())
        return Will(self.topic("NDEATH"), payload, retain=False)

    def _birth_metric(self) -> bytes:
        return chunk(_NAME, "bdSeq") + whole(_TYPE, _UINT64) + whole(_LONG, self._birth_number)

    def opening(self, time_ns: int) -> list[Message]:
        """Its own birth, from which all messages are counted."""
        self._was_born = True
        self._seq = 0
        rebirth = chunk(_NAME, _REBIRTH) + whole(_TYPE, _BOOLEAN) + whole(_BOOLEAN_VALUE, 0)
        make = chunk(_NAME, "Properties/Hardware Make") + whole(_TYPE, _STRING)
        make += chunk(_STRING_VALUE, "Campus")
        metrics = [self._birth_metric(), rebirth, make]
        return [Message(self.topic("NBIRTH"), self.payload(metrics, time_ns), qos=0)]

    def payload(self, metrics: Sequence[bytes], time_ns: int) -> bytes:
        """A payload with the next number of the sequence."""
        data = whole(_TIMESTAMP, time_ns // _MS)
        data += b"".join(chunk(_METRICS, one) for one in metrics)
        data += whole(_SEQ, self._seq)
        self._seq = (self._seq + 1) % _SEQ_END
        return data


class SparkplugDevice(PlainVoice):
    """One device of an edge node."""

    def __init__(self, kit: Kit, node: EdgeNode) -> None:
        super().__init__(kit, node)
        self._node = node
        self._device = kit.place("device_id")
        self._aliases = {}
        for one in self.quantities:
            node.aliases += 1
            self._aliases[one.name] = node.aliases
        self._is_born = False
        self._command = node.topic("DCMD", self._device)
        self.filters = [node.topic("NCMD"), self._command]

    def greeting(self, numbers: Numbers, time_ns: int) -> list[Message]:
        """Its birth: names, aliases, types, units and what everything is now."""
        self._is_born = True
        shown = {one.name: one.rounded(numbers.get(one.name)) for one in self.quantities}
        metrics = [
            chunk(_NAME, _metric_name(one))
            + self._metric(one, shown[one.name], time_ns)
            + chunk(_PROPERTIES, _properties(one))
            for one in self.quantities
        ]
        payload = self._node.payload(metrics, time_ns)
        return [Message(self._node.topic("DBIRTH", self._device), payload, shown, qos=0)]

    def messages(self, numbers: Numbers, texts: Texts, time_ns: int) -> list[Message]:
        """Everything by its alias; nothing before the birth."""
        del texts
        if not self._is_born:
            return []
        shown = {one.name: one.rounded(numbers.get(one.name)) for one in self.quantities}
        metrics = [self._metric(one, shown[one.name], time_ns) for one in self.quantities]
        payload = self._node.payload(metrics, time_ns)
        return [Message(self._node.topic("DDATA", self._device), payload, shown, qos=0)]

    def _metric(self, one: Quantity, number: float | None, time_ns: int) -> bytes:
        data = whole(_ALIAS, self._aliases[one.name]) + whole(_METRIC_TIME, time_ns // _MS)
        data += whole(_TYPE, _BOOLEAN if one.states else _DOUBLE)
        if number is None:
            return data + whole(_IS_NULL, 1)
        if one.states:
            return data + whole(_BOOLEAN_VALUE, int(number))
        return data + double(_DOUBLE_VALUE, float(number))

    def availability(self, *, there: bool) -> list[Message]:
        """Its death, when it is gone; its birth says that it is there."""
        if there or not self._is_born:
            return []
        self._is_born = False
        return [Message(self._node.topic("DDEATH", self._device), self._node.payload([], 0), qos=0)]

    def hear(self, topic: str, payload: bytes, time_ns: int) -> Heard:
        """A command to the device, or the request that the node be born again."""
        try:
            metrics = [
                dict(fields(data))
                for number, data in fields(payload)
                if number == _METRICS and isinstance(data, bytes)
            ]
        except ValueError:
            return Heard()
        if topic != self._command:
            return self._heard_by_node(metrics, time_ns)
        return Heard(
            {
                one.name: number
                for metric in metrics
                for one in self.quantities
                if one.is_set
                and (number := _commanded(one, metric, self._aliases[one.name])) is not None
            }
        )

    def _heard_by_node(self, metrics: Sequence[Mapping[int, object]], time_ns: int) -> Heard:
        asked = any(
            metric.get(_NAME) == _REBIRTH.encode() and metric.get(_BOOLEAN_VALUE)
            for metric in metrics
        )
        if not asked:
            return Heard()
        # all devices of the node hear it; the node itself is born with the first of them
        is_first = self._node.devices[0] is self
        return Heard(answers=self._node.opening(time_ns) if is_first else (), wants_all=True)


def sparkplug(kit: Kit, hubs: Hubs) -> SparkplugDevice:
    """A device of an edge node; `topic` names `group_id`, `edge_node_id` and `device_id`."""
    group, name = kit.place("group_id"), kit.place("edge_node_id")
    node = hubs.get(f"sparkplug {group}/{name}", lambda: EdgeNode(group, name))
    device = SparkplugDevice(kit, node)
    node.devices.append(device)
    return device


def _metric_name(one: Quantity) -> str:
    return f"{'Outputs' if one.is_set else 'Inputs'}/{one.name}"


def _properties(one: Quantity) -> bytes:
    """A property set: keys, and in the same order their values."""
    named: list[tuple[str, bytes]] = []
    if one.unit:
        named.append(("engUnit", whole(1, _STRING) + chunk(8, one.unit)))
    if one.minimum is not None and one.maximum is not None:
        named.append(("engLow", whole(1, _FLOAT) + single(5, one.minimum)))
        named.append(("engHigh", whole(1, _FLOAT) + single(5, one.maximum)))
    keys = b"".join(chunk(1, name) for name, _ in named)
    return keys + b"".join(chunk(2, value) for _, value in named)


def _commanded(one: Quantity, metric: Mapping[int, object], alias: int) -> float | None:
    name = metric.get(_NAME)
    if name != _metric_name(one).encode() and (name is not None or metric.get(_ALIAS) != alias):
        return None
    given = next(
        (
            metric[key]
            for key in (_BOOLEAN_VALUE, _DOUBLE_VALUE, _SINGLE, 10, _LONG)
            if key in metric
        ),
        None,
    )
    if not isinstance(given, int | float):
        return None
    number = float(given >= 0.5) if one.states else float(given)
    low, high = one.minimum, one.maximum
    is_allowed = (low is None or number >= low) and (high is None or number <= high)
    return number if is_allowed else None
