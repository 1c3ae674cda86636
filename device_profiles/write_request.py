"""One write to a Modbus device, and how a number is laid into its registers."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from device_profiles.encodings import Encoding, encode
from device_profiles.model_location import Location, Table
from device_profiles.model_upkeep import RawWrite
from device_profiles.registers import DataType, Kind, kind, positions


@dataclass(frozen=True, slots=True)
class WriteRequest:
    """One write.

    Where `reads_first` is true, the registers it writes share bits with other things: read
    `len(values)` holding registers from `address` on, and send `over` of what they hold.
    """

    function: int
    """5 or 15 for coils, 6 or 16 for holding registers."""
    address: int
    """On the wire."""
    values: tuple[int, ...]
    """Registers, or bits as 0 and 1. Function 5 sends 1 as FF00 and any other number as it is."""
    page: int | None = None
    """What must be selected before, for the read and the write alike."""
    unlock: bool = False
    """The writes of `modbus.unlock` come first."""
    then: tuple[RawWrite, ...] = ()
    """What follows, for the device to take the value or to keep it."""
    kept: tuple[int, ...] = ()
    """The bits of each register that must stay as they are; empty where none must."""

    @property
    def table(self) -> Table:
        """The table written to."""
        return Table.COIL if self.function in (5, 15) else Table.HOLDING

    @property
    def reads_first(self) -> bool:
        """Whether the registers must be read before, for the bits that stay as they are."""
        return any(self.kept)

    def over(self, registers: Sequence[int]) -> WriteRequest:
        """Return the write that leaves the kept bits of these registers as they are.

        Args:
            registers: what they hold now, each 0 to 65535.

        Raises:
            ValueError: there are more or fewer of them than are written.
        """
        if not self.kept:
            return self
        values = tuple(
            new | held & kept
            for new, held, kept in zip(self.values, registers, self.kept, strict=True)
        )
        return replace(self, values=values, kept=())


def encode_integer(place: Location, number: int) -> int | None:
    """Return the bits of a whole number as an unsigned number; None where they cannot hold it."""
    if place.encoding is not None:
        return encode(place.encoding, place.width, number)
    if kind(place.data_type) is Kind.SIGNED:
        return encode(Encoding.TWOS_COMPLEMENT, place.width, number)
    return number if 0 <= number < 1 << place.width else None


def lay(
    place: Location, pattern: int, rest: Literal["keep"] | int | None
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the registers that hold a pattern of bits, and which bits of each are to be kept.

    In a table of bits the pattern is all there is.

    Args:
        place: where it is written.
        pattern: the bits of the number, unsigned.
        rest: what becomes of the bits beside; the upper byte of 24 bits is otherwise the sign's.
    """
    if place.table.holds_bits:
        return (pattern,), ()
    size = 16 * place.count
    is_upper = place.data_type in (DataType.INT8H, DataType.UINT8H)
    shift = (place.bit or 0) + (8 if is_upper else 0)
    own = ((1 << place.width) - 1) << shift
    beside = ((1 << size) - 1) & ~own
    whole = pattern << shift
    if isinstance(rest, int):
        whole |= rest & beside
    elif rest is None and beside and _is_negative(place, pattern):
        whole |= beside
    kept = _registers(place, beside) if rest == "keep" and beside else ()
    return _registers(place, whole), kept


def _is_negative(place: Location, pattern: int) -> bool:
    is_plain = place.encoding in (None, Encoding.TWOS_COMPLEMENT)
    is_signed = kind(place.data_type) is Kind.SIGNED
    return is_plain and is_signed and bool(pattern >> (place.width - 1))


def _registers(place: Location, whole: int) -> tuple[int, ...]:
    """Return a number of all bits of the registers, in the order its bytes travel."""
    order = positions(place.byte_order)
    travelling = bytearray(len(order))
    for byte, position in zip(whole.to_bytes(len(order), "big"), order, strict=True):
        travelling[position] = byte
    return struct.unpack(f">{place.count}H", travelling)
