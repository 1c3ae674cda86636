"""Recorded examples in a profile: what a device sent, and what that means.

`campus profiles test` decodes each and compares. They are never used when polling.
"""

from __future__ import annotations

from typing import Annotated, Final, Self

from pydantic import BeforeValidator, Field, JsonValue, WithJsonSchema, model_validator

from campus_wire.config_model import ConfigModel, mistake_at
from campus_wire.ids import PointName
from device_profiles.model_numbers import Finite
from device_profiles.model_point import Note

EXAMPLES_MAX: Final = 256


def _words(value: object) -> object:
    """Take one text for a list of one; say what is wrong with numbers."""
    if isinstance(value, str):
        return tuple(value.replace(",", " ").split())
    if isinstance(value, list | tuple):
        if any(not isinstance(one, str) for one in value):
            raise ValueError("hexadecimal words stand in quotation marks, such as '0131'")
        return tuple(value)
    return value


Words = Annotated[
    tuple[str, ...],
    BeforeValidator(_words),
    Field(min_length=1, max_length=2_000),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]
Topic = Annotated[str, Field(min_length=1, max_length=512)]
Payload = Annotated[str, Field(max_length=65_536)]


class Example(ConfigModel):
    """One thing that a device said. Modbus has `registers`, MQTT `topic` and a payload."""

    note: Note | None = None
    """Where it is from: the page of a manual, a capture on a day."""
    registers: dict[str, Words] = Field(default_factory=dict, max_length=64)
    """`{"input:1": ["0131"]}`: table and address on the wire (or 30001 where the base is
    `modicon`), and hexadecimal words; 0 and 1 for bits."""
    topic: Topic | None = None
    payload: JsonValue = None
    """A text is sent as it is, everything else as JSON."""
    payload_hex: Payload | None = None
    payload_file: Payload | None = None
    """Beside the profile's own file."""
    captures: dict[PointName, str] = Field(default_factory=dict, max_length=16)
    """What the topic does not tell: `{mac: 54EF44E7C8A3}`."""
    values: dict[PointName, Finite | None] = Field(default_factory=dict, max_length=2_000)
    """What the points must be; null: no value (a bad quality)."""
    texts: dict[PointName, str] = Field(default_factory=dict, max_length=256)
    time: Finite | None = None
    """MQTT: the time that the message says, in Unix seconds."""

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        payloads = [
            name
            for name, given in (
                ("payload", self.payload is not None),
                ("payload_hex", self.payload_hex is not None),
                ("payload_file", self.payload_file is not None),
            )
            if given
        ]
        if len(payloads) > 1:
            raise mistake_at((payloads[1],), f"there is a {payloads[0]} already")
        if bool(self.registers) == (self.topic is not None):
            raise mistake_at((), "give registers, or a topic with a payload")
        if self.registers and payloads:
            raise mistake_at((payloads[0],), "goes with topic")
        if not self.values and not self.texts:
            raise mistake_at((), "says no value and no text to compare with")
        return self
