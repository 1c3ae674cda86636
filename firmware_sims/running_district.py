"""Schools of a district brought up together in one process, with the brokers that they ask for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from device_profiles.library import Library
from firmware_sims.device import ModbusDevice
from firmware_sims.district import DistrictPlan
from firmware_sims.errors import ControlError
from firmware_sims.faults import FaultKind
from firmware_sims.mqtt_device import MqttDevice
from firmware_sims.own_broker import HOST, OwnBroker
from firmware_sims.running import RunningSchool, RunOptions
from firmware_sims.school import SchoolPlan
from firmware_sims.truth import TruthLog

OnProgress = Callable[[str], None]


class RunningDistrict:
    """All devices of all schools, answering.

    Args:
        plan: what is brought up.
        library: where profiles are looked up.
        truth: the log; flushed here, closed by its owner.
        options: what the run takes beside the described schools.
        on_progress: told what is done next, in words.
    """

    def __init__(
        self,
        plan: DistrictPlan,
        library: Callable[[SchoolPlan], Library],
        truth: TruthLog,
        options: RunOptions,
        *,
        on_progress: OnProgress = lambda _: None,
    ) -> None:
        self.plan = plan
        self.truth = truth
        self.schools: list[RunningSchool] = []
        self.brokers: dict[str, OwnBroker] = {}
        self._library = library
        self._options = options
        self._on_progress = on_progress

    async def start(self) -> None:
        """Start brokers, make all devices, open every port and line.

        Raises:
            SchoolError: an entry names what does not exist, a port is taken, or a broker is
                missing.
            ControlError: a scheduled fault or leak names what does not exist.
        """
        for number, plan in enumerate(self.plan.schools, start=1):
            count = sum(1 for _ in plan.devices())
            self._on_progress(
                f"{number}/{len(self.plan.schools)} {plan.file.school.name.zh} · "
                f"{plan.file.school.name.en}: {count} devices"
            )
            options = await self._with_brokers(plan)
            school = RunningSchool(plan, self._library(plan), self.truth, options)
            self.schools.append(school)
            await school.start()
            await asyncio.sleep(0)  # an order to stop is heard between two schools

    async def _with_brokers(self, plan: SchoolPlan) -> RunOptions:
        """The options with the addresses of the brokers that this school has of its own."""
        given = dict(self._options.brokers or {})
        own = [one.entry.id for one in plan.sources if one.entry.broker == "own"]
        wanted = [source for source in own if source not in given]
        if wanted:
            broker = OwnBroker()
            self.brokers[plan.file.school.id] = broker
            await broker.start()
            given |= dict.fromkeys(wanted, (HOST, broker.port))
        return replace(self._options, brokers=given)

    async def run(self) -> None:
        """Keep all schools going until cancelled."""
        async with asyncio.TaskGroup() as group:
            for school in self.schools:
                group.create_task(school.run(), name=f"school {school.plan.file.school.id}")

    async def stop(self) -> None:
        """Close every port and line, and end the brokers."""
        for school in self.schools:
            await school.stop()
        for broker in self.brokers.values():
            await broker.stop()

    def elapsed_s(self) -> float:
        """Seconds since the first school began."""
        return self.schools[0].elapsed_s() if self.schools else 0.0

    # --- orders: whose they are is told by the id, which is there once ---------------------------

    def _of_device(self, device_id: str) -> RunningSchool:
        for school in self.schools:
            if device_id in school.world.modbus or device_id in school.world.mqtt:
                return school
        raise ControlError("device", f"there is no device {device_id!r}")

    def _of_area(self, area_id: str) -> RunningSchool:
        for school in self.schools:
            if area_id in school.world.areas:
                return school
        raise ControlError("area", f"there is no area {area_id!r}")

    def device(self, device_id: str) -> ModbusDevice | MqttDevice:
        """Return a device.

        Raises:
            ControlError: there is none of that id.
        """
        return self._of_device(device_id).device(device_id)

    def begin_fault(
        self,
        device_id: str,
        kind: FaultKind,
        *,
        value: float | None = None,
        point: str | None = None,
    ) -> None:
        """As `RunningSchool.begin_fault`."""
        self._of_device(device_id).begin_fault(device_id, kind, value=value, point=point)

    def end_fault(self, device_id: str, kind: FaultKind | None = None) -> Sequence[FaultKind]:
        """As `RunningSchool.end_fault`."""
        return self._of_device(device_id).end_fault(device_id, kind)

    def begin_leak(self, area_id: str, *, ppm_per_s: float | None = None) -> float:
        """As `RunningSchool.begin_leak`."""
        return self._of_area(area_id).begin_leak(area_id, ppm_per_s=ppm_per_s)

    def end_leak(self, area_id: str) -> None:
        """As `RunningSchool.end_leak`."""
        self._of_area(area_id).end_leak(area_id)

    def set_point(self, device_id: str, point: str, number: float | None) -> None:
        """As `RunningSchool.set_point`."""
        self._of_device(device_id).set_point(device_id, point, number)

    def control_area(self, area_id: str, control: str, number: float) -> None:
        """As `RunningSchool.control_area`."""
        self._of_area(area_id).control_area(area_id, control, number)

    def state(self, device_id: str | None = None) -> dict[str, object]:
        """What runs and what is shown, of all schools or of one device.

        Raises:
            ControlError: there is no such device.
        """
        if device_id is not None:
            return self._of_device(device_id).state(device_id)
        merged: dict[str, object] = {}
        for school in self.schools:
            for key, value in school.state().items():
                before = merged.get(key)
                if isinstance(before, dict) and isinstance(value, Mapping):
                    before.update(value)
                else:
                    merged[key] = dict(value) if isinstance(value, Mapping) else value
        return merged
