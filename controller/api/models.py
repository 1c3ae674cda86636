"""What the API answers. Times are nanoseconds since 1970 in UTC, as everywhere in the product."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict


class Answer(BaseModel):
    """Base of all answers."""

    model_config = ConfigDict(frozen=True)


class Names(Answer):
    """What a thing is called."""

    zh: str
    en: str


class SchoolOut(Answer):
    """A school and how much of it is watched."""

    id: str
    name: Names
    gateways: int
    areas: int
    devices: int


class AreaOut(Answer):
    """A building, floor or room; `parent` makes the areas of a school a tree."""

    id: str
    parent: str | None
    kind: str
    name: Names


class GatewayOut(Answer):
    """An edge agent. `silent_s` is the time since it was last heard of.

    `overloaded` has the buses that cannot be read as often as asked, with the part of their time
    that this would take: 1.3 is 130 %.
    """

    id: str
    school: str | None
    state: str
    state_since_ns: int
    last_seen_ns: int
    silent_s: float | None
    boot: str | None
    epoch: str | None
    catalog: str | None
    clock: str
    devices: int
    spool_batches: int | None
    overloaded: dict[str, float]
    versions: dict[str, str]


class PointOut(Answer):
    """A point with its last value; `value` is null where the quality is bad."""

    name: str
    unit: str
    sample_class: str
    label: Names
    writable: bool
    minimum: float | None
    maximum: float | None
    states: dict[str, Names]
    value: float | None
    state: Names | None
    quality: int
    quality_label: Names
    time_ns: int


class DeviceOut(Answer):
    """A device and where it stands."""

    id: str
    gateway: str
    name: Names
    school: str
    building: str
    area: str
    profile: str
    category: str
    interval_s: float
    last_time_ns: int


class DeviceDetailOut(DeviceOut):
    """A device with its points."""

    points: list[PointOut]


class Page(Answer):
    """Some of a longer list; `next` is what to pass as `after` for more, null at the end."""

    next: str | None


class DevicesOut(Page):
    """Devices, by gateway and id."""

    devices: list[DeviceOut]


class GapOut(Answer):
    """Samples that will never come, and why."""

    gateway: str
    epoch: str
    first: int
    last: int
    reason: str
    time_ns: int


class EventOut(Answer):
    """What a gateway had to say beside numbers; `device` is null where it is about no device."""

    id: str
    gateway: str
    device: str | None
    kind: str
    time_ns: int
    attributes: dict[str, bool | int | float | str | None]


class HistoryOut(Answer):
    """Columns of a device's history: `times_ns`, and one column of values per point."""

    gateway: str
    device: str
    window_s: float | None
    aggregate: str | None
    times_ns: list[int]
    values: dict[str, list[float | None]]
    truncated: bool


class CommandOut(Answer):
    """A command and what became of it; `outcome` is null while it is open."""

    id: str
    gateway: str
    device: str
    point: str
    value: float
    by: str
    issued_ns: int
    expires_ns: int
    published: bool
    outcome: str | None
    reason: str | None
    value_read: float | None
    ended_ns: int | None


class TokenOut(Answer):
    """A token as lists show it."""

    id: str
    name: str
    role: str
    created_ns: int
    revoked_ns: int | None


class NewTokenOut(TokenOut):
    """A token just made: the one time it is shown."""

    token: str


class AuditOut(Answer):
    """One row of the audit trail."""

    id: int
    time_ns: int
    who: str
    action: str
    target: str
    detail: dict[str, Any]
    hash: str
