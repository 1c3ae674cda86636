"""A bus with simulated devices behind it: the simulators' own encoders answer every request."""

import asyncio
from collections.abc import Awaitable
from typing import Any, TypeVar

from device_profiles.model import ModbusProfile, MqttProfile
from edge_agent.modbus.requests import Request, unpack_reply
from firmware_sims.device import ModbusDevice
from tests.edge.fakes import Behaviour, FakeClock, RecordingEvents, modbus_device
from tests.edge.modbus_rig import Rig

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
