"""Home Assistant's entities that are written to: switches, climates, covers (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from device_profiles.dialects.words import state_label
from device_profiles.importing.draft import ON_OFF, Given, ProfileDraft
from device_profiles.importing.shapes import parse_struct, with_order

_FUNCTIONS: Final = {"coil": 5, "coils": 15, "holding": 6, "holdings": 16}
_TABLES: Final = {"coil": "coil", "coils": "coil", "holding": "holding", "holdings": "holding"}
_SWAPS: Final = {"none": "ABCD", "byte": "BADC", "word": "CDAB", "word_byte": "DCBA"}
_OLD_TYPES: Final = {"int": "int16", "uint": "uint16", "float": "float32"}
_MODES: Final = {
    "state_off": "off",
    "state_heat": "heat",
    "state_cool": "cool",
    "state_heat_cool": "heat_cool",
    "state_auto": "auto",
    "state_dry": "dry",
    "state_fan_only": "fan_only",
    "state_fan_on": "on",
    "state_fan_off": "off",
    "state_fan_auto": "auto",
    "state_fan_low": "low",
    "state_fan_medium": "medium",
    "state_fan_high": "high",
    "state_fan_top": "top",
    "state_fan_middle": "middle",
    "state_fan_focus": "focus",
    "state_fan_diffuse": "diffuse",
}


def switch(draft: ProfileDraft, name: str, entity: Mapping[str, Any]) -> None:
    """Add a switch, light or fan: on and off, read where `verify` says."""
    kind = str(entity.get("write_type", "holding"))
    address = int(entity["address"])
    on, off = int(entity.get("command_on", 1)), int(entity.get("command_off", 0))
    write: dict[str, Any] = {"function": _FUNCTIONS[kind], "address": address}
    is_coil = _TABLES[kind] == "coil"
    if not is_coil:
        write |= {"data_type": "uint16", "values": {1: on, 0: off}}
    read: dict[str, Any] | None = None
    if "verify" in entity:
        verify = entity["verify"] or {}
        table = str(verify.get("input_type", _TABLES[kind]))
        read = {"input_type": table, "address": int(verify.get("address", address))}
        if table in ("holding", "input"):
            state_on = int(verify.get("state_on", on))
            state_off = int(verify.get("state_off", off))
            read |= {"data_type": "uint16", "values": {state_on: 1, state_off: 0}}
        if verify.get("delay"):
            write["read_back_after_s"] = float(verify["delay"])
    else:
        draft.check(name, "has no verify, so nothing shows its state")
    draft.add(Given(name, unit="", read=read, write=write, states=ON_OFF))


def cover(draft: ProfileDraft, name: str, entity: Mapping[str, Any]) -> None:
    """Add a cover: 0 closed, 1 open, 2 opening, 3 closing; open and closed can be written."""
    table = str(entity.get("input_type", "holding"))
    address = int(entity["address"])
    words = {
        1: int(entity.get("state_open", 1)),
        0: int(entity.get("state_closed", 0)),
        2: int(entity.get("state_opening", 2)),
        3: int(entity.get("state_closing", 3)),
    }
    status = entity.get("status_register")
    if table == "coil" and status is None:
        states = {0: state_label("closed"), 1: state_label("open")}
        read: dict[str, Any] = {"input_type": "coil", "address": address}
    else:
        states = {
            number: state_label(word)
            for number, word in enumerate(("closed", "open", "opening", "closing"))
        }
        place = str(entity.get("status_register_type", "holding" if status is not None else table))
        read = {
            "input_type": place,
            "address": address if status is None else int(status),
            "data_type": "uint16",
            "values": {word: number for number, word in words.items()},
        }
    write: dict[str, Any] = {
        "function": 5 if table == "coil" else 6,
        "address": address,
        "minimum": 0,
        "maximum": 1,
    }
    if table != "coil":
        write |= {"data_type": "uint16", "values": {0: words[0], 1: words[1]}}
    draft.add(Given(name, unit="", read=read, write=write, states=states, hint="cover"))


def climate(draft: ProfileDraft, name: str, entity: Mapping[str, Any]) -> None:
    """Add a climate: temperatures, mode, fan and power, each as a point."""
    unit = "°F" if str(entity.get("temperature_unit", "C")).upper() == "F" else "°C"
    table = str(entity.get("input_type", "holding"))
    current = _temperature(draft, name, entity, "current_temp")
    current |= {"input_type": table, "address": int(entity["address"])}
    draft.add(Given(f"{name} current temperature", unit=unit, read=current, hint="temperature"))
    _target(draft, name, entity, unit)
    _choice(draft, f"{name} mode", entity.get("hvac_mode_register"), "values")
    _choice(draft, f"{name} fan mode", entity.get("fan_mode_register"), "values")
    _choice(draft, f"{name} swing mode", entity.get("swing_mode_register"), "values")
    if "hvac_onoff_register" in entity:
        _power(draft, f"{name} power", entity, holdings=bool(entity.get("write_registers")))
    elif "hvac_onoff_coil" in entity:
        coil = int(entity["hvac_onoff_coil"])
        draft.add(
            Given(
                f"{name} power",
                unit="",
                read={"input_type": "coil", "address": coil},
                write={"function": 5},
                states=ON_OFF,
            )
        )
    if "hvac_action_register" in entity:
        draft.leave_out(f"{name} action", "hvac_action_register: add it as a point with states")


def _temperature(
    draft: ProfileDraft, name: str, entity: Mapping[str, Any], prefix: str
) -> dict[str, Any]:
    data_type = str(entity.get("data_type", "int16"))
    data_type = _OLD_TYPES.get(data_type, data_type)
    pattern = _SWAPS.get(str(entity.get("swap") or "none"), "ABCD")
    if data_type == "custom":
        layout = parse_struct(str(entity.get("structure", ">f")))
        [item] = layout.items
        data_type, pattern = item.data_type, layout.pattern
        draft.check(name, "its structure is taken for current and target temperature")
    read: dict[str, Any] = {"data_type": data_type}
    for key, usual in (("scale", 1.0), ("offset", 0.0)):
        value = float(entity.get(f"{prefix}_{key}", entity.get(key, usual)))
        if value != usual:
            read[key] = value
    return with_order(read, pattern)


def _target(draft: ProfileDraft, name: str, entity: Mapping[str, Any], unit: str) -> None:
    register = entity.get("target_temp_register")
    if register is None:
        return
    if isinstance(register, list):
        draft.check(name, "has a target register for each mode; the first is taken")
        register = register[0]
    read = _temperature(draft, name, entity, "target_temp")
    read |= {"input_type": "holding", "address": int(register)}
    wide = read["data_type"] not in ("int16", "uint16", "float16")
    many = entity.get("write_registers") or entity.get("target_temp_write_registers")
    write = {
        "function": 16 if wide or many else 6,
        "minimum": float(entity.get("min_temp", 5)),
        "maximum": float(entity.get("max_temp", 35)),
        "step": float(entity.get("temp_step", 0.5)),
    }
    draft.add(
        Given(
            f"{name} target temperature",
            unit=unit,
            read=read,
            write=write,
            hint="target_temperature",
        )
    )


def _choice(draft: ProfileDraft, name: str, register: Any, key: str) -> None:
    """Add a register whose numbers are modes; several numbers of one mode are read alike."""
    if not isinstance(register, Mapping) or not isinstance(register.get(key), Mapping):
        return
    address = register.get("address")
    if isinstance(address, list):
        address = address[0]
    values: dict[int, int] = {}
    back: dict[int, int] = {}
    states: dict[int, dict[str, str]] = {}
    for number, (word, raw) in enumerate(register[key].items()):
        numbers = [int(one) for one in raw] if isinstance(raw, list) else [int(raw)]
        states[number] = state_label(_MODES.get(str(word), str(word).removeprefix("state_")))
        back[number] = numbers[0]
        values |= dict.fromkeys(numbers, number)
    write = {
        "function": 16 if register.get("write_registers") else 6,
        "data_type": "uint16",
        "values": back,
    }
    read = {
        "input_type": "holding",
        "address": int(address or 0),
        "data_type": "uint16",
        "values": values,
    }
    draft.add(Given(name, unit="", read=read, write=write, states=states))


def _power(draft: ProfileDraft, name: str, entity: Mapping[str, Any], *, holdings: bool) -> None:
    on = int(entity.get("hvac_on_value", 1))
    off = int(entity.get("hvac_off_value", 0))
    read = {
        "input_type": "holding",
        "address": int(entity["hvac_onoff_register"]),
        "data_type": "uint16",
        "values": {on: 1, off: 0},
    }
    write = {
        "function": 16 if holdings else 6,
        "data_type": "uint16",
        "values": {1: on, 0: off},
    }
    draft.add(Given(name, unit="", read=read, write=write, states=ON_OFF))
