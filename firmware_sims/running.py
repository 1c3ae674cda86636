"""A school brought up: endpoints, lines and brokers, the schedule of faults, and live orders."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from campus_wire.settings import MqttSettings
from device_profiles.library import Library
from firmware_sims.build import World, build_world
from firmware_sims.device import ModbusDevice
from firmware_sims.errors import ControlError, SchoolError
from firmware_sims.faults import (
    DEFAULT_VALUES,
    MODBUS_FAULTS,
    MQTT_FAULTS,
    Fault,
    FaultKind,
)
from firmware_sims.modbus.serial import Foreign, LineTiming, SerialLine
from firmware_sims.modbus.service import ServiceContext, UnitService
from firmware_sims.modbus.tcp import LONE_UNIT_IDS, TcpEndpoint
from firmware_sims.mqtt_device import MqttDevice
from firmware_sims.mqtt_source import PublishingSource
from firmware_sims.school import BusPlan, SchoolPlan
from firmware_sims.school_file import FaultEntry, LeakEntry, TcpLink
from firmware_sims.truth import FLUSH_INTERVAL_S, TruthLog
from firmware_sims.world.chemical_store import ChemicalStore

HOUSEKEEPING_S = FLUSH_INTERVAL_S


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What a run takes beside the described school.

    Args:
        lines_folder: where links to pseudo-terminals go.
        seed: in place of the file's.
        brokers: `host, port` by source id, in place of the file's.
    """

    lines_folder: Path
    seed: int | None = None
    brokers: Mapping[str, tuple[str, int]] | None = None


class RunningSchool:
    """All devices of a school, answering.

    Args:
        plan: the described school.
        library: where profiles are looked up.
        truth: the log; flushed here, closed by its owner.
        options: what the run takes beside the described school.

    Raises:
        SchoolError: an entry names a profile, point or quantity that does not exist.
        ControlError: a scheduled fault or leak names what does not exist.
    """

    def __init__(
        self, plan: SchoolPlan, library: Library, truth: TruthLog, options: RunOptions
    ) -> None:
        self.plan = plan
        self.truth = truth
        self.endpoints: dict[str, TcpEndpoint] = {}
        self.lines: dict[str, SerialLine] = {}
        self._options = options
        self._seed = plan.file.seed if options.seed is None else options.seed
        self._begin_s = time.monotonic()
        self.world: World = build_world(plan, library, seed=self._seed)
        for bus in plan.buses:
            self._add_bus(bus)
        self.publishers = [self._publisher(index) for index in range(len(plan.sources))]
        for fault in plan.file.faults:
            self._check_fault(fault.device, fault.kind, fault.point)
        for leak in plan.file.leaks:
            self._store(leak.area)

    def elapsed_s(self) -> float:
        """Seconds since the run began."""
        return time.monotonic() - self._begin_s

    def _add_bus(self, bus: BusPlan) -> None:
        link = bus.entry.modbus
        devices = [self.world.modbus[device.id] for device in bus.devices]
        context = ServiceContext(self.elapsed_s, self.truth)
        turnaround_s = link.turnaround_ms / 1000
        if isinstance(link, TcpLink):
            service = UnitService(
                devices,
                context,
                framing=link.framing,
                turnaround_s=turnaround_s,
                answers_for_missing=link.answers_for_missing,
                unit_ids_of_lone_device=LONE_UNIT_IDS,
            )
            self.endpoints[bus.entry.id] = TcpEndpoint(
                service,
                host=link.host,
                port=link.port,
                framing=link.framing,
                policy=link.connections,
            )
            return
        service = UnitService(devices, context, framing=link.transport)
        foreign = None if link.foreign_every_s is None else Foreign(link.foreign_every_s)
        self.lines[bus.entry.id] = SerialLine(
            service,
            link=None if link.port else self._options.lines_folder / (link.link or bus.entry.id),
            port=link.port,
            timing=LineTiming(link.baud_rate, link.real_byte_times, turnaround_s),
            framing=link.transport,
            echo=link.echo,
            foreign=foreign,
        )

    def _publisher(self, index: int) -> PublishingSource:
        source = self.plan.sources[index]
        given = source.entry.broker
        other = (self._options.brokers or {}).get(source.entry.id)
        if given == "own" and other is None:
            raise SchoolError(
                "broker",
                "there is no broker of the run's own",
                place=f"source {source.entry.id}",
                remedy="name one in the file, or with --broker HOST:PORT",
            )
        settings = MqttSettings(host="127.0.0.1") if given == "own" else given
        if other is not None:
            settings = settings.model_copy(update={"host": other[0], "port": other[1]})
        return PublishingSource(
            settings,
            [self.world.mqtt[device.id] for device in source.devices],
            bridge=source.entry.bridge,
            elapsed_s=self.elapsed_s,
            truth=self.truth,
            seed=self._seed,
        )

    # --- life ----------------------------------------------------------------------------------

    async def start(self) -> None:
        """Open every port and line.

        Raises:
            SchoolError: a port is taken or a line cannot be made.
        """
        servers: dict[str, TcpEndpoint | SerialLine] = {**self.endpoints, **self.lines}
        for bus_id, server in servers.items():
            try:
                await server.start()
            except OSError as error:
                raise SchoolError(
                    "endpoint", f"cannot be opened: {error}", place=f"bus {bus_id}"
                ) from error

    async def run(self) -> None:
        """Publish, keep the schedule and the world going until cancelled."""
        async with asyncio.TaskGroup() as group:
            for publisher in self.publishers:
                group.create_task(publisher.run(), name="publisher")
            for fault in self.plan.file.faults:
                group.create_task(self._scheduled_fault(fault))
            for leak in self.plan.file.leaks:
                group.create_task(self._scheduled_leak(leak))
            group.create_task(self._housekeeping(), name="housekeeping")

    async def stop(self) -> None:
        """Close every port and line."""
        servers: list[TcpEndpoint | SerialLine] = [*self.endpoints.values(), *self.lines.values()]
        for server in servers:
            await server.stop()
        self.truth.flush()

    async def _housekeeping(self) -> None:
        while True:
            await asyncio.sleep(HOUSEKEEPING_S)
            self.truth.flush()
            now_s = self.elapsed_s()
            for area in self.world.areas.values():
                area.advance(now_s)

    async def _scheduled_fault(self, entry: FaultEntry) -> None:
        await asyncio.sleep(max(0.0, entry.at_s - self.elapsed_s()))
        self.begin_fault(entry.device, entry.kind, value=entry.value, point=entry.point)
        if entry.for_s is not None:
            await asyncio.sleep(entry.for_s)
            self.end_fault(entry.device, entry.kind)

    async def _scheduled_leak(self, entry: LeakEntry) -> None:
        await asyncio.sleep(max(0.0, entry.at_s - self.elapsed_s()))
        self.begin_leak(entry.area, ppm_per_s=entry.ppm_per_s)
        if entry.for_s is not None:
            await asyncio.sleep(entry.for_s)
            self.end_leak(entry.area)

    # --- orders --------------------------------------------------------------------------------

    def device(self, device_id: str) -> ModbusDevice | MqttDevice:
        """Return a device.

        Raises:
            ControlError: there is none of that id.
        """
        found = self.world.modbus.get(device_id) or self.world.mqtt.get(device_id)
        if found is None:
            raise ControlError("device", f"there is no device {device_id!r}")
        return found

    def begin_fault(
        self,
        device_id: str,
        kind: FaultKind,
        *,
        value: float | None = None,
        point: str | None = None,
    ) -> None:
        """Let a fault begin.

        Raises:
            ControlError: there is no such device, or it cannot have this fault.
        """
        device = self._check_fault(device_id, kind, point)
        number = DEFAULT_VALUES.get(kind, 0.0) if value is None else value
        device.begin_fault(Fault(kind, number, self.elapsed_s(), point))
        self._changed(device_id, {"fault": kind.value, "active": True, "value": number})

    def _check_fault(
        self, device_id: str, kind: FaultKind, point: str | None
    ) -> ModbusDevice | MqttDevice:
        device = self.device(device_id)
        possible = MODBUS_FAULTS if isinstance(device, ModbusDevice) else MQTT_FAULTS
        if kind not in possible:
            raise ControlError("fault", f"{device_id} cannot have the fault {kind.value}")
        if point is not None and point not in device.points:
            raise ControlError("point", f"{device_id} has no point {point!r}")
        return device

    def end_fault(self, device_id: str, kind: FaultKind | None = None) -> Sequence[FaultKind]:
        """End a fault of a device, or all; return those that were under way."""
        ended = self.device(device_id).end_fault(kind)
        for one in ended:
            self._changed(device_id, {"fault": one.value, "active": False})
        return ended

    def begin_leak(self, area_id: str, *, ppm_per_s: float | None = None) -> float:
        """Let gas leak; return the rate.

        Raises:
            ControlError: the area has no gas.
        """
        store = self._store(area_id)
        rate = store.store_shape.leak_ppm_per_s if ppm_per_s is None else ppm_per_s
        self._leak(store, area_id, rate)
        return rate

    def end_leak(self, area_id: str) -> None:
        """Close the leak."""
        self._leak(self._store(area_id), area_id, 0.0)

    def _leak(self, store: ChemicalStore, area_id: str, ppm_per_s: float) -> None:
        store.advance(self.elapsed_s())
        store.control("gas_leak", ppm_per_s)
        self._changed(area_id, {"gas_leak": ppm_per_s, "active": ppm_per_s > 0})

    def _store(self, area_id: str) -> ChemicalStore:
        area = self.world.areas.get(area_id)
        if not isinstance(area, ChemicalStore):
            raise ControlError("area", f"{area_id!r} is no area with gas")
        return area

    def state(self, device_id: str | None = None) -> dict[str, object]:
        """What runs and what is shown, ready for JSON.

        Raises:
            ControlError: there is no such device.
        """
        now_s = self.elapsed_s()
        ids = [*self.world.modbus, *self.world.mqtt] if device_id is None else [device_id]
        devices = {one: self.device(one) for one in ids}
        for device in devices.values():
            if isinstance(device, ModbusDevice):
                device.refresh(now_s)
        return {
            "elapsed_s": round(now_s, 3),
            "readings": self.truth.readings,
            "values": self.truth.values,
            "writes": self.truth.writes,
            "ports": {name: one.port for name, one in self.endpoints.items()},
            "lines": {name: one.device_path for name, one in self.lines.items()},
            "brokers": {one.settings.address: one.connected for one in self.publishers},
            "devices": {
                name: {"shown": device.shown, "faults": device.faults.active()}
                for name, device in devices.items()
            },
        }

    def set_point(self, device_id: str, point: str, number: float | None) -> None:
        """Let a point hold a number, whatever its room says; None lets it live again.

        Raises:
            ControlError: there is no such device or point.
        """
        try:
            self.device(device_id).hold(point, number)
        except KeyError:
            raise ControlError("point", f"{device_id} has no point {point!r}") from None
        self._changed(device_id, {"set": point, "value": number})

    def control_area(self, area_id: str, control: str, number: float) -> None:
        """Set a control of an area (`leak`, `door`, `lamp`…).

        Raises:
            ControlError: there is no such area or control.
        """
        area = self.world.areas.get(area_id)
        if area is None or control not in area.controls():
            raise ControlError("area", f"{area_id!r} has no control {control!r}")
        area.advance(self.elapsed_s())
        area.control(control, number)
        self._changed(area_id, {control: number})

    def _changed(self, name: str, change: Mapping[str, object]) -> None:
        self.truth.change(name, time.time_ns(), change)
