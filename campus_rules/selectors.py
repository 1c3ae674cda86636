"""What a rule is about: which devices, points and areas it is made for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field, StringConstraints

from campus_wire.config_file import ConfigModel
from campus_wire.ids import Name, PointName

Names = Annotated[tuple[Name, ...], Field(min_length=1, max_length=1_000)]
DeviceRef = Annotated[
    str, StringConstraints(pattern=r"^(?:[a-z0-9-]{3,32}/)?[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")
]
"""A device, as `device` or, where two gateways use the same id, `gateway/device`."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A device and where it stands, in the words that rules select by."""

    gateway: str
    device: str
    category: str
    profile: str
    school: str
    areas: frozenset[str]
    """The area it stands in and all that hold it."""
    area_kinds: frozenset[str]
    """The kinds of these areas."""


class AppliesTo(ConfigModel):
    """Selectors that must all match; within one, any of its names is enough; absent ones match all.

    `area_kinds` and `areas` match the area a device stands in and every area around it.
    """

    categories: Names | None = None
    profiles: Names | None = None
    points: Annotated[tuple[PointName, ...], Field(min_length=1, max_length=1_000)] | None = None
    schools: Names | None = None
    areas: Names | None = None
    area_kinds: Names | None = None
    devices: Annotated[tuple[DeviceRef, ...], Field(min_length=1, max_length=10_000)] | None = None

    def selects(self, subject: Subject) -> bool:
        """Say whether the rule is about this device (or a point of it; see `selects_point`)."""
        return (
            _has(self.categories, subject.category)
            and _has(self.profiles, subject.profile)
            and _has(self.schools, subject.school)
            and _meets(self.areas, subject.areas)
            and _meets(self.area_kinds, subject.area_kinds)
            and (
                self.devices is None
                or subject.device in self.devices
                or f"{subject.gateway}/{subject.device}" in self.devices
            )
        )

    def selects_point(self, point: str) -> bool:
        """Say whether the rule is about points of this name."""
        return _has(self.points, point)


def _has(wanted: tuple[str, ...] | None, one: str) -> bool:
    return wanted is None or one in wanted


def _meets(wanted: tuple[str, ...] | None, those: frozenset[str]) -> bool:
    return wanted is None or not those.isdisjoint(wanted)
