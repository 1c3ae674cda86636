"""`campus edge`: run the agent, check its configuration, try its devices."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import orjson
import typer

from campus_wire.config_file import ConfigFileError
from campus_wire.logs import LogFormat
from edge_agent.check_report import print_report, report_on
from edge_agent.config_check import LoadedConfig, load_config
from edge_agent.handover import Handover, hand_over
from edge_agent.inventory import build_inventory
from edge_agent.lazy_commands import EdgeGroup
from edge_agent.read_command import read
from edge_agent.versions import versions

app = typer.Typer(cls=EdgeGroup, no_args_is_help=True, pretty_exceptions_enable=False)
app.command("read")(read)

EXIT_MISTAKES: Final = 1
"""The configuration has mistakes; nothing was started."""

ConfigPath = Annotated[
    Path, typer.Option("--config", "-c", help="The agent's configuration, edge.yaml.")
]


@app.command()
def run(
    config: ConfigPath,
    log: Annotated[
        LogFormat, typer.Option(help="auto: readable on a terminal, JSON lines otherwise.")
    ] = LogFormat.AUTO,
    log_level: Annotated[str, typer.Option(help="debug, info, warning or error.")] = "info",
    no_exec: Annotated[
        bool,
        typer.Option("--no-exec", help="Stay one program, larger by 10 MB: for debuggers."),
    ] = False,
) -> None:
    """Run the agent until SIGTERM or Ctrl-C.

    Exit codes: 0 stopped, 1 failed or mistakes in the configuration, 2 wrong options.

    Example: campus edge run --config edge.yaml
    """
    loaded = _load(config)
    inventory = build_inventory(loaded.config, loaded.library)
    path = config.absolute()
    handover = Handover(loaded.config, inventory, versions(), log, log_level, path)
    if not no_exec:
        hand_over(handover)
    from edge_agent.process import run as run_here  # noqa: PLC0415  (checking needs none of it)

    run_here(handover)


@app.command()
def check(
    config: ConfigPath,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check the configuration: print its mistakes, or what it comes to.

    Exit codes: 0 no mistakes, 1 mistakes or safety devices that cannot be read as often as asked,
    2 wrong options.

    Example: campus edge check --config edge.yaml
    """
    if not json:
        report = report_on(_load(config))
        print_report(report)
        if not report.is_ok:
            raise typer.Exit(EXIT_MISTAKES)
        return
    try:
        report = report_on(load_config(config))
    except ConfigFileError as error:
        typer.echo(orjson.dumps(_plain_mistakes(error), option=orjson.OPT_INDENT_2))
        raise typer.Exit(EXIT_MISTAKES) from None
    typer.echo(orjson.dumps(report.plain(), option=orjson.OPT_INDENT_2))
    if not report.is_ok:
        raise typer.Exit(EXIT_MISTAKES)


def _load(path: Path) -> LoadedConfig:
    """Read the configuration; with mistakes print them and exit."""
    try:
        return load_config(path)
    except ConfigFileError as error:
        typer.echo(str(error), err=True)
        count = len(error.mistakes)
        typer.echo(f"{count} mistake{'s' if count > 1 else ''} in {error.path}", err=True)
        raise typer.Exit(EXIT_MISTAKES) from None


def _plain_mistakes(error: ConfigFileError) -> dict[str, object]:
    mistakes = [
        {
            "line": one.line,
            "column": one.column,
            "key": one.key,
            "message": one.message,
            "suggestion": one.suggestion,
            "remedy": one.remedy,
        }
        for one in error.mistakes
    ]
    return {"ok": False, "file": str(error.path), "mistakes": mistakes}
