"""Frames for tests of stores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from campus_wire.catalog import Label, SampleClass
from controller.frames import ByteArray, DeviceInfo, Frame, PointInfo

EPOCH: Final = "0b9f6a2e-8c1d-4a56-9d9c-3f4e5a6b7c8d"
START_NS: Final = 1_780_000_000_000_000_000
SECOND_NS: Final = 1_000_000_000


def device(name: str = "th-101", **changes: str) -> DeviceInfo:
    """A climate sensor in a classroom."""
    info = DeviceInfo(
        gateway="demo-school-1",
        school="sunrise",
        building="b1",
        area="r101",
        area_kind="classroom",
        device=name,
        category="climate_sensor",
        profile="xy-md02",
        interval_s=10,
        name=Label(zh="温湿度", en="climate"),
        area_path=(),
    )
    return replace(info, **changes)  # type: ignore[arg-type]


def points(*names: str) -> tuple[PointInfo, ...]:
    """Points of these names."""
    return tuple(
        PointInfo(name, "°C", SampleClass.NORMAL, Label(zh="点", en="point"), False, None, None, ())
        for name in names
    )


def frame(
    columns: dict[str, Sequence[float | None]],
    *,
    devices: tuple[DeviceInfo, ...] = (device(),),
    rows: Sequence[int] | None = None,
    first: int = 1,
    start_ns: int = START_NS,
    step_ns: int = SECOND_NS,
    qualities: dict[str, Sequence[int]] | None = None,
) -> Frame:
    """A frame whose samples follow each other by `step_ns`; None stands for no answer (65)."""
    values = np.array([list(column) for column in columns.values()], dtype=np.float64)
    count = values.shape[1]
    codes: ByteArray | None = None
    if qualities is not None:
        codes = np.array([qualities.get(name, [0] * count) for name in columns], dtype=np.uint8)
    elif np.isnan(values).any():
        codes = np.where(np.isnan(values), 65, 0).astype(np.uint8)
    return Frame(
        gateway=devices[0].gateway,
        epoch=EPOCH,
        devices=devices,
        device_row=np.array(rows or [0] * count, dtype=np.int64),
        points=points(*columns),
        point_columns=np.arange(len(columns), dtype=np.int64),
        time_ns=start_ns + step_ns * np.arange(count, dtype=np.int64),
        seq=np.arange(first, first + count, dtype=np.int64),
        values=values,
        qualities=codes,
    )
