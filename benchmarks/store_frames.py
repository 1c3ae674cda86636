"""Frames as the controller gets them, for the benchmarks of stores.

200 gateways, each with 25 devices of three points (temperature, humidity, CO2), read every second:
a frame is one second of one gateway, 75 values.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from campus_wire.catalog import Label, SampleClass
from controller.frames import DeviceInfo, Frame, PointInfo

GATEWAYS: Final = 200
DEVICES: Final = 25
POINTS: Final = ("temperature", "humidity", "co2")
VALUES_A_FRAME: Final = DEVICES * len(POINTS)
START_NS: Final = 1_780_000_000_000_000_000
_RANGES: Final = ((18.0, 35.0, 420.0), (26.0, 65.0, 1400.0), (0.05, 0.2, 6.0))
"""Lowest and highest start and the usual step of each point."""
_EPOCH: Final = "0b9f6a2e-8c1d-4a56-9d9c-3f4e5a6b7c8d"
_LABEL: Final = Label(zh="温湿度", en="climate")


def frames(values: int, *, seed: int = 7) -> Iterator[Frame]:
    """Make frames of about so many values, second by second."""
    noise = np.random.default_rng(seed)
    devices = [_devices(gateway) for gateway in range(GATEWAYS)]
    points = tuple(
        PointInfo(name, "", SampleClass.NORMAL, _LABEL, False, None, None, ()) for name in POINTS
    )
    low, high, step = (np.array(three)[:, None] for three in _RANGES)
    centre = noise.uniform(low, high, (GATEWAYS, 3, DEVICES))
    count = max(1, values // VALUES_A_FRAME)
    for number in range(count):
        second, gateway = divmod(number, GATEWAYS)
        centre[gateway] += noise.normal(0, step, (3, DEVICES))
        yield Frame(
            gateway=f"school-{gateway}",
            epoch=_EPOCH,
            devices=devices[gateway],
            device_row=np.arange(DEVICES, dtype=np.int64),
            points=points,
            point_columns=np.arange(3, dtype=np.int64),
            time_ns=START_NS
            + second * 1_000_000_000
            + np.arange(DEVICES, dtype=np.int64) * 20_000_000,
            seq=np.arange(DEVICES, dtype=np.int64) + 1 + second * DEVICES,
            values=np.round(centre[gateway], 1),
        )


def _devices(gateway: int) -> tuple[DeviceInfo, ...]:
    return tuple(
        DeviceInfo(
            gateway=f"school-{gateway}",
            school=f"school-{gateway}",
            building="b1",
            area=f"r{number // 3}",
            area_kind="classroom",
            device=f"th-{number}",
            category="climate_sensor",
            profile="xy-md02",
            interval_s=1,
            name=_LABEL,
            area_path=(),
        )
        for number in range(DEVICES)
    )
