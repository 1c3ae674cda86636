"""One kind of message of one device: from its payload to what it says of the device's points."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple

from campus_wire.quality import Quality
from device_profiles import codec_text
from device_profiles.codec_bytes import BytesDecoder, Frame
from device_profiles.codec_text import UNREADABLE
from device_profiles.envelopes import bare_uplink, from_base64, from_hex, open_uplink
from device_profiles.errors import MessageRefusedError
from device_profiles.json_path import ABSENT, ROOT, TOPIC, look_up
from device_profiles.message_payload import Message
from device_profiles.message_records import PreparedRecords
from device_profiles.message_steps import prepare_steps
from device_profiles.message_values import (
    PreparedCondition,
    PreparedTime,
    Source,
    Whole,
    absent_reading,
    look_up_from,
    prepare_conditions,
    says_of_topic,
    to_reading,
    to_text,
)
from device_profiles.model_message import MessageShape
from device_profiles.reading import Reading, Saying, TextReading
from device_profiles.timestamps import TimeForm, parse_time


class _Opened(NamedTuple):
    """What a message of this kind holds."""

    document: Any
    root: Any
    """The message itself, where paths that begin with `$` begin."""
    time: Any = ABSENT
    """What an envelope says of the time."""
    frame: Frame | None = None


class Kind:
    """Messages of one shape on one topic.

    Args:
        shape: from the profile.
        sources: the points that stand in them.
        parameters: what stands for captures.

    Raises:
        TopicParameterError: a parameter is missing.
    """

    def __init__(
        self, shape: MessageShape, sources: list[Source], parameters: Mapping[str, str]
    ) -> None:
        self._sources = sources
        self._format = shape.format
        self._encoding = shape.text_encoding
        self._envelope = shape.envelope
        self._steps = prepare_steps(shape.steps, parameters) if shape.steps else None
        self._codec = BytesDecoder(shape.codec) if shape.codec is not None else None
        conditions = prepare_conditions(shape.when, parameters)
        # what the message itself says comes first: another kind may not even be written alike
        self._root_conditions = [one for one in conditions if one.path[0] == ROOT]
        self._topic_conditions = [one for one in conditions if one.path[0] == TOPIC]
        self._conditions = [one for one in conditions if one.path[0] not in (ROOT, TOPIC)]
        self._looks_at_topic = says_of_topic(sources, conditions)
        self._time = PreparedTime(shape.time, parameters) if shape.time is not None else None
        self._records = (
            PreparedRecords(shape.records, parameters) if shape.records is not None else None
        )
        self._is_simple = _is_simple(sources)
        extras = (shape.envelope, shape.codec, shape.records, shape.time)
        self._is_plain = shape.format == "json" and not (
            any(extras) or shape.steps or shape.when or self._encoding != "utf-8"
        )
        self._is_plain = self._is_plain and not self._looks_at_topic
        # a bare value is looked for nowhere; it may not even be in the format of its neighbours
        is_bare = not any(
            source.path is not None or source.conditions or source.valid_when or source.time
            for source in sources
        )
        shaped = (*extras[:3], shape.steps, shape.when, self._looks_at_topic)
        self._needs_document = not is_bare or any(shaped)

    @property
    def is_quick(self) -> bool:
        """Whether it says plain numbers of now and nothing else: `read` is enough."""
        return self._is_plain and self._is_simple

    def read(self, message: Message) -> list[Reading]:
        """Return the readings of a message of a quick kind, as `say` would.

        Raises:
            MessageRefusedError: it cannot be read as the profile says.
        """
        document = message.json() if self._needs_document else None
        return _read_simply(self._sources, document, message, self._encoding)

    def say(self, message: Message, now_ns: int | None) -> list[Saying]:
        """Return what a message says, possibly nothing.

        Raises:
            MessageRefusedError: it cannot be read as the profile says.
        """
        if not self._needs_document:
            return self._said(None, None, message, None, now_ns=now_ns)
        if self._is_plain:
            document = message.json()
            return self._said(document, document, message, None, now_ns=now_ns)
        opened = self._open(message, now_ns) if self._is_of_topic(message) else None
        if opened is None:
            return []
        document, root = opened.document, self._whole(message, opened.root)
        if not all(one.holds(document, root) for one in self._conditions):
            return []
        time_ns = self._time_of(opened, now_ns)
        if self._records is not None:
            records = self._records.split(document, root, time_ns, now_ns)
            return self._of_records(records, root, message, now_ns)
        sayings = self._said(document, root, message, time_ns, now_ns=now_ns)
        if opened.frame is not None and opened.frame.records:
            sayings += self._of_frame(opened.frame, root, message)
        return sayings

    def _is_of_topic(self, message: Message) -> bool:
        """Say whether the topic is one that counts; others may not even be written alike."""
        whole = self._whole(message, None)
        return all(one.holds(None, whole) for one in self._topic_conditions)

    def _whole(self, message: Message, payload: Any) -> Any:
        """Return where paths begin that look at the message itself."""
        return Whole(payload, message.topic.split("/")) if self._looks_at_topic else payload

    def say_document(self, document: Any, time_ns: int | None, *, is_history: bool) -> list[Saying]:
        """Return what a document says that another decoder made of a message."""
        if not all(one.holds(document, document) for one in self._conditions):
            return []
        message = Message("", b"")
        return self._said(document, document, message, time_ns, is_history=is_history)

    def _time_of(self, opened: _Opened, now_ns: int | None) -> int | None:
        if self._time is not None:
            return self._time.read(opened.document, opened.root, now_ns)
        if opened.time is ABSENT:
            return None
        return parse_time(opened.time, TimeForm(), now_ns)

    # --- opening ---------------------------------------------------------------------------------

    def _open(self, message: Message, now_ns: int | None) -> _Opened | None:
        if self._envelope is not None:
            return self._open_uplink(message, now_ns)
        root = self._root(message)
        if not all(one.holds(root, root) for one in self._root_conditions):
            return None
        document = root if self._steps is None else self._steps(root)
        if document is UNREADABLE:
            raise MessageRefusedError(
                "unreadable", "is not written as the profile says", place=message.topic
            )
        if document is ABSENT or document is None:
            return None
        if self._codec is None:
            return _Opened(document, root)
        frame = self._codec.decode(document, port=None, now_ns=now_ns)
        return None if frame is None else _Opened(frame.document, root, frame=frame)

    def _root(self, message: Message) -> Any:
        if self._format == "json":
            return message.json(self._encoding)
        if self._format == "sparkplug_b":
            meant = "needs the births of its edge node"
            raise MessageRefusedError("sparkplug", meant, place=message.topic)
        read = _BYTES.get(self._format)
        if read is not None:
            return read(message.payload)
        text = message.text(self._encoding)
        if self._format == "csv":
            return codec_text.cells(text, ",", ())
        return codec_text.pairs(text, None, None) if self._format == "key_value" else text

    def _open_uplink(self, message: Message, now_ns: int | None) -> _Opened | None:
        root: Any = ABSENT
        if self._format == "json" and message.payload.lstrip()[:1] == b"{":
            root = message.json(self._encoding)
            uplink = open_uplink(root)
        else:
            uplink = bare_uplink(message.payload, self._format)
        if not all(one.holds(root, root) for one in self._root_conditions):
            return None
        document: dict[str, Any] = {"lorawan": uplink.facts}
        if uplink.decoded is not ABSENT:
            document["object"] = uplink.decoded
        frame = None
        if self._codec is not None and uplink.frame is not None:
            frame = self._codec.decode(uplink.frame, port=uplink.port, now_ns=now_ns)
        if frame is not None:
            document |= frame.document
        return _Opened(document, root, uplink.facts.get("time", ABSENT), frame)

    # --- saying ----------------------------------------------------------------------------------

    def _said(
        self,
        document: Any,
        root: Any,
        message: Message,
        time_ns: int | None,
        *,
        now_ns: int | None = None,
        is_history: bool = False,
    ) -> list[Saying]:
        if self._is_simple:
            readings = _read_simply(self._sources, document, message, self._encoding)
            return [Saying(time_ns, tuple(readings), (), is_history)] if readings else []
        found = _Found(document, root, message, self._encoding)
        return _read(self._sources, found, time_ns, now_ns=now_ns, is_history=is_history)

    def _of_frame(self, frame: Frame, root: Any, message: Message) -> list[Saying]:
        timed = [(time_ns, document) for time_ns, document in frame.records if time_ns is not None]
        timed.sort(key=lambda one: one[0])
        newest = len(timed) if frame.is_history else len(timed) - 1
        return [
            saying
            for number, (time_ns, document) in enumerate(timed)
            for saying in self._said(document, root, message, time_ns, is_history=number != newest)
        ]

    def _of_records(
        self,
        records: list[tuple[int | None, Any]],
        root: Any,
        message: Message,
        now_ns: int | None,
    ) -> list[Saying]:
        sayings = []
        for number, (time_ns, document) in enumerate(records, 1):
            is_history = number != len(records)
            sayings += self._said(
                document, root, message, time_ns, now_ns=now_ns, is_history=is_history
            )
        return sayings


_BYTES: Final[Mapping[str, Callable[[bytes], bytes]]] = {
    "hex": from_hex,
    "base64": from_base64,
    "bytes": lambda payload: payload,
}


def _is_simple(sources: Iterable[Source]) -> bool:
    names = [source.point for source in sources]
    return len(set(names)) == len(names) and not any(
        source.steps is not None
        or source.conditions
        or source.absent is not None
        or source.is_text
        or source.valid_when
        or source.time is not None
        or (source.path is not None and source.path[0] in (ROOT, TOPIC))
        for source in sources
    )


def _read_simply(
    sources: list[Source], document: Any, message: Message, encoding: str
) -> list[Reading]:
    readings: list[Reading] = []
    for source in sources:
        path = source.path
        found = message.text(encoding) if path is None else look_up(document, path)
        if found is not ABSENT:
            readings.append(to_reading(source, found))
    return readings


class _Found(NamedTuple):
    """Where points are looked for."""

    document: Any
    root: Any
    message: Message
    encoding: str

    def at(self, source: Source) -> Any:
        """Return what stands where a point is read."""
        if source.path is None:
            found: Any = self.message.text(self.encoding)
        else:
            found = look_up_from(self.document, self.root, source.path)
        return found if source.steps is None else source.steps(found)

    def fulfils(self, conditions: Iterable[PreparedCondition]) -> bool:
        """Say whether all conditions hold."""
        return all(one.holds(self.document, self.root) for one in conditions)


def _read(
    sources: list[Source],
    found: _Found,
    time_ns: int | None,
    *,
    now_ns: int | None,
    is_history: bool,
) -> list[Saying]:
    """Return what stands in a document: one saying for each time."""
    said: set[str] = set()
    readings: dict[int | None, list[Reading]] = {}
    texts: dict[int | None, list[TextReading]] = {}
    missing: list[Source] = []
    for source in sources:
        if source.point in said or not found.fulfils(source.conditions):
            continue
        value = found.at(source)
        if value is ABSENT:
            missing.append(source)
            continue
        said.add(source.point)
        at_ns = time_ns
        if source.time is not None:
            at_ns = source.time.read(found.document, found.root, now_ns)
        if source.is_text:
            text = to_text(source, value)
            if text is not None:
                texts.setdefault(at_ns, []).append(text)
        elif found.fulfils(source.valid_when):
            readings.setdefault(at_ns, []).append(to_reading(source, value))
        else:
            invalid = Reading(source.point, None, Quality.INVALID_MARKER)
            readings.setdefault(at_ns, []).append(invalid)
    for source in () if is_history else missing:
        reading = absent_reading(source) if source.point not in said else None
        if reading is not None:
            said.add(source.point)
            readings.setdefault(time_ns, []).append(reading)
    return [
        Saying(at_ns, tuple(readings.get(at_ns, ())), tuple(texts.get(at_ns, ())), is_history)
        for at_ns in dict.fromkeys((*readings, *texts))
    ]
