"""Points of a profile, put together from what a device tells of itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from device_profiles.dialects.naming import one_line, point_name
from device_profiles.dialects.quantities import (
    KnownNumber,
    KnownState,
    known_number,
    known_state,
)
from device_profiles.dialects.units import Conversion, convert
from device_profiles.dialects.words import chinese_name, english_name, snake, state_label

POINTS_MAX: Final = 500
STATES_MAX: Final = 64
_SAFETY_WORDS: Final = frozenset({"emergency", "panic", "sos"})

Part = dict[str, Any]
"""A piece of a profile document."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What a device tells of one point, in its own words."""

    key: str
    """The maker's key; the tables of known quantities are asked for it."""
    read: Part | None
    """Where it is read: `topic`, `path`; None for what is only written."""
    write: Part | None = None
    """Where it is written: `topic`, `template`; limits for numbers."""
    channel: str = ""
    """Which of several alike."""
    apart: str = ""
    """What tells it from another point that would have the same name."""
    name: str = ""
    """The point's name where the key's own would mislead."""
    label: str = ""
    """The maker's own label."""
    unit: str | None = None
    """In the maker's spelling; None when it tells none."""
    point_class: str = ""
    category: str = ""
    """What it says of the kind of device, where the key alone says something else, or nothing."""
    slow: bool = False
    """Settings and diagnosis."""
    labels: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Made:
    base: str
    channel: str
    apart: str
    labels: dict[str, str]
    part: Part


def said_by(*places: Part) -> Part:
    """Return where a point is read that several messages say; the first is the usual one."""
    first, *others = places
    return {**first, "also": others} if others else first


class Points:
    """The points of one device, with what was left out of them."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.hints: list[str] = []
        """What the points say of the kind of device."""
        self._made: list[_Made] = []

    def __contains__(self, name: str) -> bool:
        return any(made.base == name for made in self._made)

    def number(self, draft: Draft) -> None:
        """Add a number; its unit becomes one of the closed list."""
        conversion = self._conversion(draft)
        known = known_number(draft.key, None if draft.unit is None else conversion.unit)
        if known is not None and draft.unit is None:
            conversion = Conversion(self._only_unit(draft, known))
        elif known is not None and conversion.unit not in known.units:
            conversion = conversion._replace(unit=known.units[0])
        part: Part = {"unit": conversion.unit}
        if known is not None and draft.read is not None and known.maximum is not None:
            part |= {"minimum": known.minimum, "maximum": known.maximum}
        linear = _linear(conversion)
        if draft.read is not None:
            part["read"] = {**linear, **draft.read}
        if draft.write is not None:
            self._add_write(part, {**linear, **draft.write}, conversion, draft)
        self._add(draft, part, known)

    def binary(self, draft: Draft, *, on: object = True, off: object = False) -> None:
        """Add a state of two values; `on` and `off` are the words or booleans for 1 and 0."""
        values = {_word(off): 0, _word(on): 1}
        if len(values) < 2:
            self.leave_out(draft.key, "has the same word for both states")
            return
        self.state(draft, read_values=values, write_values=values)

    def state(
        self,
        draft: Draft,
        *,
        read_values: Mapping[str, int] | None = None,
        write_values: Mapping[str, int] | None = None,
        other: int | None = None,
    ) -> None:
        """Add a state of two values whose words for reading and writing may differ.

        Args:
            draft: the point.
            read_values: the words that the device says.
            write_values: the words that it is told.
            other: what all other words that it says mean.
        """
        known = known_state(draft.key)
        off, on = (known.off, known.on) if known else (state_label("off"), state_label("on"))
        others = {} if other is None else {"other_values": other}
        part: Part = {"states": {0: off, 1: on}}
        _add_words(draft, part, read_values or {}, write_values or {}, others)
        self._add(draft, part, known)

    def enumeration(
        self, draft: Draft, words: Sequence[str], *, standard: Sequence[str] = ()
    ) -> None:
        """Add an enumeration; words in `standard` have its numbers, whatever the device's order.

        Args:
            draft: the point.
            words: what the device says.
            standard: the order that all devices with this quantity share.
        """
        named = [word for word in dict.fromkeys(words) if word.strip() and len(word) <= 200]
        if not named or len(named) > STATES_MAX:
            self.leave_out(draft.key, f"has {len(named)} words for its states")
            return
        values = numbered(named, standard)
        if _SAFETY_WORDS & {word.lower() for word in named} and not draft.point_class:
            draft = replace(draft, point_class="safety", category=draft.category or "panic_button")
        part: Part = {"states": {value: state_label(word) for word, value in values.items()}}
        _add_words(draft, part, values, values, {})
        self._add(draft, part, known_number(draft.key, ""))

    def text(self, draft: Draft, *, on_change: bool = True) -> None:
        """Add a text; it travels as an event, when it changes or each time it is said."""
        if draft.read is None:
            self.leave_out(draft.key, "is a text that is only written")
            return
        repeated = {"on_change": True} if on_change else {}
        self._add(draft, {"read": {**draft.read, "data_type": "string", **repeated}}, None)

    def leave_out(self, key: str, why: str) -> None:
        """Note what is not made a point of."""
        self.notes.append(one_line(f"{key} {why}", most=200))

    def parts(self) -> list[Part]:
        """Return the points as a profile has them, each with a name of its own.

        Where several would have one name, all of them are told apart by what the maker calls them:
        so a point keeps its name whatever order things are heard in.
        """
        count = Counter((made.base, made.channel) for made in self._made)
        taken: set[str] = set()
        parts = []
        for made in self._made:
            is_alone = count[made.base, made.channel] == 1
            apart = "" if is_alone else _difference(made.apart, made.base)
            name = _unique(point_name(made.base, made.channel.lower(), apart) or "point", taken)
            taken.add(name)
            shown = one_line(f"{made.channel} {apart}".replace("_", " "), most=60)
            labels = {
                language: one_line(f"{text} {shown}") or name
                for language, text in made.labels.items()
            }
            parts.append({"name": name, "labels": labels, **made.part})
        return parts

    # --- pieces ---------------------------------------------------------------------------------

    def _conversion(self, draft: Draft) -> Conversion:
        found = convert(draft.unit) if draft.unit is not None else Conversion("")
        if found is None:
            self.leave_out(draft.key, f"has the unit {draft.unit!r}, which is left out")
            return Conversion("")
        return found

    def _only_unit(self, draft: Draft, known: KnownNumber) -> str:
        if len(known.units) > 1 and "" not in known.units:
            self.leave_out(draft.key, "has no unit: none is told, and it may have several")
        return known.units[0] if len(known.units) == 1 else ""

    def _add_write(self, part: Part, write: Part, conversion: Conversion, draft: Draft) -> None:
        low, high = write.get("minimum"), write.get("maximum")
        if low is None or high is None or not low < high:
            self.leave_out(draft.key, "can be set, but nothing says within what limits")
            return
        bounds = sorted(limit * conversion.scale + conversion.offset for limit in (low, high))
        write |= {"minimum": round(bounds[0], 6), "maximum": round(bounds[1], 6)}
        if "step" in write:
            write["step"] = abs(write["step"] * conversion.scale)
        part["write"] = write

    def _add(self, draft: Draft, part: Part, known: KnownNumber | KnownState | None) -> None:
        if "read" not in part and "write" not in part:
            return
        if len(self._made) >= POINTS_MAX:
            self.notes.append(f"more than {POINTS_MAX} points: the rest is left out")
            return
        point_class = draft.point_class or (known.point_class if known is not None else "normal")
        if draft.slow and point_class == "normal":
            point_class = "slow"
        if point_class != "normal":
            part = {"class": point_class, **part}
        hint = draft.category or (known.category if known is not None and not draft.slow else "")
        if hint:
            self.hints.append(hint)
        base = draft.name or (known.name if known is not None else draft.key)
        apart = draft.apart or draft.key
        self._made.append(_Made(base, draft.channel, apart, _labels(draft, known), part))


def _labels(draft: Draft, known: KnownNumber | KnownState | None) -> dict[str, str]:
    if draft.labels:
        return draft.labels
    if known is not None:
        return {"zh": known.zh, "en": known.en}
    own = draft.label or draft.key
    return {"zh": chinese_name(own), "en": english_name(own)}


def _difference(apart: str, base: str) -> str:
    """Return what `apart` says beyond the name itself."""
    said = set(snake(base).split("_"))
    rest = [word for word in snake(apart).split("_") if word not in said]
    return "_".join(rest)


def _unique(name: str, taken: set[str]) -> str:
    unique, count = name, 1
    while unique in taken:
        count += 1
        unique = f"{name}_{count}"
    return unique


def _word(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value)[:200]


def _linear(conversion: Conversion) -> Part:
    linear: Part = {}
    if conversion.scale != 1.0:
        linear["scale"] = conversion.scale
    if conversion.offset:
        linear["offset"] = conversion.offset
    return linear


def _add_words(
    draft: Draft,
    part: Part,
    read_values: Mapping[str, int],
    write_values: Mapping[str, int],
    others: Part,
) -> None:
    if draft.read is not None:
        part["read"] = {"values": dict(read_values), **others, **draft.read}
    if draft.write is not None:
        part["write"] = {"values": dict(write_values), **draft.write}


def numbered(words: Iterable[str], standard: Sequence[str]) -> dict[str, int]:
    """Return the number of each word of an enumeration.

    >>> numbered(["COOL", "OFF", "frost"], ("off", "heat", "cool"))
    {'COOL': 2, 'OFF': 0, 'frost': 3}
    """
    values: dict[str, int] = {}
    free = len(standard)
    for word in dict.fromkeys(words):
        if word.lower() in standard:
            values[word] = standard.index(word.lower())
        else:
            values[word], free = free, free + 1
    return values
