"""Getting to know a device before it is read: which variant it is, what it has, where it stands.

A profile with variants, counted groups or SunSpec models fits several devices. Each is asked first
what tells them apart, one request at a time with a pause for others after each, and read only by
the profile that fits it. It is asked anew when it was away, and when it says something else of
itself later.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence

from campus_wire.quality import Quality
from device_profiles.decoding import Reading, ReplyDecoder
from device_profiles.model import ModbusProfile
from device_profiles.model_modbus import ModbusPoint
from device_profiles.model_upkeep import SunSpec
from device_profiles.planning import ReadRequest, plan_reads
from device_profiles.references import in_order_of_inputs
from device_profiles.resolving import Facts, introduction, resolve
from device_profiles.sunspec_walk import MARKER, SunSpecWalk, WalkEnd
from edge_agent.modbus.errors import (
    REFUSED,
    DeviceExceptionError,
    GarbledError,
    ModbusError,
    NoAnswerError,
)
from edge_agent.modbus.requests import Request, read_request

Execute = Callable[[Request], Awaitable[Sequence[int]]]
"""Sends a request; raises `ModbusError`."""
Select = Callable[[int | None], Awaitable[None]]
"""Selects a page, None for what stands on every one; raises `ModbusError`."""


class UnfitDeviceError(ModbusError):
    """The device does not say what its profile needs to know of it."""

    slug = "unfit_device"
    quality = Quality.UNDECODABLE

    def __init__(self, message: str, *, quality: Quality = Quality.UNDECODABLE) -> None:
        super().__init__(message)
        self.quality = quality


class Acquaintance:
    """Asks one device what its profile wants to know; call `step` until it says True.

    Args:
        base: the profile of its model, which is not plain.
        unit_id: of the device.
        execute: sends a request.
        select: lets the device show a page.
    """

    def __init__(
        self, base: ModbusProfile, unit_id: int, *, execute: Execute, select: Select
    ) -> None:
        self._base = base
        self._unit_id = unit_id
        self._select = select
        self._execute = execute
        wanted = introduction(self._base)
        assert wanted is not None, f"all devices of {self._base.id} are alike"
        self._names = wanted.points
        self._walk: SunSpecWalk | None = None
        if wanted.walks_sunspec:
            self._walk = SunSpecWalk(self._base.modbus.sunspec or SunSpec())
        self._heard_anything = False
        self._has_marker = False
        self._first: ModbusProfile | None = None
        """The profile that what is asked first is read by."""
        self._waiting: list[ReadRequest] = []
        self._known: dict[str, Reading] = {}
        self._texts: dict[str, str] = {}

    def result(self) -> tuple[ModbusProfile, Facts]:
        """Return the profile that fits the device, and what it was chosen by.

        Raises:
            UnfitDeviceError: what it says of itself has no value now.
        """
        assert self._first is not None, "it was asked"
        said = {name: self._number(self._first, name) for name in self._names}
        numbers = {name: value for name, value in said.items() if value is not None}
        texts = {name: self._texts[name] for name in self._names if name in self._texts}
        facts = Facts(numbers, texts, {} if self._walk is None else self._walk.blocks)
        return resolve(self._base, facts), facts

    async def step(self) -> bool:
        """Send one request; True when all is known.

        Raises:
            ModbusError: the device does not answer, or not as its profile says; begin anew.
        """
        if self._walk is not None and (place := self._walk.next()) is not None:
            await self._walk_on(self._walk, *place)
            return False
        if self._first is None:
            self._first = self._begin_points()
        if self._waiting:
            await self._ask(self._first, self._waiting.pop())
        return not self._waiting

    # --- SunSpec --------------------------------------------------------------------------------

    async def _walk_on(self, walk: SunSpecWalk, table: str, address: int, count: int) -> None:
        request = read_request(self._unit_id, table, address=address, count=count)
        registers: Sequence[int] | None = None
        silence: ModbusError | None = None
        try:
            registers = await self._execute_again(request)
        except DeviceExceptionError as error:
            if error.code not in REFUSED:
                raise
        except NoAnswerError as error:
            # Some devices keep silent about addresses that they do not have.
            if self._has_marker:
                raise
            silence = error
        self._heard_anything = self._heard_anything or silence is None
        self._has_marker = self._has_marker or tuple(registers or ()) == MARKER
        walk.feed(registers)
        if walk.end is None:
            return
        if silence is not None and not self._heard_anything:
            raise silence
        if walk.end in (WalkEnd.NO_MARKER, WalkEnd.BROKEN) or not walk.blocks:
            raise UnfitDeviceError(f"its SunSpec models cannot be found: {walk.end}")

    # --- points ---------------------------------------------------------------------------------

    def _begin_points(self) -> ModbusProfile:
        blocks = {} if self._walk is None else self._walk.blocks
        first = resolve(self._base, Facts(blocks=blocks))
        found = [point for name in self._names if (point := first.find(name)) is not None]
        points = {point.name: point for point in found}
        for name in inputs(first, found):
            point = first.find(name)
            assert point is not None, "a plain profile has the inputs of its points"
            points[name] = point
        read = [point for point in points.values() if point.read is not None]
        self._waiting = list(plan_reads(first, read))
        self._waiting.reverse()
        return first

    async def _ask(self, first: ModbusProfile, asked: ReadRequest) -> None:
        request = read_request(self._unit_id, asked.table, address=asked.address, count=asked.count)
        try:
            await self._select(asked.page)
            raw = await self._execute_again(request)
        except DeviceExceptionError as error:
            if error.code not in REFUSED:
                raise
            self._take_apart(first, asked)
            return
        decoder = ReplyDecoder(first, asked)
        self._known |= {one.point: one for one in decoder.readings(raw)}
        self._texts |= {one.point: one.text for one in decoder.texts(raw)}

    async def _execute_again(self, request: Request) -> Sequence[int]:
        """Read, and once more when noise spoilt the answer. Raises ModbusError."""
        try:
            return await self._execute(request)
        except GarbledError:
            return await self._execute(request)

    def _take_apart(self, first: ModbusProfile, asked: ReadRequest) -> None:
        """Ask for each point of a refused request alone; what is refused alone is not there."""
        if len(asked.points) > 1:
            for point in reversed(asked.points):
                self._waiting += plan_reads(first, [point])

    def _number(self, first: ModbusProfile, name: str) -> float | None:
        """Return what the device says of itself, None where it has no such point."""
        point = first.find(name)
        if point is None or point.is_text:
            return None
        reading = self._known.get(name)
        if inputs(first, [point]):
            from device_profiles.combining import Combiner  # noqa: PLC0415

            combiner = Combiner.of(first, [point])
            assert combiner is not None, "made of others"
            if not self._known.keys() >= set(combiner.needs):
                return None
            [reading] = combiner.combine(self._known)
        if reading is None:
            return None
        if reading.value is None:
            # A variant that is not known for certain would make wrong values of right ones.
            raise UnfitDeviceError(f"{name} has no value", quality=reading.quality)
        return reading.value


def inputs(profile: ModbusProfile, points: Iterable[ModbusPoint]) -> list[str]:
    """Return the names of the points that these are made of, if they are made of others."""
    names = [point.name for point in points]
    everything = in_order_of_inputs(profile.points_by_name, names)
    return [name for name in everything if name not in names]
