"""Scanning TCP addresses that the user names: devices, and gateways with units behind them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from edge_agent.finding.envelopes import Envelope
from edge_agent.finding.hosts import Endpoint
from edge_agent.finding.line import Line
from edge_agent.finding.matching import Matcher
from edge_agent.finding.scan import FoundUnit, Hint, ScanResult, Tell, UnitSweep
from edge_agent.finding.settings import Progress
from edge_agent.modbus.errors import NotConnectedError
from edge_agent.modbus.links import TcpLink

AT_A_TIME: Final = 32
UNITS_OF_ONE_DEVICE: Final = (1, 255, 0)
"""A device with an address of its own answers to one of these, often to any unit id."""
_ALIKE_MIN: Final = 4
"""So many units that look alike may be one device that ignores the unit id."""
_NOBODY: Final = 251
"""Reserved, so no unit has it (MODBUS over Serial Line V1.02, section 2.2)."""


@dataclass(frozen=True, slots=True)
class TcpScan:
    """What to scan."""

    endpoints: tuple[Endpoint, ...]
    units: tuple[int, ...] = UNITS_OF_ONE_DEVICE
    envelope: Envelope = "tcp"
    """`rtu` for serial lines behind plain converters."""
    timeout_s: float = 1.0
    connect_timeout_s: float = 1.0


async def scan_tcp(plan: TcpScan, matcher: Matcher, result: ScanResult, tell: Tell) -> None:
    """Find what answers at these addresses; findings go to `result` as they come."""
    loop = asyncio.get_running_loop()
    begun_s = loop.time()
    progress = Progress(len(plan.endpoints), plan.connect_timeout_s / AT_A_TIME)
    places = asyncio.Semaphore(AT_A_TIME)

    async def one(endpoint: Endpoint) -> None:
        async with places:
            await _scan_endpoint(endpoint, plan, matcher, result)
            progress.done += 1
            progress.found = len(result.found)
            progress.doing = endpoint.text
            tell(progress)

    try:
        async with asyncio.TaskGroup() as group:
            for endpoint in plan.endpoints:
                group.create_task(one(endpoint), name=f"scan {endpoint.text}")
        result.finished = True
    finally:
        result.took_s += loop.time() - begun_s
        result.found.sort(key=lambda found: (_order(found.place), found.unit))


def _order(place: str) -> tuple[object, ...]:
    host, _, port = place.rpartition(":")
    parts = host.split(".")
    if all(part.isdecimal() for part in parts):
        return (0, *map(int, parts), int(port))
    return (1, host, int(port))


async def _scan_endpoint(
    endpoint: Endpoint, plan: TcpScan, matcher: Matcher, result: ScanResult
) -> None:
    line = Line(
        TcpLink(endpoint.host, endpoint.port),
        plan.envelope,
        connect_timeout_s=plan.connect_timeout_s,
    )
    own = ScanResult()
    ignores_unit = False
    sweep = UnitSweep(line, matcher, own, Progress(0, 0.0), _say_nothing, timeout_s=plan.timeout_s)
    try:
        await line.open()
        for unit in plan.units:
            if not line.connected:
                await line.open()
            try:
                await sweep.run([unit])
                if len(own.found) == _ALIKE_MIN and _look_alike(own.found):
                    ignores_unit = await sweep.is_there(_NOBODY)
            except NotConnectedError:
                own.hints.append(Hint("closed", line.link.place, None, unit))
            if ignores_unit:
                break
        if plan.envelope != "tcp" and line.connected:
            await sweep.hear_the_last()
    except NotConnectedError:
        return  # nobody listens there, as at most addresses of a range
    finally:
        line.close()
        result.traffic.add(line.traffic)
    result.found += _merged(own.found, ignores_unit=ignores_unit)
    result.hints += own.hints


def _say_nothing(_progress: Progress) -> None:
    """The endpoints are counted, not their units."""


def _look_alike(found: Sequence[FoundUnit]) -> bool:
    return len({_face(one) for one in found}) == 1


def _merged(found: list[FoundUnit], *, ignores_unit: bool) -> list[FoundUnit]:
    """Return units, those that are one device under several ids as one."""
    own_address = all(one.unit in UNITS_OF_ONE_DEVICE for one in found)
    if len(found) < 2 or not _look_alike(found) or not (own_address or ignores_unit):
        return found
    first, *others = found
    first.also = tuple(one.unit for one in others)
    return [first]


def _face(found: FoundUnit) -> tuple[object, ...]:
    print_ = found.print_
    texts = tuple(sorted(print_.identity.texts.items()))
    return texts, tuple((one.profile, one.score) for one in print_.proposals[:1])


__all__ = ["TcpScan", "scan_tcp"]
