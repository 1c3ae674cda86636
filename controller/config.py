"""`controller.yaml` as frozen models; what each key means is in docs/controller.md.

Relative paths count from the directory of the file. Secrets stand in files of their own.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self, TypeVar

from pydantic import BaseModel, Field, field_validator, model_validator

from campus_wire.config_file import ConfigModel, load_yaml
from campus_wire.ids import Name
from campus_wire.limits import COMMAND_LIFE_S_MAX
from campus_wire.settings import MqttSettings

Severity = Literal["critical", "warning", "info"]

_FILE_SCHEMES: Final = ("sqlite:///", "duckdb:///")

M = TypeVar("M", bound=BaseModel)


def load_config(path: Path) -> ControllerConfig:
    """Read the file; relative paths in the result count from its directory.

    Raises:
        campus_wire.config_file.ConfigFileError: with all mistakes of the file.
    """
    return _resolved(load_yaml(path, ControllerConfig), path.absolute().parent)


def _resolved(model: M, directory: Path) -> M:
    changes = {
        name: _resolved_value(getattr(model, name), directory) for name in type(model).model_fields
    }
    return model.model_copy(update=changes)


def _resolved_value(value: Any, directory: Path) -> Any:
    if isinstance(value, str) and value.startswith(_FILE_SCHEMES):
        scheme, _, path = value.partition(":///")
        return f"{scheme}:///{directory / path}"
    if isinstance(value, Path):
        return directory / value.expanduser()
    if isinstance(value, BaseModel):
        return _resolved(value, directory)
    if isinstance(value, tuple):
        return tuple(_resolved_value(one, directory) for one in value)
    return value


class StateSettings(ConfigModel):
    """Where the state lives: an SQLAlchemy URL."""

    url: str = "sqlite:///state.db"
    busy_timeout_s: float = Field(10.0, gt=0, le=120)


class StoreSettings(ConfigModel):
    """Where telemetry goes: `duckdb:///PATH` or `influxdb://[user@]host:port/database?version=1`."""

    url: str = "duckdb:///telemetry.duckdb"
    secret_file: Path | None = None
    """Password (version 1) or token (2 and 3) of an InfluxDB."""
    ca_file: Path | None = None
    timeout_s: float = Field(10.0, gt=0, le=120)

    @field_validator("url")
    @classmethod
    def _known_scheme(cls, url: str) -> str:
        if url.split(":", 1)[0] not in {"duckdb", "influxdb", "influxdbs"}:
            raise ValueError("begins with duckdb:, influxdb: or influxdbs:")
        return url


class ServerTlsSettings(ConfigModel):
    """Certificate of the HTTP API."""

    cert_file: Path
    key_file: Path


class ApiSettings(ConfigModel):
    """Where the HTTP API listens. Without TLS only on the loopback address."""

    host: str = "127.0.0.1"
    port: int = Field(8080, ge=1, le=65_535)
    tls: ServerTlsSettings | None = None
    behind_proxy: bool = False
    """Said aloud: a proxy on the way ends TLS, so plain HTTP may listen beyond the loopback."""
    request_timeout_s: float = Field(30.0, gt=0, le=300)

    @model_validator(mode="after")
    def _no_plain_text_abroad(self) -> Self:
        at_home = self.host in {"127.0.0.1", "::1", "localhost"}
        if self.tls is None and not at_home and not self.behind_proxy:
            raise ValueError("needs tls, or behind_proxy: true, beyond the loopback address")
        return self


class WebhookChannel(ConfigModel):
    """A notice as signed JSON to one address."""

    id: Name
    kind: Literal["webhook"]
    url: str = Field(pattern=r"^https?://\S+$", max_length=2000)
    secret_file: Path
    severities: tuple[Severity, ...] = ("critical", "warning", "info")
    allow_private: bool = False
    """Whether the address may resolve to a private or loopback network."""
    timeout_s: float = Field(10.0, gt=0, le=60)


class AppriseChannel(ConfigModel):
    """A notice through one of apprise's services; the URL holds secrets, so it has its own file."""

    id: Name
    kind: Literal["apprise"]
    url_file: Path
    severities: tuple[Severity, ...] = ("critical", "warning", "info")
    timeout_s: float = Field(20.0, gt=0, le=60)


Channel = Annotated[WebhookChannel | AppriseChannel, Field(discriminator="kind")]


class NoticesSettings(ConfigModel):
    """Who is told, and in which language."""

    language: Literal["zh", "en", "both"] = "both"
    channels: tuple[Channel, ...] = ()
    page_url: str | None = Field(None, pattern=r"^https?://\S+$", max_length=2000)
    """Address of the page behind a notice's link, as people reach it."""

    @model_validator(mode="after")
    def _ids_differ(self) -> Self:
        ids = [channel.id for channel in self.channels]
        if len(set(ids)) != len(ids):
            raise ValueError("two channels have the same id")
        return self


class IngestSettings(ConfigModel):
    """Bounds of the way from broker to store. The defaults serve 200,000 values a second."""

    group_values: int = Field(20_000, ge=1, le=1_000_000)
    """Values that go through rules and state in one transaction, at most (one batch more)."""
    write_values: int = Field(10_000, ge=1, le=1_000_000)
    """Values in one write to the store, at most (one batch more)."""
    writes_in_flight: int = Field(2, ge=1, le=16)
    linger_s: float = Field(0.1, ge=0, le=1)
    """While batches stream in, how far apart transactions are; safety batches never wait."""
    pending_values_max: int = Field(500_000, ge=10_000, le=50_000_000)
    """Values waiting for the store; beyond, batches are dropped and come again unacked."""
    held_mb_max: int = Field(16, ge=1, le=1_024)
    """Payloads waiting for their catalog."""
    ahead_s_max: float = Field(600.0, gt=0, le=600)
    """Samples from further ahead are refused."""
    not_before: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    """Samples from before are refused: no gateway is older than the software it runs."""
    catalog_wait_s: float = Field(10.0, gt=0, le=600)
    """Time between two requests for the same missing catalog."""


class LivenessSettings(ConfigModel):
    """When a gateway counts as silent."""

    silent_after_s: float = Field(80.0, ge=10, le=3_600)
    offline_after_s: float = Field(60.0, ge=1, le=3_600)


class CommandSettings(ConfigModel):
    """Lives of commands."""

    life_s: float = Field(30.0, gt=0, le=COMMAND_LIFE_S_MAX)
    receipt_grace_s: float = Field(60.0, gt=0, le=3_600)
    """How long after its expiry a command without receipt still waits before it is `unknown`."""
    open_max: int = Field(10_000, ge=1)


class ControllerConfig(ConfigModel):
    """The whole file."""

    broker: MqttSettings
    command_key_file: Path = Path("district.key")
    first_token_file: Path | None = None
    """Where the first token is written, readable by the owner only, in place of being shown."""
    state: StateSettings = StateSettings()
    store: StoreSettings = StoreSettings()
    rules: tuple[Path, ...] = ()
    profiles: Path | None = None
    api: ApiSettings | None = ApiSettings()
    notices: NoticesSettings = NoticesSettings()
    ingest: IngestSettings = IngestSettings()
    liveness: LivenessSettings = LivenessSettings()
    commands: CommandSettings = CommandSettings()
    stop_timeout_s: float = Field(10.0, gt=0, le=120)
