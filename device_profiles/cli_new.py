"""`campus profiles new`: a profile to start from."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Final

import typer

from device_profiles.categories import CATEGORIES
from device_profiles.cli_decode import Directory, load_any
from device_profiles.library import Library, profile_paths
from device_profiles.skeleton import Protocol, Wanted, bare_profile, copied_profile

EXIT_FAILED: Final = 1
EXIT_USAGE: Final = 2
_ID: Final = re.compile(r"[a-z0-9][a-z0-9_.-]{0,62}[a-z0-9]|[a-z0-9]")
_GENERIC: Final = "generic"


def new(
    name: Annotated[str, typer.Argument(help="The new profile's id: small letters and hyphens.")],
    *,
    category: Annotated[
        str | None, typer.Option(help="What kind of thing it is to a person.")
    ] = None,
    protocol: Annotated[str, typer.Option(help="modbus or mqtt.")] = "modbus",
    start_from: Annotated[
        str | None,
        typer.Option("--from", help="A profile to copy; else the category's generic one."),
    ] = None,
    vendor: Annotated[str, typer.Option(help="Who makes it.")] = "unknown",
    model: Annotated[str | None, typer.Option(help="What the maker calls it.")] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The folder to write to; the current one."),
    ] = None,
    directory: Directory = None,
) -> None:
    """Write a profile to start from, one that passes `campus profiles check`.

    It never overwrites a file. Exit codes: 0 written, 1 not written, 2 wrong options.

    For example:

        campus profiles new acme-th20 --category temperature_humidity --vendor Acme --model TH20

        campus profiles new acme-meter --from pzem-016
    """
    if not _ID.fullmatch(name):
        raise _fail(f"{name!r} is no id: small letters, digits and hyphens", EXIT_USAGE)
    if category is not None and category not in CATEGORIES:
        raise _fail(f"{category} is none of {', '.join(CATEGORIES)}", EXIT_USAGE)
    if protocol not in ("modbus", "mqtt"):
        raise _fail(f"{protocol} is neither modbus nor mqtt", EXIT_USAGE)
    spoken: Protocol = "mqtt" if protocol == "mqtt" else "modbus"
    path = (output or Path()) / f"{name}.yaml"
    if path.exists():
        raise _fail(f"{path} is there already, and is left as it is", EXIT_FAILED)
    template = start_from or _generic(category, spoken, directory)
    wanted = Wanted(name, category or "other", spoken, vendor, model or name)
    if template is None:
        if category is None:
            raise _fail("give --category, or --from with a profile to copy", EXIT_USAGE)
        text = bare_profile(wanted)
    else:
        text = copied_profile(_text_of(template, directory), wanted)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise _fail(f"{path}: {error.strerror or error}", EXIT_FAILED) from None
    origin = f"a copy of {template}" if template else "a bare beginning"
    typer.echo(f"{path} written, {origin}; next: edit it, then campus profiles check {path}")


def _generic(category: str | None, protocol: Protocol, directory: Path | None) -> str | None:
    """Return the generic profile of a category, if the library has one."""
    if category is None:
        return None
    for profile in Library.builtin(directory):
        if (profile.category, profile.protocol) == (category, protocol) and (
            profile.id.startswith(_GENERIC)
        ):
            return profile.id
    return None


def _text_of(name: str, directory: Path | None) -> str:
    profile, folder = load_any(name, directory)
    for path in (Path(name), folder / f"{profile.id}.yaml", *profile_paths(directory)):
        if path.is_file() and path.stem == profile.id:
            return path.read_text(encoding="utf-8")
    raise _fail(f"the file of {name} is gone", EXIT_FAILED)


def _fail(message: str, code: int) -> typer.Exit:
    typer.secho(f"error: {message}", fg="red", err=True)
    return typer.Exit(code)
