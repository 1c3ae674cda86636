"""What a simulated Modbus device is made of, and what it says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from firmware_sims.guards import RawWrite, WatchdogPlan
from firmware_sims.identity import Identity
from firmware_sims.panel import Relations
from firmware_sims.registers import RegisterPoint, Table
from firmware_sims.signals import Signal

REFRESH_INTERVAL_S = 0.1
READ_REGISTERS_MAX = 125
READ_BITS_MAX = 2000


@dataclass(frozen=True, slots=True)
class Answer:
    """What a device says to one request.

    Args:
        pdu: the answer, or empty for none.
        values: the points it shows, as `truth.values_text`, and how many these are.
        texts: the texts it shows, as the inside of a JSON object.
        written: the points that the request changed, with their numbers.
    """

    pdu: bytes
    values: str = ""
    value_count: int = 0
    texts: str = ""
    written: Mapping[str, float] | None = None


@dataclass(frozen=True, slots=True)
class DeviceLimits:
    """What a device refuses.

    Args:
        registers_max, bits_max: in one request.
        functions: those it knows; None is all.
        whole_fields_only: a request must cover one value, neither less nor more.
    """

    registers_max: int = READ_REGISTERS_MAX
    functions: frozenset[int] | None = None
    bits_max: int = READ_BITS_MAX
    whole_fields_only: bool = False


@dataclass(frozen=True, slots=True)
class Temper:
    """How a device wants to be treated.

    Args:
        answer_delay_s: how long it takes to answer.
        pause_s: how long it does not listen after an answer.
        wakes_after_s: how long it does not listen after a connection was made to it.
    """

    answer_delay_s: float = 0.0
    pause_s: float = 0.0
    wakes_after_s: float = 0.0

    @property
    def is_easy(self) -> bool:
        """Whether it can be asked at any time."""
        return not (self.answer_delay_s or self.pause_s or self.wakes_after_s)


@dataclass(slots=True)
class DeviceParts:
    """What a device is made of.

    Args:
        points: the map.
        signals: live points; the others hold what was put or written.
        initial: numbers of points that are not live, 0 where missing.
        texts: what text points say.
        controls: called with number and time (seconds of the run) when a point is written.
        sets: points that follow a written one (`all_relays` sets each relay).
        sequence_point: a point that counts the answers it was part of; each answer is then unlike
            all before, so that loss and repetition can be told from stored values alone.
        forbidden: addresses that must not be read.
        extra: further addresses that are there, and `preset` what they hold.
        relations: points that are made of others.
        page_point: the point whose number selects the page.
        lock: what must be written before a locked point.
        heartbeat: table and address of the register that keeps the watchdog.
        watchdog: made with the device, because it needs its numbers.
        identity: what it says about itself; None: it knows no such function.
    """

    points: Sequence[RegisterPoint]
    signals: Mapping[str, Signal] = field(default_factory=dict)
    initial: Mapping[str, float] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    controls: Mapping[str, Callable[[float, float], None]] = field(default_factory=dict)
    sets: Mapping[str, Sequence[str]] = field(default_factory=dict)
    sequence_point: str | None = None
    forbidden: Iterable[tuple[Table, int, int]] = ()
    extra: Sequence[tuple[Table, int, int]] = ()
    preset: Sequence[RawWrite] = ()
    limits: DeviceLimits = DeviceLimits()
    temper: Temper = Temper()
    refresh_interval_s: float = REFRESH_INTERVAL_S
    relations: Relations = field(default_factory=Relations)
    page_point: str | None = None
    lock: Sequence[RawWrite] = ()
    heartbeat: tuple[Table, int] | None = None
    watchdog: WatchdogPlan | None = None
    identity: Identity | None = None
