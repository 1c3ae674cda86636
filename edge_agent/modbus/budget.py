"""What a bus will have to do, before it does it: cycle, load, and where the time goes (pure).

Times are those of `turnaround.LineCost`: T(k) of each request, with the turnaround that is known or
supposed. Nothing here is measured, so that whoever reads it knows before anything is wired.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from edge_agent.modbus.health import BACKOFF_FIRST_S, BACKOFF_MAX_S
from edge_agent.modbus.stretching import CAPACITY, CAPACITY_TO_SHRINK, Stretches, needed
from edge_agent.modbus.turnaround import (
    CHARACTERS_PER_REGISTER,
    REPLY_CHARACTERS,
    REQUEST_CHARACTERS,
    TURNAROUND_S,
    LineCost,
)

BAUD_RATES: Final = (9_600, 19_200, 38_400, 57_600, 115_200)
"""What devices can commonly be set to."""
_CLASSES: Final = ("safety", "normal", "slow")


class Verdict(StrEnum):
    """Whether a bus can keep up."""

    FITS = "fits"
    STRETCHES = "stretches"
    """Intervals of normal or slow devices will be longer than asked for."""
    FAILS_SAFETY = "fails_safety"
    """Not even those of safety devices can be met."""


@dataclass(frozen=True, slots=True)
class ReadDemand:
    """One request: how many registers, how often; infinitely rare ones count for nothing."""

    registers: float
    interval_s: float


@dataclass(frozen=True, slots=True)
class DeviceDemand:
    """What is asked of one device. `rank` is 0 for safety, 1 for normal, 2 for slow."""

    id: str
    rank: int
    interval_s: float
    reads: tuple[ReadDemand, ...]
    turnaround_s: float = TURNAROUND_S


@dataclass(frozen=True, slots=True)
class DeviceBudget:
    """What one device costs its bus."""

    id: str
    point_class: str
    interval_s: float
    requests: int
    registers: float
    poll_s: float
    """One poll of all that is read at the device's own interval."""
    load: float
    """The part of the bus's time."""


@dataclass(frozen=True, slots=True)
class TimeShares:
    """Where the time goes, as parts of the bus's time."""

    request_bytes: float
    reply_bytes: float
    turnaround: float
    silence: float
    pauses: float


@dataclass(frozen=True, slots=True)
class BusBudget:
    """What a bus will have to do."""

    verdict: Verdict
    cycle_s: float
    """Every device polled once, one after the other."""
    load: float
    """The part of the bus's time that all polls take; over 1 they cannot all be made."""
    loads: tuple[float, float, float]
    """Of safety, normal and slow devices."""
    stretches: Stretches
    """By how much their intervals will be longer than asked for."""
    shares: TimeShares
    absent_s: float
    """What one absent device costs in its first minute."""
    absent_load: float
    """And later, as a part of the bus's time."""
    devices: tuple[DeviceBudget, ...]
    late: tuple[str, ...]
    """Safety devices whose interval is too short for one poll behind the longest other request."""
    remedies: tuple[str, ...]


def bus_budget(
    devices: Iterable[DeviceDemand],
    line: LineCost,
    *,
    timeout_s: float,
    baud_rate: int | None = None,
) -> BusBudget:
    """Return the budget of a bus.

    Args:
        devices: on it.
        line: what is known of it.
        timeout_s: how long a device may take to answer.
        baud_rate: of a serial line.
    """
    all_ = tuple(devices)
    loads = _loads(all_, line)
    stretches = needed(loads, CAPACITY)
    late = _late(all_, line)
    verdict = Verdict.FITS
    if late or stretches[0] > 1:
        verdict = Verdict.FAILS_SAFETY
    elif sum(loads) > CAPACITY:
        verdict = Verdict.STRETCHES
    return BusBudget(
        verdict=verdict,
        cycle_s=sum(_poll_s(one, line) for one in all_),
        load=sum(loads),
        loads=loads,
        stretches=stretches,
        shares=_shares(all_, line),
        absent_s=timeout_s * _tries_in_first_minute(),
        absent_load=timeout_s / BACKOFF_MAX_S,
        devices=tuple(_device_budget(one, line) for one in all_),
        late=late,
        remedies=()
        if verdict is Verdict.FITS
        else tuple(_remedies(all_, line, loads=loads, baud_rate=baud_rate, late=late)),
    )


def _request_s(read: ReadDemand, device: DeviceDemand, line: LineCost) -> float:
    return line.request_s(read.registers, turnaround_s=device.turnaround_s)


def _load(device: DeviceDemand, line: LineCost) -> float:
    return sum(_request_s(read, device, line) / read.interval_s for read in device.reads)


def _loads(devices: Sequence[DeviceDemand], line: LineCost) -> tuple[float, float, float]:
    sums = [0.0, 0.0, 0.0]
    for device in devices:
        sums[device.rank] += _load(device, line)
    return sums[0], sums[1], sums[2]


def _poll_s(device: DeviceDemand, line: LineCost) -> float:
    return sum(
        _request_s(read, device, line)
        for read in device.reads
        if read.interval_s <= device.interval_s
    )


def _device_budget(device: DeviceDemand, line: LineCost) -> DeviceBudget:
    return DeviceBudget(
        id=device.id,
        point_class=_CLASSES[device.rank],
        interval_s=device.interval_s,
        requests=len(device.reads),
        registers=sum(read.registers for read in device.reads),
        poll_s=_poll_s(device, line),
        load=_load(device, line),
    )


def _late(devices: Sequence[DeviceDemand], line: LineCost) -> tuple[str, ...]:
    """Return the safety devices that are late even when nothing else is in their way.

    A request under way is never broken off, so each waits for the longest one of others.
    """
    longest_s = {
        device.id: max((_request_s(read, device, line) for read in device.reads), default=0.0)
        for device in devices
    }
    late = []
    for device in devices:
        others_s = max((s for name, s in longest_s.items() if name != device.id), default=0.0)
        if device.rank == 0 and _poll_s(device, line) + others_s > device.interval_s:
            late.append(device.id)
    return tuple(late)


def _shares(devices: Sequence[DeviceDemand], line: LineCost) -> TimeShares:
    sent = got = answers = silence = pauses = 0.0
    for device in devices:
        for read in device.reads:
            each = 1 / read.interval_s
            sent += each * REQUEST_CHARACTERS * line.character_s
            characters = REPLY_CHARACTERS + CHARACTERS_PER_REGISTER * read.registers
            got += each * characters * line.character_s
            silence += each * 2 * line.silence_s
            pauses += each * line.pause_s
            if line.is_serial:
                answers += each * device.turnaround_s
            else:
                answers += each * (_request_s(read, device, line) - line.pause_s)
    return TimeShares(sent, got, answers, silence, pauses)


def _tries_in_first_minute() -> int:
    """Return how often a device that never answers is asked in its first minute."""
    tries, wait_s, passed_s = 2, BACKOFF_FIRST_S, 0.0
    while (passed_s := passed_s + wait_s) < 60:
        tries += 1
        wait_s = min(wait_s * 2, BACKOFF_MAX_S)
    return tries


def _remedies(
    devices: Sequence[DeviceDemand],
    line: LineCost,
    *,
    loads: tuple[float, float, float],
    baud_rate: int | None,
    late: tuple[str, ...],
) -> Iterable[str]:
    load = sum(loads)
    if late:
        yield "lengthen the interval of " + ", ".join(late)
    if load > CAPACITY:
        longer = math.ceil(load / CAPACITY_TO_SHRINK * 10) / 10
        yield f"make the intervals {longer:g} times as long"
    if baud_rate is not None:
        for faster in BAUD_RATES:
            if faster <= baud_rate:
                continue
            there = at_baud_rate(line, baud_rate, faster)
            if sum(_loads(devices, there)) <= CAPACITY_TO_SHRINK and not _late(devices, there):
                yield f"set devices and line to {faster} baud"
                break
    if load > CAPACITY and len(devices) > 1:
        lines = min(math.ceil(load / CAPACITY_TO_SHRINK), len(devices))
        yield f"share the devices among {lines} buses"


def at_baud_rate(line: LineCost, now: int, then: int) -> LineCost:
    """Return the cost of the same line at another speed (silences: V1.02, 2.5.1.1)."""
    character_s = line.character_s * now / then
    silence_s = 0.00175 if then > 19_200 else 3.5 * character_s
    return replace(line, character_s=character_s, silence_s=silence_s)
