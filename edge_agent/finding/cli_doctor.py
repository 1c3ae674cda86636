"""`campus edge doctor`: what is likely wrong with a bus."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated, Any, Final

import orjson
import typer

from campus_wire.config_file import ConfigFileError
from edge_agent.finding.diagnosis import diagnose
from edge_agent.finding.doctor import BusToExamine, Recogniser, examine_all
from edge_agent.finding.evidence import BusEvidence, Finding
from edge_agent.finding.places import Configured, configured_devices
from edge_agent.read_report import terminal_language

EXIT_FINDINGS: Final = 1
EXIT_USAGE: Final = 2
_TOLD_FROM: Final = 25
"""Less likely causes are left out where there are likelier ones."""


def doctor(
    *,
    config: Annotated[
        Path, typer.Option("--config", "-c", help="The agent's configuration, edge.yaml.")
    ],
    bus: Annotated[str | None, typer.Option(help="Only this bus; all when left out.")] = None,
    language: Annotated[
        str | None, typer.Option(help="zh or en; default: as the terminal is set.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say what is likely wrong with the Modbus buses, the likeliest cause first.

    It asks each configured device a few times and looks around; it only reads. The agent must not
    run at the same time.

    Exit codes: 0 nothing is wrong, 1 something is, or the file has mistakes, 2 wrong options.

    Examples:
        campus edge doctor --config edge.yaml

        campus edge doctor --config edge.yaml --bus line-1 --json
    """
    try:
        devices, profiles = configured_devices(config)
    except ConfigFileError as error:
        typer.secho(str(error), fg="red", err=True)
        raise typer.Exit(EXIT_FINDINGS) from None
    buses = _buses(devices, bus)
    if not buses:
        names = ", ".join(sorted({one.bus for one in devices}))
        message = f"{config} has no bus {bus} (known: {names})" if bus else "no Modbus devices"
        typer.secho(f"error: {message}", fg="red", err=True)
        raise typer.Exit(EXIT_USAGE)
    recogniser = Recogniser(profiles)
    seen = asyncio.run(examine_all(buses, recogniser, _Teller()))
    found = [(one, diagnose(one)) for one in seen]
    if json:
        plain = [_plain(one, findings) for one, findings in found]
        typer.echo(orjson.dumps(plain, option=orjson.OPT_INDENT_2))
    else:
        for one, findings in found:
            _print(one, findings, language or terminal_language())
    if any(findings for _, findings in found):
        raise typer.Exit(EXIT_FINDINGS)


class _Teller:
    """Shows on a terminal what is being done."""

    def __call__(self, text: str) -> None:
        if sys.stderr.isatty():
            typer.echo(f"\r\033[K{text}", nl=False, err=True)


def _buses(devices: list[Configured], only: str | None) -> list[BusToExamine]:
    by_bus: dict[str, list[Configured]] = {}
    for device in devices:
        if only in (None, device.bus):
            by_bus.setdefault(device.bus, []).append(device)
    return [BusToExamine(id_, some[0].link, tuple(some)) for id_, some in by_bus.items()]


def _plain(seen: BusEvidence, findings: list[Finding]) -> dict[str, Any]:
    return {
        "bus": seen.bus,
        "place": seen.place,
        "setting": seen.setting or None,
        "units": [
            {
                "device": one.device,
                "unit_id": one.unit,
                "asked": one.asked,
                "answered": one.answered,
                "silent": one.silent,
                "garbled": one.garbled,
                "two_answers": one.two_answers,
                "wrong_unit": {str(unit): count for unit, count in one.wrong_units.items()},
                "exceptions": {str(code): count for code, count in one.refused.items()},
                "slowest_ms": round(one.slowest_s * 1000, 1),
            }
            for one in seen.units
        ],
        "findings": [
            {
                "kind": one.kind,
                "likelihood": one.likelihood,
                "what": {"zh": one.what.zh, "en": one.what.en},
                "check": {"zh": one.check.zh, "en": one.check.en},
                "devices": list(one.devices),
            }
            for one in findings
        ],
    }


def _print(seen: BusEvidence, findings: list[Finding], language: str) -> None:
    if sys.stderr.isatty():
        typer.echo("\r\033[K", nl=False, err=True)
    good = sum(bool(one.answered) and not one.garbled for one in seen.units)
    setting = f" {seen.setting}" if seen.setting else ""
    typer.secho(f"{seen.bus}  {seen.place}{setting}", bold=True)
    if language == "zh":
        typer.echo(f"  {len(seen.units)} 台设备中 {good} 台应答正常")
    else:
        typer.echo(f"  {good} of {len(seen.units)} devices answer well")
    told = [one for one in findings if one.likelihood >= _TOLD_FROM] or findings
    for number, one in enumerate(told, start=1):
        typer.echo(f"  {number}. {one.what[language]}  ({one.likelihood} %)")
        typer.echo(f"     → {one.check[language]}")
    if not findings:
        typer.echo("  一切正常" if language == "zh" else "  nothing is wrong")
