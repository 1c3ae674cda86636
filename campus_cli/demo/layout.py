"""One run's directory: ports, secrets and every part's configuration, all made anew."""

from __future__ import annotations

import contextlib
import io
import secrets
import shutil
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from random import SystemRandom
from typing import Any, Final

from ruamel.yaml import YAML

from campus_cli.demo.accounts import Account, make_accounts, save, write_secret
from campus_wire import signing

Json = dict[str, Any]
HOST: Final = "127.0.0.1"
_KEY_BYTES: Final = 32
_PORTS: Final = range(15_000, 32_000)


@dataclass(frozen=True)
class Ports:
    """Loopback ports that were free a moment ago."""

    broker: int
    api: int
    sink: int
    store: int
    store_rpc: int


@dataclass(frozen=True)
class Layout:
    """Where everything of a run lies."""

    directory: Path
    ports: Ports
    accounts: Sequence[Account]
    gateways: Sequence[str]
    store_url: str

    @property
    def school(self) -> Path:
        """The described school, pointed at this run's broker."""
        return self.directory / "school.yaml"

    @property
    def truth(self) -> Path:
        """What the devices showed."""
        return self.directory / "truth.jsonl"

    @property
    def orders(self) -> Path:
        """How to give the simulators live orders."""
        return self.directory / "orders.json"

    @property
    def controller_config(self) -> Path:
        """`controller.yaml` of this run."""
        return self.directory / "controller.yaml"

    @property
    def token_file(self) -> Path:
        """The controller's first token."""
        return self.directory / "token"

    @property
    def sink_log(self) -> Path:
        """What the webhook sink accepted."""
        return self.directory / "notices.jsonl"

    @property
    def sink_secret(self) -> Path:
        """What notices to the sink are signed with."""
        return self.directory / "sink.secret"

    @property
    def accounts_file(self) -> Path:
        """The broker's accounts."""
        return self.directory / "accounts.json"

    @property
    def drafts(self) -> Path:
        """Where the simulators say which ports their devices got."""
        return self.directory / "drafts"

    @property
    def api_url(self) -> str:
        """Address of the controller's API."""
        return f"http://{HOST}:{self.ports.api}"

    def edge_config(self, gateway: str) -> Path:
        """`edge.yaml` of one gateway."""
        return self.directory / f"{gateway}.yaml"

    def broker_settings(self, account: str) -> Json:
        """Return how `account` reaches the broker, as configuration files say it."""
        return {
            "host": HOST,
            "port": self.ports.broker,
            "username": account,
            "password_file": str(self.directory / f"{account}.password"),
        }


def default_school() -> Path:
    """Return the described school that ships with the package."""
    return Path(str(files("campus_cli.demo") / "school.yaml"))


def make_layout(directory: Path, school: Path, *, store: str) -> Layout:
    """Fill `directory` with all that can be known before anything runs.

    Args:
        directory: must exist; only its owner should be able to read it.
        school: the described school.
        store: a store URL, or `duckdb` or `influxdb` for one of the run's own.
    """
    described = _load(school)
    gateways = [gateway["id"] for gateway in described["gateways"]]
    ports = Ports(*_free_ports(len(Ports.__dataclass_fields__)))
    urls = {
        "duckdb": f"duckdb:///{directory / 'telemetry.duckdb'}",
        "influxdb": f"influxdb://{HOST}:{ports.store}/campus?version=1",
    }
    layout = Layout(directory, ports, make_accounts(gateways), gateways, urls.get(store, store))
    _write_secrets(layout)
    for gateway in described["gateways"]:
        for source in gateway.get("mqtt_sources", ()):
            source["broker"] = layout.broker_settings("sensors")
    _dump(described, layout.school)
    rules = directory / "rules.yaml"
    shutil.copyfile(str(files("campus_cli.demo") / "rules.yaml"), rules)
    _dump(_controller_config(layout, rules), layout.controller_config)
    return layout


def finish_edge_configs(layout: Layout) -> None:
    """Turn the simulators' drafts into each gateway's own configuration."""
    for gateway in layout.gateways:
        config = _load(layout.drafts / f"{gateway}.yaml")
        config["uplink"] = {
            "broker": layout.broker_settings(gateway) | {"client_id": gateway},
            "command_key_file": str(layout.directory / f"{gateway}.key"),
        }
        _dump(config, layout.edge_config(gateway))


def write_environment(layout: Layout) -> None:
    """Write what a second terminal needs: after `. ./env`, `campus alarms list` finds its way."""
    token = layout.token_file.read_text(encoding="utf-8").strip()
    variables = {
        "CAMPUS_URL": layout.api_url,
        "CAMPUS_TOKEN": token,
        "BROKER_PORT": layout.ports.broker,
    }
    lines = [f"export {name}={value}\n" for name, value in variables.items()]
    write_secret(layout.directory / "env", "".join(lines))


def _write_secrets(layout: Layout) -> None:
    save(layout.accounts, layout.accounts_file)
    for account in layout.accounts:
        write_secret(layout.directory / f"{account.name}.password", account.password)
    write_secret(layout.sink_secret, secrets.token_hex(_KEY_BYTES))
    district = secrets.token_bytes(_KEY_BYTES)
    write_secret(layout.directory / "district.key", district.hex())
    for gateway in layout.gateways:
        key = signing.gateway_key(district, gateway)
        write_secret(layout.directory / f"{gateway}.key", key.hex())


def _controller_config(layout: Layout, rules: Path) -> Json:
    return {
        "broker": layout.broker_settings("controller") | {"client_id": "controller"},
        "command_key_file": str(layout.directory / "district.key"),
        "first_token_file": str(layout.token_file),
        "state": {"url": f"sqlite:///{layout.directory / 'state.db'}"},
        "store": {"url": layout.store_url},
        "rules": [str(rules)],
        "api": {"host": HOST, "port": layout.ports.api},
        "notices": {
            "language": "both",
            "channels": [
                {
                    "id": "sink",
                    "kind": "webhook",
                    "url": f"http://{HOST}:{layout.ports.sink}/notices",
                    "secret_file": str(layout.sink_secret),
                    "allow_private": True,
                }
            ],
        },
    }


def _free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on, below the range that outgoing connections use."""
    found: list[int] = []
    candidates = SystemRandom().sample(_PORTS, len(_PORTS))
    while len(found) < count:
        port = candidates.pop()
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((HOST, port))
            found.append(port)
    return found


def _load(path: Path) -> Json:
    loaded: Json = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    return loaded


def _dump(document: Json, path: Path) -> None:
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.allow_unicode = True
    stream = io.StringIO()
    yaml.dump(document, stream)
    path.write_text(stream.getvalue(), encoding="utf-8")
