"""Which points a point is made of, and whether that can be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from pydantic_core import PydanticCustomError

from campus_wire.config_model import mistake_at
from campus_wire.suggest import suggest
from device_profiles.model_point import Point
from device_profiles.model_read import ModbusRead

Key = tuple[str | int, ...]


def inputs_of(point: Point) -> tuple[str, ...]:
    """Return the names of the points that must be known before this one has a value."""
    return tuple(name for _, name in _named_inputs(point))


def _named_inputs(point: Point) -> Iterator[tuple[Key, str]]:
    """Yield each input's name with the key below the point that gives it."""
    compute, read = point.compute, point.read
    if compute is not None:
        for number, name in enumerate(compute.points):
            yield ("compute", compute.operation.value, number), name
    if isinstance(read, ModbusRead):
        if read.scale_factor is not None:
            yield ("read", "scale_factor"), read.scale_factor
        for key in ("multiplier", "divisor"):
            for number, name in enumerate(getattr(read, key)):
                yield ("read", key, number), name


def in_order_of_inputs(points: Mapping[str, Point], wanted: Iterable[str]) -> list[str]:
    """Return the wanted points and all they are made of, each after its inputs.

    Args:
        points: all points, by name; names of others are left out.
        wanted: where to begin.

    Raises:
        ValueError: a point is made of itself; the text is its name.
    """
    order: list[str] = []
    done: set[str] = set()
    # a stack instead of recursion: the depth is the profile's choice
    stack = [(name, False) for name in reversed(list(wanted))]
    under_way: set[str] = set()
    while stack:
        name, inputs_are_done = stack.pop()
        if inputs_are_done:
            under_way.discard(name)
            done.add(name)
            order.append(name)
        elif name in under_way:
            raise ValueError(name)
        elif name not in done and name in points:
            under_way.add(name)
            stack.append((name, True))
            stack.extend((one, False) for one in reversed(inputs_of(points[name])))
    return order


def reference_mistakes(points: Sequence[Point]) -> Iterator[PydanticCustomError]:
    """Yield what is wrong with the names in `compute`, `scale_factor`, `multiplier`, `divisor`.

    The keys of the mistakes begin with `points` and the position.
    """
    by_name = {point.name: point for point in points}
    numbers = [point.name for point in points if point.is_readable and not point.is_text]
    found = False
    for index, point in enumerate(points):
        for key, name in _named_inputs(point):
            if name not in numbers:
                found = True
                message = f"{name} is no point with a number of its own"
                where = ("points", index, *key)
                yield mistake_at(where, message, suggestion=suggest(name, numbers))
    if found:
        return
    for index, point in enumerate(points):
        if point.name in _all_inputs(by_name, point):
            key = next(key for key, _ in _named_inputs(point))
            yield mistake_at(("points", index, *key), f"{point.name} would be made of itself")


def _all_inputs(points: Mapping[str, Point], point: Point) -> set[str]:
    found: set[str] = set()
    waiting = list(inputs_of(point))
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(inputs_of(points[name]))
    return found
