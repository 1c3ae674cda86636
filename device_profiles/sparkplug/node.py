"""What one Sparkplug edge node and its devices say, in the state that Sparkplug needs.

Births give metrics their names, types and aliases; data messages then name them by alias alone. A
number that counts every message of a node (`seq`, 0 to 255) shows a lost one, `bdSeq` which life a
death belongs to. Specification 3.0.0, chapters 5 and 6.

When a message is lost, so may be a birth, and an alias may mean something else since: until the
node is born again, metrics that are named by alias alone are left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from device_profiles.sparkplug.payload import (
    DataType,
    Metric,
    Payload,
    Value,
    decode_payload,
    encode_payload,
    typed,
)
from device_profiles.sparkplug.topics import NAMESPACE, SparkplugTopic, Verb, parse_topic

DEVICES_MAX: Final = 1_000
BD_SEQ: Final = "bdSeq"
REBIRTH: Final = "Node Control/Rebirth"
_SEQ_MODULUS: Final = 256
_NS_PER_MS: Final = 1_000_000
_TIME_MS_MAX: Final = 2**63 // _NS_PER_MS - 1


class News(NamedTuple):
    """What a message says of one device at one instant."""

    device: str
    """Empty for the edge node itself."""
    document: Mapping[str, Value | None]
    """Values by name; None where a metric is null."""
    time_ns: int | None
    """As the node says; None when it does not."""
    historical: bool
    """It was measured long ago and kept, as the node had no connection."""


class Heard(NamedTuple):
    """What one message comes to."""

    news: tuple[News, ...] = ()
    gone: tuple[str, ...] = ()
    """Devices that are no longer there; the empty name is the edge node with all that it has."""
    wants_rebirth: bool = False
    """The node should be asked to be born again; how often it is asked is the caller's to bound."""


class _Meaning(NamedTuple):
    name: str
    datatype: int


@dataclass(slots=True)
class _Born:
    """What a birth told of a node or device."""

    by_alias: dict[int, _Meaning] = field(default_factory=dict)
    datatypes: dict[str, int] = field(default_factory=dict)


class SparkplugNode:
    """The state of one edge node, shared by all devices behind it.

    Args:
        group: its group.
        node: its name.
    """

    def __init__(self, group: str, node: str) -> None:
        self.group = group
        self.node = node
        self._born: dict[str, _Born] = {}
        self._seq: int | None = None
        self._bd_seq: Value | None = None
        self._is_in_doubt = False

    @property
    def is_born(self) -> bool:
        """Whether it is alive as far as is known."""
        return "" in self._born

    def lose(self) -> None:
        """Forget what was born: the broker was lost, and messages with it."""
        self._born.clear()
        self._seq = None

    def rebirth(self, now_ms: int) -> tuple[str, bytes]:
        """Return topic and payload of the request to be born again; it is sent with QoS 0."""
        request = Metric(REBIRTH, timestamp_ms=now_ms, datatype=DataType.BOOLEAN, value=True)
        return f"{NAMESPACE}/{self.group}/NCMD/{self.node}", encode_payload(
            Payload(timestamp_ms=now_ms, metrics=(request,))
        )

    def hear(self, topic: str, data: bytes) -> Heard:
        """Take a message.

        Raises:
            MessageRefusedError: it is no Sparkplug payload; the state is as before.
        """
        at = parse_topic(topic)
        if at is None or (at.group, at.node) != (self.group, self.node):
            return Heard()
        payload = decode_payload(data, place=topic)
        if at.verb is Verb.NDEATH:
            return self._die(payload)
        if at.verb is Verb.NBIRTH:
            return self._be_born(payload)
        return self._go_on(at, payload)

    def _go_on(self, at: SparkplugTopic, payload: Payload) -> Heard:
        if not self._follows(payload.seq):
            self._is_in_doubt = True
        if at.verb is Verb.DDEATH:
            was_born = self._born.pop(at.device, None) is not None
            return Heard(gone=(at.device,), wants_rebirth=self._is_in_doubt or not was_born)
        if not self.is_born:
            return Heard(wants_rebirth=True)
        return self._bear(at.device, payload) if at.verb is Verb.DBIRTH else self._tell(at, payload)

    # --- life -----------------------------------------------------------------------------------

    def _be_born(self, payload: Payload) -> Heard:
        bd_seq = _of(payload.metrics, BD_SEQ)
        # in another life each device has to be born anew; in the same one they follow at once, and
        # to call them gone in between would raise false alarms
        is_new_life = bd_seq is None or bd_seq != self._bd_seq
        gone = tuple(device for device in self._born if device and is_new_life)
        self._born = {"": _born(payload.metrics)}
        self._seq = payload.seq
        self._bd_seq = bd_seq
        self._is_in_doubt = False
        return Heard(_news("", payload, self._born[""], trusts_aliases=True), gone)

    def _bear(self, device: str, payload: Payload) -> Heard:
        if device not in self._born and len(self._born) > DEVICES_MAX:
            return Heard()
        born = self._born[device] = _born(payload.metrics)
        news = _news(device, payload, born, trusts_aliases=True)
        return Heard(news, wants_rebirth=self._is_in_doubt)

    def _die(self, payload: Payload) -> Heard:
        said = _of(payload.metrics, BD_SEQ)
        if self._bd_seq is not None and said is not None and said != self._bd_seq:
            return Heard()  # of an earlier life: the broker told it late
        self.lose()
        return Heard(gone=("",))

    def _follows(self, seq: int | None) -> bool:
        expected = None if self._seq is None else (self._seq + 1) % _SEQ_MODULUS
        self._seq = seq
        return seq is not None and seq == expected

    def _tell(self, at: SparkplugTopic, payload: Payload) -> Heard:
        born = self._born.get(at.device)
        if born is None:
            return Heard(wants_rebirth=True)
        news = _news(at.device, payload, born, trusts_aliases=not self._is_in_doubt)
        unknown = any(
            not metric.name and metric.alias not in born.by_alias for metric in payload.metrics
        )
        return Heard(news, wants_rebirth=unknown or self._is_in_doubt)


def _born(metrics: Iterable[Metric]) -> _Born:
    born = _Born()
    for metric in metrics:
        if metric.name:
            born.datatypes[metric.name] = metric.datatype
            if metric.alias is not None:
                born.by_alias[metric.alias] = _Meaning(metric.name, metric.datatype)
    return born


def _of(metrics: Iterable[Metric], name: str) -> Value | None:
    return next((metric.value for metric in metrics if metric.name == name), None)


def _news(device: str, payload: Payload, born: _Born, *, trusts_aliases: bool) -> tuple[News, ...]:
    """Return what the metrics say, those of one time together."""
    by_time: dict[tuple[int | None, bool], dict[str, Value | None]] = {}
    for metric in payload.metrics:
        meaning = _meaning(metric, born, trusts_aliases=trusts_aliases)
        if meaning is None or (metric.value is None and not metric.is_null):
            continue  # unknown, or of a type that is passed over
        value = metric.value
        if isinstance(value, int) and not isinstance(value, bool) and not metric.datatype:
            value = typed(value, meaning.datatype)
        stamp = metric.timestamp_ms if metric.timestamp_ms is not None else payload.timestamp_ms
        time = (_time_ns(stamp), metric.is_historical)
        by_time.setdefault(time, {})[meaning.name] = None if metric.is_null else value
    return tuple(
        News(device, document, time_ns, historical)
        for (time_ns, historical), document in by_time.items()
    )


def _meaning(metric: Metric, born: _Born, *, trusts_aliases: bool) -> _Meaning | None:
    if metric.name:
        return _Meaning(metric.name, born.datatypes.get(metric.name, 0))
    if metric.alias is None or not trusts_aliases:
        return None
    return born.by_alias.get(metric.alias)


def _time_ns(time_ms: int | None) -> int | None:
    return None if time_ms is None or not 0 < time_ms <= _TIME_MS_MAX else time_ms * _NS_PER_MS
