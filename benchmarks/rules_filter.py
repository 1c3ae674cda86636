"""How many values per CPU-second the quiet-band filter, and the whole rule engine, let pass.

    python -m benchmarks.rules_filter

Frames of several sizes, all values within their quiet bands, as nearly all values of a school are.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np

from campus_rules.load import load_rules
from campus_rules.quiet_band import quiet_band
from campus_rules.threshold import Threshold, ThresholdState
from campus_wire.catalog import Catalog
from controller.frames import CatalogTable, Frame
from controller.quiet_filter import QuietFilter
from controller.rule_engine import RuleEngine

RULES: Final = Path(__file__).parent.parent / "examples" / "rules.yaml"
S: Final = 1_000_000_000
T0: Final = 1_760_000_000 * S
DEVICES: Final = 500
POINTS: Final = ("temperature", "humidity", "co2")
SPAN_S: Final = 2.0


def catalog(gateway: str) -> Catalog:
    label = {"zh": "名", "en": "name"}
    units = {"temperature": "°C", "humidity": "%RH", "co2": "ppm"}
    return Catalog.model_validate(
        {
            "gateway": gateway,
            "school": {"id": "s", "name": label},
            "areas": [{"id": f"r{n}", "kind": "classroom", "name": label} for n in range(DEVICES)],
            "points": [{"name": p, "unit": units[p], "label": label} for p in POINTS],
            "devices": [
                {
                    "id": f"d{n}",
                    "name": label,
                    "profile": "p",
                    "category": "temperature_humidity",
                    "area": f"r{n}",
                    "interval_s": 10.0,
                    "points": [0, 1, 2],
                }
                for n in range(DEVICES)
            ],
        }
    )


def frames_of(table: CatalogTable, count: int, *, samples: int) -> list[Frame]:
    """Make frames of calm rooms, `samples` devices each, times going on from frame to frame."""
    made = []
    devices = len(table.devices)
    for number in range(count):
        first = number * samples
        rows = np.arange(first, first + samples) % devices
        times = T0 + (np.arange(first, first + samples) // devices + 1) * 10 * S
        generator = np.random.default_rng(number)
        values = np.stack(
            [
                generator.uniform(20.6, 25.0, samples),
                generator.uniform(40, 60, samples),
                generator.uniform(500, 900, samples),
            ]
        )
        made.append(
            Frame(
                gateway=table.gateway,
                epoch="",
                devices=table.devices,
                device_row=rows.astype(np.int64),
                points=table.points,
                point_columns=np.arange(3),
                time_ns=times.astype(np.int64),
                seq=np.arange(first, first + samples, dtype=np.int64),
                values=values,
            )
        )
    return made


def rate(work: Callable[[Frame], object], frames: list[Frame]) -> float:
    """Return values per CPU-second over frames that are each taken once."""
    values = 0
    started = time.process_time()
    for frame in frames:
        work(frame)
        values += frame.value_count
        if time.process_time() - started > SPAN_S:
            break
    return values / (time.process_time() - started)


def filter_rate(table: CatalogTable, *, samples: int) -> float:
    quiet = QuietFilter()
    band = quiet_band(Threshold(limit=1e6, release=1e5), ThresholdState())
    for info in table.devices:
        quiet.add_device(table.gateway, info.device)
        for point in POINTS:
            series = quiet.add_series(table.gateway, info.device, point, tracked=False)
            quiet.set_band(series, band)
    frames = frames_of(table, 20_000 * 100 // samples, samples=samples)
    return rate(lambda frame: list(quiet.check(frame, now_ns=int(frame.time_ns[0]))), frames)


def engine_rate(table: CatalogTable, *, samples: int, prefilter: bool) -> float:
    engine = RuleEngine(load_rules([RULES]), prefilter=prefilter)
    engine.set_catalog(table, now_ns=T0)
    frames = frames_of(table, 4_000 * 100 // samples, samples=samples)
    return rate(lambda frame: engine.evaluate([frame], now_ns=int(frame.time_ns[-1])), frames)


def main() -> None:
    table = CatalogTable.of(catalog("gw-1"))
    for samples in (100, 167, 500):
        values = samples * len(POINTS)
        print(f"filter alone, {values:4d} values a frame: ", end="")
        print(f"{filter_rate(table, samples=samples) / 1e6:6.1f} M values/CPU-s")
    for prefilter in (True, False):
        name = "with" if prefilter else "without"
        speed = engine_rate(table, samples=167, prefilter=prefilter)
        print(f"rule engine {name} the filter:      {speed / 1e6:6.2f} M values/CPU-s")


if __name__ == "__main__":
    main()
