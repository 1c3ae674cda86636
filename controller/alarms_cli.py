"""`campus alarms list|ack`: alarms over the controller's API, for a person at a terminal."""

from __future__ import annotations

import json
import os
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from campus_wire.errors import PermanentError, TransientError
from controller.errors import ConfigError, ControllerError

if TYPE_CHECKING:
    import httpx

app = typer.Typer(
    no_args_is_help=True,
    help="""List and acknowledge alarms.

    The controller is named by --url or CAMPUS_URL, the token by --token-file or CAMPUS_TOKEN.

    Examples:

        campus alarms list

        campus alarms list --all --json

        campus alarms ack 3f2a9c… --note "windows opened, fan runs"
    """,
)

_TIMEOUT_S: Final = 15.0
_WHOLE: Final = {"id", "severity", "value", "since"}
_STYLES: Final = {"critical": "bold red", "warning": "yellow", "info": "cyan"}


class Language(StrEnum):
    """Which names the table shows."""

    ZH = "zh"
    EN = "en"


class ApiRefusedError(ControllerError, PermanentError):
    """The controller refused a request."""


class ApiUnreachableError(ControllerError, TransientError):
    """The controller did not answer."""


Url = Annotated[str, typer.Option(envvar="CAMPUS_URL", help="Address of the controller's API.")]
TokenFile = Annotated[Path | None, typer.Option(help="File that holds the token.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]
_LOCAL: Final = "http://127.0.0.1:8080"


@app.command("list")
def list_alarms(
    *,
    url: Url = _LOCAL,
    token_file: TokenFile = None,
    closed_too: Annotated[bool, typer.Option("--all", help="Closed ones too.")] = False,
    school: Annotated[str | None, typer.Option(help="Only this school.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=999)] = 100,
    language: Annotated[Language, typer.Option("--language", "-l")] = Language.ZH,
    as_json: AsJson = False,
) -> None:
    """List alarms, newest first. Ends with 0 also when there are none.

    Example: campus alarms list --url https://campus.example --token-file duty.token
    """
    query = {"open": str(not closed_too).lower(), "limit": str(limit)}
    query |= {"school": school} if school else {}
    found = _call("GET", url, token_file, "/alarms", params=query)["alarms"]
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False, indent=2))
    else:
        _print_table(found, language)


@app.command("ack")
def acknowledge(
    alarm_id: Annotated[str, typer.Argument(help="The alarm's id, or enough of its beginning.")],
    *,
    note: Annotated[str | None, typer.Option(help="What you did or saw.")] = None,
    url: Url = _LOCAL,
    token_file: TokenFile = None,
    as_json: AsJson = False,
) -> None:
    """Acknowledge an alarm: it is seen, and by whom. This does not clear it.

    Example: campus alarms ack 3f2a9c --note "windows opened, fan runs"
    """
    whole = _whole_id(url, token_file, alarm_id)
    path = f"/alarms/{whole}/acknowledge"
    alarm = _call("POST", url, token_file, path, json={"note": note} if note else {})
    if as_json:
        typer.echo(json.dumps(alarm, ensure_ascii=False, indent=2))
    else:
        typer.echo(f"{alarm['id']} {alarm['state']}, acknowledged by {alarm['acked_by']}")


def _whole_id(url: str, token_file: Path | None, beginning: str) -> str:
    found = _call("GET", url, token_file, "/alarms", params={"limit": "999"})["alarms"]
    matching = [alarm["id"] for alarm in found if alarm["id"].startswith(beginning)]
    if len(matching) > 1:
        raise ApiRefusedError("ambiguous", f"{len(matching)} alarms begin with {beginning}")
    return matching[0] if matching else beginning


def _call(
    method: str, url: str, token_file: Path | None, path: str, **request: Any
) -> dict[str, Any]:
    import httpx  # noqa: PLC0415 - a fifth of a second that `--help` need not wait for

    headers = {"Authorization": f"Bearer {_token(token_file)}"}
    try:
        with httpx.Client(base_url=f"{url}/api/v1", timeout=_TIMEOUT_S) as client:
            answer = client.request(method, path, headers=headers, **request)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise ApiUnreachableError(
            "api_unreachable", str(error), place=url, remedy="is the controller running there?"
        ) from error
    if answer.is_error:
        raise _refusal(answer)
    result: dict[str, Any] = answer.json()
    return result


def _refusal(answer: httpx.Response) -> ApiRefusedError:
    try:
        said = answer.json()
        return ApiRefusedError(said["reason"], said["detail"], remedy=said.get("remedy", ""))
    except (ValueError, KeyError, TypeError):
        status = f"HTTP {answer.status_code}"
        return ApiRefusedError("api_refused", status, remedy="is this the controller's address?")


def _token(token_file: Path | None) -> str:
    if token_file is not None:
        try:
            return token_file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError("token_file", str(error), place=str(token_file)) from error
    token = os.environ.get("CAMPUS_TOKEN", "").strip()
    if not token:
        raise ConfigError(
            "no_token", "no token given", remedy="--token-file FILE, or set CAMPUS_TOKEN"
        )
    return token


def _print_table(found: list[dict[str, Any]], language: Language) -> None:
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    if not found:
        typer.echo("没有报警" if language is Language.ZH else "no alarms")
        return
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for head in ("id", "severity", "alarm, place", "value", "since", "state"):
        # Eighty columns are enough: names and places wrap, what is typed or compared does not.
        table.add_column(head, no_wrap=head in _WHOLE)
    for alarm in found:
        seen_by = f"\n{alarm['acked_by']}" if alarm["acked_by"] else ""
        table.add_row(
            alarm["id"][:8],
            alarm["severity"],
            f"{alarm['name'][language]}\n{alarm['place'][language]}",
            f"{_number(alarm['value'], alarm['unit'])}\n{_limit(alarm)}",
            _local(alarm["raised_ns"]),
            alarm["state"].replace("_", " ") + seen_by,
            style=_STYLES.get(alarm["severity"]),
        )
    Console().print(table)


def _number(value: float | None, unit: str) -> str:
    return "–" if value is None else f"{value:g} {unit}".strip()


def _limit(alarm: dict[str, Any]) -> str:
    if alarm["limit"] is None:
        return ""
    return f"{'>' if alarm['above'] else '<'} {_number(alarm['limit'], alarm['unit'])}"


def _local(time_ns: int) -> str:
    return datetime.fromtimestamp(time_ns / 1e9).astimezone().strftime("%m-%d %H:%M:%S")
