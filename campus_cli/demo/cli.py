"""`campus demo`: the options, the directory, and what is shown."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import tempfile
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.live import Live

    from campus_cli.demo.api_client import ApiClient
    from campus_cli.demo.report import Report
    from campus_cli.demo.run import DemoRun
    from campus_cli.demo.story import Story

EXIT_SHORTFALL: Final = 1
_OWN_STORES: Final = ("duckdb", "influxdb")
_STORE_URLS: Final = ("duckdb:", "influxdb:", "influxdbs:")


class Broker(StrEnum):
    """Which broker the school speaks through."""

    EMBEDDED = "embedded"
    MOSQUITTO = "mosquitto"


app = typer.Typer()


@app.command()
def demo(
    *,
    broker: Annotated[
        Broker, typer.Option(help="embedded: amqtt, within Python; mosquitto: must be installed.")
    ] = Broker.EMBEDDED,
    store: Annotated[
        str, typer.Option(help="duckdb, influxdb (both started here) or a store URL.")
    ] = "duckdb",
    for_s: Annotated[
        float | None,
        typer.Option("--for", min=45.0, help="Seconds; else until the story is told, about 45."),
    ] = None,
    report: Annotated[Path | None, typer.Option(help="Write the figures here, as JSON.")] = None,
    keep: Annotated[
        Path | None, typer.Option(help="Keep the run's files in this new directory.")
    ] = None,
    school: Annotated[Path | None, typer.Option(help="Another described school.")] = None,
) -> None:
    """Run a small school on this machine: devices, two gateways, broker, controller, notices.

    Ammonia leaks after 20 s: the interlock starts the fan, the alarm comes, is acknowledged and
    clears. Ends with 0 only when every reading is stored once and the whole story was told.

    Exit codes: 0 nothing missing and nothing twice, 1 something fell short, 2 wrong options.

    For example:

        campus demo

        campus demo --broker mosquitto --store influxdb

        campus demo --for 60 --report report.json
    """
    from rich.console import Console  # noqa: PLC0415 - `campus --help` need not wait for these

    from campus_cli.demo.layout import default_school, make_layout  # noqa: PLC0415
    from campus_cli.demo.report import print_figures  # noqa: PLC0415
    from campus_cli.demo.run import DemoRun  # noqa: PLC0415
    from firmware_sims.school import load_school  # noqa: PLC0415

    _check_options(store, report)
    described = school or default_school()
    load_school(described)
    console = Console()
    with _directory(keep) as directory:
        layout = make_layout(directory, described, store=store)
        run = DemoRun(layout, broker.value, store)
        if keep is not None:
            console.print(f"for a second terminal: cd {directory} && . ./env", soft_wrap=True)
        try:
            done = asyncio.run(_run(run, for_s, console))
        except asyncio.CancelledError:  # SIGTERM, and all parts are ended
            raise typer.Exit(EXIT_SHORTFALL) from None
    print_figures(done, console)
    if report is not None:
        done.save(report)
    if done.shortfalls:
        raise typer.Exit(EXIT_SHORTFALL)


def _check_options(store: str, report: Path | None) -> None:
    """Refuse now what would otherwise fail when the whole run is over."""
    if store not in _OWN_STORES and not store.startswith(_STORE_URLS):
        known = ", ".join((*_OWN_STORES, *(f"{scheme}…" for scheme in _STORE_URLS)))
        raise typer.BadParameter(f"{store!r} is none of {known}", param_hint="--store")
    if report is not None and (report.is_dir() or not report.absolute().parent.is_dir()):
        raise typer.BadParameter(f"no file can be written at {report}", param_hint="--report")


async def _run(run: DemoRun, for_s: float | None, console: Console) -> Report:
    task = asyncio.current_task()
    assert task is not None, "this is a coroutine of asyncio"
    # As Ctrl-C does: no part may outlive the demo.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    if not console.is_terminal:
        run.on_page = _tell_plainly()
        return await run.run(for_s)
    from rich.live import Live  # noqa: PLC0415

    with Live(console=console, transient=True, auto_refresh=False) as live:
        live.update("starting broker, controller, gateways and devices … 正在启动", refresh=True)
        run.on_page = _show(live)
        return await run.run(for_s)


def _show(live: Live) -> Any:
    from campus_cli.demo.screen import page, read_page  # noqa: PLC0415

    async def on_page(run: DemoRun, story: Story, api: ApiClient) -> None:
        devices = await read_page(api)
        live.update(page(devices, story, run.usage(), run.values_stored), refresh=True)

    return on_page


def _tell_plainly() -> Any:
    told = 0

    async def on_page(_run: DemoRun, story: Story, _api: ApiClient) -> None:
        nonlocal told
        for chapter in story.chapters[told:]:
            typer.echo(f"{chapter.at_s:6.1f} s  {chapter.text}")
        told = len(story.chapters)

    return on_page


@contextlib.contextmanager
def _directory(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        try:
            keep.mkdir(mode=0o700, parents=True)
        except OSError as error:
            message = (
                f"cannot make {keep}: {error.strerror}; name a directory that is not there yet"
            )
            raise typer.BadParameter(message, param_hint="--keep") from None
        yield keep.absolute()
        return
    with tempfile.TemporaryDirectory(prefix="campus-demo-") as temporary:
        yield Path(temporary)
