"""What a demo run came to: a JSON document for scripts and a page of figures for people."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table

from campus_cli.demo.ledger import Count
from campus_cli.demo.processes import Usage

Json = dict[str, Any]
_FINAL_OUTCOMES: Final = frozenset({"succeeded", "failed", "rejected", "expired", "unknown"})


@dataclass(frozen=True)
class Latency:
    """From the change at the device to the notice accepted, in milliseconds."""

    p50: float | None = None
    p99: float | None = None
    max: float | None = None

    @classmethod
    def of(cls, delays_ms: Sequence[float]) -> Latency:
        """Return the percentiles (nearest rank) of some delays."""
        ordered = sorted(delays_ms)
        if not ordered:
            return cls()
        return cls(_rank(ordered, 50), _rank(ordered, 99), round(ordered[-1], 1))


def _rank(ordered: Sequence[float], percent: int) -> float:
    rank = -(-percent * len(ordered) // 100)
    return round(ordered[rank - 1], 1)


@dataclass
class Report:
    """Everything the report file holds; the field names are its keys."""

    broker: str
    store: str
    seconds: float = 0.0
    devices: int = 0
    samples: Count = field(default_factory=Count)
    alarms: list[Json] = field(default_factory=list)
    notices: list[Json] = field(default_factory=list)
    latency_ms: Latency = field(default_factory=Latency)
    commands: list[Json] = field(default_factory=list)
    processes: Mapping[str, Usage] = field(default_factory=dict)
    wire: Json = field(default_factory=dict)
    shortfalls: list[str] = field(default_factory=list)

    def judge(self) -> list[str]:
        """Fill in and return what fell short; an empty list is a run as it should be."""
        self.shortfalls = [sentence for sentence, holds in self._claims() if not holds]
        return self.shortfalls

    def _claims(self) -> list[tuple[str, bool]]:
        samples = self.samples
        return [
            ("no reading was produced", samples.produced > 0),
            (f"{samples.missing} readings are missing from the store", samples.missing == 0),
            (f"{samples.duplicated} readings are stored twice", samples.duplicated == 0),
            (f"{samples.phantom} stored values were never shown", samples.phantom == 0),
            ("no alarm was raised", bool(self.alarms)),
            ("the leak's alarm was not raised, acknowledged and cleared", self._story_told()),
            ("no notice was accepted", any(notice["accepted"] for notice in self.notices)),
            ("a sent notice was not accepted", self._all_accepted()),
            ("a command never ended", self._all_ended()),
        ]

    def _story_told(self) -> bool:
        steps = ("raised", "acknowledged", "cleared")
        return any(all(alarm.get(step) for step in steps) for alarm in self.alarms)

    def _all_accepted(self) -> bool:
        return all(notice["accepted"] for notice in self.notices if notice["sent"])

    def _all_ended(self) -> bool:
        return all(command["outcome"] in _FINAL_OUTCOMES for command in self.commands)

    def save(self, path: Path) -> None:
        """Write the report as JSON."""
        text = json.dumps(asdict(self), indent=2, ensure_ascii=False)
        path.write_text(text + "\n", encoding="utf-8")


def print_figures(report: Report, console: Console) -> None:
    """Print the page of figures."""
    console.print(figures(report))


def figures(report: Report) -> RenderableType:
    """Return the page of figures: the journey in numbers, alarms, commands, processes."""
    samples, latency = report.samples, report.latency_ms
    page = Table.grid(padding=(0, 2))
    page.add_row("devices", f"{report.devices}")
    page.add_row("readings", f"{samples.produced:,} shown, {samples.stored:,} stored")
    page.add_row("missing / twice / phantom", _triple(samples))
    page.add_row("device → notice", f"p50 {latency.p50} ms, p99 {latency.p99} ms")
    if report.wire:
        page.add_row("on the wire", f"{report.wire['bytes_per_value']} bytes a value")
    page.add_row("broker, store", f"{report.broker}, {report.store}")
    tables = [_alarms(report), _commands(report), _processes(report)]
    verdict = "; ".join(report.shortfalls) or "nothing missing, nothing twice"
    style = "red" if report.shortfalls else "green"
    body = Group(page, *tables, f"[bold {style}]{verdict}[/]")
    return Panel(body, title=f"Campus IoT demo, {report.seconds:.0f} s", border_style=style)


def _triple(samples: Count) -> str:
    return f"{samples.missing} / {samples.duplicated} / {samples.phantom}"


def _alarms(report: Report) -> Table:
    table = Table("alarm", "place", "raised", "acknowledged", "cleared", title="Alarms 报警")
    for alarm in report.alarms:
        steps = (_clock(alarm.get(step)) for step in ("raised", "acknowledged", "cleared"))
        table.add_row(alarm["rule"], alarm["place"], *steps)
    return table


def _clock(iso: str | None) -> str:
    """Return the local time of the day of an instant, to the tenth of a second."""
    if iso is None:
        return "–"
    return datetime.fromisoformat(iso).astimezone().strftime("%H:%M:%S.%f")[:-5]


def _commands(report: Report) -> Table:
    table = Table("device", "point", "value", "by", "outcome", title="Commands 命令")
    for command in report.commands[-8:]:
        value = f"{command['value']:g}"
        outcome = command["outcome"] or "open"
        table.add_row(command["device"], command["point"], value, command["by"], outcome)
    return table


def _processes(report: Report) -> Table:
    table = Table("process", "memory MB", "processor s", title="Processes 进程")
    for name, usage in report.processes.items():
        table.add_row(name, f"{usage.rss_max_mb:.0f}", f"{usage.cpu_s:.1f}")
    return table
