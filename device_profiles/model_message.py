"""What a message of an MQTT device is made of: notation, envelope, time, condition, records."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    BeforeValidator,
    Field,
    GetJsonSchemaHandler,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import CoreSchema

from campus_wire.config_model import ConfigModel, mistake_at
from device_profiles.codec_text import TextPattern
from device_profiles.json_path import JsonPath
from device_profiles.model_codec import Codec
from device_profiles.model_numbers import Finite, Scale
from device_profiles.timestamps import CHINA, TimeFormat, UtcOffset

STEPS_MAX: Final = 8
Word = Annotated[str, Field(max_length=200)]
"""A word of a payload; true, false and null are written as words too."""
Literally = Annotated[str, Field(min_length=1, max_length=200)]
Decimal = Literal["point", "comma"]
Format = Literal[
    "json", "text", "csv", "key_value", "hex", "base64", "bytes", "sparkplug_b"
]  # fmt: skip


def as_tuple(value: object) -> object:
    """Take a single thing for a list of one."""
    if isinstance(value, list):
        return tuple(value)
    return (value,) if isinstance(value, str | int | float | dict) else value


def as_word(value: object) -> object:
    """Take numbers, true and false as the words they are written as."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value) if isinstance(value, int | float) else value


def _words(value: object) -> object:
    many = as_tuple(value)
    return tuple(as_word(one) for one in many) if isinstance(many, tuple) else many


_WORD: Final = {"anyOf": [{"type": "string"}, {"type": "number"}, {"type": "boolean"}]}
_WORDS: Final = {
    "anyOf": [*_WORD["anyOf"], {"type": "array", "items": _WORD, "minItems": 1, "maxItems": 16}]
}
Words = Annotated[
    tuple[Word, ...],
    BeforeValidator(_words),
    Field(min_length=1, max_length=16),
    WithJsonSchema(_WORDS),
]
_PATHS: Final = {
    "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "maxItems": 8}]
}
Paths = Annotated[
    tuple[JsonPath, ...],
    BeforeValidator(as_tuple),
    Field(min_length=1, max_length=8),
    WithJsonSchema(_PATHS),
]


class Condition(ConfigModel):
    """What must stand at a path."""

    path: JsonPath
    equals: Words | None = None
    """A word or number, or several of them, one of which must stand there; captures are filled
    in. Without it: anything must stand there."""
    present: bool = True
    """false: nothing may stand there."""

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if not self.present and self.equals is not None:
            raise mistake_at(("equals",), "does not go with present: false")
        return self


class _OrOne:
    """Says in the schema that one item may stand without a list."""

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        several = handler(schema)
        return {"anyOf": [several["items"], several]}


Conditions = Annotated[
    tuple[Condition, ...],
    BeforeValidator(as_tuple),
    Field(max_length=8),
    _OrOne(),
]
"""One or several; all must hold."""


class Step(ConfigModel):
    """One step from what was found to the value: a path into it, or another notation."""

    path: JsonPath | None = None
    to: (
        Literal[
            "json", "text", "base64", "hex", "csv", "lines", "key_value", "number",
            "hex_number", "pattern", "time", "duration", "object", "senml", "influx",
        ]
        | None
    ) = Field(None, alias="as")  # fmt: skip
    """The text that was found is: JSON; bytes in base64 or hexadecimal (`text` makes text of
    bytes); a line of CSV; lines; `T=21.5;H=40`; a number with more text around it; a number in
    hexadecimal; a text of a known pattern; a time (becomes Unix seconds); a duration such as
    `1d 03:22:10` or `PT5M` (becomes seconds). `object` makes names and values in two lists into
    one object, or rows under a head into a list of objects; `senml` makes a list of SenML records
    an object by name; `influx` makes lines of InfluxDB's line protocol a list of objects."""
    separator: Literally | None = None
    """csv: between cells, a comma unless given. key_value: between pairs; without it any of
    `; , &`, blanks and line ends."""
    assign: Literally | None = None
    """key_value: between a key and its value; without it the first `=` or `:`."""
    columns: Annotated[tuple[Literally, ...], Field(max_length=256)] = ()
    """csv: names of the cells, which paths then use in place of positions."""
    pattern: Literally | None = None
    """`T={} C, H={} %`: what stands in the first place of braces is `[0]`; or with names,
    `T={t} C`: `t`; `{_}` stands for anything. A text that does not fit says nothing."""
    decimal: Decimal = "point"
    """number: which sign stands before the decimals; the other one groups thousands."""
    units: dict[Literally, Scale] = Field(default_factory=dict, max_length=64)
    """number: what units behind it multiply it by: `{kW: 1000, W: 1}`; other units are refused."""
    names: JsonPath | None = None
    values: JsonPath | None = None
    """object: where the names stand, and where the values do, in the same order; or rows of
    values."""
    format: TimeFormat = "auto"
    utc_offset: UtcOffset = CHINA

    @model_validator(mode="after")
    def _one_thing(self) -> Self:
        if (self.path is None) == (self.to is None):
            raise mistake_at((), "give path or as")
        goes_with = {
            "separator": ("csv", "key_value"),
            "assign": ("key_value",),
            "columns": ("csv",),
            "pattern": ("pattern",),
            "decimal": ("number",),
            "units": ("number",),
            "names": ("object",),
            "values": ("object",),
            "format": ("time",),
            "utc_offset": ("time",),
        }
        for name, kinds in goes_with.items():
            if name in self.model_fields_set and self.to not in kinds:
                raise mistake_at((name,), f"goes with as: {' or '.join(kinds)}")
        if self.to == "object":
            for name in ("names", "values"):
                if getattr(self, name) is None:
                    raise mistake_at((name,), "is needed to say where they stand")
        if self.to == "pattern":
            if self.pattern is None or "{" not in self.pattern:
                raise mistake_at(("pattern",), "is needed, with {} where the values stand")
            try:
                TextPattern.of(self.pattern)
            except ValueError as error:
                raise mistake_at(("pattern",), str(error)) from None
        return self


Steps = Annotated[tuple[Step, ...], Field(max_length=STEPS_MAX)]


class MessageTime(ConfigModel):
    """Where and how a message says when it was measured."""

    path: Paths
    """Several are joined with a blank: date and time in two fields."""
    format: TimeFormat = "auto"
    """`auto` (default): ISO 8601, or a Unix time in the unit its size tells. `iso`, `unix`;
    `unix_s`, `unix_ms`, `unix_us`, `unix_ns`; `age_s`, `age_ms`, `age_min`: so long before it came;
    `senml`: seconds, small ones counted from when it came; or a pattern of YYYY YY MM MMM DD DDD
    hh mm ss f AP Z: `DD.MM.YYYY hh:mm:ss`."""
    utc_offset: UtcOffset = CHINA
    """Of times that do not say theirs."""


class Records(ConfigModel):
    """A list of records in one message, each with values and a time of its own."""

    path: JsonPath | None = None
    """Where the list stands; without it the document is the list. Paths of points begin at one
    record."""
    steps: Steps = ()
    """From each item of the list to the record: lines of CSV, JSON in texts."""
    time: MessageTime | None = None
    """In each record. The newest record is what the device says now, the others are history;
    without a time the last record counts."""
    every_s: Annotated[float, Field(gt=0, le=86_400 * 31, allow_inf_nan=False)] | None = None
    """Instead of `time`: the seconds from one record to the next; the newest has the time of the
    message."""
    newest: Literal["first", "last"] = "last"

    @model_validator(mode="after")
    def _one_time(self) -> Self:
        if self.time is not None and self.every_s is not None:
            raise mistake_at(("every_s",), "does not go with time")
        return self


class MessageShape(ConfigModel):
    """How messages of one kind are read."""

    format: Format = "json"
    """How the payload is written."""
    text_encoding: Literal["utf-8", "gb18030"] = "utf-8"
    envelope: Literal["lorawan"] | None = None
    """An uplink of ChirpStack or The Things Stack, or the bare frame: `codec` says what the bytes
    mean, `object` is what the server decoded, `lorawan` holds port, rssi, snr, battery …"""
    steps: Steps = ()
    """From the payload to the document that paths begin at."""
    codec: Codec | None = None
    """What the bytes mean that format, envelope or steps lead to."""
    records: Records | None = None
    time: MessageTime | None = None
    when: Conditions = ()
    """Messages that do not fulfil it say nothing."""

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        if self.envelope is not None and self.format not in ("json", "hex", "base64", "bytes"):
            raise mistake_at(("format",), f"{self.format} holds no LoRaWAN frame")
        if self.records is not None and self.codec is not None:
            raise mistake_at(("records",), "of bytes stand in the codec")
        return self


__all__ = [
    "Condition",
    "Conditions",
    "Decimal",
    "Finite",
    "Format",
    "MessageShape",
    "MessageTime",
    "Records",
    "Step",
    "Steps",
    "Word",
    "Words",
    "as_tuple",
    "as_word",
]
