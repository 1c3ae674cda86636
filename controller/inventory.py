"""What the district holds, as gateways tell it: schools, areas, devices, points and last values.

Catalogs are kept by gateway and revision, because a backlog still speaks in the revision of its
day. The one a gateway published last is its present inventory.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from campus_wire.catalog import Area, Device, School
from campus_wire.messages import Status
from campus_wire.samples import ClockState
from controller.frames import CatalogTable, DeviceInfo, Frame, PointInfo
from controller.last_values import NEVER_SEEN, LastValue, LastValues

REVISIONS_MAX: Final = 16
"""Catalogs held in memory per gateway; older ones are read from the state again when needed."""


@dataclass(slots=True)
class GatewayRecord:
    """What is known of a gateway."""

    gateway: str
    school: str | None = None
    state: str = "unknown"  # online | stopping | offline | unknown
    state_since_ns: int = 0
    last_seen_ns: int = 0
    boot: str | None = None
    epoch: str | None = None
    catalog: str | None = None
    clock: ClockState = ClockState.SYNCED
    status: Status | None = None
    changed: bool = field(default=True, repr=False)


@dataclass(frozen=True, slots=True)
class DeviceEntry:
    """A device of the present inventory with what its points showed last."""

    info: DeviceInfo
    device: Device
    points: tuple[PointInfo, ...]
    last: dict[str, LastValue]
    last_time_ns: int


class Inventory:
    """All gateways, in memory. Whoever changes it also persists it (`controller.state`)."""

    def __init__(self) -> None:
        self._gateways: dict[str, GatewayRecord] = {}
        self._tables: dict[str, OrderedDict[str, CatalogTable]] = {}
        self._present: dict[str, tuple[CatalogTable, LastValues]] = {}

    # --- writing -------------------------------------------------------------------------------

    def gateway(self, gateway: str) -> GatewayRecord:
        """Return the record of a gateway, a new one when it was never heard of."""
        record = self._gateways.get(gateway)
        if record is None:
            record = self._gateways[gateway] = GatewayRecord(gateway)
        return record

    def add(self, table: CatalogTable, *, present: bool) -> None:
        """Keep a catalog; `present` makes it the gateway's inventory of now."""
        tables = self._tables.setdefault(table.gateway, OrderedDict())
        tables[table.revision] = table
        tables.move_to_end(table.revision)
        if present:
            self._become_present(table)
        while len(tables) > REVISIONS_MAX:
            oldest = next(iter(tables))
            if oldest == self._present_revision(table.gateway):
                tables.move_to_end(oldest)
                continue
            del tables[oldest]

    def set_present(self, gateway: str, revision: str) -> bool:
        """Make a catalog that is in memory the gateway's inventory of now; say whether it is."""
        if self._present_revision(gateway) == revision:
            return True
        table = self.table(gateway, revision)
        if table is None:
            return False
        self._become_present(table)
        return True

    def observe(self, frame: Frame) -> None:
        """Take a frame's values over as last values, when it speaks in the present catalog."""
        present = self._present.get(frame.gateway)
        if present is not None and present[0].devices is frame.devices:
            present[1].observe(frame)

    def _become_present(self, table: CatalogTable) -> None:
        last = LastValues(table)
        before = self._present.get(table.gateway)
        if before is not None:
            last.take_over(before[1])
        self._present[table.gateway] = (table, last)
        record = self.gateway(table.gateway)
        record.school = table.catalog.school.id
        record.catalog = table.revision
        record.changed = True

    def _present_revision(self, gateway: str) -> str | None:
        present = self._present.get(gateway)
        return None if present is None else present[0].revision

    # --- reading -------------------------------------------------------------------------------

    def table(self, gateway: str, revision: str) -> CatalogTable | None:
        """Return a catalog by its revision, or None when it is not in memory."""
        tables = self._tables.get(gateway)
        return None if tables is None else tables.get(revision)

    def present(self, gateway: str) -> CatalogTable | None:
        """Return the gateway's catalog of now."""
        found = self._present.get(gateway)
        return None if found is None else found[0]

    def presents(self) -> list[CatalogTable]:
        """Return the present catalog of every gateway that has one."""
        return [table for table, _ in self._present.values()]

    def gateways(self) -> list[GatewayRecord]:
        """Return the records of all gateways, by id."""
        return [self._gateways[gateway] for gateway in sorted(self._gateways)]

    def has_gateway(self, gateway: str) -> bool:
        """Say whether the gateway was ever heard of."""
        return gateway in self._gateways

    def schools(self) -> dict[str, School]:
        """Return all schools by id. Gateways of one school agree on its name, or the last wins."""
        return {
            table.catalog.school.id: table.catalog.school for table, _ in self._present.values()
        }

    def areas(self, school: str) -> dict[str, Area]:
        """Return the areas of a school by id; `Area.parent` makes them a tree."""
        return {
            area.id: area
            for table, _ in self._present.values()
            if table.catalog.school.id == school
            for area in table.catalog.areas
        }

    def devices(self) -> Iterator[DeviceEntry]:
        """Yield all devices of the present inventory."""
        for gateway in sorted(self._present):
            yield from self.devices_of(gateway)

    def devices_of(self, gateway: str) -> Iterator[DeviceEntry]:
        """Yield the devices of one gateway."""
        if gateway in self._present:
            table, last = self._present[gateway]
            for row in range(len(table.devices)):
                yield _entry(table, last, row)

    def device(self, gateway: str, device: str) -> DeviceEntry | None:
        """Return one device, or None."""
        found = self._present.get(gateway)
        if found is None:
            return None
        try:
            return _entry(*found, found[0].catalog.index_of(device))
        except KeyError:
            return None

    def last(self, gateway: str, device: str, point: str) -> LastValue:
        """Return what a point showed last."""
        entry = self.device(gateway, device)
        return NEVER_SEEN if entry is None else entry.last.get(point, NEVER_SEEN)


def _entry(table: CatalogTable, last: LastValues, row: int) -> DeviceEntry:
    device = table.catalog.devices[row]
    return DeviceEntry(
        info=table.devices[row],
        device=device,
        points=tuple(table.points[index] for index in device.points),
        last=last.of_device(row),
        last_time_ns=last.last_time_ns(row),
    )
