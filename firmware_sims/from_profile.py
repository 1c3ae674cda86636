"""Modbus profiles as simulators need them: a blueprint of one device of a model.

The profile's model says where a number stands and in which form. How it becomes bytes, and what a
printed address or a device-wide byte order means on the wire, is worked out here anew, because a
mistake shared with the edge would never show.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from device_profiles.model import ModbusProfile, Profile
from device_profiles.model_modbus import ModbusPoint, ModbusRead, ModbusWrite
from firmware_sims.behaviours import PointFacts, is_constant, usual_factor
from firmware_sims.blueprint import Blueprint, Choice
from firmware_sims.derived import Computed, Factor
from firmware_sims.device import DeviceLimits
from firmware_sims.errors import UnsupportedPointError
from firmware_sims.forms import Habits, read_form, write_form
from firmware_sims.identity import Identity
from firmware_sims.panel import Relations
from firmware_sims.registers import WRITE_SUFFIX, RegisterPoint, Table
from firmware_sims.sections import (
    TABLE_BY_FUNCTION,
    TABLE_BY_NAME,
    forbidden_of,
    limits_of,
    temper_of,
    wire_address,
)
from firmware_sims.sunspec import chain, extent, models_present, structure
from firmware_sims.upkeep import Upkeep, raw_writes
from firmware_sims.variants import Chosen, Fact, choose

__all__ = [
    "Blueprint",
    "Choice",
    "blueprint",
    "count_points",
    "device_limits",
    "forbidden_ranges",
    "point_facts",
    "register_points",
]

_USUAL_INSTANCES = 6


def point_facts(profile: Profile, points: Sequence[ModbusPoint] | None = None) -> list[PointFacts]:
    """What the table of behaviours goes by, for each point; texts have no behaviour."""
    return [
        PointFacts(
            name=point.name,
            unit=point.unit,
            category=profile.category,
            writable=point.is_writable,
            minimum=point.minimum,
            maximum=point.maximum,
            states={number: label.en for number, label in point.states.items()},
            is_hidden=point.hidden,
            is_computed=point.compute is not None,
        )
        for point in (profile.points if points is None else points)
        if not point.is_text
    ]


def register_points(profile: ModbusProfile) -> list[RegisterPoint]:
    """The map of a Modbus device in its base variant.

    Raises:
        UnsupportedPointError: a point has a form that is not known here.
    """
    return blueprint(profile).points


def forbidden_ranges(profile: ModbusProfile) -> list[tuple[Table, int, int]]:
    """Addresses that must not be read: table, first and last."""
    return forbidden_of(profile.modbus)


def device_limits(profile: ModbusProfile) -> DeviceLimits:
    """What the device refuses."""
    return limits_of(profile.modbus)


def blueprint(profile: ModbusProfile, choice: Choice = Choice()) -> Blueprint:  # noqa: B008
    """A device of a model.

    Raises:
        UnsupportedPointError: a point has a form that is not known here.
        SchoolError: the choice does not fit the model.
    """
    choice = replace(choice, counts=_usual_counts(profile) | dict(choice.counts))
    chosen = choose(profile, choice.variants)
    present = [p for p in chosen.points if p.name not in _absent(profile, choice.counts)]
    drawing = _Drawing(profile, replace(chosen, points=present), choice)
    return drawing.drawn()


def count_points(profile: ModbusProfile) -> frozenset[str]:
    """The points that tell how many instances of a group there are."""
    groups = profile.groups
    return frozenset(group.count_from for group in groups if group.count_from is not None)


def _usual_counts(profile: ModbusProfile) -> dict[str, float]:
    """How many instances there are where nobody says: as many as a school would have."""
    sizes: dict[str, float] = {}
    for group in profile.groups:
        if group.count_from is not None:
            size = float(min(len(group.repeat.names) or group.repeat.count or 0, _USUAL_INSTANCES))
            sizes[group.count_from] = max(size, sizes.get(group.count_from, 0.0))
    return sizes


def _absent(profile: ModbusProfile, counts: Mapping[str, float]) -> set[str]:
    """Names of points in instances of groups beyond those that are there."""
    absent: set[str] = set()
    for group in profile.groups:
        if group.count_from is None or group.count_from not in counts:
            continue
        repeat = group.repeat
        words = list(repeat.names) or [str(repeat.first + n) for n in range(repeat.count or 0)]
        for word in words[int(counts[group.count_from]) :]:
            for point in group.points:
                is_suffix = group.style == "suffix"
                absent.add(
                    f"{point.name}_{word}" if is_suffix else f"{group.name}_{word}_{point.name}"
                )
    return absent


class _Drawing:
    """Makes a blueprint step by step."""

    def __init__(self, profile: ModbusProfile, chosen: Chosen, choice: Choice) -> None:
        self._profile = profile
        self._section = section = chosen.section
        self._facts: Mapping[str, Fact] = chosen.facts
        self._choice = choice
        self._habits = Habits(section.byte_order, section.text_encoding, section.utc_offset)
        firmware = chosen.facts.get("firmware_version", chosen.facts.get("firmware", "1.4.2"))
        self._identity = Identity(profile.vendor, profile.model, str(firmware), profile.labels.en)
        self._blocks: dict[int, int] = {}
        self._models: dict[int, tuple[int, int]] = {}
        if section.sunspec is not None:
            self._find_models(chosen.points)
        self._points = [point for point in chosen.points if self._has_place(point)]
        self._by_name = {point.name: point for point in self._points}

    def drawn(self) -> Blueprint:
        """The whole blueprint."""
        section = self._section
        made = Blueprint(
            points=[place for point in self._points for place in self._places(point)],
            facts=point_facts(self._profile, self._points),
            identity=self._identity,
            limits=limits_of(section),
            temper=temper_of(section),
            forbidden=forbidden_of(section),
        )
        made.relations = self._relations()
        made.texts = self._texts()
        made.numbers = self._helper_numbers()
        made.fixed = frozenset(made.numbers) | frozenset(self._facts)
        made.numbers |= {name: n for name, n in self._facts.items() if isinstance(n, float | int)}
        made.numbers |= self._choice.counts
        for place in made.points:
            if place.name.endswith(WRITE_SUFFIX):
                made.sets[place.name] = (place.name.removesuffix(WRITE_SUFFIX),)
        self._add_models(made)
        Upkeep(section, self._by_name).add_to(made)
        return made

    # --- SunSpec -------------------------------------------------------------------------------

    def _find_models(self, points: Sequence[ModbusPoint]) -> None:
        sunspec = self._section.sunspec
        assert sunspec is not None
        wanted = [block for point in points if (block := _block(point))]
        present = self._choice.blocks
        models = models_present(wanted) if present is None else sorted({1, *present})
        ends: dict[int, int] = {}
        for point in points:
            model = next((one for one in _block(point) if one in models), None)
            if model is not None and point.read is not None:
                form = read_form(point.read, "holding", self._habits)
                end = point.read.address + form.register_count
                ends[model] = max(ends.get(model, 0), end)
        self._models = chain(sunspec.marker_addresses[0], models, ends)
        self._blocks = {model: place for model, (place, _) in self._models.items()}

    def _has_place(self, point: ModbusPoint) -> bool:
        block = _block(point)
        return not block or any(model in self._blocks for model in block)

    def _add_models(self, made: Blueprint) -> None:
        sunspec = self._section.sunspec
        if sunspec is None:
            return
        table = TABLE_BY_NAME[sunspec.input_type.value]
        start = sunspec.marker_addresses[0]
        made.extra.append(extent(table, start, self._models))
        made.preset += structure(table, start, self._models, self._identity, self._choice.serial)

    # --- places --------------------------------------------------------------------------------

    def _places(self, point: ModbusPoint) -> list[RegisterPoint]:
        read, write = point.read, point.write
        shown = self._readable(point, read) if read is not None else None
        if write is None:
            return [shown] if shown is not None else []
        written = self._writable(point, write)
        if shown is None:
            return [written]
        is_one = (written.table, written.address, written.encoding) == (
            shown.table,
            shown.address,
            shown.encoding,
        )
        if is_one or written.words:
            return [replace(written, encoding=shown.encoding, readable=True, page=shown.page)]
        return [shown, replace(written, name=point.name + WRITE_SUFFIX)]

    def _readable(self, point: ModbusPoint, read: ModbusRead) -> RegisterPoint:
        table = TABLE_BY_NAME[read.input_type.value]
        try:
            form = read_form(read, table, self._habits)
        except UnsupportedPointError as error:
            raise self._unsupported(point, error) from error
        address = self._address(table, read.address, read.block)
        return RegisterPoint(point.name, table, address, form, page=read.page)

    def _writable(self, point: ModbusPoint, write: ModbusWrite) -> RegisterPoint:
        read = point.read
        table = TABLE_BY_FUNCTION[write.function]
        try:
            form = write_form(write, read, table, self._habits)
        except UnsupportedPointError as error:
            raise self._unsupported(point, error) from error
        printed = write.address if write.address is not None else (read.address if read else 0)
        inherits_page = write.page is None and write.address is None and read is not None
        words = write.values.items() if write.function == 5 else ()
        return RegisterPoint(
            point.name,
            table,
            self._address(table, printed, write.block or (read.block if read else ())),
            form,
            readable=False,
            writable=True,
            minimum=_limit(write.minimum, point, min),
            maximum=_limit(write.maximum, point, max),
            page=read.page if inherits_page and read is not None else write.page,
            is_locked=write.unlock,
            then=raw_writes(self._section, write.then),
            words=tuple((word, float(number)) for number, word in words),
        )

    def _unsupported(self, point: ModbusPoint, error: Exception) -> UnsupportedPointError:
        return UnsupportedPointError(
            "data_type", str(error), place=f"{self._profile.id}: {point.name}"
        )

    def _address(self, table: Table, printed: int, block: Sequence[int]) -> int:
        for model in block:
            if model in self._blocks:
                return self._blocks[model] + printed
        return wire_address(self._section, table, printed)

    # --- what hangs together -------------------------------------------------------------------

    def _relations(self) -> Relations:
        factors: dict[str, tuple[Factor, ...]] = {}
        computed: list[Computed] = []
        live = {p.name for p in self._points if not p.hidden and p.compute is None}
        driven: set[str] = set()
        for point in self._points:
            if point.read is not None and (made := _factors(point.read)):
                factors[point.name] = made
            if point.compute is not None:
                computed.append(self._computed(point))
                driven |= set(computed[-1].inputs) - live
        wraps = {p.name: p.counter.wraps_at for p in self._points if p.counter is not None}
        return Relations(factors, computed, frozenset(driven), wraps)

    def _computed(self, point: ModbusPoint) -> Computed:
        compute = point.compute
        assert compute is not None
        terms = [(term.point, term.scale) for term in compute.terms]
        constants = frozenset(name for name, _ in terms if is_constant(name))
        return Computed(
            point.name,
            compute.operation.value,
            terms,
            compute.scale,
            compute.offset,
            constants,
        )

    def _helper_numbers(self) -> dict[str, float]:
        """What scale factors, ratios and ratings hold: numbers that such devices have."""
        numbers: dict[str, float] = {}
        for point in self._points:
            for factor in _factors(point.read) if point.read is not None else ():
                usual = usual_factor(factor.kind, factor.point, point.unit)
                # a scale factor of several points serves the one with the largest numbers
                numbers[factor.point] = max(usual, numbers.get(factor.point, usual))
            if point.compute is not None and point.compute.operation.value != "sum":
                for name in point.compute.points:
                    helper = self._by_name.get(name)
                    if helper is not None and is_constant(name):
                        numbers.setdefault(name, usual_factor("times", name, helper.unit))
        return numbers

    def _texts(self) -> dict[str, str]:
        return {p.name: self._text(p.name) for p in self._points if p.is_text}

    def _text(self, name: str) -> str:
        fact = self._facts.get(name)
        if isinstance(fact, str):
            return fact
        words = set(name.split("_"))
        if words & {"vendor", "manufacturer", "maker"}:
            return self._identity.vendor
        if words & {"serial", "sn"}:
            return self._choice.serial
        if words & {"firmware", "version", "software"}:
            return self._identity.firmware
        if words & {"model", "type", "product", "device"}:
            return self._identity.model
        return name.replace("_", " ")


def _block(point: ModbusPoint) -> Sequence[int]:
    if point.read is not None and point.read.block:
        return point.read.block
    return point.write.block if point.write is not None else ()


def _factors(read: ModbusRead) -> tuple[Factor, ...]:
    made = [Factor("power_of_ten", read.scale_factor)] if read.scale_factor is not None else []
    made += [Factor("times", name) for name in read.multiplier]
    return (*made, *(Factor("over", name) for name in read.divisor))


def _limit(
    given: float | None, point: ModbusPoint, pick: Callable[[Iterable[int]], int]
) -> float | None:
    """What may be written; the states bound it where the profile gives no number."""
    return given if given is not None or not point.states else float(pick(point.states))
