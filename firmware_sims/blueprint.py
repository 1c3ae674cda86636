"""A Modbus device as its profile describes it, before it has a world around it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from firmware_sims.behaviours import PointFacts
from firmware_sims.device import DeviceLimits, Temper
from firmware_sims.guards import RawWrite, WatchdogPlan
from firmware_sims.identity import Identity
from firmware_sims.panel import Relations
from firmware_sims.registers import RegisterPoint, Table


@dataclass(frozen=True, slots=True)
class Choice:
    """What one device of a model is like, where the model leaves it open.

    Args:
        variants: by name; none is the base.
        counts: how many instances of a group are there, by the point that tells it.
        blocks: SunSpec models that are there; None: those that most points stand in.
        serial: its serial number.
    """

    variants: Sequence[str] = ()
    counts: Mapping[str, float] = field(default_factory=dict)
    blocks: Sequence[int] | None = None
    serial: str = "20260302001"


@dataclass(slots=True)
class Blueprint:
    """A Modbus device as its profile describes it."""

    points: list[RegisterPoint]
    facts: list[PointFacts]
    identity: Identity
    limits: DeviceLimits
    temper: Temper
    forbidden: list[tuple[Table, int, int]]
    relations: Relations = field(default_factory=Relations)
    texts: dict[str, str] = field(default_factory=dict)
    numbers: dict[str, float] = field(default_factory=dict)
    """What points must hold at first, whatever is usual."""
    fixed: frozenset[str] = frozenset()
    """Points that others are multiplied or divided by, which hold what they hold."""
    sets: dict[str, tuple[str, ...]] = field(default_factory=dict)
    extra: list[tuple[Table, int, int]] = field(default_factory=list)
    preset: list[RawWrite] = field(default_factory=list)
    page_point: str | None = None
    lock: list[RawWrite] = field(default_factory=list)
    heartbeat: tuple[Table, int] | None = None
    watchdog: WatchdogPlan | None = None
