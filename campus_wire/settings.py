"""Settings of a connection to an MQTT broker, as both sides' configuration files hold them."""

from __future__ import annotations

import ipaddress
import os
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from campus_wire.errors import CredentialsError

_PLAIN_PORT: Final = 1883
_TLS_PORT: Final = 8883

Seconds = Annotated[float, Field(gt=0, le=3600)]


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class TlsSettings(_Settings):
    """How to know the broker, and how to be known to it.

    Files are PEM and are read at every connect, so a renewed certificate needs no restart.
    """

    ca_file: Path | None = None
    """Authorities to trust; without it, those of the operating system."""
    cert_file: Path | None = None
    """This side's own certificate, where the broker asks for one."""
    key_file: Path | None = None

    @model_validator(mode="after")
    def _certificate_with_key(self) -> Self:
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("cert_file and key_file belong together: give both or neither")
        return self


class MqttSettings(_Settings):
    """One broker and how to reach it.

    A password comes from a file or from an environment variable, never from the configuration
    itself, and is read at every connect. With a password and without TLS, only a loopback host is
    taken: over a network the password would travel readable, with every later message open to
    change. `allow_plain_password` overrides that, for a broker on a network of its own.
    """

    host: str = Field(min_length=1, max_length=253)
    port: int = Field(0, ge=0, le=65_535, validate_default=False)
    """0 stands for 8883 with TLS and 1883 without."""
    username: str | None = Field(None, min_length=1, max_length=200)
    password_file: Path | None = None
    password_env: str | None = Field(None, min_length=1)
    """Name of the environment variable that holds the password."""
    allow_plain_password: bool = False
    tls: TlsSettings | None = None
    client_id: str | None = Field(None, min_length=1, max_length=128)
    """None: a new one for each connection. A gateway gives its id, so that its new connection
    takes over a half-open old one, whose last will would else overwrite the new status."""
    keepalive_s: int = Field(20, ge=1, le=600)
    """A dead connection is noticed within twice this; the broker sends the will after 1.5 times."""
    timeout_s: Seconds = 10.0
    """For each step of connecting, and for a publish to be answered."""
    reconnect_first_s: Seconds = 0.25
    reconnect_max_s: Seconds = 15.0
    reconnect_refused_s: Seconds = 60.0
    """Between attempts while the broker refuses the password or the certificate."""
    inflight_max: int = Field(100, ge=1, le=10_000)
    """Publishes that wait for their PUBACK at the same time; at 2 ms round trip 20, the usual
    default, would end at 10,000 a second and at 200 ms at 100."""
    received_max: int = Field(10_000, ge=1)
    """Messages received and not yet handled; what comes on top is dropped and counted."""
    received_bytes_max: int = Field(64 * 1024 * 1024, ge=1024)

    @model_validator(mode="after")
    def _password_is_safe(self) -> Self:
        if self.password_file is not None and self.password_env is not None:
            raise ValueError("give password_file or password_env, not both")
        has_password = self.password_file is not None or self.password_env is not None
        if has_password and self.username is None:
            raise ValueError("a password needs a username")
        is_open = self.tls is None and not self.allow_plain_password and not self.is_loopback
        if has_password and is_open:
            raise ValueError(
                f"the password would travel unencrypted to {self.host}: add tls, or set "
                "allow_plain_password where nobody else is on that network"
            )
        return self

    @property
    def is_loopback(self) -> bool:
        """Whether the broker is on this machine."""
        if self.host.lower() in {"localhost", "localhost.localdomain", "ip6-localhost"}:
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def effective_port(self) -> int:
        """The port to connect to."""
        return self.port or (_PLAIN_PORT if self.tls is None else _TLS_PORT)

    @property
    def address(self) -> str:
        """What to call the broker in messages: `mqtts://host:port`, never with a password."""
        scheme = "mqtt" if self.tls is None else "mqtts"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{host}:{self.effective_port}"

    def password(self) -> SecretStr | None:
        """Read the password.

        Raises:
            CredentialsError: the file cannot be read, or the variable is not set.
        """
        if self.password_env is not None:
            return SecretStr(self._from_environment(self.password_env))
        if self.password_file is None:
            return None
        try:
            text = self.password_file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise CredentialsError(
                "password_file",
                f"the password file cannot be read: {error}",
                place=str(self.password_file),
            ) from error
        return SecretStr(text.rstrip("\r\n"))

    def _from_environment(self, name: str) -> str:
        text = os.environ.get(name)
        if text is None:
            raise CredentialsError(
                "password_env", "the environment variable is not set", place=name
            )
        return text
