"""What the devices of a local broker say, handed on: samples, texts as events, words in the log."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from campus_wire.messages import Event
from device_profiles.errors import MessageRefusedError
from device_profiles.reading import Reading, TextReading
from edge_agent.mqtt_listener import Listener
from edge_agent.ports import DatedSink, EdgeClock, EventSink, SampleSink

_log: Final = logging.getLogger(__name__)

_MS: Final = 1_000_000


class Outlet:
    """The way from one broker's devices to the pipeline and to the log.

    Args:
        source: the id of the broker.
        sink: takes samples of now.
        clock: stamps them.
        dated: takes samples with times of their own, or None.
        events: takes texts, or None.
    """

    def __init__(
        self,
        source: str,
        sink: SampleSink,
        clock: EdgeClock,
        *,
        dated: DatedSink | None,
        events: EventSink | None,
    ) -> None:
        self._source = source
        self._sink = sink
        self._clock = clock
        self._dated = dated
        self._events = events

    @property
    def is_dated(self) -> bool:
        """Whether samples may have times of their own."""
        return self._dated is not None

    def deliver(self, listener: Listener, readings: Sequence[Reading]) -> None:
        """Hand on what counts at the time of receipt."""
        if readings:
            for sample_class, sample in listener.device.samples(readings, self._clock.now_ns()):
                self._sink.accept((sample,), sample_class)

    def deliver_dated(
        self, listener: Listener, readings: Sequence[Reading], time_ns: int, *, is_fresh: bool
    ) -> None:
        """Hand on what has a time of its own."""
        assert self._dated is not None, "only then sayings keep their time"
        for sample_class, sample in listener.device.samples(readings, time_ns):
            apart = replace(sample, time_ns=time_ns)
            self._dated.accept_dated((apart,), sample_class, is_fresh=is_fresh)
            time_ns += _MS  # of two samples with one time a store keeps the later alone

    def tell(
        self, listener: Listener, texts: Sequence[TextReading], time_ns: int, *, retained: bool
    ) -> None:
        """Post the texts that are news as events of kind `text`."""
        if self._events is None or not texts:
            return
        now_s = self._clock.monotonic_ns() / 1e9
        for one in listener.texts_to_tell(texts, now_s, retained=retained):
            self._events.post(
                Event(
                    id=str(uuid.uuid4()),
                    time_ns=time_ns,
                    kind="text",
                    device=listener.id,
                    attributes={"point": one.point, "text": one.text},
                )
            )

    # --- the log --------------------------------------------------------------------------------

    def say_garbled(self, listener: Listener, error: MessageRefusedError) -> None:
        """Say that a message is refused, once until one is read."""
        if not listener.garbled_said:
            listener.garbled_said = True
            _log.warning("a message of %s on %s is refused: %s", listener.id, self._source, error)

    def say_absent(self, listener: Listener, why: str) -> None:
        """Say that a device is gone, unless that is known."""
        if listener.absent is None:
            _log.warning("%s on %s %s", listener.id, self._source, why)

    def say_stale(self, listener: Listener, time_ns: int | None, now_ns: int) -> None:
        """Say that a device measured long ago, once until it says something of now."""
        if not listener.stale_said and time_ns is not None:
            listener.stale_said = True
            _log.warning(
                "%s on %s says that it measured %.0f s ago: its clock, or utc_offset, may be wrong",
                listener.id,
                self._source,
                (now_ns - time_ns) / 1e9,
            )
