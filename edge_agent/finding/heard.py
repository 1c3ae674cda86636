"""What was heard on a broker: messages, and which devices they are of (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
from pydantic import ValidationError

from campus_wire.quality import Quality
from device_profiles.dialects import DIALECTS
from device_profiles.dialects.found import Dialect, FoundDevice
from device_profiles.dialects.profiles import as_profile
from device_profiles.envelopes import open_uplink
from device_profiles.errors import ProfilesError
from device_profiles.messages import MessageDecoder, topic_parameters
from device_profiles.model import MqttProfile
from device_profiles.reading import Reading
from edge_agent.finding.identity import match_identity

TOPICS_MAX: Final = 20_000
PAYLOAD_BYTES_MAX: Final = 256 * 1024
TOTAL_BYTES_MAX: Final = 64 * 1024 * 1024
PROPOSALS_MAX: Final = 3
_WORTH_TELLING: Final = 20
_PLAIN_VALUES_MAX: Final = 12


@dataclass(slots=True)
class Heard:
    """The newest message of each topic, within bounds."""

    payloads: dict[str, bytes] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    dropped: int = 0
    _bytes: int = 0

    def add(self, topic: str, payload: bytes) -> None:
        """Keep a message; an empty one is how a retained one is deleted, and says nothing."""
        if not payload:
            return
        before = self.payloads.get(topic)
        total = self._bytes + len(payload) - len(before or b"")
        too_many = before is None and len(self.payloads) >= TOPICS_MAX
        if len(payload) > PAYLOAD_BYTES_MAX or total > TOTAL_BYTES_MAX or too_many:
            self.dropped += 1
            return
        self._bytes = total
        self.payloads[topic] = payload
        self.counts[topic] = self.counts.get(topic, 0) + 1


@dataclass(frozen=True, slots=True)
class Way:
    """One way of configuring a device that was heard."""

    profile: str
    """A profile's id, or `dialect:zigbee2mqtt`."""
    topic: dict[str, str]
    score: int
    """0 to 100."""
    values: tuple[tuple[str, float | str | None, str], ...] = ()
    """Point, value and unit, as seen."""
    why: str = ""


@dataclass(slots=True)
class HeardDevice:
    """One device that was heard."""

    name: str
    kind: str
    """The dialect, `lorawan`, `profile`, or `unknown`."""
    category: str = ""
    id: str = ""
    topics: list[str] = field(default_factory=list)
    ways: list[Way] = field(default_factory=list)
    plain: dict[str, Any] = field(default_factory=dict)
    """Of unknown ones: the values in the message as they stand there."""
    notes: tuple[str, ...] = ()


def devices_in(heard: Heard, profiles: Sequence[MqttProfile]) -> list[HeardDevice]:
    """Return the devices that were heard: by dialect, by profile, and the rest as it is.

    Profiles without evidence are left out: they are invented, to be copied.
    """
    claimed: set[str] = set()
    profiles = [one for one in profiles if one.evidence != "none"]
    found = list(_by_dialect(heard, claimed))
    found += _by_profile(heard, profiles, claimed)
    found += _unknown(heard, claimed)
    return found


# --- devices that describe themselves ------------------------------------------------------------


def _by_dialect(heard: Heard, claimed: set[str]) -> Iterator[HeardDevice]:
    for dialect in DIALECTS.values():
        own = {
            topic: payload
            for topic, payload in heard.payloads.items()
            if any(fits(each, topic) for each in dialect.subscriptions)
        }
        if not own:
            continue
        for device in dialect.describe(own):
            one = _described(heard, dialect, device)
            if one is None or (claimed.issuperset(one.topics) and one.topics):
                continue  # two dialects describe it, as bridges announce to Home Assistant too
            claimed.update(one.topics)
            yield one
        claimed.update(topic for topic in own if _describes(dialect, topic))


def _describes(dialect: Dialect, topic: str) -> bool:
    return any(fits(each, topic) for each in dialect.descriptions)


def _described(heard: Heard, dialect: Dialect, device: FoundDevice) -> HeardDevice | None:
    try:
        profile = as_profile(device.profile)
        decoder = MessageDecoder(profile, device.topic)
    except (ValidationError, ProfilesError) as error:
        note = f"cannot be used: {str(error).splitlines()[0]}"
        return HeardDevice(device.name, dialect.name, device.category, device.id, notes=(note,))
    topics = [topic for topic in decoder.topics if topic in heard.payloads]
    values = _values(profile, decoder, heard, topics)
    named = dict(device.topic) or {"id": device.id}
    way = Way(f"dialect:{dialect.name}", named, 99, values, "describes itself")
    return HeardDevice(
        device.name, dialect.name, device.category, device.id, topics, [way], notes=device.notes
    )


def _values(
    profile: MqttProfile, decoder: MessageDecoder, heard: Heard, topics: Iterable[str]
) -> tuple[tuple[str, float | str | None, str], ...]:
    found: dict[str, tuple[str, float | str | None, str]] = {}
    for topic in topics:
        try:
            sayings = decoder.say(topic, heard.payloads[topic])
        except ProfilesError:
            continue
        for saying in sayings:
            for one in saying.readings:
                found[one.point] = (one.point, one.value, _unit(profile, one.point))
            for text in saying.texts:
                found[text.point] = (text.point, text.text, "")
    return tuple(found.values())


def _unit(profile: MqttProfile, point: str) -> str:
    known = profile.find(point)
    return known.unit if known is not None else ""


# --- devices that a profile fits -----------------------------------------------------------------


def _by_profile(
    heard: Heard, profiles: Sequence[MqttProfile], claimed: set[str]
) -> list[HeardDevice]:
    by_place: dict[str, HeardDevice] = {}
    for topic, payload in heard.payloads.items():
        if topic in claimed:
            continue
        texts = _names_in(payload)
        ways = [way for one in profiles if (way := _way(one, topic, payload, texts)) is not None]
        if not ways:
            continue
        ways.sort(key=lambda way: -way.score)
        kind = "lorawan" if texts else "profile"
        place = _place(ways[0])
        device = by_place.setdefault(place, HeardDevice(place, kind))
        device.topics.append(topic)
        device.ways = _merged(device.ways, ways)
        claimed.add(topic)
    for device in by_place.values():
        best = next(one for one in profiles if one.id == device.ways[0].profile)
        device.category = best.category
        device.ways = device.ways[:PROPOSALS_MAX]
    return list(by_place.values())


def _place(way: Way) -> str:
    return "/".join(way.topic.values()) or way.profile


def _merged(before: list[Way], more: list[Way]) -> list[Way]:
    """Return ways of both, those of one profile joined: a device speaks on several topics."""
    ways = {(one.profile, *one.topic.items()): one for one in before}
    for one in more:
        key = (one.profile, *one.topic.items())
        old = ways.get(key)
        if old is None:
            ways[key] = one
        else:
            values = {value[0]: value for value in (*old.values, *one.values)}
            score = max(old.score, one.score)
            ways[key] = Way(one.profile, one.topic, score, tuple(values.values()), one.why)
    return sorted(ways.values(), key=lambda way: -way.score)


def _way(profile: MqttProfile, topic: str, payload: bytes, texts: Sequence[str]) -> Way | None:
    try:
        parameters = topic_parameters(profile, topic)
        if parameters is None:
            return None
        decoder = MessageDecoder(profile, parameters)
        sayings = decoder.say(topic, payload)
    except ProfilesError:
        return None
    readings = [one for saying in sayings for one in saying.readings]
    texts_read = [one for saying in sayings for one in saying.texts]
    score = _score(profile, readings, len(texts_read), texts)
    if score < _WORTH_TELLING:
        return None
    values = [(one.point, one.value, _unit(profile, one.point)) for one in readings]
    more = [(one.point, one.text, "") for one in texts_read]
    match = match_identity(profile.vendor, profile.model, profile.id, texts)
    why = "; ".join(reason.en for reason in match.reasons) or f"{len(readings)} points fit"
    return Way(profile.id, parameters, score, (*values, *more), why)


def _score(
    profile: MqttProfile, readings: Sequence[Reading], texts: int, names: Sequence[str]
) -> int:
    """Return how well a message fits: which part of the points it has, and whether they are good.

    A message may rightly hold a part of the points only, so a few good ones are worth a lot.
    """
    good = {one.point for one in readings if one.quality is Quality.GOOD}
    bad = {
        one.point for one in readings if one.quality in (Quality.OUT_OF_RANGE, Quality.UNDECODABLE)
    }
    points = sum(point.is_readable for point in profile.points)
    if not points or (not good and not texts):
        return 0
    share = (len(good) + texts) / points
    score = 35 + 55 * min(1.0, share) - 30 * len(bad)
    match = match_identity(profile.vendor, profile.model, profile.id, names)
    if names:
        score += 10 if match.reasons else -25
    return max(0, min(99, round(score)))


def _names_in(payload: bytes) -> list[str]:
    """Return the names that a LoRaWAN network server tells of a device; none for others."""
    try:
        document = orjson.loads(payload)
        open_uplink(document)
    except (orjson.JSONDecodeError, ProfilesError):
        return []
    info = document.get("deviceInfo") or {}
    versions = (document.get("uplink_message") or {}).get("version_ids") or {}
    ids = document.get("end_device_ids") or {}
    told = [
        *(info.get(key) for key in ("deviceProfileName", "deviceName", "applicationName")),
        *(versions.get(key) for key in ("brand_id", "model_id")),
        *(document.get(key) for key in ("deviceProfileName", "deviceName")),
        ids.get("device_id"),
    ]
    return [text for text in told if isinstance(text, str) and text] or ["lorawan"]


# --- the rest ------------------------------------------------------------------------------------


def _unknown(heard: Heard, claimed: set[str]) -> Iterator[HeardDevice]:
    for topic, payload in sorted(heard.payloads.items()):
        if topic in claimed or topic.startswith(("$SYS/", "campus/1/")):
            continue
        yield HeardDevice(topic, "unknown", topics=[topic], plain=_plain(payload))


def _plain(payload: bytes) -> dict[str, Any]:
    try:
        document = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return {"": payload[:80].decode("utf-8", errors="replace")}
    found: dict[str, Any] = {}
    _flatten(document, "", found, depth=4)
    return found


def _flatten(value: Any, path: str, found: dict[str, Any], *, depth: int) -> None:
    if len(found) >= _PLAIN_VALUES_MAX or depth < 0:
        return
    if isinstance(value, Mapping):
        for key, inner in value.items():
            step = str(key) if str(key).replace("_", "").isalnum() else f'["{key}"]'
            dotted = f"{path}.{step}" if path and not step.startswith("[") else path + step
            _flatten(inner, dotted, found, depth=depth - 1)
    elif isinstance(value, list):
        for index, inner in enumerate(value[:4]):
            _flatten(inner, f"{path}[{index}]", found, depth=depth - 1)
    elif value is not None:
        found[path] = value if not isinstance(value, str) else value[:80]


def fits(topic_filter: str, topic: str) -> bool:
    """Say whether a topic is one of a filter with `+` and `#` (MQTT 3.1.1, section 4.7)."""
    wanted, given = topic_filter.split("/"), topic.split("/")
    if given[0].startswith("$") and wanted[0] in ("+", "#"):
        return False
    for at, level in enumerate(wanted):
        if level == "#":
            return True
        if at >= len(given) or level not in ("+", given[at]):
            return False
    return len(wanted) == len(given)
