"""Whether the points of a profile fit together, whatever the protocol.

Mistakes point at `("points", position, …)` among all points, groups written out; `in_the_file` puts
them where those points stand in the file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from pydantic_core import PydanticCustomError

from campus_wire.config_model import mistake_at
from campus_wire.suggest import suggest
from device_profiles.model_point import Point, WriteLimits
from device_profiles.placing import Key, Placed
from device_profiles.references import reference_mistakes

Mistakes = Iterator[PydanticCustomError]
P = TypeVar("P", bound=Point)


def in_the_file(
    errors: Iterable[PydanticCustomError], placed: Placed[P]
) -> list[PydanticCustomError]:
    """Return the mistakes where their points stand, one for each place.

    The instances of a group share a place, and what is wrong with one is wrong with most; the
    first is named.
    """
    found: dict[tuple[Key, ...], PydanticCustomError] = {}
    for error in errors:
        for one in (error.context or {})["mistakes"]:
            key: tuple[Key, ...] = tuple(one["key"])
            said, suggestion = one["said"], one["suggestion"]
            if len(key) > 1 and key[0] == "points" and isinstance(key[1], int):
                position, key = key[1], (*placed.keys[key[1]], *key[2:])
                if key[0] == "groups":
                    said = f"{placed.points[position].name}: {said}"
                    siblings = placed.siblings[key[:2]]
                    suggestion = suggestion or _sibling_meant(one["said"], siblings)
            found.setdefault(
                key, mistake_at(key, said, suggestion=suggestion, remedy=one["remedy"])
            )
    return list(found.values())


def _sibling_meant(said: str, siblings: Sequence[str]) -> str:
    """Return the point of the same group that a name that is none was most likely meant to be."""
    name, is_none, _ = said.partition(" is no point")
    return suggest(name, siblings) if is_none else ""


def point_mistakes(points: Sequence[Point]) -> Mistakes:
    """Yield what is wrong with names, with writing, and with what points are made of."""
    by_name = {point.name: point for point in points}
    yield from _name_mistakes(points)
    readable = [point.name for point in points if point.is_readable]
    for index, point in enumerate(points):
        if point.write is not None:
            yield from _write_mistakes(("points", index, "write"), point, point.write, readable)
            yield from _moved_along(("points", index, "write"), point.write, by_name)
    yield from reference_mistakes(points)


def _name_mistakes(points: Sequence[Point]) -> Mistakes:
    seen: set[str] = set()
    for index, point in enumerate(points):
        if point.name in seen:
            yield mistake_at(("points", index, "name"), f"{point.name} is given twice")
        seen.add(point.name)


def _write_mistakes(
    key: tuple[Key, ...], point: Point, write: WriteLimits, readable: Sequence[str]
) -> Mistakes:
    if not point.states and (write.minimum is None or write.maximum is None):
        remedy = "give minimum and maximum here, or states to the point"
        yield mistake_at(key, "nothing bounds what may be written", remedy=remedy)
    if point.states and write.safe_value not in (None, *point.states):
        yield mistake_at((*key, "safe_value"), "is none of the states")
    if write.read_back is not None and write.read_back not in readable:
        message = f"{write.read_back} is no point that can be read"
        meant = suggest(write.read_back, readable)
        yield mistake_at((*key, "read_back"), message, suggestion=meant)


def _moved_along(
    key: tuple[Key, ...], write: WriteLimits, by_name: Mapping[str, Point]
) -> Mistakes:
    for number, name in enumerate(write.also_writes):
        if name not in by_name:
            yield unknown((*key, "also_writes", number), name, by_name)


def unknown(key: tuple[Key, ...], name: str, known: Iterable[str]) -> PydanticCustomError:
    """Return the mistake that no point has this name."""
    meant = suggest(name, known)
    return mistake_at(key, f"{name} is no point of this profile", suggestion=meant)
