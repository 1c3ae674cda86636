"""Registers and bits that somebody wrote down: from a manual, a capture, or an example (pure).

Written as `holding:0=00EB,0001`: a table, the address of the first, and hexadecimal words. Bits of
coils and discrete inputs are written as 0 and 1.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from device_profiles.errors import GivenDataError
from device_profiles.model_modbus import ADDRESS_MAX, Table
from device_profiles.model_section import ModbusSection

_WHERE: Final = re.compile(r"\s*([a-z_]+)\s*[:.]\s*(\d{1,6}|0x[0-9a-f]{1,4})\s*", re.IGNORECASE)
_TABLES: Final = {table.value: table for table in Table} | {"discrete_input": Table.DISCRETE}
_WORD: Final = re.compile(r"(?:0x)?([0-9A-Fa-f]+)")


class RegisterDump:
    """Known contents of the four tables, by address on the wire."""

    def __init__(self) -> None:
        self._words: dict[tuple[Table, int], int] = {}

    def add(self, table: Table, address: int, words: Iterable[int]) -> None:
        """Note what stands from `address` (on the wire) on; later notes win.

        Raises:
            GivenDataError: an address lies past the last one (reason `address`).
        """
        for number, word in enumerate(words, address):
            if number > ADDRESS_MAX:
                raise _refused("address", f"{table} {number} lies past {ADDRESS_MAX}")
            self._words[table, number] = word

    def read(self, table: Table, address: int, count: int) -> list[int] | None:
        """Return what stands there, or None where some of it is not known."""
        wanted = [self._words.get((table, at)) for at in range(address, address + count)]
        known = [word for word in wanted if word is not None]
        return known if len(known) == count else None

    def missing(self, table: Table, address: int, count: int) -> list[int]:
        """Return the addresses in that range of which nothing is known."""
        wanted = range(address, address + count)
        return [at for at in wanted if (table, at) not in self._words]

    def addresses(self) -> list[tuple[Table, int]]:
        """Return where something is known, in order."""
        order = list(Table)
        return sorted(self._words, key=lambda one: (order.index(one[0]), one[1]))

    def __len__(self) -> int:
        return len(self._words)


def dump_of(
    given: Mapping[str, Sequence[str]], section: ModbusSection, *, printed: bool = False
) -> RegisterDump:
    """Return what is written down as `{"holding:0": ["00EB", "0001"]}`.

    Args:
        given: table and first address, and the words from there on.
        section: of the profile; says how printed addresses become those on the wire.
        printed: whether addresses are as the manual prints them. Numbers such as 30001 always are
            where the section's base is `modicon`.

    Raises:
        GivenDataError: something cannot be read (reasons `table`, `address`, `word`).
    """
    dump = RegisterDump()
    for where, words in given.items():
        table, address = parse_place(where, section, printed=printed)
        dump.add(table, address, parse_words(table, words))
    return dump


def split_given(text: str) -> tuple[str, list[str]]:
    """Return the place and the words of `holding:0=00EB,0001`.

    Raises:
        GivenDataError: there is no `=` (reason `address`).
    """
    where, equals, words = text.partition("=")
    if not equals:
        raise _refused("address", f"{text!r} says no contents", remedy="holding:0=00EB,0001")
    return where.strip(), [word for word in re.split(r"[\s,;]+", words) if word]


def parse_place(where: str, section: ModbusSection, *, printed: bool = False) -> tuple[Table, int]:
    """Return table and address on the wire of `holding:0`.

    Raises:
        GivenDataError: it names no table or no address of it (reasons `table`, `address`).
    """
    match = _WHERE.fullmatch(where)
    table = _TABLES.get(match[1].lower()) if match else None
    if match is None or table is None:
        remedy = "coil, discrete_input, input or holding, such as holding:0"
        raise _refused("table", f"{where!r} names no table and address", remedy=remedy)
    number = int(match[2], 0) if match[2].lower().startswith("0x") else int(match[2])
    if printed or (section.address_base == "modicon" and number > 9_999):
        try:
            return table, section.wire_address(table, number)
        except ValueError as error:
            raise _refused("address", str(error)) from None
    if number > ADDRESS_MAX:
        raise _refused("address", f"{number} lies past {ADDRESS_MAX}, the last address")
    return table, number


def parse_words(table: Table, words: Sequence[str]) -> list[int]:
    """Return the numbers of hexadecimal words; a longer one is taken as several registers.

    Raises:
        GivenDataError: one is no word, or no bit in a table of bits (reason `word`).
    """
    numbers: list[int] = []
    for word in words:
        match = _WORD.fullmatch(word)
        if match is None or (len(match[1]) > 4 and len(match[1]) % 4):
            raise _refused("word", f"{word!r} is no hexadecimal word such as 00EB")
        digits = match[1]
        step = min(len(digits), 4)
        numbers += [int(digits[at : at + step], 16) for at in range(0, len(digits), step)]
    if table.holds_bits and not all(number in (0, 1) for number in numbers):
        raise _refused("word", f"the table {table} holds bits: write 0 and 1")
    return numbers


def _refused(reason: str, message: str, *, remedy: str = "") -> GivenDataError:
    return GivenDataError(reason, message, remedy=remedy)
