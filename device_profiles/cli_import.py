"""`campus profiles import`: profiles from VOLTTRON, Telegraf and Home Assistant."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Final, cast

import typer

EXIT_FAILED: Final = 1
EXIT_USAGE: Final = 2
_FORMATS: Final = ("auto", "volttron", "telegraf", "home-assistant")
_BASES: Final = {"0": 0, "1": 1, "modicon": "modicon"}


def import_profiles(
    file: Annotated[Path, typer.Argument(help="A registry CSV, a TOML or YAML configuration.")],
    *,
    format_: Annotated[
        str, typer.Option("--format", help="volttron, telegraf, home-assistant or auto.")
    ] = "auto",
    name: Annotated[
        str | None, typer.Option(help="The profile's id; several get a number. Else from the file.")
    ] = None,
    category: Annotated[
        str | None, typer.Option(help="What kind of thing it is to a person; else guessed.")
    ] = None,
    address_base: Annotated[
        str | None,
        typer.Option(help="VOLTTRON only: 0, 1 or modicon, as the driver's `addressing` says."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The folder to write to; the current one."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Make profiles from another program's description, and say what was not carried over.

    One profile for each device in the file. Units are never guessed; labels are in Chinese where
    the quantity is known. It never overwrites a file.

    Exit codes: 0 written, 1 not written, 2 wrong options.

    For example:

        campus profiles import catalyst371.csv --category air_conditioner

        campus profiles import telegraf.conf --format telegraf -o my-profiles
    """
    from device_profiles.categories import CATEGORIES  # noqa: PLC0415 - listing needs none of it
    from device_profiles.dialects.naming import profile_id  # noqa: PLC0415
    from device_profiles.errors import ProfilesError  # noqa: PLC0415
    from device_profiles.importing.reading import Format, finished_text, read_drafts  # noqa: PLC0415
    from device_profiles.importing.volttron import AddressBase  # noqa: PLC0415

    if format_ not in _FORMATS:
        raise _fail(f"--format is one of {', '.join(_FORMATS)}", EXIT_USAGE)
    if category is not None and category not in CATEGORIES:
        raise _fail(f"{category} is none of {', '.join(CATEGORIES)}", EXIT_USAGE)
    if address_base is not None and address_base not in _BASES:
        raise _fail("--address-base is 0, 1 or modicon", EXIT_USAGE)
    wanted = None if format_ == "auto" else cast("Format", format_)
    base = None if address_base is None else cast("AddressBase", _BASES[address_base])
    title = name or file.stem
    reports: list[dict[str, Any]] = []
    try:
        found, drafts = read_drafts(file, wanted, title=title, address_base=base)
        ids = _ids([profile_id(one.title).lower() for one in drafts], name)
        for draft, id_ in zip(drafts, ids, strict=True):
            draft.category = category or draft.category
            path = (output or Path()) / f"{id_}.yaml"
            if path.exists():
                raise _fail(f"{path} is there already, and is left as it is", EXIT_FAILED)
            text = finished_text(draft, id_)
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8") as out:
                out.write(text)
            reports.append(_report(found, path, draft))
    except ProfilesError as error:
        raise _fail(str(error), EXIT_FAILED) from None
    except OSError as error:
        raise _fail(str(error), EXIT_FAILED) from None
    if as_json:
        typer.echo(json.dumps(reports, ensure_ascii=False, indent=2))
    else:
        _print(reports)


def _ids(found: list[str], name: str | None) -> list[str]:
    """Return one id for each draft, all different."""
    ids: list[str] = []
    for number, one in enumerate(found, start=1):
        plain = (name if len(found) == 1 else f"{name}-{number}") if name is not None else one
        chosen, again = plain, 2
        while chosen in ids:
            chosen, again = f"{plain}-{again}", again + 1
        ids.append(chosen)
    return ids


def _report(found: str, path: Path, draft: Any) -> dict[str, Any]:
    left = {one.item for one in draft.remarks if one.kind == "left_out"}
    names = {point["name"] for point in draft.points}
    return {
        "format": found,
        "file": str(path),
        "points": len(draft.points) - len(left & names),
        "category": draft.document()["category"],
        "remarks": [
            {"kind": one.kind, "item": one.item, "message": one.message} for one in draft.remarks
        ],
    }


_HEADS: Final = {
    "left_out": "not carried over",
    "check": "to be looked at",
    "changed": "carried over in another form",
}


def _print(reports: list[dict[str, Any]]) -> None:
    for report in reports:
        typer.echo(f"{report['file']}: {report['points']} points, from {report['format']}")
        for kind, head in _HEADS.items():
            some = [one for one in report["remarks"] if one["kind"] == kind]
            if some:
                typer.echo(f"  {head}:")
                for one in some:
                    typer.echo(f"    {one['item']}: {one['message']}")
        typer.echo(f"  next: edit it, then campus profiles check {report['file']}")


def _fail(message: str, code: int) -> typer.Exit:
    typer.secho(f"error: {message}", fg="red", err=True)
    return typer.Exit(code)
