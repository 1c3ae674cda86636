"""What a Modbus device wants besides being read: unlocking, setting up, a heartbeat, pages.

These are writes that the profile orders and no person; whoever talks to the device does them.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from campus_wire.config_model import ConfigModel, mistake_at
from campus_wire.ids import PointName
from device_profiles.model_location import InputType, PrintedAddress, Table
from device_profiles.model_numbers import Finite
from device_profiles.model_point import Note

Word = Annotated[int, Field(ge=0, le=0xFFFF)]
WriteFunction = Literal[5, 6, 15, 16]
COIL_ON: Final = 0xFF00
"""What function 5 sends to switch on (Modbus Application Protocol V1.1b3, §6.5)."""


def _value_mistake(
    function: int | None, value: float | None, values: tuple[int, ...]
) -> tuple[str, str] | None:
    """Return the key and what is wrong with what shall be written, or None."""
    if (value is None) == (not values):
        return "value", "give either value, or values for several registers"
    if len(values) > 1 and function in (5, 6):
        return "values", f"function {function} writes one, {len(values)} are given"
    if function == 15 and not {value, *values} <= {0, 1, None}:
        return ("values" if values else "value"), "coils hold 0 or 1"
    return None


class RawWrite(ConfigModel):
    """Registers or coils that are written as they stand here."""

    function: WriteFunction
    address: PrintedAddress
    value: Word | None = None
    """The word; with function 5, 0 and 1 are off and on, and any other word goes as it is."""
    values: tuple[Word, ...] = Field((), max_length=123)
    """Several words or coils, from `address` on."""

    @property
    def table(self) -> Table:
        """The table the function code writes to."""
        return Table.COIL if self.function in (5, 15) else Table.HOLDING

    @property
    def words(self) -> tuple[int, ...]:
        """What travels: words of registers, the word of function 5, or the bits of function 15."""
        words = self.values or (self.value or 0,)
        return (COIL_ON,) if self.function == 5 and words == (1,) else words

    @model_validator(mode="after")
    def _one_value(self) -> Self:
        wrong = _value_mistake(self.function, self.value, self.values)
        if wrong is not None:
            raise mistake_at((wrong[0],), wrong[1])
        return self


class SetupStep(ConfigModel):
    """A point that must have a value, or registers that are written as they stand here."""

    point: PointName | None = None
    """It is read first where that is possible, and written only if it has another value, as the
    memory of many devices wears out."""
    function: WriteFunction | None = None
    address: PrintedAddress | None = None
    value: Finite | None = None
    """In the point's unit; for a raw write, the word."""
    values: tuple[Word, ...] = Field((), max_length=123)
    """Several words or coils, from `address` on."""

    @property
    def raw(self) -> RawWrite | None:
        """The write, where no point is named."""
        if self.function is None or self.address is None:
            return None
        value = None if self.value is None else int(self.value)
        return RawWrite.model_construct(
            function=self.function, address=self.address, value=value, values=self.values
        )

    @model_validator(mode="after")
    def _point_or_registers(self) -> Self:
        if self.point is not None:
            for key in ("function", "address", "values"):
                if getattr(self, key) not in (None, ()):
                    raise mistake_at((key,), "goes with registers, and a point is named")
            if self.value is None:
                raise mistake_at(("value",), "missing")
            return self
        for key in ("function", "address"):
            if getattr(self, key) is None:
                raise mistake_at((key,), "is needed where no point is named")
        wrong = _value_mistake(self.function, self.value, self.values)
        if wrong is not None:
            raise mistake_at((wrong[0],), wrong[1])
        if self.value is not None and not (self.value.is_integer() and 0 <= self.value <= 0xFFFF):
            raise mistake_at(("value",), "must be a whole number from 0 to 65535")
        return self


class Heartbeat(ConfigModel):
    """A register that is written again and again."""

    function: WriteFunction
    address: PrintedAddress
    values: tuple[Word, ...] = Field(min_length=1, max_length=256)
    """In turn, one each time: `[1, 0]` toggles."""
    every_s: float = Field(gt=0, le=3600)

    @property
    def table(self) -> Table:
        """The table the function code writes to."""
        return Table.COIL if self.function in (5, 15) else Table.HOLDING

    def write(self, turn: int) -> RawWrite:
        """Return what is written the n-th time, counted from 0."""
        return RawWrite.model_construct(
            function=self.function,
            address=self.address,
            value=self.values[turn % len(self.values)],
            values=(),
        )


class Page(ConfigModel):
    """The register whose number chooses what other registers show."""

    function: Literal[6, 16]
    address: PrintedAddress
    data_type: Literal["uint16", "uint32"] = "uint16"


class Watchdog(ConfigModel):
    """What the device does by itself when nobody speaks to it any more."""

    timeout_s: float | None = Field(None, gt=0, le=86_400)
    timeout: PointName | None = None
    """The point that holds the time in seconds, where it can be changed."""
    kept_by: Literal["any_request", "heartbeat"] = "any_request"
    """What the device takes for a sign of life."""
    falls_back_to: PointName | None = None
    """The point that holds what the device then does, where it has one."""
    note: Note | None = None

    @model_validator(mode="after")
    def _one_timeout(self) -> Self:
        if self.timeout_s is None and self.timeout is None:
            raise mistake_at((), "give timeout_s, or the point of the timeout")
        if self.timeout_s is not None and self.timeout is not None:
            raise mistake_at(("timeout",), "timeout_s is given, too; keep one of the two")
        return self


class SunSpec(ConfigModel):
    """Where the chain of models begins."""

    input_type: InputType = Table.HOLDING
    marker_addresses: tuple[Annotated[int, Field(ge=0, le=0xFFFF)], ...] = Field(
        (40_000, 50_000, 0), min_length=1, max_length=8
    )
    """On the wire, where "SunS" is looked for, in this order."""

    @model_validator(mode="after")
    def _registers(self) -> Self:
        if self.input_type.holds_bits:
            raise mistake_at(("input_type",), "models stand in registers: holding or input")
        return self
