"""What was seen on a bus, and what is concluded from it (pure)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from campus_wire.catalog import Label

GATEWAY_PATH, GATEWAY_SILENT = 0x0A, 0x0B
GATEWAY_CODES: Final = frozenset({GATEWAY_PATH, GATEWAY_SILENT})
"""A gateway speaks, not the unit."""
SLOW_PART: Final = 0.7
"""Of the time-out: an answer that took longer is close to being missed."""

BusKind = Literal["serial", "tcp", "converter"]
"""A serial port here, a Modbus TCP endpoint, or a serial line behind a plain converter."""


@dataclass(slots=True)
class UnitEvidence:
    """What became of the requests to one configured unit."""

    unit: int
    device: str = ""
    """Its id in the configuration."""
    profile: str = ""
    asked: int = 0
    answered: int = 0
    silent: int = 0
    garbled: int = 0
    garbled_bytes: bytes = b""
    """One example."""
    two_answers: int = 0
    """Answers with more behind them, or longer than any answer could be."""
    wrong_units: Counter[int] = field(default_factory=Counter)
    refused: Counter[int] = field(default_factory=Counter)
    """By exception code."""
    slowest_s: float = 0.0

    @property
    def is_there(self) -> bool:
        """Whether the unit itself ever spoke."""
        own = sum(n for code, n in self.refused.items() if code not in GATEWAY_CODES)
        return bool(self.answered or own)

    @property
    def is_silent(self) -> bool:
        """Whether there was nothing at all, or a gateway said that there was nothing."""
        gateway = self.refused[GATEWAY_SILENT]
        return self.asked > 0 and self.silent + gateway == self.asked

    @property
    def title(self) -> str:
        """`th-101 (unit 3)`."""
        return f"{self.device} (unit {self.unit})" if self.device else f"unit {self.unit}"


@dataclass(slots=True)
class BusEvidence:
    """What was seen on one bus."""

    bus: str
    kind: BusKind
    place: str
    setting: str = ""
    """As configured: `9600 8N1`."""
    timeout_s: float = 1.0
    units: list[UnitEvidence] = field(default_factory=list)
    """In the order of the configuration, which is mostly that of the cable."""
    not_connected: str = ""
    """Why the port or the connection could not be opened."""
    closed: int = 0
    """How often the other end closed the connection."""
    echoed: bool = False
    echo_expected: bool = False
    unasked_bytes: int = 0
    """Heard before anything was asked."""
    unasked_frames: int = 0
    """Whole frames among them."""
    answering_settings: list[str] = field(default_factory=list)
    """Other serial settings at which somebody answered."""
    strangers: dict[int, str] = field(default_factory=dict)
    """Unit ids that answer without being configured, and the profile they look like."""
    answers_rtu: bool | None = None
    """TCP: whether it answers RTU frames; None: not tried."""
    answers_tcp: bool | None = None
    """A converter: whether it answers Modbus TCP frames; None: not tried."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One likely cause."""

    kind: str
    likelihood: int
    """0 to 100."""
    what: Label
    check: Label
    """What to do next."""
    devices: tuple[str, ...] = ()


def finding(
    kind: str,
    likelihood: int,
    what: tuple[str, str],
    check: tuple[str, str],
    units: Sequence[UnitEvidence] = (),
) -> Finding:
    """Return a finding; texts are Chinese, then English."""
    return Finding(
        kind,
        likelihood,
        Label(zh=what[0], en=what[1]),
        Label(zh=check[0], en=check[1]),
        tuple(one.title for one in units),
    )


def names_of(units: Sequence[UnitEvidence]) -> str:
    """Return units for a sentence."""
    return ", ".join(one.title for one in units)
