"""VOLTTRON's registry CSV: of its Modbus driver, and of the modbus_tk one (pure).

Sources: VOLTTRON/volttron:services/core/PlatformDriverAgent/platform_driver/interfaces/modbus.py
and modbus_tk/{__init__,helpers}.py. Addresses count from 0 unless the driver's configuration, which
is another file, says otherwise (`addressing`). What is not writable is an input register or a
discrete input, what is writable a holding register or a coil, unless the column Table says so.
"""

from __future__ import annotations

import csv
import io
import re
from typing import Any, Final, Literal

from device_profiles.importing.draft import ON_OFF, Given, ProfileDraft
from device_profiles.importing.shapes import Item, Layout, parse_struct, with_order

AddressBase = Literal[0, 1, "modicon"]
_TABLES: Final = {
    "discrete_output_coils": "coil",
    "coils": "coil",
    "discrete_input_contacts": "discrete_input",
    "discrete_inputs": "discrete_input",
    "analog_input_registers": "input",
    "analog_inputs": "input",
    "analog_output_holding_registers": "holding",
    "holding_registers": "holding",
}
_NAMED: Final = {
    "short": "int16",
    "ushort": "uint16",
    "int": "int32",
    "uint": "uint32",
    "long": "int32",
    "ulong": "uint32",
    "float": "float32",
    "double": "float64",
    "int16": "int16",
    "uint16": "uint16",
    "int32": "int32",
    "uint32": "uint32",
    "int64": "int64",
    "uint64": "uint64",
    "float32": "float32",
    "float64": "float64",
}
_TRANSFORM: Final = re.compile(r"\s*([a-z0-9_]+)\s*\(\s*([^)]*)\s*\)\s*", re.IGNORECASE)
_TEXT: Final = re.compile(r"string\s*[\[(]\s*(\d+)\s*[\])]", re.IGNORECASE)


def is_registry(text: str) -> bool:
    """Say whether a text is such a CSV."""
    head = text.lstrip("\ufeff \n").partition("\n")[0].lower()
    classic = "volttron point name" in head and "modbus register" in head
    return classic or ("register name" in head and "address" in head and "type" in head)


def import_volttron(
    text: str, *, title: str, source: str, address_base: AddressBase = 0
) -> ProfileDraft:
    """Return the profile of a registry.

    Raises:
        ValueError: it is none.
    """
    rows = list(csv.DictReader(io.StringIO(text.lstrip("\ufeff"))))
    draft = ProfileDraft(title, source, "VOLTTRON registry")
    draft.section["address_base"] = address_base
    if not rows or not is_registry(text):
        raise ValueError("is no registry of VOLTTRON's Modbus drivers")
    draft.check(
        "addresses",
        f"taken with base {address_base}; VOLTTRON counts from 0 unless its driver's configuration "
        "says `addressing`",
    )
    plain = [
        {str(key).strip().lower(): (value or "").strip() for key, value in row.items() if key}
        for row in rows
    ]
    names = _factor_names(plain)
    for row in plain:
        _add(draft, row, names)
    return draft


def _factor_names(rows: list[dict[str, str]]) -> dict[str, str]:
    """Return how the registers will be called that others are scaled by."""
    draft = ProfileDraft("", "", "")
    return {_title(row): draft.name_for(_title(row)) for row in rows if _title(row)}


def _title(row: dict[str, str]) -> str:
    return row.get("volttron point name") or row.get("register name") or ""


def _add(draft: ProfileDraft, row: dict[str, str], names: dict[str, str]) -> None:
    title = _title(row)
    if not title:
        return
    try:
        address = int(row.get("point address") or row.get("address") or "", 0)
    except ValueError:
        draft.leave_out(title, "has no address")
        return
    writable = row.get("writable", "").lower() == "true"
    kind = row.get("modbus register") or row.get("type") or ""
    is_bit = kind.lower() in ("bool", "?")
    table = _TABLES.get(row.get("table", "").lower()) or (
        ("coil" if writable else "discrete_input")
        if is_bit
        else ("holding" if writable else "input")
    )
    read: dict[str, Any] = {"input_type": table, "address": address}
    try:
        if not is_bit:
            read |= _value(draft, title, kind, row)
        _transform(draft, title, row.get("transform", ""), read, names)
    except ValueError as error:
        draft.leave_out(title, str(error))
        return
    given = Given(
        title, unit=_unit(row), read=read, note=row.get("notes") or row.get("description", "")
    )
    if is_bit:
        given.states = ON_OFF
        given.unit = ""
    if writable:
        _write(draft, given, is_bit=is_bit)
    if row.get("default value"):
        draft.leave_out(
            title, f"the default value {row['default value']} (what VOLTTRON reverts to)"
        )
    draft.add(given)


def _unit(row: dict[str, str]) -> str | None:
    unit = row.get("units", "")
    return None if unit.lower() in ("", "none", "-", "n/a") else unit


def _value(draft: ProfileDraft, title: str, kind: str, row: dict[str, str]) -> dict[str, Any]:
    mixed = row.get("mixed endian", "").lower() in ("true", "t", "yes", "1")
    text = _TEXT.fullmatch(kind)
    if text is not None:
        length = (int(text[1]) + 1) // 2
        return with_order({"data_type": "string", "length": length}, "ABCD")
    named = _NAMED.get(kind.lower())
    layout = Layout("ABCD", (Item(named, 0),), is_native=False) if named else parse_struct(kind)
    if len(layout.items) != 1:
        raise ValueError(f"{kind!r} holds {len(layout.items)} values")
    [item] = layout.items
    pattern = layout.pattern
    if layout.is_native:
        draft.check(
            title, f"{kind!r} says no byte order; VOLTTRON takes that of its machine (DCBA)"
        )
    if mixed:
        pattern = {"ABCD": "CDAB", "DCBA": "BADC"}[pattern]
    read: dict[str, Any] = {"data_type": item.data_type}
    if item.length:
        read["length"] = item.length
    return with_order(read, pattern)


def _transform(
    draft: ProfileDraft, title: str, text: str, read: dict[str, Any], names: dict[str, str]
) -> None:
    if not text:
        return
    match = _TRANSFORM.fullmatch(text)
    name, argument = (match[1].lower(), match[2].strip("'\" ")) if match else (text.lower(), "")
    reverse = argument.lower() in ("true", "t", "yes", "1")
    if name in ("scale", "scale_int"):
        read["scale"] = float(argument)
        if name == "scale_int":
            draft.changed(title, "scale_int cut the decimals off; here they stay")
    elif name == "scale_reg":
        read["divisor"] = [names.get(argument, argument)]
    elif name == "scale_reg_pow_10":
        read["scale_factor"] = names.get(argument, argument)
    elif name == "scale_decimal_int_signed":
        read |= {"encoding": "sign_magnitude", "scale": float(argument), "data_type": "int16"}
    elif name == "mod10k":
        read |= {"data_type": "uint32", "encoding": "mod10k"}
        read["byte_order"] = "CDAB" if reverse else "ABCD"
    elif name == "mod10k64":
        read |= {"data_type": "uint64", "encoding": "mod10k"}
        read["byte_order"] = "ABCDEFGH" if reverse else "GHEFCDAB"
    elif name != "no_op":
        raise ValueError(f"the transform {text} has no equal here")


def _write(draft: ProfileDraft, given: Given, *, is_bit: bool) -> None:
    assert given.read is not None
    if is_bit and given.read["input_type"] == "coil":
        given.write = {"function": 5}
        return
    draft.leave_out(
        given.name,
        "that it may be written: no limits are given; add write: with function, minimum and "
        "maximum",
    )
