"""Mistakes in what a device may leave out (`report`) and in what counts as stuck."""

from __future__ import annotations

from collections.abc import Iterator

from campus_wire.catalog import SampleClass
from campus_wire.suggest import suggest
from device_profiles.model_point import Point
from edge_agent.config import DeviceConfig

Mistake = tuple[tuple[str, ...], str, str, str]
"""Keys below the device, what is wrong, what was probably meant, and the remedy."""


def report_mistakes(device: DeviceConfig, points: tuple[Point, ...]) -> Iterator[Mistake]:
    """Yield the mistakes of one device.

    Args:
        device: its part of the configuration.
        points: those of its profile.
    """
    used = {
        point.name: point
        for point in points
        if not point.hidden
        and not point.is_text
        and point.is_readable
        and (device.points is None or point.name in device.points)
    }
    for section, names in (("report", device.report), ("stuck_after_s", device.stuck_after_s)):
        for name in names:
            if name not in used:
                message = f"{name} is no point that this device reads"
                yield (section, name), message, suggest(name, used) or "", ""
    safety = [point.name for point in used.values() if point.point_class is SampleClass.SAFETY]
    for name, report in device.report.items():
        if name in safety:
            message = f"{name} is of class safety, which is told at every reading"
            yield ("report", name), message, "", "leave it out of report"
        elif safety and report.longest_silence_s > device.interval_s:
            message = f"the device has safety points ({safety[0]}), whose silence must show at once"
            remedy = f"a longest_silence_s of {device.interval_s:g} at most, or no report here"
            yield ("report", name, "longest_silence_s"), message, "", remedy
    for name, after_s in device.stuck_after_s.items():
        if name in used and after_s < 3 * device.interval_s:
            message = f"{after_s:g} s hold fewer than three readings of {device.interval_s:g} s"
            yield ("stuck_after_s", name), message, "", "give a longer time"


def told_every_s(device: DeviceConfig) -> float:
    """Return how often a device says something at least, in seconds."""
    return max([device.interval_s, *(one.longest_silence_s for one in device.report.values())])
