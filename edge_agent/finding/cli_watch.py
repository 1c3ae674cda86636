"""`campus edge scan --watch-mqtt`: sensors heard on a broker. Nothing is ever published."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from pathlib import Path
from typing import Any, Final

import orjson
import typer
from pydantic import ValidationError

from campus_wire.config_file import ConfigFileError
from campus_wire.errors import CampusError
from campus_wire.session import MqttSession
from campus_wire.settings import MqttSettings
from device_profiles.library import Library
from device_profiles.model import MqttProfile
from edge_agent.finding.heard import Heard, HeardDevice, devices_in

EXIT_NOTHING: Final = 1
EXIT_USAGE: Final = 2
_DEFAULT_PORT: Final = 1_883


def watch(
    address: str,
    *,
    listen_s: float,
    username: str | None,
    password_file: Path | None,
    profiles: Path | None,
    language: str | None,
    json: bool,
) -> None:
    """Listen on a broker and print which devices were heard."""
    from edge_agent.read_report import terminal_language  # noqa: PLC0415

    settings = _settings(address, username, password_file)
    try:
        known = [one for one in Library.builtin(profiles) if isinstance(one, MqttProfile)]
    except ConfigFileError as error:
        raise _fail(str(error), EXIT_USAGE) from None
    heard = Heard()
    try:
        connected = asyncio.run(_listen(settings, heard, listen_s))
    except KeyboardInterrupt:
        connected = True
    except CampusError as error:
        raise _fail(str(error), EXIT_NOTHING) from None
    if not connected:
        raise _fail(f"{settings.address} cannot be reached", EXIT_NOTHING)
    devices = devices_in(heard, known)
    if json:
        typer.echo(orjson.dumps(_plain(heard, devices), option=orjson.OPT_INDENT_2))
    else:
        _print(heard, devices, language or terminal_language())
    if not devices:
        raise typer.Exit(EXIT_NOTHING)


def _settings(address: str, username: str | None, password_file: Path | None) -> MqttSettings:
    host, _, port = address.rpartition(":") if ":" in address else (address, "", "")
    if port and not port.isdecimal():
        raise _fail(f"{address} is no HOST:PORT", EXIT_USAGE)
    try:
        return MqttSettings(
            host=host.strip("[]"),
            port=int(port or _DEFAULT_PORT),
            username=username,
            password_file=password_file,
            allow_plain_password=True,
        )
    except ValidationError as error:
        raise _fail(f"{address}: {error.errors()[0]['msg']}", EXIT_USAGE) from None


async def _listen(settings: MqttSettings, heard: Heard, listen_s: float) -> bool:
    """Collect messages for some time; return whether the broker was there."""

    async def on_message(topic: str, payload: bytes, retained: bool) -> None:  # noqa: ARG001, FBT001
        heard.add(topic, payload)

    session = MqttSession(settings, subscriptions=[("#", 0)], will=None, on_message=on_message)
    running = asyncio.create_task(session.run())
    until_s = time.monotonic() + listen_s
    try:
        while (rest_s := until_s - time.monotonic()) > 0 and not running.done():
            await asyncio.wait({running}, timeout=min(1.0, rest_s))
            if sys.stderr.isatty():
                text = f"{len(heard.payloads)} topics heard, {max(0.0, rest_s):.0f} s left"
                typer.echo(f"\r\033[K{text}", nl=False, err=True)
    finally:
        if sys.stderr.isatty():
            typer.echo("\r\033[K", nl=False, err=True)
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
    return session.stats.connects > 0


def _plain(heard: Heard, devices: list[HeardDevice]) -> dict[str, Any]:
    return {
        "topics": len(heard.payloads),
        "dropped": heard.dropped,
        "devices": [
            {
                "name": one.name,
                "kind": one.kind,
                "category": one.category or None,
                "id": one.id or None,
                "topics": one.topics,
                "proposals": [
                    {
                        "profile": way.profile,
                        "topic": way.topic,
                        "score": way.score,
                        "why": way.why,
                        "values": [
                            {"point": point, "value": value, "unit": unit}
                            for point, value, unit in way.values
                        ],
                    }
                    for way in one.ways
                ],
                "values": one.plain or None,
                "notes": list(one.notes),
            }
            for one in devices
        ],
    }


def _print(heard: Heard, devices: list[HeardDevice], language: str) -> None:
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    from device_profiles.categories import CATEGORIES  # noqa: PLC0415

    console = Console()
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for head in ("heard as", "name", "what", "configuration", "score", "values"):
        table.add_column(head, overflow="fold", no_wrap=head == "score")
    for one in devices:
        category = CATEGORIES.get(one.category)
        what = category[language] if category is not None else ""
        if not one.ways:
            plain = ", ".join(
                f"{key}={value}" if key else str(value) for key, value in one.plain.items()
            )
            table.add_row(one.kind, one.name, what, "", "", plain or "; ".join(one.notes))
        for number, way in enumerate(one.ways):
            values = ", ".join(_text(*value) for value in way.values[:8])
            topic = ", ".join(f"{key}: {value}" for key, value in way.topic.items())
            first = (one.kind, one.name, what) if number == 0 else ("", "", "")
            table.add_row(*first, f"{way.profile} {{{topic}}}", str(way.score), values)
    console.print(table, markup=False)
    console.print(f"{len(devices)} heard on {len(heard.payloads)} topics; nothing was published")


def _text(point: str, value: float | str | None, unit: str) -> str:
    shown = "-" if value is None else value if isinstance(value, str) else f"{value:.6g}"
    return f"{point}={shown}{' ' + unit if unit else ''}"


def _fail(message: str, code: int) -> typer.Exit:
    typer.secho(f"error: {message}", fg="red", err=True)
    return typer.Exit(code)
