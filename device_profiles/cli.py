"""`campus profiles`: list, show and check device profiles."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table as Grid

from campus_wire.config_file import ConfigFileError, Mistake
from device_profiles.categories import CATEGORIES
from device_profiles.cli_decode import check_recorded, decode
from device_profiles.cli_import import import_profiles
from device_profiles.cli_new import new
from device_profiles.collapsing import Shown, shown_points
from device_profiles.describing import allowed, remarks, where
from device_profiles.errors import UnknownProfileError
from device_profiles.library import Library, load_profile, profile_paths
from device_profiles.model import ModbusProfile, MqttProfile
from device_profiles.planning import plan_reads
from device_profiles.schema import schema_text

EXIT_MISTAKES = 1
EXIT_USAGE = 2
REQUESTS_SHOWN = 12

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False)
app.command("decode")(decode)
app.command("import")(import_profiles)
app.command("new")(new)
app.command("test")(check_recorded)

AnyProfile = ModbusProfile | MqttProfile
Directory = Annotated[
    Path | None,
    typer.Option("--directory", "-d", help="A directory with profiles of one's own."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
_CATEGORY_ORDER = {category: number for number, category in enumerate(CATEGORIES)}


@app.command("list")
def list_profiles(
    directory: Directory = None,
    category: Annotated[str | None, typer.Option(help="Only this category.")] = None,
    generic: Annotated[
        bool, typer.Option("--generic", help="Also those of no maker, to start from.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List the known models of device, one a line, by category.

    JSON always has all of them.

    For example:

        campus profiles list

        campus profiles list --category gas_detector

        campus profiles list --generic --json
    """
    if category is not None and category not in CATEGORIES:
        raise typer.BadParameter(f"{category} is none of {', '.join(CATEGORIES)}")
    with _mistakes_told():
        profiles = list(Library.builtin(directory))
    profiles = [one for one in profiles if category in (None, one.category)]
    profiles.sort(key=lambda one: (_is_generic(one), _CATEGORY_ORDER[one.category], one.id))
    if as_json:
        typer.echo(json.dumps([_summary(one) for one in profiles], ensure_ascii=False, indent=2))
        return
    told = [one for one in profiles if generic or category or not _is_generic(one)]
    _print_by_category(told)
    left = len(profiles) - len(told)
    more = f", and {left} generic ones to start from (--generic)" if left else ""
    typer.echo(f"{len(told)} models{more}; evidence: datasheet, bench or field")


def _print_by_category(profiles: Sequence[AnyProfile]) -> None:
    """One line a model, so that `grep` and narrow screens do."""
    width = max((len(one.id) for one in profiles), default=0)
    head: tuple[bool, str] | None = None
    for one in profiles:
        if head != (_is_generic(one), one.category):
            head = (_is_generic(one), one.category)
            typer.echo(f"{CATEGORIES[one.category].zh}  {one.category}")
        evidence = "" if one.evidence == "none" else one.evidence
        typer.echo(
            f"  {one.id:<{width}}  {one.protocol:<6}  {evidence:<9}"
            f"  {one.labels.zh}  {one.labels.en}"
        )


def _is_generic(profile: AnyProfile) -> bool:
    return profile.evidence == "none"


@app.command("show")
def show_profile(
    profile: Annotated[str, typer.Argument(help="The id, as `campus profiles list` gives it.")],
    directory: Directory = None,
    every: Annotated[
        bool, typer.Option("--all", help="Every instance of a group, not each point once.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show the points of a model of device and how they are read.

    Addresses are those on the wire; where the manual prints another number, that stands beside.

    For example:

        campus profiles show pzem-016

        campus profiles show coolmaster-net --all
    """
    try:
        with _mistakes_told():
            found = Library.builtin(directory).get(profile)
    except UnknownProfileError as error:
        typer.secho(f"error: {error}", fg="red", err=True)
        raise typer.Exit(EXIT_USAGE) from None
    if as_json:
        typer.echo(found.model_dump_json(by_alias=True, exclude_none=True, indent=2))
        return
    console = _console()
    console.print(f"[bold]{found.labels.zh}[/]  {found.labels.en}  ({found.vendor}, {found.model})")
    console.print(f"{found.evidence}: " + "; ".join(source.ref for source in found.sources))
    if found.note:
        console.print(found.note)
    shown = [Shown(one.name, one.labels, one) for one in found.points]
    rows = [
        (
            one.name,
            f"{one.labels.zh}\n{one.labels.en}",
            one.point.unit,
            remarks(found, one.point),
            "\n".join(filter(None, (where(found, one.point), one.repeated))),
            allowed(one.point),
        )
        for one in (shown if every else shown_points(found))
    ]
    heads = ("point", "名称 name", "unit", "access", "read", "values")
    _print_table(heads, rows)
    if isinstance(found, ModbusProfile):
        console.print(_requests(found))


def _requests(profile: ModbusProfile) -> str:
    if not profile.is_plain:
        names = ", ".join(effect.name for effect in profile.effects)
        variants = f"; variants: {names}" if names else ""
        return f"what is read depends on what the device says of itself{variants}"
    requests = plan_reads(profile, profile.points)
    text = ", ".join(
        f"{one.table} {one.address} × {one.count}" for one in requests[:REQUESTS_SHOWN]
    )
    if len(requests) > REQUESTS_SHOWN:
        text += ", …"
    return f"read in {len(requests)} requests (addresses on the wire): {text}"


@app.command("check")
def check_profiles(
    files: Annotated[
        list[Path] | None,
        typer.Argument(help="Files or directories; the shipped profiles when left out."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check profile files; the exit code is 1 when there are mistakes.

    For example:

        campus profiles check my-profiles/new-sensor.yaml
    """
    paths = list(_files(files or []))
    mistakes = [(path, one) for path in paths for one in _mistakes(path)]
    if as_json:
        found = [_plain_mistake(path, one) for path, one in mistakes]
        typer.echo(json.dumps({"files": len(paths), "mistakes": found}, ensure_ascii=False))
    else:
        for path, one in mistakes:
            place = f"{path}:{one.line}" if one.line else str(path)
            typer.echo(f"{place}: {one}", err=True)
        summary = f"{len(mistakes)} mistakes" if mistakes else "no mistakes"
        typer.echo(f"{len(paths)} profiles checked, {summary}")
    if mistakes:
        raise typer.Exit(EXIT_MISTAKES)


@app.command("schema")
def print_schema() -> None:
    """Print the JSON schema of profile files, for editors that check YAML as you type.

    Example: campus profiles schema > profile.schema.json
    """
    typer.echo(schema_text(), nl=False)


@contextmanager
def _mistakes_told() -> Iterator[None]:
    """End the command where a profile has mistakes, and say them."""
    try:
        yield
    except ConfigFileError as error:
        typer.secho(str(error), fg="red", err=True)
        raise typer.Exit(EXIT_MISTAKES) from None


def _files(given: Sequence[Path]) -> Iterable[Path]:
    if not given:
        yield from profile_paths()
    for path in given:
        if path.is_dir():
            found = sorted(path.glob("*.yaml"))
            if not found:
                raise typer.BadParameter(f"{path} holds no *.yaml")
            yield from found
        else:
            yield path


def _mistakes(path: Path) -> Sequence[Mistake]:
    try:
        load_profile(path)
    except ConfigFileError as error:
        return error.mistakes
    return ()


def _plain_mistake(path: Path, mistake: Mistake) -> dict[str, Any]:
    return {
        "file": str(path),
        "line": mistake.line,
        "key": mistake.key,
        "message": mistake.message,
        "suggestion": mistake.suggestion,
        "remedy": mistake.remedy,
    }


def _summary(profile: AnyProfile) -> dict[str, Any]:
    return {
        "id": profile.id,
        "labels": {"zh": profile.labels.zh, "en": profile.labels.en},
        "vendor": profile.vendor,
        "model": profile.model,
        "category": profile.category,
        "protocol": profile.protocol,
        "evidence": profile.evidence,
        "points": [point.name for point in profile.points],
    }


def _console() -> Console:
    return Console(soft_wrap=True)


def _print_table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    grid = Grid(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for index, head in enumerate(heads):
        grid.add_column(head, no_wrap=index == 0, overflow="fold")
    for row in rows:
        grid.add_row(*row)
    Console().print(grid)


if __name__ == "__main__":
    app()
