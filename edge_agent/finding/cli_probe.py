"""`campus edge probe`: one device, live."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import orjson
import typer

from campus_wire.config_file import ConfigFileError
from device_profiles.errors import ProfilesError, UnknownProfileError
from device_profiles.library import Library
from device_profiles.model import ModbusProfile
from edge_agent.config import SerialModbus, TcpModbus
from edge_agent.finding.places import LinkFlags, configured_devices, line_of, link_of
from edge_agent.modbus.errors import ModbusError

EXIT_BAD: Final = 1
EXIT_USAGE: Final = 2


@dataclass(frozen=True, slots=True)
class Aim:
    """The device to read."""

    title: str
    unit: int
    link: SerialModbus | TcpModbus
    profile: ModbusProfile | None


def probe(
    device: Annotated[
        str | None,
        typer.Argument(help="With --config: a device. Else: a profile.", show_default=False),
    ] = None,
    *,
    config: Annotated[
        Path | None, typer.Option("--config", "-c", help="The agent's configuration, edge.yaml.")
    ] = None,
    port: Annotated[str | None, typer.Option("--port", "-p", help="The serial port.")] = None,
    host: Annotated[str | None, typer.Option(help="TCP: HOST or HOST:PORT.")] = None,
    unit: Annotated[int | None, typer.Option(help="Unit id; default: the profile's.")] = None,
    baud: Annotated[int | None, typer.Option(help="Baud rate; default: the profile's.")] = None,
    parity: Annotated[str | None, typer.Option(help="N, E or O; default: the profile's.")] = None,
    stop_bits: Annotated[int | None, typer.Option(help="1 or 2; default: the profile's.")] = None,
    data_bits: Annotated[int | None, typer.Option(help="7 or 8.")] = None,
    ascii_framing: Annotated[bool, typer.Option("--ascii", help="Modbus ASCII.")] = False,
    rtu_over_tcp: Annotated[
        bool, typer.Option("--rtu-over-tcp", help="RTU frames through a plain converter.")
    ] = False,
    register: Annotated[
        str | None,
        typer.Option("--register", "-r", help="holding:100 (address on the wire): all readings."),
    ] = None,
    count: Annotated[int, typer.Option(help="With --register: how many registers.")] = 4,
    write: Annotated[
        str | None, typer.Option(help="POINT=VALUE to write, by the profile; asks first.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Write without asking.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Read again and again.")] = False,
    every: Annotated[float, typer.Option(help="With --watch: seconds between.")] = 2.0,
    timeout: Annotated[float, typer.Option(help="Seconds to wait for an answer.")] = 1.0,
    profiles: Annotated[
        Path | None, typer.Option(help="A folder of profiles beside the built-in ones.")
    ] = None,
    language: Annotated[
        str | None, typer.Option(help="zh or en; default: as the terminal is set.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Read one device: all points of its profile, or what an unknown register may mean.

    The agent must not run on the same line at the same time. Only --write writes, and asks.

    Exit codes: 0 all is good, 1 something is not, 2 wrong options.

    Examples:
        campus edge probe th-101 --config edge.yaml

        campus edge probe xy-md02 --port /dev/ttyUSB0 --unit 3 --watch

        campus edge probe --host 10.1.2.3 --unit 1 --register holding:100 --count 4
    """
    flags = LinkFlags(
        port=port,
        host=host,
        baud=baud,
        parity=parity,
        stop_bits=stop_bits,
        data_bits=data_bits,
        timeout_s=timeout,
        ascii_framing=ascii_framing,
        rtu_over_tcp=rtu_over_tcp,
    )
    aim = _aim(device, config, flags, unit, profiles)
    if register is not None:
        look = _registers(aim, register, count, json=json)
    elif aim.profile is None:
        raise _usage("which profile? Or give --register for one that is not known")
    else:
        look = _profile(aim, aim.profile, language, json=json)
    try:
        if write is not None:
            _write(aim, write, yes=yes)
        good = _repeated(look, every if watch else None)
    except ModbusError as error:
        typer.secho(f"error: {error}", fg="red", err=True)
        raise typer.Exit(EXIT_BAD) from None
    if not good:
        raise typer.Exit(EXIT_BAD)


Look = Callable[[], Coroutine[Any, Any, bool]]
"""Reads once and prints; whether all was good."""


def _repeated(look: Look, every_s: float | None) -> bool:
    if every_s is None:
        return asyncio.run(look())

    async def again() -> bool:
        while True:
            begun_s = time.monotonic()
            await look()
            await asyncio.sleep(max(0.0, every_s - (time.monotonic() - begun_s)))

    try:
        return asyncio.run(again())
    except KeyboardInterrupt:
        return True


def _aim(
    device: str | None,
    config: Path | None,
    flags: LinkFlags,
    unit: int | None,
    profiles: Path | None,
) -> Aim:
    if config is not None:
        return _configured(config, device)
    try:
        profile = _profile_of(device, profiles)
        link = link_of(flags, profile)
    except (ValueError, UnknownProfileError) as error:
        raise _usage(str(error)) from None
    if unit is None and profile is None:
        raise _usage("give --unit, the device's address")
    chosen = unit if unit is not None or profile is None else profile.modbus.link.unit_id
    assert chosen is not None
    if not 0 <= chosen <= 255:
        raise _usage(f"a unit is 0 to 255, not {chosen}")
    return Aim(device or f"unit {chosen}", chosen, link, profile)


def _configured(config: Path, device: str | None) -> Aim:
    try:
        known, _ = configured_devices(config)
    except ConfigFileError as error:
        typer.secho(str(error), fg="red", err=True)
        raise typer.Exit(EXIT_BAD) from None
    for one in known:
        if one.id == device:
            return Aim(one.id, one.unit_id, one.link, one.profile)
    names = ", ".join(one.id for one in known)
    raise _usage(f"which device? {config} has {names}")


def _profile_of(name: str | None, extra: Path | None) -> ModbusProfile | None:
    if name is None:
        return None
    found = Library.builtin(extra).get(name)
    if isinstance(found, ModbusProfile):
        return found
    raise ValueError(f"{name} publishes by itself (MQTT) and cannot be asked")


def _profile(aim: Aim, profile: ModbusProfile, language: str | None, *, json: bool) -> Look:
    from edge_agent.finding.probe_report import plain_probe, print_probe  # noqa: PLC0415
    from edge_agent.finding.probing import probe_profile  # noqa: PLC0415
    from edge_agent.read_report import terminal_language  # noqa: PLC0415

    async def look() -> bool:
        line = line_of(aim.link, [profile])
        await line.open()
        try:
            result = await probe_profile(line, aim.unit, profile, timeout_s=aim.link.timeout_s)
        finally:
            line.close()
        if json:
            plain = {"device": aim.title, "unit_id": aim.unit, **plain_probe(profile, result)}
            typer.echo(orjson.dumps(plain))
        else:
            print_probe(aim.title, aim.unit, profile, result, language or terminal_language())
        bad = any(one.value is None for one in result.outcome.values)
        return not bad and not result.failures

    return look


def _registers(aim: Aim, register: str, count: int, *, json: bool) -> Look:
    from device_profiles.model_section import ModbusSection  # noqa: PLC0415
    from device_profiles.register_dump import parse_place  # noqa: PLC0415
    from edge_agent.finding.matching import Wanted  # noqa: PLC0415
    from edge_agent.finding.probe_report import plain_registers, print_registers  # noqa: PLC0415
    from edge_agent.finding.probing import probe_registers  # noqa: PLC0415

    section = aim.profile.modbus if aim.profile is not None else ModbusSection(address_base=0)
    try:
        table, address = parse_place(register, section)
    except ProfilesError as error:
        raise _usage(str(error)) from None
    if not 1 <= count <= 125 or address + count > 0x10000:
        raise _usage("--count is 1 to 125, and addresses end at 65535")
    wanted = Wanted(table, address, count)

    async def look() -> bool:
        line = line_of(aim.link)
        await line.open()
        try:
            raw = await probe_registers(line, aim.unit, wanted, timeout_s=aim.link.timeout_s)
        finally:
            line.close()
        if json:
            typer.echo(orjson.dumps(plain_registers(aim.unit, raw)))
        else:
            print_registers(aim.unit, raw)
        return not raw.problem

    return look


def _write(aim: Aim, text: str, *, yes: bool) -> None:
    from edge_agent.finding.writing import planned_write, send_write  # noqa: PLC0415

    name, equals, number = text.partition("=")
    try:
        value = float(number)
    except ValueError:
        equals = ""
        value = 0.0
    if not equals or aim.profile is None:
        raise _usage("--write takes POINT=VALUE, and needs a profile or a configured device")
    try:
        planned = planned_write(aim.profile, name, value)
    except ProfilesError as error:
        raise _usage(str(error)) from None
    unit = f" {planned.unit}" if planned.unit else ""
    question = f"Write {value:g}{unit} to {name} of {aim.title} (unit {aim.unit})?"
    if not yes:
        typer.confirm(question, abort=True, err=True)
    asyncio.run(send_write(aim.link, aim.profile, aim.unit, planned))
    typer.echo(f"written: {name} = {value:g}{unit}", err=True)


def _usage(message: str) -> typer.Exit:
    typer.secho(f"error: {message}", fg="red", err=True)
    return typer.Exit(EXIT_USAGE)
