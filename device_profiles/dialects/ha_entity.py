"""One entity of Home Assistant's discovery: topics, templates and words as parts of a point."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import orjson

from device_profiles.dialects.documents import number, read_json, text
from device_profiles.dialects.ha_template import Found, NotUnderstoodError, understand
from device_profiles.dialects.naming import path
from device_profiles.dialects.points import Draft, Part, Points
from device_profiles.dialects.words import snake

_VALUE: Final = re.compile(
    r"\{\{-?\s*value\s*(?:\|\s*(?:int|float|round)\s*(?:\(\s*\d*\s*\))?\s*)*-?\}\}"
)
_TOPIC: Final = re.compile(r"[^#+{}\x00-\x1f]{1,400}")
_TRUE: Final = frozenset({"true", "True"})
_FALSE: Final = frozenset({"false", "False"})


@dataclass(frozen=True, slots=True)
class Entity:
    """One entity, with its keys written out and its base topic filled in."""

    component: str
    """`sensor`, `switch` and so on."""
    object: str
    """What it is called in topics and ids: tells entities of one device apart."""
    config: Mapping[str, Any]

    def word(self, key: str, default: str = "") -> str:
        """Return what a key says, as a word of a payload."""
        value = self.config.get(key)
        if isinstance(value, bool):
            return "True" if value else "False"  # as Python would write it
        if isinstance(value, int | float):
            return f"{value:g}"
        return value if isinstance(value, str) and value else default

    @property
    def label(self) -> str:
        """What the maker calls it, or nothing where it bears the device's name."""
        return text(self.config.get("name"))

    @property
    def device_class(self) -> str:
        """Home Assistant's class, or nothing."""
        return text(self.config.get("device_class"))

    @property
    def is_minor(self) -> bool:
        """Whether it is a setting or of the device's own well-being."""
        return self.config.get("entity_category") in ("config", "diagnostic")

    def draft(self, key: str, read: Part | None, write: Part | None = None, **more: Any) -> Draft:
        """Return a point's draft with what all points of an entity have."""
        apart = self.object if snake(self.object) else self.label
        draft = Draft(key, read, write, apart=apart, label=self.label, slow=self.is_minor)
        return replace(draft, **more) if more else draft

    # --- reading --------------------------------------------------------------------------------

    def found(self, points: Points, topic_key: str, template_key: str) -> tuple[Part, Found] | None:
        """Return where a value is read and what becomes of it, or None when nothing says so."""
        topic = self.config.get(topic_key)
        if topic is None:
            return None
        if not isinstance(topic, str) or not is_filter(topic):
            points.leave_out(f"{self.object}.{topic_key}", "is no topic")
            return None
        try:
            found = understand(self.word(template_key))
        except NotUnderstoodError as error:
            points.leave_out(f"{self.object}.{template_key}", f"is not understood: it {error}")
            return None
        part: Part = {"topic": topic}
        if found.is_json:
            where = path(*found.steps) if found.steps else None
            if where is None:
                points.leave_out(f"{self.object}.{template_key}", "leads to no single value")
                return None
            part["path"] = where
        elif found.steps:
            points.leave_out(f"{self.object}.{template_key}", "takes text apart")
            return None
        return part, found

    def read_number(
        self, points: Points, topic_key: str = "state_topic", template_key: str = "value_template"
    ) -> Part | None:
        """Return where a number is read."""
        said = self.found(points, topic_key, template_key)
        if said is None:
            return None
        part, found = said
        if found.words or found.other is not None:
            points.leave_out(f"{self.object}.{template_key}", "turns a number into words")
            return None
        return part | _linear(found)

    def read_words(
        self,
        points: Points,
        words: Mapping[str, int],
        topic_key: str = "state_topic",
        template_key: str = "value_template",
    ) -> Part | None:
        """Return where a word is read, with the numbers that words stand for.

        Args:
            points: takes the note when it is not understood.
            words: the number of each word that the entity may say.
            topic_key: the key of its topic.
            template_key: the key of its template.
        """
        said = self.found(points, topic_key, template_key)
        if said is None:
            return None
        part, found = said
        if (found.scale, found.offset) != (1.0, 0.0):
            points.leave_out(f"{self.object}.{template_key}", "counts with a word")
            return None
        if not found.words and found.other is None:
            return part | {"values": _with_booleans(words)}
        turned = {word: words.get(result) for word, result in found.words.items()}
        other = words.get(found.other) if found.other is not None else None
        if None in turned.values() or (found.other is not None and other is None):
            points.leave_out(f"{self.object}.{template_key}", "says words that no state has")
            return None
        part["values"] = _with_booleans({w: n for w, n in turned.items() if n is not None})
        return part | ({"other_values": other} if other is not None else {})

    # --- writing --------------------------------------------------------------------------------

    def write(
        self,
        points: Points,
        topic_key: str = "command_topic",
        template_key: str = "command_template",
    ) -> Part | None:
        """Return the message that writes a value, or None when there is none."""
        topic = self.config.get(topic_key)
        if topic is None:
            return None
        if not isinstance(topic, str) or not _TOPIC.fullmatch(topic):
            points.leave_out(f"{self.object}.{topic_key}", "is no topic")
            return None
        template = _command(self.word(template_key))
        if template is None:
            points.leave_out(f"{self.object}.{template_key}", "is not understood")
            return None
        return {"topic": topic, "template": template}

    def limits(self, low: str, high: str, step: str, *, default: tuple[float, float]) -> Part:
        """Return what may be written, from the keys of its limits."""
        minimum, maximum = number(self.config.get(low)), number(self.config.get(high))
        part: Part = {
            "minimum": default[0] if minimum is None else minimum,
            "maximum": default[1] if maximum is None else maximum,
        }
        width = number(self.config.get(step))
        return part | ({"step": width} if width is not None and width > 0 else {})


def is_filter(topic: str) -> bool:
    """Say whether it can be listened to: whole levels may be `+`, whichever gateway heard it."""
    levels = topic.split("/")
    named = "/".join("x" if level == "+" else level for level in levels)
    return levels != ["+"] * len(levels) and _TOPIC.fullmatch(named) is not None


def _linear(found: Found) -> Part:
    part: Part = {}
    if found.scale != 1.0:
        part["scale"] = found.scale
    if found.offset:
        part["offset"] = found.offset
    return part


def _with_booleans(words: Mapping[str, int]) -> dict[str, int]:
    """Return the words, with those that a template writes for true and false as JSON has them."""
    more = {word.lower(): value for word, value in words.items() if word in _TRUE | _FALSE}
    return {**words, **more}


def _command(template: str) -> Any:
    """Return a command's template with `$value` in it, or None."""
    if not template:
        return "$value"
    if len(_VALUE.findall(template)) != 1 or "{%" in template:
        return None
    bare = _VALUE.sub("$value", template).strip()
    if "{{" in bare:
        return None
    if bare == "$value":
        return bare
    quoted = bare if '"$value"' in bare else bare.replace("$value", '"$value"')
    document = read_json(quoted.encode())
    if isinstance(document, dict | list):
        # only where the text would come out as it is: no template within other text
        return document if orjson.dumps(document).count(b'"$value"') == 1 else None
    return bare if "{" not in bare and "}" not in bare else None
