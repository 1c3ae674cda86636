"""The catalog: which small integers stand for which devices and points.

A gateway publishes it retained. Batches name devices and points by their position in its lists and
the catalog by its revision, a digest of its content: a revision can never mean two things, even
when a gateway is set up anew.
"""

from __future__ import annotations

import hashlib
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Literal, Self

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from campus_wire import frames
from campus_wire.errors import MalformedError
from campus_wire.ids import ONE_LINE_PATTERN, Digest, GatewayId, Name, PointName
from campus_wire.limits import (
    AREA_DEPTH_MAX,
    CATALOG_AREAS_MAX,
    CATALOG_DEVICES_MAX,
    CATALOG_POINTS_MAX,
    LABEL_CHARS_MAX,
)
from campus_wire.quantities import Unit


class SampleClass(StrEnum):
    """How a point's samples travel and what goes first when room is short."""

    SAFETY = "safety"
    NORMAL = "normal"
    SLOW = "slow"


class _Model(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, defer_build=True
    )


Text = Annotated[str, Field(min_length=1, max_length=LABEL_CHARS_MAX, pattern=ONE_LINE_PATTERN)]
Index = Annotated[int, Field(ge=0)]


class Label(_Model):
    """What to call a thing, in Chinese and English."""

    zh: Text
    en: Text

    def __getitem__(self, language: str) -> str:
        return self.zh if language == "zh" else self.en


class School(_Model):
    """The school a gateway serves."""

    id: Name
    name: Label


class Area(_Model):
    """A building, floor or room; `parent` is the id of the area that holds it."""

    id: Name
    parent: Name | None = None
    kind: Name
    name: Label


class State(_Model):
    """What a number of an enumeration or boolean means."""

    value: float
    label: Label


class Flag(_Model):
    """What a single bit of a number means."""

    bit: int = Field(ge=0, le=63)
    """Counted from the least significant one as 0."""
    label: Label


class Point(_Model):
    """One quantity; devices of one profile share it. `minimum` and `maximum` are in `unit`."""

    name: PointName
    unit: Unit
    label: Label
    sample_class: SampleClass = Field(SampleClass.NORMAL, alias="class", strict=False)
    writable: bool = False
    minimum: float | None = None
    maximum: float | None = None
    states: tuple[State, ...] = Field((), strict=False)
    flags: tuple[Flag, ...] = Field((), strict=False)
    """Of a number whose bits mean things of their own."""
    wraps_at: float | None = Field(None, gt=0)
    """Of a counter: the first value it never shows, as it starts again at 0 there."""


class Device(_Model):
    """One thing with an address and a profile. `points` are positions in `Catalog.points`."""

    id: Name
    name: Label
    profile: Name
    category: Name
    area: Name
    interval_s: float = Field(gt=0, le=86_400 * 7)
    points: tuple[Index, ...] = Field(min_length=1, strict=False)


class Catalog(_Model):
    """All devices and points of one gateway."""

    v: Literal[1] = 1
    gateway: GatewayId
    school: School
    areas: tuple[Area, ...] = Field(max_length=CATALOG_AREAS_MAX, strict=False)
    points: tuple[Point, ...] = Field(max_length=CATALOG_POINTS_MAX, strict=False)
    devices: tuple[Device, ...] = Field(max_length=CATALOG_DEVICES_MAX, strict=False)

    @model_validator(mode="after")
    def _refer_to_what_exists(self) -> Self:
        areas = _unique("area", [area.id for area in self.areas])
        _unique("device", [device.id for device in self.devices])
        for area in self.areas:
            if area.parent is not None and area.parent not in areas:
                raise ValueError(f"area {area.id} lies in unknown area {area.parent}")
        for area in self.areas:
            self.path(area.id)
        for device in self.devices:
            if device.area not in areas:
                raise ValueError(f"device {device.id} stands in unknown area {device.area}")
            if max(device.points) >= len(self.points):
                raise ValueError(f"device {device.id} names a point the catalog does not hold")
            _unique(f"point of {device.id}", [self.points[i].name for i in device.points])
        return self

    @cached_property
    def _areas_by_id(self) -> dict[str, Area]:
        return {area.id: area for area in self.areas}

    @cached_property
    def document(self) -> bytes:
        """The canonical JSON text: keys sorted, defaults left out."""
        plain = self.model_dump(mode="json", by_alias=True, exclude_defaults=True) | {"v": 1}
        return orjson.dumps(plain, option=orjson.OPT_SORT_KEYS)

    @cached_property
    def revision(self) -> str:
        """The first 16 hexadecimal digits of the SHA-256 of `document`."""
        return hashlib.sha256(self.document).hexdigest()[:16]

    def path(self, area: str) -> tuple[Area, ...]:
        """Return the areas from the outermost down to `area`.

        Raises:
            ValueError: the areas hold each other in a circle, or too many deep.
        """
        path: list[Area] = []
        at: str | None = area
        while at is not None:
            if len(path) == AREA_DEPTH_MAX:
                raise ValueError(f"area {area} lies in itself, or over {AREA_DEPTH_MAX} deep")
            found = self._areas_by_id[at]
            path.append(found)
            at = found.parent
        return tuple(reversed(path))

    def index_of(self, device: str) -> int:
        """Return the position of a device. Raises KeyError for an unknown id."""
        return self._device_indices[device]

    @cached_property
    def _device_indices(self) -> dict[str, int]:
        return {device.id: index for index, device in enumerate(self.devices)}


def _unique(what: str, ids: list[str]) -> set[str]:
    seen: set[str] = set()
    for one in ids:
        if one in seen:
            raise ValueError(f"{what} {one} is given twice")
        seen.add(one)
    return seen


class _Envelope(_Model):
    revision: Digest
    catalog: Catalog


def encode_catalog(catalog: Catalog) -> bytes:
    """Return the payload of a catalog message: `{"catalog": …, "revision": …}`."""
    head = b'{"revision":"' + catalog.revision.encode() + b'","catalog":'
    return frames.pack(head + catalog.document + b"}")


def decode_catalog(payload: bytes) -> tuple[str, Catalog]:
    """Return the revision a gateway gave and the catalog.

    The revision is the gateway's word: a publisher of another make may digest another text.

    Raises:
        MalformedError: also where devices, areas and points do not fit together (reason `schema`).
    """
    document = frames.parse_strict(frames.unpack(payload))
    try:
        envelope = _Envelope.model_validate(document)
    except ValidationError as error:
        raise MalformedError("schema", frames.first_error(error)) from None
    return envelope.revision, envelope.catalog
