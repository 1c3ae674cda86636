"""A bus with simulated devices behind it: the simulators' own encoders answer every request."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from device_profiles.model import ModbusProfile, MqttProfile
from edge_agent.modbus.errors import ModbusError
from edge_agent.modbus.requests import Request, unpack_reply
from firmware_sims.device import ModbusDevice
from tests.edge.fakes import LIBRARY, Behaviour, FakeClock, RecordingEvents, modbus_device
from tests.edge.modbus_rig import Rig
from tests.profiles.build import model, point, register
from tests.sims.edge_reader import simulated

T = TypeVar("T")


class Profiles:
    """A library of a few profiles, by the names that devices call them by."""

    def __init__(self, **profiles: ModbusProfile) -> None:
        self._profiles = profiles

    def get(self, id_: str, /) -> ModbusProfile | MqttProfile:
        return self._profiles[id_]


def answering(device: ModbusDevice, clock: FakeClock) -> Behaviour:
    def behave(request: Request) -> Any:
        answer = device.respond(request.pdu, clock.passed_ns / 1e9)
        return unpack_reply(request, answer.pdu)

    return behave


class SimulatedRig(Rig):
    """A bus with one simulated device, `device`, at unit 1, and others that a test adds.

    Args:
        profile: of the device.
        device: the simulated one.
        config: more keys of its configuration.
        others: more devices of the configuration, and what their units do.
    """

    def __init__(
        self,
        profile: ModbusProfile,
        device: ModbusDevice,
        *others: dict[str, Any],
        units: dict[int, Behaviour] | None = None,
        profiles: dict[str, ModbusProfile] | None = None,
        config: dict[str, Any] | None = None,
        **more: Any,
    ) -> None:
        self.events = RecordingEvents()
        self.device = device
        super().__init__(
            modbus_device("device", "tested", unit=1, **(config or {})),
            *others,
            units=units or {},
            profiles=Profiles(tested=profile, **(profiles or {})),
            events=self.events,
            **more,
        )
        self.line.units[1] = answering(device, self.clock)
        self.points = [point.name for point in profile.points if not point.hidden]

    @property
    def told(self) -> list[dict[str, float | None]]:
        """What was told of the device, sample by sample."""
        return [
            {name: value for name, (value, _) in self._named(sample).items()}
            for sample in self.sink.of(0)
        ]

    @property
    def judged(self) -> list[dict[str, int]]:
        """The qualities told of the device, sample by sample."""
        return [
            {name: quality for name, (_, quality) in self._named(sample).items()}
            for sample in self.sink.of(0)
        ]

    def latest(self) -> dict[str, tuple[float | None, int]]:
        """The newest value and quality of each point of the device."""
        newest: dict[str, tuple[float | None, int]] = {}
        for sample in self.sink.of(0):
            newest |= self._named(sample)
        return newest

    @property
    def values(self) -> dict[str, float | None]:
        """The newest good value of each point of the device."""
        return {name: value for name, (value, _) in self.latest().items()}

    def _named(self, sample: Any) -> dict[str, tuple[float | None, int]]:
        polled = self.bus._polled["device"]
        names = {index: name for name, index in polled.device.point_indices.items()}
        rows = zip(sample.points, sample.values, sample.qualities, strict=True)
        return {names[index]: (value, quality) for index, value, quality in rows}

    async def served(self, work: Awaitable[T]) -> T:
        """Let the bus serve urgent requests until the work is done."""
        task = asyncio.ensure_future(work)
        while not task.done():
            await asyncio.sleep(0)
            if self.bus._urgent:
                await self.bus.step()
        return await task

    def asked(self, function: int) -> list[Request]:
        return [request for request in self.line.asked if request.function == function]


def library(name: str) -> ModbusProfile:
    found = LIBRARY.get(name)
    assert isinstance(found, ModbusProfile)
    return found


def written(rig: SimulatedRig) -> list[tuple[int, int, int]]:
    """Function, address and word of what was written, in order."""
    return [
        (one.function, address(one), int.from_bytes(one.pdu[3:5], "big"))
        for one in rig.line.asked
        if one.function in (5, 6)
    ]


def address(request: Request) -> int:
    return int.from_bytes(request.pdu[1:3], "big")


class Memory:
    """A unit whose registers remember what is written to them."""

    def __init__(self, **errors: Exception) -> None:
        self.words: dict[int, int] = {}
        self.errors = errors
        self.writes: list[tuple[int, int]] = []

    def __call__(self, request: Request) -> list[int]:
        at, word = address(request), int.from_bytes(request.pdu[3:5], "big")
        error = self.errors.get(f"f{request.function}_{at}")
        if error is not None:
            raise error
        if request.function == 6:
            self.words[at] = word
            self.writes.append((at, word))
            return []
        return [self.words.get(one, 0) for one in range(at, at + word)]


def memory_rig(
    profile: ModbusProfile, *others: dict[str, Any], **more: Any
) -> tuple[SimulatedRig, Memory]:
    rig = SimulatedRig(profile, simulated(profile), *others, **more)
    unit = Memory()
    rig.line.units[1] = unit
    return rig, unit


def failing(rig: SimulatedRig, error: ModbusError, *, when: Callable[[Request], bool]) -> None:
    original = rig.line.units[1]

    def behave(request: Request) -> Sequence[int]:
        if when(request):
            raise error
        return original(request)

    rig.line.units[1] = behave


def thermometer() -> ModbusProfile:
    """Degrees in Celsius, or in Fahrenheit where register 50 says 1; humidity only in Celsius."""
    return model(
        [
            point("temperature", unit="°C", read=register(0, "int16", scale=0.1)),
            point("humidity", unit="%", read=register(1, scale=0.1)),
            point("in_fahrenheit", hidden=True, read=register(50)),
        ],
        variants=[
            {
                "name": "fahrenheit",
                "when": {"point": "in_fahrenheit", "equals": 1},
                "points": {
                    "temperature": {"read": {"scale": 0.0555555555556, "offset": -17.7777777778}}
                },
                "remove": ["humidity"],
            }
        ],
    )
