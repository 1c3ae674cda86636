"""Walking the chain of SunSpec models of a device, without touching the device.

The map begins with "SunS" in two registers. Then come models one after the other: a register with
the model's number, one with its length, and as many registers as that says. The number 0xFFFF ends
the chain (SunSpec Device Information Model Specification, https://sunspec.org/specifications/).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from device_profiles.model_location import ADDRESS_MAX, Table
from device_profiles.model_upkeep import SunSpec

MARKER: Final = (0x5375, 0x6E53)
"""The letters SunS."""
END: Final = 0xFFFF
BLOCKS_MAX: Final = 256
"""Models of one device; the largest devices have some dozens."""
_HEAD: Final = 2
"""Registers of a model before what its length counts: its number, and the length."""


class Block(NamedTuple):
    """A SunSpec model of a device."""

    address: int
    """Of the register that holds its number, on the wire."""
    length: int
    """In registers, without those of number and length."""


class WalkEnd(StrEnum):
    """Why a walk ended."""

    COMPLETE = "complete"
    """At the mark that ends a chain."""
    NO_MARKER = "no_marker"
    """"SunS" stands at none of the addresses."""
    REFUSED = "refused"
    """The device refused a register within the chain; many do so just after their last model."""
    BROKEN = "broken"
    """A length leads beyond the last address, the next model is empty registers, or there are too
    many models: what was found before may be wrong, too."""


class SunSpecWalk:
    """One walk: read what `next` says, `feed` what was read, until `next` is None.

    Every step goes on to higher addresses, so a walk ends whatever a device answers.
    """

    def __init__(self, sunspec: SunSpec) -> None:
        self._table = sunspec.input_type
        self._markers = list(sunspec.marker_addresses)
        self._address: int | None = None
        self._blocks: dict[int, Block] = {}
        self._count = 0
        self.end: WalkEnd | None = None
        """None while the walk goes on."""

    @property
    def blocks(self) -> Mapping[int, Block]:
        """The models found, by number; of several with one number, the first."""
        return self._blocks

    def next(self) -> tuple[Table, int, int] | None:
        """Return the table, address and count of the registers to read, or None at the end."""
        if self.end is not None:
            return None
        if self._address is None:
            return self._table, self._markers[0], len(MARKER)
        return self._table, self._address, _HEAD

    def feed(self, registers: Sequence[int] | None) -> None:
        """Take the registers that were asked for; None where the device refused them.

        Raises:
            ValueError: these are not as many registers as were asked for.
        """
        assert self.end is None, "the walk has ended"
        if registers is not None and len(registers) != _HEAD:
            raise ValueError(f"{len(registers)} registers given, {_HEAD} asked for")
        if self._address is None:
            self._take_marker(registers)
        elif registers is None:
            self.end = WalkEnd.REFUSED
        else:
            self._take_head(self._address, *registers)

    def _take_marker(self, registers: Sequence[int] | None) -> None:
        address = self._markers.pop(0)
        if registers is not None and tuple(registers) == MARKER:
            self._go_to(address + len(MARKER))
        elif not self._markers:
            self.end = WalkEnd.NO_MARKER

    def _take_head(self, address: int, model: int, length: int) -> None:
        if model == END:
            self.end = WalkEnd.COMPLETE
            return
        following = address + _HEAD + length
        self._count += 1
        empty = model == 0 and length == 0
        if empty or following > ADDRESS_MAX + 1 or self._count > BLOCKS_MAX:
            self.end = WalkEnd.BROKEN
            return
        if model:  # 0 is no model: registers that a maker left free
            self._blocks.setdefault(model, Block(address, length))
        self._go_to(following)

    def _go_to(self, address: int) -> None:
        if address + _HEAD > ADDRESS_MAX + 1:
            self.end = WalkEnd.BROKEN
        else:
            self._address = address
