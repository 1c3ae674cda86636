"""Commands whose code is loaded when they are called: running the agent loads none of it."""

from __future__ import annotations

import importlib
from typing import Any, Final

import typer
from typer.core import TyperGroup

_MODULES: Final = {
    "reload": "edge_agent.reload_cli",
    "scan": "edge_agent.finding.cli_scan",
    "probe": "edge_agent.finding.cli_probe",
    "doctor": "edge_agent.finding.cli_doctor",
}
"""Each holds a function named as the command is."""


class EdgeGroup(TyperGroup):
    """`campus edge`, with commands that are loaded late."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of all commands."""
        return [*super().list_commands(ctx), *_MODULES]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command, loading it if need be."""
        module = _MODULES.get(cmd_name)
        if module is None:
            return super().get_command(ctx, cmd_name)
        app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
        app.command(cmd_name)(getattr(importlib.import_module(module), cmd_name))
        command = typer.main.get_command(app)
        command.name = cmd_name
        return command
