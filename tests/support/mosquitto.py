"""A real mosquitto broker on a free port, configured as a test needs it."""

import getpass
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from tests.support.process import Server, accepts_connections, find_program, free_port


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFiles:
    """PEM files of a TLS listener.

    Attributes:
        ca: Certificate of the authority that signed the server's and the clients' certificates.
        certificate: The server's certificate chain.
        key: The server's private key.
        require_client_certificate: Whether a client must show a certificate of its own.
    """

    ca: Path
    certificate: Path
    key: Path
    require_client_certificate: bool = False


class Mosquitto(Server):
    """A mosquitto broker.

    Args:
        directory: Where its files go.
        users: Accounts and their passwords; ``None`` lets anybody in.
        acl: Text of the access control file.
        tls: Makes the one listener a TLS listener.
        persistence: Keep retained messages and sessions on disk. Mosquitto writes them at an
            orderly stop and every ``autosave_s``, so a kill loses what came since.
        autosave_s: Seconds between two writes of the persistence file.
        extra: Further lines of the configuration file.
        config: The whole configuration file, in place of what the other arguments make. It must
            listen on ``port``.
        port: The port to listen on; by default a free one.
    """

    program: ClassVar[str] = "mosquitto"
    package: ClassVar[str] = "mosquitto"

    def __init__(
        self,
        directory: Path,
        *,
        users: Mapping[str, str] | None = None,
        acl: str | None = None,
        tls: TlsFiles | None = None,
        persistence: bool = False,
        autosave_s: int = 1800,
        extra: Sequence[str] = (),
        config: str | None = None,
        port: int | None = None,
    ) -> None:
        super().__init__(directory)
        self.host = "localhost" if tls else "127.0.0.1"
        self.port = free_port() if port is None else port
        self._users = users
        self._acl = acl
        self._tls = tls
        self._persistence = persistence
        self._autosave_s = autosave_s
        self._extra = tuple(extra)
        self._config = config

    @property
    def url(self) -> str:
        """Address as the product's settings take it, without an account."""
        return f"{'mqtts' if self._tls else 'mqtt'}://{self.host}:{self.port}"

    def wipe(self) -> None:
        """Forget all stored state (retained messages, sessions); the broker must be ended."""
        if self.is_running:
            raise RuntimeError("end the broker before wiping its state")
        for stored in self.directory.glob("*.db*"):
            stored.unlink()

    def _prepare(self) -> None:
        if self._acl is not None:
            _write_private(self.directory / "acl", self._acl)
        if self._users is not None:
            write_password_file(self.directory / "passwords", self._users)
        text = self._config if self._config is not None else "\n".join(self._config_lines()) + "\n"
        (self.directory / "mosquitto.conf").write_text(text, encoding="utf-8")

    def _config_lines(self) -> list[str]:
        lines = [
            f"listener {self.port} 127.0.0.1",
            f"allow_anonymous {_word(yes=self._users is None)}",
            f"user {getpass.getuser()}",  # started by root it would drop to an account of its own
            f"persistence {_word(yes=self._persistence)}",
            f"persistence_location {self.directory}/",
            f"autosave_interval {self._autosave_s}",
            "set_tcp_nodelay true",
            "max_queued_messages 20000",
            "max_inflight_messages 200",
            "log_dest stdout",
            "log_type error",
            "log_type warning",
            "log_type notice",
        ]
        if self._users is not None:
            lines.append(f"password_file {self.directory / 'passwords'}")
        if self._acl is not None:
            lines.append(f"acl_file {self.directory / 'acl'}")
        if self._tls is not None:
            lines += [
                f"cafile {self._tls.ca}",
                f"certfile {self._tls.certificate}",
                f"keyfile {self._tls.key}",
                f"require_certificate {_word(yes=self._tls.require_client_certificate)}",
            ]
        return [*lines, *self._extra]

    def _arguments(self) -> Sequence[str]:
        return ["-c", str(self.directory / "mosquitto.conf")]

    def _is_ready(self) -> bool:
        return accepts_connections(self.port)


def write_password_file(path: Path, users: Mapping[str, str]) -> None:
    """Write a hashed password file with mosquitto's own tool.

    Raises:
        ServerMissingError: when the tool is not installed.
        subprocess.CalledProcessError: when the tool refuses.
    """
    tool = find_program("mosquitto_passwd", "mosquitto")
    _write_private(path, "".join(f"{name}:{password}\n" for name, password in users.items()))
    subprocess.run([tool, "-U", str(path)], check=True, capture_output=True, timeout=30)


def _write_private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")


def _word(*, yes: bool) -> str:
    return "true" if yes else "false"
