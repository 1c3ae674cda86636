"""A district: several described schools that are brought up together."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field

from campus_wire.catalog import School
from campus_wire.config_file import ConfigModel, load_yaml
from firmware_sims.errors import SchoolError
from firmware_sims.school import SchoolPlan, plan_school
from firmware_sims.school_file import DeviceEntry, OutdoorEntry, SchoolFile

_IS_DISTRICT = re.compile(r"^(?:district|schools)\s*:", re.MULTILINE)


class DistrictFile(ConfigModel):
    """A described district."""

    district: School
    outdoor: OutdoorEntry | None = None
    """The weather of all schools that do not say theirs."""
    schools: Annotated[tuple[SchoolFile, ...], Field(min_length=1, max_length=64)]


@dataclass(frozen=True, slots=True)
class DistrictPlan:
    """What `campus sims run` brings up: schools, each with all repetitions written out.

    Args:
        title: the district's, or that of the lone school.
    """

    title: School
    schools: Sequence[SchoolPlan]

    def devices(self) -> Iterator[DeviceEntry]:
        """All devices of all schools."""
        for school in self.schools:
            yield from school.devices()

    @property
    def gateways(self) -> Sequence[str]:
        """The ids of all gateways."""
        return [gateway.id for school in self.schools for gateway in school.file.gateways]


def load_plan(path: Path) -> DistrictPlan:
    """Read a described district, or a lone school.

    Raises:
        ConfigFileError: the file cannot be read or has mistakes, with their lines.
        SchoolError: its entries do not fit together.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        text = ""  # what is wrong with it is told below
    if _IS_DISTRICT.search(text) is None:
        school = plan_school(load_yaml(path, SchoolFile), path.parent)
        return DistrictPlan(school.file.school, [school])
    return plan_district(load_yaml(path, DistrictFile), path.parent)


def plan_district(file: DistrictFile, folder: Path) -> DistrictPlan:
    """Write out repetitions and check that no id is there twice.

    Raises:
        SchoolError: all that does not fit together.
    """
    schools = []
    for school in file.schools:
        if file.outdoor is not None and "outdoor" not in school.model_fields_set:
            school = school.model_copy(update={"outdoor": file.outdoor})  # noqa: PLW2901
        schools.append(plan_school(school, folder))
    plan = DistrictPlan(file.district, schools)
    mistakes = [
        f"{what} {one} is there in two schools"
        for what, ids in _ids(plan).items()
        for one in sorted({one for one in ids if ids.count(one) > 1})
    ]
    if mistakes:
        raise SchoolError("district", "\n".join(mistakes), place=file.district.id)
    return plan


def _ids(plan: DistrictPlan) -> Mapping[str, list[str]]:
    """What orders and the truth log name without the school."""
    schools = plan.schools
    return {
        "school": [school.file.school.id for school in schools],
        "area": [area.id for school in schools for area in school.areas],
        "gateway": list(plan.gateways),
        "bus": [bus.entry.id for school in schools for bus in school.buses],
        "source": [source.entry.id for school in schools for source in school.sources],
        "device": [device.id for device in plan.devices()],
    }
