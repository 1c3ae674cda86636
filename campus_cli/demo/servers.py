"""The servers a run starts: the embedded broker; mosquitto and InfluxDB where they are wanted."""

from __future__ import annotations

import getpass
import os
import shutil
import subprocess
from typing import Final

import httpx

from campus_cli.demo.accounts import mosquitto_acl, write_secret
from campus_cli.demo.layout import HOST, Layout
from campus_cli.demo.processes import module
from campus_wire.errors import PermanentError

EMBEDDED: Final = "embedded"
MOSQUITTO: Final = "mosquitto"
INFLUXDB: Final = "influxdb"
_TIMEOUT_S: Final = 5.0
_SYSTEM_DIRECTORIES: Final = ("/usr/local/sbin", "/usr/sbin", "/sbin")


class ProgramMissingError(PermanentError):
    """A server that was asked for is not installed."""


def commands(layout: Layout, broker: str, store: str) -> dict[str, list[str]]:
    """Write the servers' configurations and return their command lines by name.

    Raises:
        ProgramMissingError: a server that was asked for is not installed.
    """
    wanted = {"broker": _mosquitto(layout) if broker == MOSQUITTO else _embedded(layout)}
    if store == INFLUXDB:
        wanted["influxdb"] = _influxdb(layout)
    return wanted


def _embedded(layout: Layout) -> list[str]:
    port, accounts = str(layout.ports.broker), str(layout.accounts_file)
    return module("campus_cli.demo.broker", "--port", port, "--accounts", accounts)


def _mosquitto(layout: Layout) -> list[str]:
    program = _find("mosquitto", "mosquitto")
    passwords = layout.directory / "mosquitto.passwords"
    lines = [f"{account.name}:{account.password}" for account in layout.accounts]
    write_secret(passwords, "\n".join(lines) + "\n")
    hasher = _find("mosquitto_passwd", "mosquitto")
    subprocess.run([hasher, "-U", str(passwords)], check=True, timeout=30)  # noqa: S603
    acl = write_secret(layout.directory / "mosquitto.acl", mosquitto_acl(layout.accounts))
    config = layout.directory / "mosquitto.conf"
    config.write_text(
        f"listener {layout.ports.broker} {HOST}\n"
        f"user {getpass.getuser()}\n"
        f"allow_anonymous false\npassword_file {passwords}\nacl_file {acl}\n"
        "set_tcp_nodelay true\nmax_queued_messages 20000\nmax_inflight_messages 200\n",
        encoding="utf-8",
    )
    return [program, "-c", str(config)]


def _influxdb(layout: Layout) -> list[str]:
    program = _find("influxd", "influxdb")
    root, ports = layout.directory / "influxdb", layout.ports
    root.mkdir()
    config = root / "influxdb.conf"
    config.write_text(
        "reporting-disabled = true\n"
        f'bind-address = "{HOST}:{ports.store_rpc}"\n'
        f'[meta]\ndir = "{root}/meta"\n'
        f'[data]\ndir = "{root}/data"\nwal-dir = "{root}/wal"\nquery-log-enabled = false\n'
        f'[http]\nbind-address = "{HOST}:{ports.store}"\nlog-enabled = false\n'
        "[monitor]\nstore-enabled = false\n",
        encoding="utf-8",
    )
    return [program, "-config", str(config)]


async def create_database(layout: Layout) -> bool:
    """Make InfluxDB's database; return whether it answered."""
    url = f"http://{HOST}:{layout.ports.store}/query"
    async with httpx.AsyncClient(timeout=_TIMEOUT_S) as client:
        try:
            answer = await client.post(url, params={"q": 'CREATE DATABASE "campus"'})
        except httpx.TransportError:
            return False
    return answer.is_success


def _find(program: str, package: str) -> str:
    places = os.pathsep.join((os.environ.get("PATH", ""), *_SYSTEM_DIRECTORIES))
    path = shutil.which(program, path=places)
    if path is None:
        raise ProgramMissingError(
            "program_missing",
            f"{program} is not installed",
            remedy=f"on Debian: apt-get install {package}; or leave the option out",
        )
    return path
