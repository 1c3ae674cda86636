"""`campus edge reload`: let the running agent take its changed configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import orjson
import typer

from campus_wire.config_file import ConfigFileError
from edge_agent.config_check import load_config
from edge_agent.control import ask_to_reload
from edge_agent.reloading import Outcome

EXIT_REFUSED = 1


def reload(
    config: Annotated[
        Path, typer.Option("--config", "-c", help="The agent's configuration, edge.yaml.")
    ],
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,  # noqa: FBT002
) -> None:
    """Let the running agent read its configuration again; nothing stops for it.

    Devices that stay are read on without a gap. With a mistake, or a change that needs a restart,
    the agent goes on as it was.

    Exit codes: 0 the new configuration runs, 1 refused or no agent runs, 2 wrong options.

    Example: campus edge reload --config edge.yaml
    """
    try:
        spool = load_config(config).config.spool.path
    except ConfigFileError as error:
        outcome = Outcome(tuple(str(error).splitlines()))
    else:
        outcome = ask_to_reload(spool)
    if json:
        plain = {"ok": not outcome.mistakes, "mistakes": outcome.mistakes, **(outcome.facts or {})}
        typer.echo(orjson.dumps(plain, option=orjson.OPT_INDENT_2))
    else:
        _print(outcome)
    if outcome.mistakes:
        raise typer.Exit(EXIT_REFUSED)


def _print(outcome: Outcome) -> None:
    for mistake in outcome.mistakes:
        typer.echo(mistake, err=True)
    if outcome.mistakes:
        typer.echo("refused; the agent goes on with what it has", err=True)
        return
    facts = outcome.facts or {}
    said = ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in facts.items() if count)
    typer.echo(f"the new configuration runs: {said or 'no device or source has changed'}")
