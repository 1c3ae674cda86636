"""`campus`: one command whose parts are loaded only when they are asked for.

An edge agent on a small gateway must not pay for the controller's imports, so the commands of each
part stay a name and a line of help until somebody calls them.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from typing import Annotated, Final, NamedTuple

import typer

from campus_wire.errors import CampusError


class Part(NamedTuple):
    """Where the commands of a part live, and what to say of them without loading it."""

    module: str
    help: str
    is_group: bool = True


PARTS: Final = {
    "demo": Part(
        "campus_cli.demo.cli", "Run a small school on this machine, leak and all.", is_group=False
    ),
    "edge": Part("edge_agent.cli", "Run, check and try the agent on a school's gateway."),
    "controller": Part("controller.cli", "Run and check the district's controller; its tokens."),
    "alarms": Part("controller.alarms_cli", "List and acknowledge alarms."),
    "profiles": Part("device_profiles.cli", "List, show and check device profiles."),
    "sims": Part("firmware_sims.cli", "Run simulated devices of a described school."),
    "wire": Part("campus_wire.cli", "Show what passes on a broker, decoded."),
}

EXIT_FAILURE: Final = 1


def build(chosen: str | None) -> typer.Typer:
    """Return the command line with the `chosen` part loaded and a line of help for the others."""
    root = typer.Typer(
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        help=_HELP,
    )
    root.callback()(_root)
    for name, part in PARTS.items():
        if name == chosen:
            _mount(root, name, part)
        else:
            root.command(name, help=part.help)(_not_loaded)
    return root


def _mount(root: typer.Typer, name: str, part: Part) -> None:
    app: typer.Typer = importlib.import_module(part.module).app
    if not part.is_group:
        root.add_typer(app)  # without a name its one command becomes the root's
        return
    own_help = app.info.help
    root.add_typer(app, name=name, help=own_help if isinstance(own_help, str) else part.help)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; an expected error ends in its message and remedy, not a traceback."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    chosen = next((word for word in words if not word.startswith("-")), None)
    try:
        build(chosen)(words)
    except CampusError as error:
        typer.secho(f"error: {error}", fg="red", err=True)
        sys.exit(EXIT_FAILURE)


_HELP: Final = """Campus IoT: watch and steer the buildings of a school district.

Examples:

    campus demo                              a small school in one go

    campus edge check --config edge.yaml     what is wrong in a configuration, line by line

    campus controller run --config controller.yaml

    campus wire show --host 127.0.0.1        what passes on a broker, decoded
"""


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version  # noqa: PLC0415 - 1 MB that an agent need not carry

        typer.echo(version("campus-iot"))
        raise typer.Exit


def _root(
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Say the version."),
    ] = False,
) -> None:
    # The command line's own options live here; the parts do the work.
    return


def _not_loaded() -> None:
    raise AssertionError("only the part that is called is loaded, and this one was not")


if __name__ == "__main__":
    main()
