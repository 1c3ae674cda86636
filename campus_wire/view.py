"""What a message says, for people and for programs: the pure part of `campus wire show`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from campus_wire import topics
from campus_wire.batch import Batch, decode_batch
from campus_wire.catalog import Catalog, decode_catalog
from campus_wire.errors import MalformedError
from campus_wire.messages import (
    Ack,
    Command,
    DesiredConfig,
    Event,
    Message,
    Range,
    Receipt,
    Status,
    decode,
)
from campus_wire.quality import Grade, grade, label

_CATALOGS_MAX: Final = 10_000
_MODELS: Final[Mapping[str, type[Message]]] = {
    topics.Up.STATUS: Status,
    topics.Up.EVENT: Event,
    topics.Up.RECEIPT: Receipt,
    topics.Down.ACK: Ack,
    topics.Down.COMMAND: Command,
    topics.Down.CONFIG: DesiredConfig,
}


@dataclass(frozen=True, slots=True)
class View:
    """One message, read.

    Attributes:
        gateway: Empty where the topic is none of ours.
        kind: The last level of the topic, or `?`.
        plain: What to write as JSON.
        headline: The message in one line.
        details: Further lines: the samples of a batch.
        is_refused: Whether it breaks the contract.
    """

    gateway: str
    kind: str
    plain: dict[str, Any]
    headline: str
    details: tuple[str, ...] = ()
    is_refused: bool = False


class Viewer:
    """Reads messages; keeps the catalogs that pass, to name what batches only number.

    Args:
        samples_max: How many samples of a batch get a line of their own.
        language: `zh` or `en`, for units of quality.
    """

    def __init__(self, *, samples_max: int = 10, language: str = "en") -> None:
        self._samples_max = samples_max
        self._language = language
        self._catalogs: dict[tuple[str, str], Catalog] = {}

    def read(self, topic: str, payload: bytes, *, retained: bool = False) -> View:
        """Read one message; a broken one becomes a view that says why."""
        try:
            address = topics.parse(topic)
        except MalformedError as error:
            return self._refused("", "?", topic, payload, error)
        gateway, kind = address.gateway, str(address.kind)
        head = {"gateway": gateway, "kind": kind, "retained": retained, "bytes": len(payload)}
        if not payload:
            return View(gateway, kind, head | {"message": None}, "removed (empty retained message)")
        try:
            plain, headline, details = self._decoded(gateway, kind, payload)
        except MalformedError as error:
            return self._refused(gateway, kind, topic, payload, error)
        is_stale = retained and kind == topics.Down.COMMAND
        if is_stale:
            headline += "; retained, which no command may be: gateways ignore it"
        whole = head | {"message": plain}
        return View(gateway, kind, whole, headline, details, is_refused=is_stale)

    def _decoded(
        self, gateway: str, kind: str, payload: bytes
    ) -> tuple[dict[str, Any], str, tuple[str, ...]]:
        if kind == topics.Up.BATCH:
            return self._batch(gateway, decode_batch(payload), len(payload))
        if kind == topics.Up.CATALOG:
            revision, catalog = decode_catalog(payload)
            if len(self._catalogs) < _CATALOGS_MAX:
                self._catalogs[gateway, revision] = catalog
            plain = {
                "revision": revision,
                "catalog": catalog.model_dump(mode="json", by_alias=True, exclude_defaults=True),
            }
            return plain, _catalog_line(revision, catalog), ()
        message = decode(_MODELS[kind], payload)
        return message.model_dump(mode="json", exclude_none=True), _message_line(message), ()

    def _refused(
        self, gateway: str, kind: str, topic: str, payload: bytes, error: MalformedError
    ) -> View:
        plain = {
            "gateway": gateway or None,
            "kind": kind,
            "bytes": len(payload),
            "topic": topic[:200],
            "refused": error.reason,
            "why": error.message,
        }
        text = f"refused ({error.reason}): {error}"
        return View(gateway, kind, plain, text, is_refused=True)

    # --- batches -------------------------------------------------------------------------------

    def _batch(
        self, gateway: str, batch: Batch, size: int
    ) -> tuple[dict[str, Any], str, tuple[str, ...]]:
        catalog = self._catalogs.get((gateway, batch.catalog))
        samples = list(_samples(batch, catalog))
        plain = {
            "epoch": batch.epoch,
            "first": batch.first,
            "last": batch.last,
            "catalog": batch.catalog,
            "class": batch.sample_class,
            "clock": batch.clock,
            "samples": samples,
        }
        headline = (
            f"{batch.first}–{batch.last}: {batch.count} samples, {batch.value_count} values, "
            f"{size} bytes ({size / batch.value_count:.1f} a value), {batch.sample_class}"
            + ("" if batch.clock == "synced" else f", clock {batch.clock}")
            + ("" if catalog else f", catalog {batch.catalog} not seen")
        )
        lines = [self._sample_line(sample) for sample in samples[: self._samples_max]]
        if len(samples) > len(lines) > 0:
            lines.append(f"… {len(samples) - len(lines)} more")
        return plain, headline, tuple(lines)

    def _sample_line(self, sample: dict[str, Any]) -> str:
        values = "  ".join(
            f"{one['point']} {self._value_text(one['value'], one['unit'], one['quality'])}"
            for one in sample["readings"]
        )
        return f"{_clock_text(sample['time_ns'])}  {sample['device']}  {values}"

    def _value_text(self, value: float | None, unit: str, code: int) -> str:
        if value is None:
            return f"– ({label(code, self._language)})"
        text = f"{value:.10g} {unit}".rstrip()
        return text if grade(code) is Grade.GOOD else f"{text} ({label(code, self._language)})"


def _samples(batch: Batch, catalog: Catalog | None) -> Iterator[dict[str, Any]]:
    seq = batch.first
    for block in batch.blocks:
        flaws = {(row, column): code for row, column, code in block.flaws}
        names = [_point(catalog, point) for point in block.points]
        for row, (device, time_ns) in enumerate(zip(block.devices, block.times_ns, strict=True)):
            yield {
                "seq": seq,
                "device": _device(catalog, device),
                "time_ns": time_ns,
                "readings": [
                    {
                        "point": name,
                        "value": values[row],
                        "unit": unit,
                        "quality": flaws.get((row, column), 0),
                    }
                    for column, ((name, unit), values) in enumerate(
                        zip(names, block.columns, strict=True)
                    )
                ],
            }
            seq += 1


def _point(catalog: Catalog | None, index: int) -> tuple[str, str]:
    if catalog is None or index >= len(catalog.points):
        return f"point {index}", ""
    point = catalog.points[index]
    return point.name, point.unit


def _device(catalog: Catalog | None, index: int) -> str:
    if catalog is None or index >= len(catalog.devices):
        return f"device {index}"
    return catalog.devices[index].id


# --- one line a message ----------------------------------------------------------------------


def _catalog_line(revision: str, catalog: Catalog) -> str:
    return (
        f"{revision}: {catalog.school.name.en} ({catalog.school.name.zh}), "
        f"{len(catalog.areas)} areas, {len(catalog.devices)} devices, {len(catalog.points)} points"
    )


def _message_line(message: Message) -> str:
    match message:
        case Status():
            waiting = "" if message.spool_batches is None else f", {message.spool_batches} waiting"
            busy = [f", {bus} asks {load:.0%}" for bus, load in (message.overloaded or {}).items()]
            line = f"{message.state}, clock {message.clock}, boot {message.boot[:8]}{waiting}"
            return line + "".join(busy)
        case Event():
            attributes = " ".join(f"{key}={value}" for key, value in message.attributes.items())
            return f"{message.kind} {message.device or ''} {attributes}".strip()
        case Ack():
            refused = [f"{_range(one)} ({one.reason})" for one in message.refused]
            parts = [
                "stored " + " ".join(map(_range, message.stored)) if message.stored else "",
                "refused " + " ".join(refused) if refused else "",
                f"{len(message.messages)} messages" if message.messages else "",
                f"wants catalog {message.wants_catalog}" if message.wants_catalog else "",
            ]
            return ", ".join(part for part in parts if part) or "nothing"
        case Command():
            life_s = (message.expires_ns - message.issued_ns) / 1e9
            target = f"{message.device}.{message.point} := {message.value:.10g}"
            return f"{message.id[:8]} {target}, by {message.by}, for {life_s:g} s"
        case Receipt():
            read = "" if message.value_read is None else f", read {message.value_read:.10g}"
            reason = f" ({message.reason})" if message.reason else ""
            return f"{message.command[:8]} {message.outcome}{reason}{read}"
        case DesiredConfig():
            return f"revision {message.revision}"
        case _:
            raise AssertionError(f"no line for {type(message).__name__}")


def _range(one: Range) -> str:
    return f"{one.first}" if one.first == one.last else f"{one.first}–{one.last}"


def _clock_text(time_ns: int) -> str:
    moment = datetime.fromtimestamp(time_ns / 1e9, UTC)
    return f"{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond // 1000:03d}Z"
