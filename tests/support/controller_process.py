"""The controller as a process of its own."""

import contextlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import httpx

from tests.support.mosquitto import Mosquitto
from tests.support.process import Server, free_port

_MAIN = "from campus_cli.main import main; main()"


class ControllerProcess(Server):
    """`campus controller run` in a directory of its own."""

    program: ClassVar[str] = sys.executable
    package: ClassVar[str] = "campus-iot"

    def __init__(self, directory: Path, broker: Mosquitto, *, store: str, more: str = "") -> None:
        super().__init__(directory)
        self.log_path = directory / "controller.log"
        self.port = free_port()
        self.config = directory / "controller.yaml"
        self._text = (
            f"broker: {{host: {broker.host}, port: {broker.port}}}\n"
            f"store: {{url: '{store}'}}\n"
            f"api: {{port: {self.port}}}\n"
            f"first_token_file: first.token\n{more}"
        )

    @property
    def state_path(self) -> Path:
        return self.directory / "state.db"

    @property
    def token(self) -> str:
        return (self.directory / "first.token").read_text().strip()

    def _prepare(self) -> None:
        self.config.write_text(self._text)

    def _arguments(self) -> Sequence[str]:
        return ["-c", _MAIN, "controller", "run", "--config", str(self.config)]

    def _is_ready(self) -> bool:
        with contextlib.suppress(httpx.HTTPError):
            return httpx.get(f"http://127.0.0.1:{self.port}/readyz").is_success
        return False
