"""What the bytes of a binary payload mean, as data: fixed fields, tag-length-value, Cayenne LPP."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from campus_wire.config_model import ConfigModel, mistake_at, raise_all
from device_profiles.model_numbers import Finite, Scale
from device_profiles.timestamps import CHINA, TimeFormat, UtcOffset

CODEC_BYTES_MAX: Final = 1024
"""Longer frames are not looked at; a LoRaWAN frame has 242 bytes at most."""
FIELDS_MAX: Final = 512
REPEATS_MAX: Final = 256

SIZES: Final = {
    "bool": 1, "int8": 1, "uint8": 1, "int16": 2, "uint16": 2, "int24": 3, "uint24": 3,
    "int32": 4, "uint32": 4, "int40": 5, "uint40": 5, "int48": 6, "uint48": 6,
    "int64": 8, "uint64": 8, "float16": 2, "float32": 4, "float64": 8,
}  # fmt: skip
"""Bytes of each type of number; `string`, `hex` and `digits` need a length."""

DataType = Literal[
    "bool", "int8", "uint8", "int16", "uint16", "int24", "uint24", "int32", "uint32", "int40",
    "uint40", "int48", "uint48", "int64", "uint64", "float16", "float32", "float64",
    "string", "hex", "digits",
]  # fmt: skip
LengthType = Literal["uint8", "uint16"]
FieldName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$")]
NamePattern = Annotated[str, Field(pattern=r"^(?:[A-Za-z_]|\{n\})(?:[A-Za-z0-9_]|\{n\}){0,63}$")]
ByteOrder = Annotated[str, Field(pattern=r"^(?:little|big|[A-H]{2,8})$")]
Hex = Annotated[str, Field(pattern=r"^(?:[0-9A-Fa-f]{2})+$", max_length=64)]
Length = Annotated[int, Field(ge=1, le=CODEC_BYTES_MAX)]


def _as_list(value: object) -> object:
    if isinstance(value, list):
        return tuple(value)
    return (value,) if isinstance(value, int | float | str) else value


def _one_or_more_to(most: int) -> WithJsonSchema:
    one = {"type": "integer", "minimum": 0, "maximum": most}
    return WithJsonSchema({"anyOf": [one, {"type": "array", "items": one, "maxItems": 32}]})


_NUMBERS: Final = {
    "anyOf": [{"type": "number"}, {"type": "array", "items": {"type": "number"}, "maxItems": 64}]
}
Numbers = Annotated[
    tuple[Finite, ...],
    BeforeValidator(_as_list),
    Field(max_length=64),
    WithJsonSchema(_NUMBERS),
]


def _letters(order: str) -> str:
    if order not in ("little", "big") and sorted(order) != list("ABCDEFGH"[: len(order)]):
        raise ValueError("is little, big, or letters such as CDAB (A is the most significant byte)")
    return order


CheckedOrder = Annotated[ByteOrder, AfterValidator(_letters)]


class FieldWhen(ConfigModel):
    """A condition on a field that stands before."""

    field: FieldName
    equals: Numbers
    """A number or several of them, as the field was decoded."""


class Repeat(ConfigModel):
    """The same field many times; `{n}` in the name is replaced by the number."""

    count: Annotated[int, Field(ge=2, le=REPEATS_MAX)]
    step: Annotated[int, Field(ge=0, le=64)] = 0
    """Bytes from one to the next."""
    bit_step: Annotated[int, Field(ge=0, le=64)] = 0
    first: Annotated[int, Field(ge=0, le=999)] = 1


class CodecValue(ConfigModel):
    """Bytes and what they mean: `value = number * scale + offset`."""

    at: Annotated[int, Field(ge=-CODEC_BYTES_MAX, lt=CODEC_BYTES_MAX)] = 0
    """The first byte, counted from 0; negative: from the end of the frame."""
    data_type: DataType
    """`string` is text, `hex` text such as 04A1, `digits` two decimals a byte (dates)."""
    length: Length | None = None
    """Bytes of a `string`, `hex` or `digits`; without it, to the end."""
    byte_order: CheckedOrder | None = None
    encoding: Literal["twos_complement", "sign_magnitude", "offset_binary", "bcd"] | None = None
    bit: Annotated[int, Field(ge=0, le=63)] | None = None
    """The lowest bit, counted from the least significant as 0."""
    bit_count: Annotated[int, Field(ge=1, le=64)] = 1
    bit_signed: bool = False
    scale: Scale = 1.0
    offset: Finite = 0.0
    nan_value: Numbers = ()
    """Raw numbers by which the device says that it has no value."""

    @property
    def size(self) -> int:
        """Bytes it takes; 0 where it goes on to the end."""
        return SIZES.get(self.data_type) or self.length or 0

    @model_validator(mode="after")
    def _fits(self) -> Self:
        is_text = self.data_type not in SIZES
        if self.length is not None and not is_text:
            raise mistake_at(("length",), f"{self.data_type} has its own length")
        if self.bit is not None:
            if is_text or self.data_type.startswith("float"):
                raise mistake_at(("bit",), f"{self.data_type} has no bits to take out")
            if self.bit + self.bit_count > 8 * self.size:
                raise mistake_at(("bit",), f"lies beyond the {8 * self.size} bits of the value")
        order = self.byte_order
        if order not in (None, "little", "big") and len(str(order)) != self.size:
            raise mistake_at(("byte_order",), f"{self.data_type} has {self.size} bytes")
        if self.encoding not in (None, "twos_complement") and "int" not in self.data_type:
            raise mistake_at(("encoding",), f"goes with integers, not with {self.data_type}")
        return self


class CodecField(CodecValue):
    """A named value among bytes."""

    name: NamePattern
    """Paths of points name it; `{n}` stands for the number of a repeated field."""
    when: FieldWhen | None = None
    """The field is only there when an earlier one says so."""
    follows: bool = False
    """It stands behind the field before it that is there: `at` counts from that one's end (-1: the
    last byte of it again). For layouts that shift when something is left out."""
    repeat: Repeat | None = None

    @model_validator(mode="after")
    def _is_numbered(self) -> Self:
        if ("{n}" in self.name) != (self.repeat is not None):
            raise mistake_at(("name",), "{n} in the name and repeat belong together")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """What it adds to the document."""
        if self.repeat is None:
            return (self.name,)
        numbers = range(self.repeat.first, self.repeat.first + self.repeat.count)
        return tuple(self.name.replace("{n}", str(number)) for number in numbers)

    @property
    def end(self) -> int:
        """The byte after its last, counted from the beginning; 0 where that is unknown."""
        if self.follows or self.at < 0 or not self.size:
            return 0
        steps = (self.repeat.count - 1) * self.repeat.step if self.repeat else 0
        return self.at + self.size + steps


class CodecTime(CodecValue):
    """The time of a record, among its bytes."""

    format: TimeFormat = "unix_s"
    """As for the time of a message; for `digits` and `hex` a pattern such as YYMMDDhhmmss."""
    utc_offset: UtcOffset = CHINA


class TlvEntry(ConfigModel):
    """What follows one header: a single value, or fields; neither: it is passed over."""

    header: Hex
    """The bytes it begins with, in hexadecimal: channel and type, or the type alone."""
    length: Length | LengthType | Literal["rest"] | None = None
    """Bytes of data; `uint8`: a byte before the data tells. Without it, what the fields take."""
    name: FieldName | None = None
    """For a single value; its other keys are those of a field."""
    data_type: DataType | None = None
    byte_order: CheckedOrder | None = None
    encoding: Literal["twos_complement", "sign_magnitude", "offset_binary", "bcd"] | None = None
    bit: Annotated[int, Field(ge=0, le=63)] | None = None
    bit_count: Annotated[int, Field(ge=1, le=64)] = 1
    bit_signed: bool = False
    scale: Scale = 1.0
    offset: Finite = 0.0
    nan_value: Numbers = ()
    fields: tuple[CodecField, ...] = Field((), max_length=FIELDS_MAX)
    time: CodecTime | None = None
    """With it, the fields are a record of that time, not of now (history)."""

    @model_validator(mode="after")
    def _has_a_length(self) -> Self:
        if (self.name is None) != (self.data_type is None):
            missing = "name" if self.name is None else "data_type"
            raise mistake_at((missing,), "name and data_type belong together")
        if self.name is not None and self.fields:
            raise mistake_at(("fields",), "give name and data_type, or fields")
        ends = [one.end for one in self.all_fields]
        if self.time is not None:
            ends.append(self.time.at + self.time.size if self.time.at >= 0 else 0)
        if self.length is None and not (ends and all(ends)):
            raise mistake_at(("length",), "is needed, as the fields do not tell it")
        if isinstance(self.length, int) and max(ends, default=0) > self.length:
            raise mistake_at(("length",), f"the fields take {max(ends)} bytes")
        return self

    @property
    def all_fields(self) -> tuple[CodecField, ...]:
        """Its fields; of a single value that one."""
        if self.name is None or self.data_type is None:
            return self.fields
        is_text = self.data_type not in SIZES
        return (
            CodecField(
                name=self.name,
                data_type=self.data_type,
                length=self.length if is_text and isinstance(self.length, int) else None,
                byte_order=self.byte_order,
                encoding=self.encoding,
                bit=self.bit,
                bit_count=self.bit_count,
                bit_signed=self.bit_signed,
                scale=self.scale,
                offset=self.offset,
                nan_value=self.nan_value,
            ),
        )

    @property
    def fixed_length(self) -> int:
        """Bytes of data, where they are fixed; else 0."""
        if isinstance(self.length, int):
            return self.length
        if self.length is not None:
            return 0
        ends = [one.end for one in self.all_fields]
        return max([*ends, self.time.at + self.time.size if self.time is not None else 0])


class Tlv(ConfigModel):
    """Records that each begin with a header."""

    entries: tuple[TlvEntry, ...] = Field(min_length=1, max_length=FIELDS_MAX)
    skip: Annotated[int, Field(ge=0, lt=CODEC_BYTES_MAX)] = 0
    """Bytes before the first record."""
    length: LengthType | None = None
    """Between every header and its data stands the length of the data, in this type."""
    length_order: Literal["little", "big"] = "big"
    unknown: Literal["stop", "skip", "refuse"] = "stop"
    """At a header that no entry has: what came before counts; it is passed over, where records
    tell their length; or the message is refused."""

    @model_validator(mode="after")
    def _headers_differ(self) -> Self:
        seen: set[str] = set()
        for index, entry in enumerate(self.entries):
            header = entry.header.lower()
            if header in seen:
                raise mistake_at(("entries", index, "header"), f"{entry.header} is given twice")
            seen.add(header)
        if self.unknown == "skip":
            if self.length is None:
                raise mistake_at(("unknown",), "records without length cannot be passed over")
            if len({len(header) for header in seen}) > 1:
                raise mistake_at(("unknown",), "the headers have different lengths")
        return self


class CodecRecords(ConfigModel):
    """Records of equal length that go on to the end of the frame."""

    at: Annotated[int, Field(ge=0, lt=CODEC_BYTES_MAX)] = 0
    length: Length
    fields: tuple[CodecField, ...] = Field(min_length=1, max_length=FIELDS_MAX)
    time: CodecTime | None = None
    """Without it the records have no time of their own, and the last one counts."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        for index, one in enumerate(self.fields):
            if one.end > self.length:
                raise mistake_at(("fields", index), f"goes on beyond the {self.length} bytes")
        return self


class Codec(ConfigModel):
    """Bytes to a flat document: names and what they are."""

    byte_order: Literal["little", "big"] = "big"
    """Of all fields that do not say theirs."""
    ports: Annotated[
        tuple[Annotated[int, Field(ge=0, le=255)], ...],
        BeforeValidator(_as_list),
        Field(max_length=32),
        _one_or_more_to(255),
    ] = ()
    """LoRaWAN ports of such frames; frames of other ports say nothing."""
    starts_with: Hex | None = None
    """Frames that begin otherwise say nothing."""
    length: Annotated[
        tuple[Annotated[int, Field(ge=0, le=CODEC_BYTES_MAX)], ...],
        BeforeValidator(_as_list),
        Field(max_length=32),
        _one_or_more_to(CODEC_BYTES_MAX),
    ] = ()
    """Frames of another length say nothing."""
    checksum: Literal["crc16_modbus", "sum8", "xor8"] | None = None
    """The last bytes (two, the low one first, of the CRC) are the check of all before; a frame that
    fails it is refused. They are no longer there for the fields."""
    fields: tuple[CodecField, ...] = Field((), max_length=FIELDS_MAX)
    records: CodecRecords | None = None
    tlv: Tlv | None = None
    cayenne_lpp: bool = False
    """Cayenne Low Power Payload; names such as `temperature_1`: the type and the channel."""

    @model_validator(mode="after")
    def _says_how(self) -> Self:
        ways = [bool(self.fields or self.records), self.tlv is not None, self.cayenne_lpp]
        if sum(ways) != 1:
            message = "give one of: fields (and records), tlv, cayenne_lpp"
            raise mistake_at((), message)
        raise_all([*_order_mistakes(("fields",), self.fields)])
        return self


def _order_mistakes(
    key: tuple[str, ...], fields: Iterable[CodecField]
) -> Iterable[PydanticCustomError]:
    known: set[str] = set()
    for index, one in enumerate(fields):
        if one.when is not None and one.when.field not in known:
            yield mistake_at((*key, index, "when", "field"), "is no field that stands before")
        known.update(one.names)


class Encode(ConfigModel):
    """A command as bytes: `before`, the value, `after`; or whole frames as words of `values`."""

    before: Hex | None = None
    after: Hex | None = None
    data_type: Literal[
        "int8", "uint8", "int16", "uint16", "int24", "uint24", "int32", "uint32", "float32"
    ] = "uint8"
    byte_order: Literal["little", "big"] = "big"
    write_as: Literal["base64", "hex", "bytes"] = Field("base64", alias="as")
    """How the bytes are written in the place of `$value`; `bytes`: they are the whole payload."""


class Downlink(ConfigModel):
    """A LoRaWAN frame to the device, by whichever network server it is connected to."""

    port: Annotated[int, Field(ge=1, le=223)]
    confirmed: bool = False
