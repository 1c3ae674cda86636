"""The agent's configuration: `edge.yaml` as frozen models. `docs/edge.md` explains every key.

What one section alone can tell is checked here; what needs other sections or the profiles is
checked in `config_check`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from campus_wire.catalog import Area, Label, School
from campus_wire.config_model import ConfigModel, mistake_at
from campus_wire.ids import GatewayId, Name, PointName
from campus_wire.settings import MqttSettings
from device_profiles.model_location import AddressOffset

IntervalS = Annotated[float, Field(ge=0.1, le=86_400 * 7, allow_inf_nan=False)]
StuckAfterS = Annotated[float, Field(ge=60, le=86_400 * 31, allow_inf_nan=False)]
TimeoutS = Annotated[float, Field(ge=0.01, le=60, allow_inf_nan=False)]
Number = Annotated[float, Field(ge=-1e300, le=1e300, allow_inf_nan=False)]

# --- devices -----------------------------------------------------------------------------------


class ReportConfig(ConfigModel):
    """When a point is told: not at every reading but when it has moved."""

    deadband: float | None = Field(None, gt=0, le=1e12, allow_inf_nan=False)
    """In the point's unit; a value that moved by so much is told."""
    deadband_percent: float | None = Field(None, gt=0, le=100, allow_inf_nan=False)
    """Of the value told last. With neither, every other number is told."""
    longest_silence_s: float = Field(600.0, ge=1, le=86_400, allow_inf_nan=False)
    """After so long the newest reading is told, changed or not."""

    @model_validator(mode="after")
    def _one_deadband(self) -> Self:
        if self.deadband is not None and self.deadband_percent is not None:
            raise mistake_at(("deadband_percent",), "there is a deadband already")
        return self


class DeviceConfig(ConfigModel):
    """What every device has, whatever it is connected by."""

    id: Name
    profile: Name
    area: Name
    name: Label
    interval_s: IntervalS
    """Modbus: how often it is read. MQTT: how long it may be silent before it counts as offline."""
    points: tuple[PointName, ...] | None = Field(None, min_length=1)
    """Only these points of the profile; None: all."""
    report: dict[PointName, ReportConfig] = Field(default_factory=dict, max_length=2000)
    """Points that are told by exception; all others are told at every reading."""
    stuck_after_s: dict[PointName, StuckAfterS] = Field(default_factory=dict, max_length=2000)
    """Points whose value is bad (stuck) when it has been the same number for so long."""


class ModbusDeviceConfig(DeviceConfig):
    """A device on a Modbus bus."""

    unit_id: int = Field(ge=0, le=255)
    """1 to 247 on a serial line; on TCP also 0 and 255, which mean the endpoint itself."""
    address_offset: AddressOffset | None = None
    """Added to all addresses of the profile, or to those of each table, for devices that are one
    of several behind one unit."""


ProfileOrDialect = Annotated[
    str,
    Field(pattern=r"^(?:dialect:[a-z0-9_]{1,32}|[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,62}[A-Za-z0-9])?)$"),
]
"""A profile's id, or `dialect:` and the dialect in which a device describes itself."""


class MqttDeviceConfig(DeviceConfig):
    """A device that publishes to a local broker."""

    profile: ProfileOrDialect
    topic: dict[PointName, Annotated[str, Field(min_length=1, max_length=200)]] = Field(
        default_factory=dict, max_length=16
    )
    """What the profile's topic templates ask for, for example `friendly_name`. With a dialect:
    what names the device there, or its `id`."""

    @model_validator(mode="after")
    def _topics_hold_no_wildcards(self) -> Self:
        for key, text in self.topic.items():
            if any(sign in text for sign in "+#\0"):
                raise mistake_at(("topic", key), f"{text!r} holds a wildcard (+ or #)")
        return self


# --- sources -----------------------------------------------------------------------------------


class ModbusLink(ConfigModel):
    """What serial lines and TCP endpoints have in common."""

    timeout_s: TimeoutS = 1.0
    """How long a device may take to answer."""
    pause_s: float = Field(0.0, ge=0, le=5, allow_inf_nan=False)
    """Silence kept before each request, for slow devices; a serial line's own 3.5 characters
    come on top."""
    bridge_registers: int | None = Field(None, ge=0, le=120)
    """Read over holes up to this wide; None: as many as cost less time than another request."""
    echo: bool | None = None
    """Whether the line repeats each request before its answer, as many RS-485 converters do;
    None: it is found out. Not for `tcp`."""


class SerialModbus(ModbusLink):
    """A serial line, Modbus RTU or ASCII."""

    transport: Literal["rtu", "ascii"]
    port: Annotated[str, Field(min_length=1, max_length=4096)]
    """Prefer `/dev/serial/by-id/…`: numbers like ttyUSB0 change at a reboot."""
    baud_rate: int = Field(9600, ge=300, le=4_000_000)
    data_bits: Literal[7, 8] = 8
    parity: Literal["N", "E", "O"] = "N"
    stop_bits: Literal[1, 2] = 1

    @model_validator(mode="before")
    @classmethod
    def _ascii_has_its_own_defaults(cls, plain: Any) -> Any:
        # Modbus over Serial Line V1.02, section 2.5.2: 7 data bits, even parity.
        if isinstance(plain, dict) and plain.get("transport") == "ascii":
            parity = "E" if plain.get("data_bits", 7) == 7 else "N"
            return {"data_bits": 7, "parity": parity, **plain}
        return plain

    @model_validator(mode="after")
    def _rtu_needs_whole_bytes(self) -> Self:
        if self.transport == "rtu" and self.data_bits == 7:
            raise mistake_at(
                ("data_bits",), "RTU sends bytes of 8 bits", remedy="transport: ascii takes 7"
            )
        return self


class TcpModbus(ModbusLink):
    """A Modbus TCP endpoint, or a serial line behind a plain converter (`…_over_tcp`)."""

    transport: Literal["tcp", "rtu_over_tcp", "ascii_over_tcp"]
    host: Annotated[str, Field(min_length=1, max_length=253)]
    port: int = Field(502, ge=1, le=65_535)
    connect_timeout_s: TimeoutS = 3.0

    @model_validator(mode="after")
    def _tcp_has_no_echo(self) -> Self:
        if self.transport == "tcp" and self.echo is not None:
            raise mistake_at(("echo",), "is for serial lines and for converters to them")
        return self


class BusConfig(ConfigModel):
    """One serial line or one TCP endpoint, with its devices."""

    id: Name
    modbus: SerialModbus | TcpModbus = Field(discriminator="transport")
    devices: tuple[ModbusDeviceConfig, ...] = Field(max_length=5000)


class MqttSourceConfig(ConfigModel):
    """A local broker that devices publish to."""

    id: Name
    broker: MqttSettings
    dialects: tuple[Annotated[str, Field(pattern=r"^[a-z0-9_]{1,32}$")], ...] = Field(
        (), max_length=16
    )
    """In what dialects devices describe themselves there; those of its devices need no mention."""
    devices: tuple[MqttDeviceConfig, ...] = Field(max_length=5000)


# --- interlocks --------------------------------------------------------------------------------


class InterlockWhen(ConfigModel):
    """When an interlock acts and when it lets go."""

    device: Name
    point: PointName
    at_or_above: Number | None = None
    at_or_below: Number | None = None
    act_after_s: float = Field(0.0, ge=0, le=3600, allow_inf_nan=False)
    """The value must stay beyond the limit this long."""
    release_below: Number | None = None
    """With `at_or_above`; None: as soon as it is below that."""
    release_above: Number | None = None
    release_after_s: float = Field(0.0, ge=0, le=86_400, allow_inf_nan=False)
    lost_after_s: float | None = Field(None, gt=0, le=86_400, allow_inf_nan=False)
    """Without a good value for so long the sensor is lost; None: three polling intervals."""

    @model_validator(mode="after")
    def _limits_fit(self) -> Self:
        if (self.at_or_above is None) == (self.at_or_below is None):
            raise ValueError("give exactly one of at_or_above and at_or_below")
        if self.at_or_above is not None:
            if self.release_above is not None:
                raise mistake_at(
                    ("release_above",), "goes with at_or_below", suggestion="release_below"
                )
            if self.release_below is not None and self.release_below > self.at_or_above:
                raise mistake_at(("release_below",), "must not lie above at_or_above")
        if self.at_or_below is not None:
            if self.release_below is not None:
                raise mistake_at(
                    ("release_below",), "goes with at_or_above", suggestion="release_above"
                )
            if self.release_above is not None and self.release_above < self.at_or_below:
                raise mistake_at(("release_above",), "must not lie below at_or_below")
        return self


class InterlockThen(ConfigModel):
    """What is written while it acts."""

    device: Name
    point: PointName
    value: Number


class InterlockOtherwise(ConfigModel):
    """What is written on release, to the same device and point."""

    value: Number


class InterlockConfig(ConfigModel):
    """A rule that works here, with the link down too."""

    id: Name
    when: InterlockWhen
    then: InterlockThen
    otherwise: InterlockOtherwise | None = None
    """None: release writes nothing."""
    on_sensor_lost: Literal["act", "release", "hold"]
    """Has no default: whoever writes an interlock decides what a broken sensor means."""


# --- without the controller --------------------------------------------------------------------


class FallbackWrite(ConfigModel):
    """One safe value."""

    device: Name
    point: PointName
    value: Number


class FallbackConfig(ConfigModel):
    """What is written, once, when the controller has been silent for too long."""

    after_s: float = Field(300.0, ge=30, le=86_400, allow_inf_nan=False)
    """Without ack or command for so long the controller counts as lost."""
    writes: tuple[FallbackWrite, ...] = Field((), max_length=1000)


# --- the agent itself --------------------------------------------------------------------------


class UplinkConfig(ConfigModel):
    """The way to the controller."""

    broker: MqttSettings
    command_key_file: Path | None = None
    """Key that commands are signed with, as `campus controller` printed it; None: all commands
    are refused."""
    backlog_batches_per_s: float = Field(20.0, gt=0, le=1000, allow_inf_nan=False)
    backlog_window: int = Field(64, ge=1, le=1000)
    """Backlog batches that may wait for their ack at the same time."""
    ack_timeout_s: float = Field(30.0, ge=1, le=3600, allow_inf_nan=False)
    """A batch without ack for so long is sent again."""
    safety_ack_timeout_s: float = Field(4.0, ge=1, le=3600, allow_inf_nan=False)
    """The same for class safety; doubled with each try up to `ack_timeout_s`."""
    status_interval_s: float = Field(30.0, ge=1, le=60, allow_inf_nan=False)


class SpoolConfig(ConfigModel):
    """Where samples wait until the controller has stored them."""

    path: Path
    max_mb: int = Field(512, ge=1, le=1_000_000)
    disk_reserve_mb: int = Field(64, ge=0, le=1_000_000)
    """The spool grows no further when the disk has less than this left."""


class ClockConfig(ConfigModel):
    """Which clock to trust."""

    source: Literal["ntp", "system"] = "ntp"
    """ntp: trusted while the kernel says that it is disciplined. system: always trusted."""
    unsynced_hold_s: float = Field(600.0, ge=0, le=86_400, allow_inf_nan=False)
    """How long samples taken before the first sync wait to be re-stamped before they travel
    marked as unsynced; safety samples never wait."""
    holdover_s: float = Field(86_400.0, ge=0, le=86_400 * 30, allow_inf_nan=False)
    """How long the clock is trusted after its discipline was lost."""


class EdgeConfig(ConfigModel):
    """`edge.yaml`."""

    gateway: GatewayId
    school: School
    areas: tuple[Area, ...] = Field((), max_length=5000)
    profiles: Path | None = None
    """A folder of profiles beside the built-in ones."""
    uplink: UplinkConfig
    spool: SpoolConfig
    clock: ClockConfig = ClockConfig()
    buses: tuple[BusConfig, ...] = Field((), max_length=5000)
    mqtt_sources: tuple[MqttSourceConfig, ...] = Field((), max_length=16)
    interlocks: tuple[InterlockConfig, ...] = Field((), max_length=1000)
    fallback: FallbackConfig = FallbackConfig()
