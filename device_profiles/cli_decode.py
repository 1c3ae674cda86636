"""`campus profiles decode` and `test`: what a profile makes of what a device said."""

from __future__ import annotations

import json
import sys
import time
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from campus_wire.config_file import ConfigFileError
from device_profiles.errors import GivenDataError, ProfilesError, UnknownProfileError
from device_profiles.library import Library, load_profile, profile_paths
from device_profiles.model import ModbusProfile, MqttProfile

EXIT_NOTHING: Final = 1
EXIT_USAGE: Final = 2

Directory = Annotated[
    Path | None,
    typer.Option("--directory", "-d", help="A directory with profiles of one's own."),
]
AnyProfile = ModbusProfile | MqttProfile


def decode(
    profile: Annotated[str, typer.Argument(help="A profile's id, or a file.")],
    *,
    registers: Annotated[
        list[str] | None,
        typer.Option("--registers", "-r", help="holding:0=00EB,0001; may be given again."),
    ] = None,
    frame: Annotated[
        str | None, typer.Option(help="A device's answer in hexadecimal; needs --request.")
    ] = None,
    request: Annotated[
        str | None, typer.Option(help="The request that --frame answers, in hexadecimal.")
    ] = None,
    printed: Annotated[
        bool,
        typer.Option(
            "--printed",
            help="Addresses are as the manual prints them, not as on the wire. Numbers such as "
            "30001 always are where the profile's address_base is modicon.",
        ),
    ] = False,
    topic: Annotated[str | None, typer.Option(help="MQTT: the topic of the message.")] = None,
    payload: Annotated[
        Path | None, typer.Option(help="MQTT: a file with the payload; - is standard input.")
    ] = None,
    payload_hex: Annotated[
        str | None, typer.Option(help="MQTT: the payload in hexadecimal.")
    ] = None,
    payload_text: Annotated[str | None, typer.Option(help="MQTT: the payload itself.")] = None,
    capture: Annotated[
        list[str] | None,
        typer.Option(help="MQTT: NAME=VALUE of what the topic does not tell; may be given again."),
    ] = None,
    directory: Directory = None,
) -> None:
    """Decode registers, a frame or a message, and print what they mean as JSON.

    Exit codes: 0 something was decoded, 1 nothing was, 2 wrong options.

    For example:

        campus profiles decode xy-md02 --registers input:1=0131,0222

        campus profiles decode xy-md02 --request "01 04 00 01 00 01" --frame "01 04 02 01 31 79 74"

        campus profiles decode aqara-door --topic zigbee2mqtt/door --payload message.json
    """
    found, _ = load_any(profile, directory)
    try:
        if isinstance(found, ModbusProfile):
            _refuse_other(found, topic=topic, payload=payload, payload_hex=payload_hex)
            plain = _decode_registers(
                found, registers or [], frame=frame, request=request, printed=printed
            )
        else:
            _refuse_other(found, registers=registers, frame=frame)
            if topic is None:
                raise _usage(f"{found.id} speaks MQTT: give --topic and --payload")
            content = _payload(payload, payload_hex, payload_text)
            plain = _decode_message(found, topic, content, capture or [])
    except UnicodeDecodeError as error:
        raise _usage(str(error)) from None
    except ProfilesError as error:
        _print({"profile": found.id, "error": {"reason": error.reason, "message": str(error)}})
        raise typer.Exit(EXIT_NOTHING) from None
    _print(plain)
    if not plain["readings"] and not plain["texts"]:
        raise typer.Exit(EXIT_NOTHING)


def check_recorded(
    profiles: Annotated[
        list[str] | None,
        typer.Argument(help="Ids or files; all shipped profiles when left out."),
    ] = None,
    *,
    directory: Directory = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Decode the examples that profiles carry and compare with what they say.

    Exit codes: 0 all as recorded, 1 some are not, or a file has mistakes, 2 wrong options.

    For example:

        campus profiles test my-profiles/new-sensor.yaml
    """
    from device_profiles.examples import check_examples  # noqa: PLC0415 - listing needs none of it

    names = profiles or [path.stem for path in profile_paths(directory)]
    plain: list[dict[str, Any]] = []
    for name in names:
        found, folder = load_any(name, directory)
        results = check_examples(found, partial(_content_beside, folder))
        plain.append(
            {
                "profile": found.id,
                "passed": sum(one.passed for one in results),
                "failed": sum(not one.passed for one in results),
                "examples": [
                    {
                        "number": one.number,
                        "note": one.note,
                        "passed": one.passed,
                        "checked": one.checked,
                        "problems": list(one.problems),
                    }
                    for one in results
                ],
            }
        )
    if as_json:
        _print(plain)
    else:
        _print_tests(plain)
    if any(one["failed"] for one in plain):
        raise typer.Exit(EXIT_NOTHING)


def _print_tests(plain: list[dict[str, Any]]) -> None:
    for one in plain:
        for example in one["examples"]:
            if not example["passed"]:
                note = f" ({example['note']})" if example["note"] else ""
                typer.echo(f"{one['profile']}: example {example['number']}{note} FAILED", err=True)
                for problem in example["problems"]:
                    typer.echo(f"    {problem}", err=True)
    without = [one["profile"] for one in plain if not one["examples"]]
    passed = sum(one["passed"] for one in plain)
    failed = sum(one["failed"] for one in plain)
    text = f"{len(plain)} profiles, {passed} examples passed, {failed} failed"
    if without:
        text += f"; without examples: {', '.join(without)}"
    typer.echo(text)


def load_any(name: str, directory: Path | None) -> tuple[AnyProfile, Path]:
    """Return a profile by id or file, and the folder it lies in; end the command where it fails."""
    path = Path(name)
    try:
        if path.suffix in (".yaml", ".yml") or "/" in name:
            return load_profile(path), path.parent
        paths = {one.stem: one for one in profile_paths(directory)}
        profile = Library(paths.values()).get(name)
    except UnknownProfileError as error:
        raise _usage(str(error)) from None
    except ConfigFileError as error:
        typer.secho(str(error), fg="red", err=True)
        raise typer.Exit(EXIT_NOTHING) from None
    return profile, paths[name].parent


def _decode_registers(
    profile: ModbusProfile,
    registers: list[str],
    *,
    frame: str | None,
    request: str | None,
    printed: bool,
) -> dict[str, Any]:
    from device_profiles.given_frames import contents, parse_frame, parse_request  # noqa: PLC0415
    from device_profiles.register_dump import dump_of, split_given  # noqa: PLC0415
    from device_profiles.trying import try_registers  # noqa: PLC0415
    from device_profiles.trying_report import plain_outcome  # noqa: PLC0415

    if not registers and frame is None:
        raise _usage(f"{profile.id} speaks Modbus: give --registers, or --request and --frame")
    if (frame is None) != (request is None):
        raise _usage("--frame and --request go together: a reply does not name its registers")
    dump = dump_of(dict(map(split_given, registers)), profile.modbus, printed=printed)
    if frame is not None and request is not None:
        asked = parse_request(request)
        dump.add(asked.table, asked.address, contents(parse_frame(frame), asked))
    outcome = try_registers(profile, dump)
    plain = plain_outcome(profile, outcome)
    if not outcome.values:
        given = ", ".join(f"{table} {address}" for table, address in dump.addresses()[:8])
        plain["notes"].append(
            f"{profile.id} has no point at the addresses given (on the wire: {given});"
            " campus profiles show prints where its points are"
            + ("" if printed else "; --printed takes addresses as the manual prints them")
        )
    return plain


def _decode_message(
    profile: MqttProfile, topic: str, payload: bytes, capture: list[str]
) -> dict[str, Any]:
    from device_profiles.trying import try_message  # noqa: PLC0415
    from device_profiles.trying_report import plain_outcome  # noqa: PLC0415

    captures = {}
    for one in capture:
        name, equals, value = one.partition("=")
        if not equals:
            raise _usage(f"--capture takes NAME=VALUE, not {one}")
        captures[name] = value
    outcome = try_message(profile, topic, payload, captures, now_ns=time.time_ns())
    return plain_outcome(profile, outcome)


def _payload(path: Path | None, in_hex: str | None, text: str | None) -> bytes:
    from device_profiles.given_frames import hex_bytes  # noqa: PLC0415

    if sum(one is not None for one in (path, in_hex, text)) != 1:
        raise _usage("give exactly one of --payload FILE, --payload-text and --payload-hex")
    if in_hex is not None:
        return hex_bytes(in_hex)
    if text is not None:
        return text.encode()
    assert path is not None
    if str(path) == "-":
        return sys.stdin.buffer.read()
    return _content(path)


def _content_beside(folder: Path, name: str) -> bytes:
    return _content(folder / name)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise GivenDataError("payload", f"{path}: {error.strerror or error}") from None


def _refuse_other(profile: AnyProfile, **given: object) -> None:
    for name, value in given.items():
        if value:
            option = name.replace("_", "-")
            raise _usage(f"--{option} is not for {profile.id}, which speaks {profile.protocol}")


def _print(plain: Any) -> None:
    typer.echo(json.dumps(plain, ensure_ascii=False, indent=2))


def _usage(message: str) -> typer.Exit:
    typer.secho(f"error: {message}", fg="red", err=True)
    return typer.Exit(EXIT_USAGE)
