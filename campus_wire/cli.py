"""`campus wire show`: what passes on a broker, decoded."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from campus_wire import topics

app = typer.Typer(no_args_is_help=True, help="Look at the wire.")

Kind = StrEnum("Kind", [(kind.name, kind.value) for kind in (*topics.Up, *topics.Down)])  # type: ignore[misc]


class Language(StrEnum):
    """Languages of labels."""

    ZH = "zh"
    EN = "en"


@app.callback()
def _wire() -> None:
    # With a callback, `show` stays a word of its own though it is the only command.
    return


@app.command()
def show(
    *,
    host: Annotated[str, typer.Option(help="The broker.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0: 8883 with TLS, 1883 without.")] = 0,
    username: Annotated[str | None, typer.Option()] = None,
    password_file: Annotated[Path | None, typer.Option(help="File with the password.")] = None,
    ca_file: Annotated[Path | None, typer.Option(help="Authority to trust; turns TLS on.")] = None,
    cert_file: Annotated[Path | None, typer.Option(help="Own certificate; turns TLS on.")] = None,
    key_file: Annotated[Path | None, typer.Option(help="Key of the certificate.")] = None,
    tls: Annotated[bool, typer.Option("--tls", help="TLS with the system's authorities.")] = False,
    gateway: Annotated[str | None, typer.Option(help="Only this gateway.")] = None,
    kind: Annotated[list[Kind] | None, typer.Option(help="Only these kinds (repeatable).")] = None,
    count: Annotated[int | None, typer.Option(min=1, help="End after so many messages.")] = None,
    seconds: Annotated[
        float | None, typer.Option("--for", min=0, help="End after so many seconds.")
    ] = None,
    samples: Annotated[int, typer.Option(min=0, help="Samples shown of each batch.")] = 10,
    language: Annotated[Language, typer.Option(help="Language of labels.")] = Language.EN,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Print every message on a broker, decoded, with the names its catalogs give.

    The exit code is 0 when it has shown what was asked for, 1 when the broker could not be reached
    or too little came, and 2 for wrong options. For example:

        campus wire show

        campus wire show --host broker.example --username me --password-file pw --ca-file ca.pem

        campus wire show --gateway demo-school-1 --kind batch --kind ack --for 10

        campus wire show --json --count 100 | jq 'select(.refused)'
    """
    settings = _settings(
        host=host,
        port=port,
        username=username,
        password_file=password_file,
        tls=_tls(ca_file, cert_file, key_file, wanted=tls),
    )
    from campus_wire.wire_show import Filter, Printer, watch  # noqa: PLC0415  # heavy

    wanted = Filter(gateway=gateway, kinds=frozenset(map(str, kind or ())))
    printer = Printer(samples_max=samples, language=language, as_json=as_json)
    if not watch(settings, wanted, printer, count=count, seconds=seconds):
        raise typer.Exit(1)


def _tls(
    ca_file: Path | None, cert_file: Path | None, key_file: Path | None, *, wanted: bool
) -> dict[str, Path | None] | None:
    files = {"ca_file": ca_file, "cert_file": cert_file, "key_file": key_file}
    return files if wanted or any(files.values()) else None


def _settings(**options: Any) -> Any:
    from pydantic import ValidationError  # noqa: PLC0415  # heavy

    from campus_wire.frames import first_error  # noqa: PLC0415
    from campus_wire.settings import MqttSettings  # noqa: PLC0415

    try:
        return MqttSettings.model_validate(options)
    except ValidationError as error:
        raise typer.BadParameter(first_error(error)) from None
