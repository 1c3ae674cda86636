"""From values and the paths that lead to them, back to the message that they stood in.

A reader goes down: from the payload through notations, names and positions to a value. Here all
these ways are laid into one tree, and the message grows from its leaves to its root. The parser of
paths shares nothing with the profile's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from firmware_sims.errors import UnsupportedPointError
from firmware_sims.mqtt.meaning import Raw, raw_of_word

_STEP = re.compile(
    r"""\["(?P<quoted>[^"]+)"\] | \['(?P<single>[^']+)'\] | \[(?P<index>-?\d+)\]
      | \[(?P<field>[^\]=]+)=(?:"(?P<says>[^"]*)"|'(?P<said>[^']*)'|(?P<bare>[^\]]*))\]
      | (?P<name>[^.\[\]]+)""",
    re.VERBOSE,
)
ROOT = "$"
_STAR = "1"


class Key(NamedTuple):
    """A name in an object."""

    name: str


class At(NamedTuple):
    """A position in a list; negative from its end."""

    position: int


class Where(NamedTuple):
    """The element, or the object, whose fields say so."""

    says: tuple[tuple[tuple[str, ...], str], ...]
    is_object: bool


class Notation(Protocol):
    """Another way to write a value: JSON in a text, bytes in base64, a frame."""

    def encode(self, value: object) -> tuple[object, Mapping[str, Raw] | None]:
        """The value written so.

        Where the notation rounds the members of an object, what they have become is returned with
        it; a member that is not there was left out.
        """


class Through(NamedTuple):
    """Into another notation; two are the same where their keys are."""

    key: str
    notation: Notation

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Through) and self.key == other.key


Hop = Key | At | Where | Through


def fill(text: str, places: Mapping[str, str]) -> str:
    """A text with `{name}` filled in where the name is known."""
    for name, value in places.items():
        text = text.replace(f"{{{name}}}", value)
    return text


def hops_of(path: str, places: Mapping[str, str]) -> list[Hop]:
    """The way that a path goes; a star stands for a name of its own."""
    hops: list[Hop] = []
    was_star = False
    for match in _STEP.finditer(path):
        if match["index"] is not None:
            hops.append(At(int(match["index"])))
        elif match["field"] is not None:
            hops.append(_where(match, places, hops, is_object=was_star))
        else:
            name = match["quoted"] or match["single"]
            was_star = name is None and "*" in match["name"]
            hops.append(Key(fill(name or match["name"].replace("*", _STAR), places)))
    return hops


def _where(
    match: re.Match[str], places: Mapping[str, str], hops: list[Hop], *, is_object: bool
) -> Where:
    says = next(one for one in (match["says"], match["said"], match["bare"]) if one is not None)
    mine = (tuple(fill(match["field"], places).split(".")), fill(says, places))
    before: tuple[tuple[tuple[str, ...], str], ...] = ()
    if hops and isinstance(hops[-1], Where):
        last = hops.pop()
        assert isinstance(last, Where)
        before, is_object = last.says, last.is_object
    if is_object and not before and hops and isinstance(hops[-1], Key):
        # a name of its own for each object that is chosen
        hops[-1] = Key(f"{hops[-1].name.removesuffix(_STAR)}-{mine[1]}")
    return Where((*before, mine), is_object)


@dataclass(slots=True)
class Leaf:
    """A value at the end of a way."""

    raw: Raw = None
    is_fixed: bool = False
    """What a condition wants to stand there: no number takes its place."""
    is_left_out: bool = False


@dataclass(slots=True)
class Node:
    """A place in the message."""

    children: dict[Hop, Node] = field(default_factory=dict)
    leaf: Leaf | None = None

    def at(self, hops: Sequence[Hop]) -> Leaf:
        """The leaf at the end of a way, which grows as far as it is missing.

        Raises:
            UnsupportedPointError: something else stands on the way.
        """
        here = self
        for hop in hops:
            if here.leaf is not None:
                raise UnsupportedPointError("path", f"a value stands before {hop}")
            here = here.children.setdefault(hop, Node())
        if here.children:
            raise UnsupportedPointError("path", "a value stands where others stand below")
        if here.leaf is None:
            here.leaf = Leaf()
        return here.leaf

    def built(self) -> object:
        """What stands here."""
        if self.leaf is not None or not self.children:
            return None if self.leaf is None else self.leaf.raw
        hops = list(self.children)
        if isinstance(hops[0], Through):
            return self._through(hops[0])
        return self._container(hops)

    def _container(self, hops: Sequence[Hop]) -> object:
        if all(isinstance(hop, Key) for hop in hops):
            return {hop.name: self.children[hop].built() for hop in hops if isinstance(hop, Key)}
        if isinstance(hops[0], Where) and hops[0].is_object:
            return self._element(hops[0])
        if all(isinstance(hop, At) for hop in hops):
            return self._positions()
        return [self._element(hop) for hop in hops if isinstance(hop, Where)]

    def _through(self, hop: Through) -> object:
        below = self.children[hop]
        encoded, members = hop.notation.encode(below.built())
        if members is not None:
            for name, child in below.children.items():
                if isinstance(name, Key) and child.leaf is not None:
                    child.leaf.is_left_out = name.name not in members
                    child.leaf.raw = members.get(name.name)
        return encoded

    def _element(self, hop: Where) -> object:
        element = self.children[hop].built()
        if not isinstance(element, dict):
            return element
        chosen: dict[str, object] = {}
        for names, says in hop.says:
            here = chosen
            for name in names[:-1]:
                inner: dict[str, object] = {}
                here[name] = here.get(name) or inner
                here = inner if here[name] is inner else _object(here[name])
            here[names[-1]] = _as_said(says)
        return _joined(chosen, element)

    def _positions(self) -> list[object]:
        given = {
            hop.position: self.children[hop].built() for hop in self.children if isinstance(hop, At)
        }
        ahead = max((index for index in given if index >= 0), default=-1) + 1
        behind = max((-index for index in given if index < 0), default=0)
        size = max(ahead, behind) if not (ahead and behind) else ahead + behind
        items: list[object] = [None] * size
        for index, item in given.items():
            items[index] = item
        return items


def _object(value: object) -> dict[str, object]:
    assert isinstance(value, dict), "what is chosen by a field of it is an object"
    return value


def _joined(one: Mapping[str, object], other: Mapping[str, object]) -> dict[str, object]:
    """Both objects in one, those inside too."""
    joined = dict(one)
    for name, value in other.items():
        here = joined.get(name)
        both = isinstance(here, dict) and isinstance(value, dict)
        joined[name] = _joined(_object(here), _object(value)) if both else value
    return joined


def _as_said(text: str) -> object:
    """Short whole numbers stand as numbers, all else as text."""
    raw = raw_of_word(text)
    return raw if isinstance(raw, int) and str(raw) == text and len(text) < 10 else text
