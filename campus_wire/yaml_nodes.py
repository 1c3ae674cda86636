"""YAML text as plain data that remembers where each piece stood.

Only what JSON can say is accepted: no tags, no dates, no infinities, string keys. That keeps a file
free of surprises and lets a value be checked in the same strict way wherever it came from. Scalars
are resolved by the core schema of YAML 1.2.2 (§10.3.2), in which `on` and `no` are plain text.

The parser's events are turned into nodes here, without its own constructors, so that all mistakes
of a file are found in one go, and so that neither depth nor aliases can run away.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

DEPTH_MAX: Final = 32
NODES_MAX: Final = 500_000
"""Counted with every alias written out, so that nested aliases cannot multiply without bound."""

_INT: Final = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE: Final = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_WORDS: Final[dict[str, bool | None]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_SURROGATES: Final = frozenset(map(chr, range(0xD800, 0xE000)))
_INT_ABS_MAX: Final = 2**63 - 1
_FLOAT_CHARS_MAX: Final = 400


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a file, both counted from 1."""

    line: int
    column: int


@dataclass(slots=True)
class Node:
    """One value: a scalar, or a mapping or sequence of nodes."""

    place: Place
    value: bool | int | float | str | dict[str, Node] | list[Node] | None
    key_places: dict[str, Place] = field(default_factory=dict)
    size: int = 1

    def plain(self) -> Any:
        """Return the value as plain dictionaries, lists and scalars."""
        if isinstance(self.value, dict):
            return {key: child.plain() for key, child in self.value.items()}
        if isinstance(self.value, list):
            return [child.plain() for child in self.value]
        return self.value

    def child(self, key: str | int) -> Node | None:
        """Return the node below `key`, or None."""
        if isinstance(self.value, dict):
            return self.value.get(str(key))
        if isinstance(self.value, list) and isinstance(key, int) and 0 <= key < len(self.value):
            return self.value[key]
        return None


@dataclass(frozen=True, slots=True)
class Flaw:
    """What keeps a text from being read as plain data."""

    place: Place
    message: str
    remedy: str = ""


@dataclass(slots=True)
class _Open:
    """A mapping or sequence whose end has not come yet."""

    node: Node
    anchor: str | None
    key: str | None = None
    awaits_value: bool = False


def parse_yaml(text: str) -> tuple[Node | None, tuple[Flaw, ...]]:
    """Return the one document in `text` and the flaws found in reading it.

    The node is None when nothing could be read.
    """
    builder = _Builder()
    try:
        for event in _events(text):
            builder.take(event)
            if builder.gave_up:
                break
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(mark.line + 1, mark.column + 1) if mark is not None else Place(1, 1)
        said = " ".join(part for part in (error.problem, error.context) if part)
        builder.flaws.append(Flaw(place, f"is no YAML: {said}"))
    except YAMLError as error:
        builder.flaws.append(Flaw(Place(1, 1), f"is no YAML: {str(error).splitlines()[0]}"))
    except (ValueError, OverflowError) as error:  # escapes that no character answers to
        builder.flaws.append(Flaw(Place(1, 1), f"is no YAML: {error}"))
    return builder.root, tuple(builder.flaws)


def _events(text: str) -> Iterator[Event]:
    yield from YAML(typ="safe", pure=True).parse(text)


class _Builder:
    """Makes nodes of events; keeps a stack of what is open."""

    def __init__(self) -> None:
        self.root: Node | None = None
        self.flaws: list[Flaw] = []
        self.gave_up = False
        self._open: list[_Open] = []
        self._anchors: dict[str, Node] = {}
        self._documents = 0

    def take(self, event: Event) -> None:
        place = Place(event.start_mark.line + 1, event.start_mark.column + 1)
        match event:
            case DocumentStartEvent():
                self._documents += 1
                if self._documents > 1:
                    self._stop(place, "holds a second document", "remove the line ---")
            case MappingStartEvent():
                self._begin(Node(place, {}), event)
            case SequenceStartEvent():
                self._begin(Node(place, []), event)
            case MappingEndEvent() | SequenceEndEvent():
                done = self._open.pop()
                self._finish(done.node, done.anchor)
            case ScalarEvent():
                self._refuse_tag(place, event)
                self._finish(Node(place, self._scalar(place, event)), event.anchor)
            case AliasEvent():
                self._alias(place, event.anchor)
            case _:
                pass

    def _begin(self, node: Node, event: MappingStartEvent | SequenceStartEvent) -> None:
        self._refuse_tag(node.place, event)
        if len(self._open) >= DEPTH_MAX:
            self._stop(node.place, f"is nested deeper than {DEPTH_MAX} levels")
            return
        if self._open and self._expects_key(self._open[-1]):
            self._stop(node.place, "a key must be a word, not a list or mapping")
            return
        self._open.append(_Open(node, event.anchor))

    def _alias(self, place: Place, name: str) -> None:
        known = self._anchors.get(name)
        if known is None:
            self.flaws.append(Flaw(place, f"there is no anchor &{name} before this alias"))
            known = Node(place, None)
        self._finish(known, None)

    def _finish(self, node: Node, anchor: str | None) -> None:
        if anchor is not None:
            self._anchors[anchor] = node
        if not self._open:
            self.root = node
            return
        parent = self._open[-1]
        if self._expects_key(parent):
            self._take_key(parent, node)
            return
        parent.node.size += node.size
        if parent.node.size > NODES_MAX:
            self._stop(node.place, f"holds more than {NODES_MAX:,} values, aliases written out")
            return
        if isinstance(parent.node.value, list):
            parent.node.value.append(node)
        elif isinstance(parent.node.value, dict) and parent.key is not None:
            parent.node.value.setdefault(parent.key, node)
            parent.awaits_value = False

    @staticmethod
    def _expects_key(parent: _Open) -> bool:
        return isinstance(parent.node.value, dict) and not parent.awaits_value

    def _take_key(self, parent: _Open, node: Node) -> None:
        if isinstance(node.value, dict | list):
            self._stop(node.place, "a key must be a word, not a list or mapping")
            return
        key = _key_text(node.value)
        first = parent.node.key_places.get(key)
        if key == "<<":
            message = "merge keys are not part of YAML 1.2"
            self.flaws.append(Flaw(node.place, message, "write the keys out"))
        elif first is not None:
            message = f"{key} is given twice, first on line {first.line}"
            self.flaws.append(Flaw(node.place, message, "keep one of the two"))
        parent.node.key_places.setdefault(key, node.place)
        parent.key = key
        parent.awaits_value = True

    def _scalar(self, place: Place, event: ScalarEvent) -> bool | int | float | str | None:
        text: str = event.value
        if not _SURROGATES.isdisjoint(text):
            return self._joined(place, text)
        if event.style is not None:
            return text
        if text in _WORDS:
            return _WORDS[text]
        if _INT.fullmatch(text):
            return self._integer(place, text)
        if _FLOAT.fullmatch(text) or _NOT_FINITE.fullmatch(text):
            return self._float(place, text)
        return text

    def _joined(self, place: Place, text: str) -> str:
        # JSON writes what lies beyond 16 bits as two escapes
        try:
            return text.encode("utf-16", "surrogatepass").decode("utf-16")
        except UnicodeDecodeError:
            self.flaws.append(Flaw(place, "holds half of a surrogate pair"))
            return ""

    def _integer(self, place: Place, text: str) -> int:
        # base 0 would refuse the leading zeros that YAML allows in decimals
        base = {"0o": 8, "0x": 16}.get(text[:2], 10)
        number = int(text, base) if len(text) <= 24 else _INT_ABS_MAX + 1
        if abs(number) > _INT_ABS_MAX:
            self.flaws.append(Flaw(place, "is too large for a whole number"))
            return 0
        return number

    def _float(self, place: Place, text: str) -> float:
        number = float(text) if len(text) <= _FLOAT_CHARS_MAX and "n" not in text.lower() else None
        if number is None or number in (float("inf"), float("-inf")):
            self.flaws.append(Flaw(place, "must be a finite number"))
            return 0.0
        return number

    def _refuse_tag(
        self, place: Place, event: ScalarEvent | MappingStartEvent | SequenceStartEvent
    ) -> None:
        if event.tag is not None:
            shown = str(event.tag).replace("tag:yaml.org,2002:", "!!")
            self.flaws.append(Flaw(place, f"tags such as {shown} are not allowed"))

    def _stop(self, place: Place, message: str, remedy: str = "") -> None:
        self.flaws.append(Flaw(place, message, remedy))
        self.gave_up = True
        self.root = None


def _key_text(value: object) -> str:
    # as JSON would spell it, so that `true:` and `"true":` are the same key
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value)
