"""`campus controller`: run, check, token, gateway-key."""

from __future__ import annotations

import asyncio
import gc
import getpass
import logging
import os
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import orjson
import typer
from rich.console import Console
from rich.table import Table

from campus_wire import signing
from campus_wire.errors import CampusError
from campus_wire.ids import is_gateway_id
from campus_wire.logs import LogFormat, set_up_logging
from controller import auth
from controller.auth import Role, TokenEntry
from controller.config import ControllerConfig, load_config
from controller.config_check import check_files
from controller.errors import ConfigError
from controller.keys import load_or_create_secret, load_secret, write_private
from controller.state.database import visit

app: Final = typer.Typer(no_args_is_help=True)
token_app: Final = typer.Typer(no_args_is_help=True, help="Bearer tokens of the HTTP API.")
app.add_typer(token_app, name="token")

_ConfigOption = Annotated[
    Path, typer.Option("--config", "-c", help="The controller's configuration file.")
]
_JsonOption = Annotated[bool, typer.Option("--json", help="Write JSON for scripts.")]
_DEFAULT_CONFIG: Final = Path("controller.yaml")


@app.command()
def run(
    config: _ConfigOption = _DEFAULT_CONFIG,
    log_format: Annotated[LogFormat, typer.Option(help="How log lines look.")] = LogFormat.AUTO,
    log_level: Annotated[str, typer.Option(help="The lowest level to log.")] = "INFO",
) -> None:
    """Run the controller until it is told to stop (SIGTERM or Ctrl-C).

    Example: campus controller run --config /etc/campus/controller.yaml
    """
    os.umask(0o077)  # state and telemetry are nobody else's to read
    settings = load_config(config)
    check_files(settings, place=str(config))
    set_up_logging(log_format, level=log_level)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    # Everything below is heavy and needed by this command alone.
    import uvloop  # noqa: PLC0415

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_run(settings))
    gc.unfreeze()  # what stays frozen looks like a leak to DuckDB, which says so in the journal


async def _run(settings: ControllerConfig) -> None:
    from campus_rules.load import load_rules  # noqa: PLC0415
    from controller.app import Controller  # noqa: PLC0415
    from controller.notify.build import build_channels  # noqa: PLC0415
    from controller.telemetry.open import open_store  # noqa: PLC0415

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    controller = Controller(
        settings,
        store=open_store(settings.store),
        rules=load_rules(settings.rules),
        channels=build_channels(settings.notices),
        secret=load_or_create_secret(settings.command_key_file),
    )
    try:
        await controller.run(stop, show_token=lambda token: _show_first(settings, token))
    except* CampusError as group:
        raise _first(group) from group


def _first(group: ExceptionGroup[CampusError]) -> CampusError:
    error = group.exceptions[0]
    return _first(error) if isinstance(error, ExceptionGroup) else error


def _show_first(settings: ControllerConfig, token: str) -> None:
    # Where a file is named the output gets only its name: a service's output ends in a journal that
    # more people read than should be administrators here.
    where = settings.first_token_file
    shown = f"The first token (role admin), shown this once: {token}"
    try:
        if where is not None:
            write_private(where, token + "\n")
            shown = f"The first token (role admin) is in {where}; delete that when you have it."
    finally:  # a token that is neither written nor shown would lock everybody out
        typer.echo(shown)
        sys.stdout.flush()


@app.command()
def check(config: _ConfigOption = _DEFAULT_CONFIG, as_json: _JsonOption = False) -> None:
    """Check a configuration with all the files it names, without starting anything.

    Example: campus controller check --config /etc/campus/controller.yaml
    """
    from campus_rules.load import load_rules  # noqa: PLC0415

    settings = load_config(config)
    rules = load_rules(settings.rules)
    check_files(settings, place=str(config))
    if settings.command_key_file.exists():
        load_secret(settings.command_key_file)
    summary = {
        "config": str(config),
        "broker": settings.broker.address,
        "rules": len(rules),
        "channels": [channel.id for channel in settings.notices.channels],
    }
    if as_json:
        typer.echo(orjson.dumps(summary).decode())
        return
    channels = ", ".join(channel.id for channel in settings.notices.channels) or "none"
    typer.echo(
        f"{config} is fine: broker {settings.broker.address}, {len(rules)} rules, "
        f"channels: {channels}"
    )


@app.command("gateway-key")
def gateway_key(gateway: str, config: _ConfigOption = _DEFAULT_CONFIG) -> None:
    """Print the command key of a gateway, for the file `command_key_file` in its edge.yaml.

    Example: campus controller gateway-key sunrise-1 --config controller.yaml > command.key
    """
    if not is_gateway_id(gateway):
        raise ConfigError("gateway_id", f"{gateway!r} is no gateway id", remedy="a-z, 0-9 and -")
    settings = load_config(config)
    secret = load_or_create_secret(settings.command_key_file)
    typer.echo(signing.gateway_key(secret, gateway).hex())


@token_app.command("create")
def create_token(
    name: str,
    role: Annotated[Role, typer.Option(help="What it may do.")] = Role.VIEWER,
    config: _ConfigOption = _DEFAULT_CONFIG,
    as_json: _JsonOption = False,
) -> None:
    """Make a token and print it, this once.

    Example: campus controller token create "duty desk" --role operator
    """
    with visit(load_config(config).state.url) as connection:
        entry, token = auth.create(
            connection, name, role, now_ns=time.time_ns(), who=f"cli:{getpass.getuser()}"
        )
    if as_json:
        typer.echo(orjson.dumps({"id": entry.id, "name": name, "token": token}).decode())
    else:
        typer.echo(token)


@token_app.command("list")
def list_tokens(config: _ConfigOption = _DEFAULT_CONFIG, as_json: _JsonOption = False) -> None:
    """List all tokens, revoked ones too; the tokens themselves are kept nowhere.

    Example: campus controller token list --json
    """
    with visit(load_config(config).state.url) as connection:
        entries = auth.listing(connection)
    if as_json:
        typer.echo(orjson.dumps(entries).decode())
        return
    table = Table("id", "name", "role", "created", "revoked")
    for entry in entries:
        table.add_row(entry.id, entry.name, entry.role, *_times(entry))
    Console().print(table)


@token_app.command("revoke")
def revoke_token(token: str, config: _ConfigOption = _DEFAULT_CONFIG) -> None:
    """Revoke a token, named by its id or name; it ends at once.

    Example: campus controller token revoke "duty desk"
    """
    with visit(load_config(config).state.url) as connection:
        entry = auth.revoke(
            connection, token, now_ns=time.time_ns(), who=f"cli:{getpass.getuser()}"
        )
    typer.echo(f"revoked {entry.name}")


def _times(entry: TokenEntry) -> tuple[str, str]:
    return _said(entry.created_ns), "" if entry.revoked_ns is None else _said(entry.revoked_ns)


def _said(time_ns: int) -> str:
    moment = datetime.fromtimestamp(time_ns / 1e9, tz=UTC).astimezone()
    return moment.strftime("%Y-%m-%d %H:%M:%S")
