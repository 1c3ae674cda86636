"""`campus edge read`: read devices once and show what they say."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import orjson
import typer

from campus_wire.config_file import ConfigFileError
from device_profiles.errors import UnknownProfileError
from device_profiles.library import Library
from device_profiles.model import ModbusProfile, MqttProfile
from edge_agent.config import EdgeConfig, SerialModbus, TcpModbus
from edge_agent.config_check import load_config
from edge_agent.device_reading import DeviceResult, Target, read_once
from edge_agent.inventory import Inventory, build_inventory
from edge_agent.read_report import plain, print_results, terminal_language

EXIT_BAD_VALUES: Final = 1
EXIT_MISTAKES: Final = 1
EXIT_USAGE: Final = 2


def read(
    name: Annotated[
        str | None,
        typer.Argument(
            help="With --config: a device (all when left out). Else: a profile.",
            show_default=False,
        ),
    ] = None,
    *,
    config: Annotated[
        Path | None, typer.Option("--config", "-c", help="The agent's configuration, edge.yaml.")
    ] = None,
    tcp: Annotated[
        str | None, typer.Option("--host", "--tcp", help="Modbus TCP: HOST or HOST:PORT.")
    ] = None,
    serial: Annotated[
        str | None, typer.Option("--port", "-p", "--serial", help="Modbus RTU: the serial port.")
    ] = None,
    unit: Annotated[int | None, typer.Option(help="Unit id; default: the profile's.")] = None,
    baud: Annotated[int | None, typer.Option(help="Baud rate; default: the profile's.")] = None,
    parity: Annotated[str | None, typer.Option(help="N, E or O; default: the profile's.")] = None,
    stop_bits: Annotated[int | None, typer.Option(help="1 or 2; default: the profile's.")] = None,
    timeout: Annotated[float, typer.Option(help="Seconds to wait for an answer.")] = 1.0,
    profiles: Annotated[
        Path | None, typer.Option(help="A folder of profiles beside the built-in ones.")
    ] = None,
    language: Annotated[
        str | None, typer.Option(help="zh or en; default: as the terminal is set.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Read devices once and show value, quality and what was sent for each point.

    The agent must not run at the same time: a serial port, and many a device, serves one only.

    Exit codes: 0 all values are good, 1 some are not or the file has mistakes, 2 wrong options.

    Examples:
      campus edge read --config edge.yaml th-101
      campus edge read xy-md02 --serial /dev/ttyUSB0 --unit 1
      campus edge read pzem-016 --tcp 192.0.2.5:502 --unit 3 --json
    """
    if config is not None:
        targets = _configured(config, name)
    else:
        link = {"baud_rate": baud, "parity": parity, "stop_bits": stop_bits}
        targets = [
            _single(
                name,
                tcp=tcp,
                serial=serial,
                unit=unit,
                link=link,
                timeout=timeout,
                profiles=profiles,
            )
        ]
    results = asyncio.run(read_all(targets))
    if json:
        typer.echo(orjson.dumps([plain(one) for one in results], option=orjson.OPT_INDENT_2))
    else:
        print_results(results, language or terminal_language())
    if not all(result.is_good for result in results):
        raise typer.Exit(EXIT_BAD_VALUES)


async def read_all(targets: Sequence[Target]) -> list[DeviceResult]:
    """Read devices, those on one link one after the other and links beside each other."""
    by_link: dict[str, list[Target]] = {}
    for target in targets:
        by_link.setdefault(target.link.model_dump_json(), []).append(target)
    groups = await asyncio.gather(*(_read_link(group) for group in by_link.values()))
    found = {result.target.name: result for group in groups for result in group}
    return [found[target.name] for target in targets]


async def _read_link(targets: Sequence[Target]) -> list[DeviceResult]:
    from edge_agent.modbus.build import make_client  # noqa: PLC0415  (checking needs none of it)

    client = make_client(targets[0].link, [target.profile for target in targets])
    results = []
    try:
        for target in targets:
            wanted = [target.profile.find(point.name) for point in target.points]
            points = [point for point in wanted if point is not None and point.is_readable]
            readings = await read_once(client, target.profile, points, unit_id=target.unit_id)
            results.append(DeviceResult(target, tuple(readings)))
    finally:
        client.close()
    return results


# --- what to read -------------------------------------------------------------------------------


def _fail(message: str, code: int = EXIT_USAGE) -> typer.Exit:
    typer.echo(message, err=True)
    return typer.Exit(code)


def _configured(path: Path, name: str | None) -> list[Target]:
    try:
        loaded = load_config(path)
    except ConfigFileError as error:
        raise _fail(str(error), EXIT_MISTAKES) from None
    inventory = build_inventory(loaded.config, loaded.library)
    targets = _targets(loaded.config, inventory)
    if name is None:
        if not targets:
            raise _fail(f"{path} has no Modbus device")
        return targets
    chosen = [target for target in targets if target.name == name]
    if not chosen:
        if inventory.device(name) is not None:
            raise _fail(f"{name} publishes by itself (MQTT) and cannot be asked")
        known = ", ".join(target.name for target in targets)
        raise _fail(f"{path} has no device {name} (known: {known})")
    return chosen


def _targets(config: EdgeConfig, inventory: Inventory) -> list[Target]:
    links = {bus.id: bus.modbus for bus in config.buses}
    return [
        Target(
            device.id,
            device.profile,
            device.readable,
            device.config.unit_id,
            links[device.source],
        )
        for device in inventory.modbus
    ]


def _single(
    name: str | None,
    *,
    tcp: str | None,
    serial: str | None,
    unit: int | None,
    link: dict[str, Any],
    timeout: float,
    profiles: Path | None,
) -> Target:
    if name is None:
        raise _fail("which profile, or which --config?")
    if (tcp is None) == (serial is None):
        raise _fail("give either --tcp HOST:PORT or --serial PORT (or --config edge.yaml)")
    profile = _profile(name, profiles)
    factory = profile.modbus.link
    try:
        where = (
            _tcp_link(tcp, timeout)
            if tcp is not None
            else _serial_link(serial or "", factory.model_dump(), link, timeout)
        )
    except ValueError as error:
        raise _fail(str(error)) from None
    unit_id = factory.unit_id if unit is None else unit
    if not 0 <= unit_id <= 255:
        raise _fail(f"a unit is 0 to 255, not {unit_id}")
    return Target(name, profile, profile.points, unit_id, where)


def _profile(name: str, extra: Path | None) -> ModbusProfile:
    try:
        profile = Library.builtin(extra).get(name)
    except (UnknownProfileError, ConfigFileError) as error:
        raise _fail(str(error)) from None
    if isinstance(profile, MqttProfile):
        raise _fail(f"{name} publishes by itself (MQTT) and cannot be asked")
    return profile


def _tcp_link(text: str, timeout_s: float) -> TcpModbus:
    host, _, port = text.rpartition(":") if ":" in text else (text, "", "502")
    if not port.isdecimal():
        raise ValueError(f"{text} is no HOST:PORT")
    return TcpModbus(transport="tcp", host=host.strip("[]"), port=int(port), timeout_s=timeout_s)


def _serial_link(
    port: str, factory: dict[str, Any], given: dict[str, Any], timeout_s: float
) -> SerialModbus:
    chosen = {key: value for key, value in given.items() if value is not None}
    keys = ("baud_rate", "parity", "stop_bits", "data_bits")
    settings = {key: factory[key] for key in keys} | chosen
    return SerialModbus(transport="rtu", port=port, timeout_s=timeout_s, **settings)
