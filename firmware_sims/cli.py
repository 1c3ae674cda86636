"""`campus sims`: simulated schools from the command line."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
import uvloop
from rich.console import Console

from campus_wire.errors import CampusError
from firmware_sims.app import AppOptions, run_district
from firmware_sims.control import Controller, send_order
from firmware_sims.district import DistrictPlan, load_plan
from firmware_sims.edge_config import EdgeOptions, write_edge_configs
from firmware_sims.running import RunOptions
from firmware_sims.running_district import RunningDistrict
from firmware_sims.screen import (
    bus_rows,
    category_counts,
    category_table,
    plan_table,
    show_live,
    summary,
)

EXIT_FAILED = 1
EXIT_USAGE = 2

app = typer.Typer(
    help="Simulated devices: on Modbus TCP, on serial lines and on MQTT brokers.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)
_console = Console()
_errors = Console(stderr=True)

SchoolPath = Annotated[
    Path, typer.Argument(metavar="FILE", help="The described school or district.")
]
AsJson = Annotated[bool, typer.Option("--json", help="For scripts: JSON, one object a line.")]


@app.command()
def run(  # noqa: PLR0917 - typer's options
    file: SchoolPath,
    truth: Annotated[Path | None, typer.Option(help="Write what devices showed (JSONL).")] = None,
    control: Annotated[
        Path | None, typer.Option(help="Take live orders; how to give them is put in this file.")
    ] = None,
    for_s: Annotated[
        float | None, typer.Option("--for", min=0.1, help="Seconds to run; else until Ctrl-C.")
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="In place of the file's seed.")] = None,
    lines: Annotated[
        Path | None, typer.Option(help="Folder for the links to serial lines.")
    ] = None,
    broker: Annotated[
        str | None, typer.Option(help="HOST:PORT in place of every broker of the file.")
    ] = None,
    print_edge_config: Annotated[
        Path | None, typer.Option(help="Write an edge.yaml for each gateway to this folder.")
    ] = None,
    uplink: Annotated[
        str, typer.Option(help="HOST:PORT of the controller's broker, for edge.yaml.")
    ] = "127.0.0.1:1883",
    as_json: AsJson = False,
) -> None:
    """Run a described school, or a district of several.

    Example: `campus sims run examples/demo-school.yaml --truth truth.jsonl --control orders.json`

    Live orders: `campus sims order orders.json '{"do": "leak", "area": "store-1", "for_s": 20}'`.
    With `--json` orders are also taken from standard input, one JSON object a line.
    """
    plan = _load(file)
    brokers = None
    if broker is not None:
        sources = [source for school in plan.schools for source in school.sources]
        brokers = {source.entry.id: _host_port(broker) for source in sources}
    edge = None
    if print_edge_config is not None:
        host, port = _host_port(uplink)
        uplink_config: dict[str, object] = {"broker": {"host": host, "port": port}}
        edge = (print_edge_config, EdgeOptions(uplink_config, print_edge_config.absolute()))
    with tempfile.TemporaryDirectory(prefix="campus-lines-") as temporary:
        folder = lines or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        options = AppOptions(
            RunOptions(lines_folder=folder.absolute(), seed=seed, brokers=brokers),
            truth=truth,
            control=control,
            for_s=for_s,
        )
        try:
            uvloop.run(_run(plan, options, edge, as_json=as_json))
        except CampusError as error:
            _fail(error)


async def _run(
    plan: DistrictPlan,
    options: AppOptions,
    edge: tuple[Path, EdgeOptions] | None,
    *,
    as_json: bool,
) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    background: set[asyncio.Task[None]] = set()

    async def started(district: RunningDistrict, controller: Controller) -> None:
        await _write_configs(district, edge)
        if as_json:
            _print_json({"started": district.plan.title.id, **_addresses(district)})
            await _take_orders(controller)
            return
        _say_where(district)
        if _console.is_terminal:
            background.add(asyncio.create_task(show_live(district, _console)))

    def progress(text: str) -> None:
        if len(plan.schools) > 1 and not as_json:
            _errors.print(text, highlight=False)

    district = await run_district(
        plan, options, on_started=started, on_progress=progress, stop=stop
    )
    for task in background:
        task.cancel()
    if as_json:
        _print_json({"ended": district.plan.title.id, **_counts(district)})
    else:
        _console.print(summary(district))


async def _write_configs(district: RunningDistrict, edge: tuple[Path, EdgeOptions] | None) -> None:
    if edge is not None:
        for school in district.schools:
            await asyncio.to_thread(write_edge_configs, school, *edge)


def _say_where(district: RunningDistrict) -> None:
    """Say what is where; of a lone school on a terminal the live table says it."""
    if len(district.schools) > 1:
        for school in district.schools:
            _console.print(plan_table(school))
        _console.print(category_table(district))
    elif not _console.is_terminal:
        _console.print(plan_table(district.schools[0]))


async def _take_orders(controller: Controller) -> None:
    """Take orders from standard input, where that is a pipe that someone else writes to."""
    if sys.stdin.closed or sys.stdin.isatty():
        return
    loop = asyncio.get_running_loop()
    try:
        loop.add_reader(sys.stdin.fileno(), _read_order, controller, bytearray())
    except OSError:
        return  # a file or the null device: nobody gives orders there


def _read_order(controller: Controller, rest: bytearray) -> None:
    data = os.read(sys.stdin.fileno(), 65_536)
    if not data:
        asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
        return
    rest += data
    while (end := rest.find(b"\n")) >= 0:
        line = bytes(rest[:end])
        del rest[: end + 1]
        _print_json(controller.carry_out(line))


@app.command()
def check(file: SchoolPath, as_json: AsJson = False) -> None:
    """Check a described school without running it.

    Example: `campus sims check examples/demo-school.yaml`
    """
    plan = _load(file)
    counts: dict[str, int] = {}
    for device in plan.devices():
        counts[device.profile] = counts.get(device.profile, 0) + 1
    if as_json:
        _print_json({"school": plan.title.id, "devices": counts})
        return
    total = sum(counts.values())
    _console.print(f"{file} is sound: {total} devices of {len(counts)} profiles")
    for profile, count in sorted(counts.items()):
        _console.print(f"  {count:5}  {profile}")


@app.command()
def order(
    file: Annotated[Path, typer.Argument(metavar="CONTROL", help="What --control wrote.")],
    text: Annotated[str, typer.Argument(metavar="ORDER", help="A JSON object.")],
) -> None:
    """Give an order to a running school, and print its answer.

    Example: `campus sims order orders.json '{"do": "clear", "device": "th-101"}'`
    """
    try:
        wanted = json.loads(text)
    except json.JSONDecodeError as error:
        _errors.print(f"the order is no JSON: {error}", style="red", markup=False)
        raise typer.Exit(EXIT_USAGE) from None
    if not isinstance(wanted, dict):
        _errors.print("the order is no JSON object", style="red")
        raise typer.Exit(EXIT_USAGE)
    try:
        answer = asyncio.run(send_order(file, wanted))
    except (OSError, TimeoutError, ValueError) as error:
        said = str(error) or "no answer in time"
        _errors.print(f"nobody answers at {file}: {said}", style="red", markup=False)
        raise typer.Exit(EXIT_FAILED) from None
    _print_json(answer)
    if not answer.get("ok"):
        raise typer.Exit(EXIT_FAILED)


def _load(file: Path) -> DistrictPlan:
    try:
        return load_plan(file)
    except CampusError as error:
        _fail(error)


def _fail(error: CampusError) -> NoReturn:
    _errors.print(str(error), style="red", markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(EXIT_FAILED)


def _host_port(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65_536:
        raise typer.BadParameter(f"{text!r} is not HOST:PORT")
    return host, int(port)


def _addresses(district: RunningDistrict) -> dict[str, object]:
    state = district.state()
    addresses = {key: state[key] for key in ("ports", "lines", "brokers")}
    counts = category_counts(district.schools)
    schools = {
        school.plan.file.school.id: {
            "devices": len(school.world.categories),
            "categories": counts[school.plan.file.school.id],
            "buses": [{**row, "devices": int(row["devices"])} for row in bus_rows(school)],
        }
        for school in district.schools
    }
    return {**addresses, "brokers": list(addresses["brokers"]), "schools": schools}  # type: ignore[call-overload]


def _counts(district: RunningDistrict) -> dict[str, object]:
    truth = district.truth
    return {"readings": truth.readings, "values": truth.values, "writes": truth.writes}


def _print_json(data: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(data, ensure_ascii=False) + "\n")
    sys.stdout.flush()
