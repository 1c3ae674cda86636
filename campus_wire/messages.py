"""Messages beside batches and catalogs: status, events, commands, receipts, acks, configuration.

All are small JSON objects. `encode` and `decode` go by the model; unknown keys are refused.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal, Self, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from campus_wire import frames
from campus_wire.errors import MalformedError
from campus_wire.ids import ONE_LINE_PATTERN, Digest, GatewayId, Name, PointName, Uuid
from campus_wire.limits import (
    ACK_RANGES_MAX,
    ATTRIBUTES_MAX,
    COMMAND_LIFE_S_MAX,
    SEQ_MAX,
    TEXT_CHARS_MAX,
    TIME_NS_MAX,
    VALUE_ABS_MAX,
)
from campus_wire.samples import ClockState

__all__ = [
    "Ack",
    "ClockState",
    "Command",
    "DesiredConfig",
    "Event",
    "Expectation",
    "LinkState",
    "Message",
    "Outcome",
    "Range",
    "Receipt",
    "Refusal",
    "Status",
    "decode",
    "encode",
]

TimeNs = Annotated[int, Field(ge=0, le=TIME_NS_MAX)]
Seq = Annotated[int, Field(ge=1, le=SEQ_MAX)]
Number = Annotated[float, Field(ge=-VALUE_ABS_MAX, le=VALUE_ABS_MAX)]
Line = Annotated[str, Field(max_length=TEXT_CHARS_MAX, pattern=ONE_LINE_PATTERN)]
Key = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]


def _exact(number: float) -> float:
    # As one more branch of the union, an integer over 2**53 would be taken for a rounded float.
    if isinstance(number, int) and abs(number) > SEQ_MAX:
        raise ValueError("an integer beyond 2**53 is not exact in every JSON reader")
    return number


Attribute = Annotated[bool | int | Number, AfterValidator(_exact)] | Line | None
Slug = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,47}$")]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Message(_Part):
    """Base of all messages; `v` is the version of the contract."""

    v: Literal[1] = 1


M = TypeVar("M", bound=Message)


class LinkState(StrEnum):
    """What a status says of its gateway."""

    ONLINE = "online"
    STOPPING = "stopping"
    OFFLINE = "offline"


class Status(Message):
    """Retained; with state `offline` also the last will, whose `time_ns` is that of connecting."""

    gateway: GatewayId
    state: LinkState = Field(strict=False)
    time_ns: TimeNs
    boot: Uuid
    epoch: Uuid | None = None
    catalog: Digest | None = None
    clock: ClockState = Field(ClockState.SYNCED, strict=False)
    config: Digest | None = None
    versions: dict[Key, Line] = Field(default_factory=dict, max_length=ATTRIBUTES_MAX)
    spool_batches: int | None = Field(None, ge=0, le=SEQ_MAX)
    overloaded: dict[Key, Number] | None = Field(None, max_length=ATTRIBUTES_MAX)
    """Buses that cannot keep up, with the part of their time that polls ask for: above 1."""


class Event(Message):
    """Something that is not a number and happened at an instant."""

    id: Uuid
    time_ns: TimeNs
    kind: Slug
    device: Name | None = None
    attributes: dict[Key, Attribute] = Field(default_factory=dict, max_length=ATTRIBUTES_MAX)


class Range(_Part):
    """Sample sequence numbers from `first` to `last`, both included."""

    first: Seq
    last: Seq

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.last < self.first:
            raise ValueError("last lies before first")
        return self


class Refusal(Range):
    """A range that will never be stored, and why."""

    reason: Slug


class Ack(Message):
    """What the controller has made durable. Only upon this may a gateway forget."""

    epoch: Uuid
    stored: tuple[Range, ...] = Field((), max_length=ACK_RANGES_MAX, strict=False)
    refused: tuple[Refusal, ...] = Field((), max_length=ACK_RANGES_MAX, strict=False)
    messages: tuple[Uuid, ...] = Field((), max_length=ACK_RANGES_MAX, strict=False)
    wants_catalog: Digest | None = None
    time_ns: TimeNs | None = None


class Expectation(_Part):
    """What reading back must show for the command to have succeeded."""

    point: PointName
    value: Number
    tolerance: float = Field(0.0, ge=0, le=VALUE_ABS_MAX)
    within_s: float = Field(5.0, gt=0, le=60)


class Command(Message):
    """Write one point, once, before `expires_ns`. Never retained; signed (`signing`)."""

    id: Uuid
    gateway: GatewayId
    device: Name
    point: PointName
    value: Number
    issued_ns: TimeNs
    expires_ns: TimeNs
    by: Line
    expect: Expectation | None = None
    signature: str = Field("", pattern=r"^(?:[0-9a-f]{64})?$")

    @model_validator(mode="after")
    def _bounded_life(self) -> Self:
        life_s = (self.expires_ns - self.issued_ns) / 1e9
        if not 0 < life_s <= COMMAND_LIFE_S_MAX:
            raise ValueError(f"a command lives up to {COMMAND_LIFE_S_MAX} s, not {life_s:.0f}")
        return self


class Outcome(StrEnum):
    """How a command ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    REJECTED = "rejected"
    EXPIRED = "expired"
    UNKNOWN = "unknown"


class Receipt(Message):
    """How a command ended; `command` is its id."""

    id: Uuid
    command: Uuid
    outcome: Outcome = Field(strict=False)
    reason: Slug | None = None
    value_read: Number | None = None
    time_ns: TimeNs


class DesiredConfig(Message):
    """The configuration revision a gateway should run. Retained."""

    revision: Digest
    time_ns: TimeNs


def encode(message: Message) -> bytes:
    """Return the payload of a message, never compressed: a small gateway may have no zstd.

    Raises:
        MalformedError: it is too large for one message (`payload_too_large`).
    """
    return frames.checked_size(message.model_dump_json(exclude_none=True).encode())


def decode(model: type[M], payload: bytes) -> M:
    """Return the message in a payload.

    Raises:
        MalformedError: with the rule it breaks as reason.
    """
    document = frames.parse_strict(frames.unpack(payload))
    try:
        return model.model_validate(document)
    except ValidationError as error:
        raise MalformedError("schema", frames.first_error(error)) from None
