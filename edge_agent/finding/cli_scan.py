"""`campus edge scan`: who is on a line, at TCP addresses, or on a broker."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal, cast

import typer

from edge_agent.finding.settings import Progress, duration

if TYPE_CHECKING:
    from edge_agent.finding.matching import Matcher

EXIT_NOTHING: Final = 1
EXIT_USAGE: Final = 2
EXIT_INTERRUPTED: Final = 130
_PARITIES: Final = ("N", "E", "O")


Port = Annotated[
    str | None, typer.Option("--port", "-p", help="A serial port, best by /dev/serial/by-id/.")
]
Bauds = Annotated[list[int] | None, typer.Option(help="Baud rate, if known; may be given again.")]
Parities = Annotated[
    list[str] | None, typer.Option(help="N, E or O, if known; may be given again.")
]
StopBits = Annotated[list[int] | None, typer.Option(help="1 or 2, if known; may be given again.")]
DataBits = Annotated[int, typer.Option(help="8; 7 for some ASCII devices.")]
AsciiFraming = Annotated[bool, typer.Option("--ascii", help="Modbus ASCII instead of RTU.")]
Hosts = Annotated[
    list[str] | None,
    typer.Option(help="TCP: 10.1.2.0/28, 10.1.2.10-20, HOST or HOST:PORT; may be given again."),
]
TcpPorts = Annotated[
    list[int] | None, typer.Option(help="TCP ports to try; may be given again. [default: 502]")
]
RtuOverTcp = Annotated[
    bool, typer.Option("--rtu-over-tcp", help="RTU frames through a plain converter.")
]
Units = Annotated[
    str | None, typer.Option(help="Unit ids: 1-247 on a line; on TCP 1, 255 and 0 unless said.")
]
Timeout = Annotated[
    float | None,
    typer.Option(help="Seconds until a unit's first byte. [default: 0.1 on a line, 1 on TCP]"),
]
Thorough = Annotated[
    bool, typer.Option("--thorough", help="Ask silent units a second time, in other ways.")
]
EverySetting = Annotated[
    bool, typer.Option("--every-setting", help="Go on with other settings after one was found.")
]
WatchMqtt = Annotated[
    str | None, typer.Option(help="HOST:PORT of a broker: list the sensors heard there.")
]
ListenFor = Annotated[float, typer.Option("--for", help="With --watch-mqtt: seconds to listen.")]
Username = Annotated[str | None, typer.Option(help="For the broker.")]
PasswordFile = Annotated[Path | None, typer.Option(help="A file with the broker's password.")]
Profiles = Annotated[
    Path | None, typer.Option(help="A folder of profiles beside the built-in ones.")
]
Output = Annotated[
    Path | None, typer.Option("--output", "-o", help="Write what was found as edge.yaml has it.")
]
Yes = Annotated[bool, typer.Option("--yes", help="Overwrite --output without asking.")]
Language = Annotated[str | None, typer.Option(help="zh or en; default: as the terminal is set.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def scan(
    *,
    port: Port = None,
    baud: Bauds = None,
    parity: Parities = None,
    stop_bits: StopBits = None,
    data_bits: DataBits = 8,
    ascii_framing: AsciiFraming = False,
    host: Hosts = None,
    tcp_port: TcpPorts = None,
    rtu_over_tcp: RtuOverTcp = False,
    units: Units = None,
    timeout: Timeout = None,
    thorough: Thorough = False,
    every_setting: EverySetting = False,
    watch_mqtt: WatchMqtt = None,
    listen_s: ListenFor = 60.0,
    username: Username = None,
    password_file: PasswordFile = None,
    profiles: Profiles = None,
    output: Output = None,
    yes: Yes = False,
    language: Language = None,
    json: AsJson = False,
) -> None:
    """Find devices and say which profile each probably has. It only reads, and never publishes.

    The agent must not run on the same line at the same time. Ctrl-C prints what was found so far.

    Exit codes: 0 something was found, 1 nothing, 2 wrong options, 130 stopped with Ctrl-C.

    Examples:
        campus edge scan --port /dev/ttyUSB0

        campus edge scan --port /dev/ttyUSB0 --baud 9600 --parity N --output edge-devices.yaml

        campus edge scan --host 10.1.2.0/28

        campus edge scan --watch-mqtt 10.1.2.5:1883 --for 60
    """
    if sum(one is not None for one in (port, host, watch_mqtt)) != 1:
        raise _usage("give one of --port, --host and --watch-mqtt" + _ports_hint())
    if watch_mqtt is not None:
        from edge_agent.finding.cli_watch import watch  # noqa: PLC0415

        watch(
            watch_mqtt,
            listen_s=listen_s,
            username=username,
            password_file=password_file,
            profiles=profiles,
            language=language,
            json=json,
        )
        return
    job = _Job(profiles, quiet=json, language=language)
    try:
        if port is not None:
            job.serial(
                port,
                baud=baud or [],
                parity=parity or [],
                stop_bits=stop_bits or [],
                data_bits=data_bits,
                units=units or "1-247",
                ascii_framing=ascii_framing,
                timeout_s=timeout,
                thorough=thorough,
                every_setting=every_setting,
            )
        else:
            job.tcp(
                host or [],
                ports=tcp_port or [502],
                units=units,
                rtu_over_tcp=rtu_over_tcp,
                timeout_s=timeout,
            )
    except ValueError as error:
        raise _usage(str(error)) from None
    job.run(json=json, output=output, yes=yes)


class _Job:
    def __init__(self, profiles: Path | None, *, quiet: bool, language: str | None) -> None:
        from campus_wire.config_file import ConfigFileError  # noqa: PLC0415
        from device_profiles.library import Library  # noqa: PLC0415
        from edge_agent.finding.scan import ScanResult  # noqa: PLC0415

        try:
            self.library = Library.builtin(profiles)
        except ConfigFileError as error:
            raise _usage(str(error)) from None
        self.result = ScanResult()
        self._language = language
        self._meter = Meter(quiet=quiet)
        self._work: Callable[[Matcher], Coroutine[object, object, None]] | None = None

    def serial(
        self,
        port: str,
        *,
        baud: list[int],
        parity: list[str],
        stop_bits: list[int],
        data_bits: int,
        units: str,
        ascii_framing: bool,
        timeout_s: float | None,
        thorough: bool,
        every_setting: bool,
    ) -> None:
        from edge_agent.finding.scan import SerialScan, scan_serial  # noqa: PLC0415
        from edge_agent.finding.settings import (  # noqa: PLC0415
            SILENT_S,
            likely_settings,
            ordered_units,
            parse_units,
        )

        if not all(one in _PARITIES for one in parity):
            raise ValueError("--parity is N, E or O")
        if not all(one in (1, 2) for one in stop_bits) or data_bits not in (7, 8):
            raise ValueError("--stop-bits is 1 or 2, --data-bits 7 or 8")
        settings = likely_settings(
            baud_rates=baud,
            parities=[cast("Literal['N', 'E', 'O']", one) for one in parity],
            stop_bits=[cast("Literal[1, 2]", one) for one in stop_bits],
            data_bits=cast("Literal[7, 8]", data_bits),
        )
        if len(baud) == 1 and not parity and not stop_bits:
            self._meter.say(f"trying {len(settings)} formats at {baud[0]} baud")
        plan = SerialScan(
            port,
            tuple(settings),
            tuple(ordered_units(parse_units(units))),
            envelope="ascii" if ascii_framing else "rtu",
            timeout_s=SILENT_S if timeout_s is None else timeout_s,
            thorough=thorough,
            every_setting=every_setting,
        )
        self._meter.say(_estimate(plan.settings[0].absent_s(plan.timeout_s), plan))
        self._work = lambda matcher: scan_serial(plan, matcher, self.result, self._meter.show)

    def tcp(
        self,
        hosts: list[str],
        *,
        ports: list[int],
        units: str | None,
        rtu_over_tcp: bool,
        timeout_s: float | None,
    ) -> None:
        from edge_agent.finding.hosts import endpoints  # noqa: PLC0415
        from edge_agent.finding.scan_tcp import UNITS_OF_ONE_DEVICE, TcpScan, scan_tcp  # noqa: PLC0415
        from edge_agent.finding.settings import parse_units  # noqa: PLC0415

        plan = TcpScan(
            tuple(endpoints(hosts, ports)),
            UNITS_OF_ONE_DEVICE if units is None else tuple(parse_units(units, highest=255)),
            envelope="rtu" if rtu_over_tcp else "tcp",
            timeout_s=1.0 if timeout_s is None else timeout_s,
        )
        self._meter.say(f"{len(plan.endpoints)} addresses to try")
        self._work = lambda matcher: scan_tcp(plan, matcher, self.result, self._meter.show)

    def _matcher(self) -> Matcher:
        """Prepare the profiles: seconds on a small machine, so only once the options are right."""
        from campus_wire.config_file import ConfigFileError  # noqa: PLC0415
        from device_profiles.model import ModbusProfile  # noqa: PLC0415
        from edge_agent.finding.matching import Matcher  # noqa: PLC0415

        try:
            return Matcher(one for one in self.library if isinstance(one, ModbusProfile))
        except ConfigFileError as error:
            raise _usage(str(error)) from None

    def run(self, *, json: bool, output: Path | None, yes: bool) -> None:
        import orjson  # noqa: PLC0415

        from edge_agent.finding.scan_report import config_piece, plain_scan, print_scan  # noqa: PLC0415
        from edge_agent.modbus.errors import NotConnectedError  # noqa: PLC0415
        from edge_agent.read_report import terminal_language  # noqa: PLC0415

        assert self._work is not None
        matcher = self._matcher()
        interrupted = False
        try:
            asyncio.run(self._work(matcher))
        except KeyboardInterrupt:
            interrupted = True
        except NotConnectedError as error:
            typer.secho(f"error: {error}", fg="red", err=True)
            raise typer.Exit(EXIT_NOTHING) from None
        finally:
            self._meter.end()
        if json:
            typer.echo(orjson.dumps(plain_scan(self.result), option=orjson.OPT_INDENT_2))
        else:
            print_scan(self.result, self._language or terminal_language())
        if output is not None and self.result.found:
            write_asking(output, config_piece(self.result, self.library), yes=yes)
        if interrupted:
            raise typer.Exit(EXIT_INTERRUPTED)
        if not self.result.found:
            raise typer.Exit(EXIT_NOTHING)


class Meter:
    """Tells how far a scan is, on standard error."""

    def __init__(self, *, quiet: bool) -> None:
        self._is_terminal = sys.stderr.isatty()
        self._quiet = quiet and not self._is_terminal
        self._next_s = 0.0
        self._shown = False

    def say(self, text: str) -> None:
        """Print a line."""
        if not self._quiet:
            typer.echo(text, err=True)

    def show(self, progress: Progress) -> None:
        """Show progress, a few times a second on a terminal, now and then in a log."""
        now_s = time.monotonic()
        if self._quiet or now_s < self._next_s:
            return
        self._next_s = now_s + (0.2 if self._is_terminal else 10.0)
        text = (
            f"{progress.doing}: {progress.done} of {progress.total} asked, "
            f"{progress.found} found, about {duration(progress.left_s())} left"
        )
        if self._is_terminal:
            typer.echo(f"\r\033[K{text}", nl=False, err=True)
            self._shown = True
        else:
            typer.echo(text, err=True)

    def end(self) -> None:
        """Leave the line."""
        if self._shown:
            typer.echo("\r\033[K", nl=False, err=True)


def write_asking(path: Path, text: str, *, yes: bool) -> None:
    """Write a file; ask first when there is one."""
    if path.exists() and not yes:
        typer.confirm(f"{path} is there already. Overwrite it?", abort=True, err=True)
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        typer.secho(f"error: {path}: {error.strerror or error}", fg="red", err=True)
        raise typer.Exit(EXIT_NOTHING) from None
    typer.echo(f"{path} written", err=True)


def _estimate(absent_s: float, plan: object) -> str:
    from edge_agent.finding.scan import SerialScan  # noqa: PLC0415

    assert isinstance(plan, SerialScan)
    count = len(plan.units) * (3 if plan.thorough else 1)
    text = (
        f"{len(plan.units)} unit ids; one that is not there costs {absent_s * 1000:.0f} ms, "
        f"so a whole setting takes about {duration(count * absent_s)}"
    )
    if len(plan.settings) > 1:
        text += f"; {len(plan.settings)} settings possible, the likely ones first"
    return text


def _ports_hint() -> str:
    folder = Path("/dev/serial/by-id")
    found = sorted(str(path) for path in folder.glob("*")) if folder.is_dir() else []
    return ("; serial ports here: " + ", ".join(found)) if found else ""


def _usage(message: str) -> typer.Exit:
    typer.secho(f"error: {message}", fg="red", err=True)
    return typer.Exit(EXIT_USAGE)
