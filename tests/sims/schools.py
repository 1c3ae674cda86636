"""Described schools for tests, run in this process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson

from device_profiles.library import Library
from firmware_sims.district import DistrictPlan
from firmware_sims.running import RunningSchool, RunOptions
from firmware_sims.running_district import RunningDistrict
from firmware_sims.school import SchoolPlan, plan_school
from firmware_sims.school_file import SchoolFile
from firmware_sims.truth import TruthLog

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "examples" / "demo-school.yaml"


def label(text: str) -> dict[str, str]:
    return {"zh": text, "en": text}


def device(device_id: str, profile: str, area: str = "r1", **more: Any) -> dict[str, Any]:
    return {"id": device_id, "profile": profile, "area": area, "name": label(device_id), **more}


def described(
    *buses: dict[str, Any], sources: tuple[dict[str, Any], ...] = (), **more: Any
) -> dict[str, Any]:
    return {
        "school": {"id": "test", "name": label("test")},
        "areas": [
            {"id": "b1", "kind": "building", "name": label("b1")},
            {"id": "r1", "kind": "classroom", "parent": "b1", "name": label("r1")},
            {"id": "store-1", "kind": "chemical_store", "parent": "b1", "name": label("store")},
        ],
        "gateways": [{"id": "test-1", "buses": list(buses), "mqtt_sources": list(sources)}],
        **more,
    }


def tcp_bus(*devices: dict[str, Any], bus_id: str = "tcp-1", **link: Any) -> dict[str, Any]:
    return {"id": bus_id, "modbus": {"transport": "tcp", **link}, "devices": list(devices)}


def plan(data: dict[str, Any], folder: Path = ROOT) -> SchoolPlan:
    return plan_school(SchoolFile.model_validate_json(orjson.dumps(data)), folder)


@asynccontextmanager
async def running(
    school_plan: SchoolPlan, folder: Path, *, truth: Path | None = None, **options: Any
) -> AsyncIterator[RunningSchool]:
    with TruthLog(truth) as log:
        library = Library.builtin(school_plan.profiles_folder)
        school = RunningSchool(school_plan, library, log, RunOptions(folder, **options))
        await school.start()
        work = asyncio.create_task(school.run())
        try:
            yield school
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
            await school.stop()


@asynccontextmanager
async def running_district(
    district_plan: DistrictPlan, folder: Path, *, truth: Path | None = None, **options: Any
) -> AsyncIterator[RunningDistrict]:
    with TruthLog(truth) as log:
        library = Library.builtin()
        district = RunningDistrict(
            district_plan, lambda _: library, log, RunOptions(folder, **options)
        )
        try:
            await district.start()
            work = asyncio.create_task(district.run())
            try:
                yield district
            finally:
                work.cancel()
                await asyncio.gather(work, return_exceptions=True)
        finally:
            await district.stop()
