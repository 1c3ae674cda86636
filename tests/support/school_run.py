"""A whole school as real processes: broker, store, controller, edge agents, simulators.

For campaigns and benchmarks, which kill, starve or load its parts. Every part is started from
configuration files that are made anew, as an operator would start it; nothing runs in this process.
"""

from __future__ import annotations

import asyncio
import io
import json
import shutil
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Final

from ruamel.yaml import YAML

from campus_cli.demo.accounts import Account, mosquitto_acl
from campus_cli.demo.layout import HOST, Layout, finish_edge_configs, make_layout
from firmware_sims.control import send_order
from tests.support.influx import InfluxDB
from tests.support.mosquitto import Mosquitto
from tests.support.process import Server, wait_until

Json = dict[str, Any]
Change = Callable[[Json], None]
READY_TIMEOUT_S: Final = 60.0
AUTOSAVE_S: Final = 5
"""How often the broker writes its sessions and retained messages down."""
_HTTP_TIMEOUT_S: Final = 5.0


class Part(Server):
    """A server that can also be started without waiting until it serves."""

    _is_patient = True

    def start(self, *, timeout_s: float = READY_TIMEOUT_S) -> None:
        """Start it and wait until it serves."""
        self._is_patient = True
        super().start(timeout_s=timeout_s)

    def relaunch(self) -> None:
        """Start the process and return at once, so that it can be killed while it comes up."""
        self._is_patient = False
        Server.start(self)

    def _wait_until_ready(self, timeout_s: float) -> None:
        if self._is_patient:
            super()._wait_until_ready(timeout_s)


class BrokerPart(Part, Mosquitto):
    """Mosquitto."""


class StorePart(Part, InfluxDB):
    """InfluxDB 1.x."""


class CampusPart(Part):
    """One process of the product."""

    program: ClassVar[str] = sys.executable
    package: ClassVar[str] = "python3"

    def __init__(self, name: str, arguments: Sequence[str], directory: Path) -> None:
        super().__init__(directory)
        self.log_path = directory / f"{name}.log"
        self._command = arguments

    def _prepare(self) -> None:
        """Its configuration is written before."""

    def _arguments(self) -> Sequence[str]:
        return self._command

    def _is_ready(self) -> bool:
        return True


@dataclass
class SchoolRun:
    """One run in one directory.

    Args:
        directory: made when missing; holds every file of the run.
        school: the described school.
        rules: the controller's rules.
        change_edge: edits each gateway's configuration before it is written.
        change_controller: the same for the controller's.
        guests: further accounts of the broker.
        program: what Python runs in place of `campus`.
    """

    directory: Path
    school: Path
    rules: Path
    change_edge: Change = lambda _config: None
    change_controller: Change = lambda _config: None
    guests: Sequence[Account] = ()
    program: Sequence[str] = ("-m", "campus_cli.main")
    layout: Layout = field(init=False)
    parts: dict[str, Part] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        self.directory.chmod(0o700)
        store = StorePart(self.directory / "influxdb")
        url = f"influxdb://{HOST}:{store.port}/{store.database}?version=1"
        self.layout = make_layout(self.directory, self.school, store=url)
        shutil.copyfile(self.rules, self.directory / "rules.yaml")
        profiles = self.school.parent / "profiles"
        if profiles.is_dir():
            shutil.copytree(profiles, self.directory / "profiles")
        edit_yaml(self.layout.controller_config, self.change_controller)
        self.store = store
        accounts = [*self.layout.accounts, *self.guests]
        self.broker = BrokerPart(
            self.directory / "mosquitto",
            users={account.name: account.password for account in accounts},
            acl=mosquitto_acl(accounts),
            persistence=True,
            autosave_s=AUTOSAVE_S,
            # Acks travel with QoS 0; a witness that reconnects has to hear of them as well.
            extra=["queue_qos0_messages true"],
            port=self.layout.ports.broker,
        )
        self.parts |= {"broker": self.broker, "store": store}

    # --- up and down ---------------------------------------------------------------------------

    def start(self, *, edges: bool = True) -> None:
        """Bring everything up and wait until samples flow."""
        self.broker.start()
        self.store.start()
        self._add("controller", "controller", "run", "--config", str(self.layout.controller_config))
        self._start_sims()
        finish_edge_configs(self.layout)
        for gateway in self.layout.gateways:
            config = self.layout.edge_config(gateway)
            edit_yaml(config, self.change_edge)
            self._add(gateway, "edge", "run", "--config", str(config), start=False)
        # First the controller: what is published while nobody listens comes again only after the
        # time that an agent waits for an ack.
        self.wait_until_ready()
        if edges:
            self.start_edges()

    def start_edges(self) -> None:
        """Start the agents."""
        for gateway in self.layout.gateways:
            self.parts[gateway].start()

    def _start_sims(self) -> None:
        layout = self.layout
        truth = ("--truth", str(layout.truth), "--control", str(layout.orders))
        drafts = ("--print-edge-config", str(layout.drafts), "--lines", str(layout.directory))
        self._add("sims", "sims", "run", str(layout.school), *truth, *drafts, "--json")
        wanted = [layout.orders, *(layout.drafts / f"{name}.yaml" for name in layout.gateways)]
        wait_until(lambda: all(path.exists() for path in wanted), what="simulators")

    def _add(self, name: str, *arguments: str, start: bool = True) -> None:
        part = CampusPart(name, [*self.program, *arguments], self.directory)
        self.parts[name] = part
        if start:
            part.start()

    def wait_until_ready(self, *, timeout_s: float = READY_TIMEOUT_S) -> None:
        """Block until the controller says that samples flow all the way.

        Raises:
            TimeoutError: they do not.
        """
        wait_until(self.is_ready, what="controller ready", timeout_s=timeout_s, poll_s=0.1)

    def is_ready(self) -> bool:
        """Ask the controller whether samples flow all the way."""
        try:
            with urllib.request.urlopen(
                f"{self.layout.api_url}/readyz", timeout=_HTTP_TIMEOUT_S
            ) as reply:
                return bool(reply.status == 200) and self.layout.token_file.exists()
        except OSError:
            return False

    def stop(self) -> None:
        """End every part in order: what sends before what receives."""
        first = [*self.layout.gateways, "sims", "controller"]
        for name in [*first, *(name for name in self.parts if name not in first)]:
            if name in self.parts:
                self.parts[name].stop()

    # --- talking to it -------------------------------------------------------------------------

    def order(self, **order: object) -> Json:
        """Give the simulators one order and return their answer; see `firmware_sims.control`."""
        answer = asyncio.run(send_order(self.layout.orders, order))
        if not answer["ok"]:
            raise RuntimeError(f"{order}: {answer}")
        return answer

    def api(self, path: str, body: Json | None = None) -> Any:
        """Call the controller below `/api/v1`; a body makes it a POST.

        Raises:
            OSError: no answer, or one of 400 and above.
        """
        token = self.layout.token_file.read_text(encoding="utf-8").strip()
        request = urllib.request.Request(
            f"{self.layout.api_url}/api/v1{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=_HTTP_TIMEOUT_S) as reply:
            return json.load(reply)

    def metric(self, name: str) -> float:
        """Return the value of a metric without labels."""
        token = self.layout.token_file.read_text(encoding="utf-8").strip()
        request = urllib.request.Request(
            f"{self.layout.api_url}/metrics", headers={"Authorization": f"Bearer {token}"}
        )
        with urllib.request.urlopen(request, timeout=_HTTP_TIMEOUT_S) as reply:
            lines = (line.split() for line in reply.read().decode().splitlines())
            return next(float(words[1]) for words in lines if words and words[0] == name)

    def tracebacks(self) -> list[str]:
        """Return the logs that hold a Python traceback."""
        return [
            path.name
            for path in sorted(self.directory.glob("*.log"))
            if b"Traceback (most recent call last)" in path.read_bytes()
        ]


def edit_yaml(path: Path, change: Change) -> None:
    """Load a YAML file, let `change` edit it and write it back."""
    yaml = YAML(typ="safe", pure=True)
    document = yaml.load(path.read_text(encoding="utf-8"))
    change(document)
    yaml.default_flow_style = False
    yaml.allow_unicode = True
    stream = io.StringIO()
    yaml.dump(document, stream)
    path.write_text(stream.getvalue(), encoding="utf-8")
