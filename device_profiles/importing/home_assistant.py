"""Home Assistant's `modbus:` (pure): hubs, and of their entities what devices can be asked.

Source: https://www.home-assistant.io/integrations/modbus/ and
home-assistant/core:homeassistant/components/modbus/{__init__,validators}.py. Addresses count from
0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from device_profiles.importing.draft import ON_OFF, Given, ProfileDraft
from device_profiles.importing.ha_entities import climate, cover, switch
from device_profiles.importing.shapes import Item, parse_struct, with_order
from device_profiles.registers import DataType, register_count

_SWAPS: Final = {"none": "ABCD", "byte": "BADC", "word": "CDAB", "word_byte": "DCBA"}
_OLD_TYPES: Final = {"int": "int16", "uint": "uint16", "float": "float32"}
_IGNORED: Final = (
    *("precision", "zero_suppress", "lazy_error_count", "state_class", "retries"),
    *("close_comm_on_error", "retry_on_empty"),
)


def hubs_of(document: Any) -> list[Mapping[str, Any]]:
    """Return the hubs of a configuration, or of the part below `modbus:`."""
    if isinstance(document, Mapping) and "modbus" in document:
        document = document["modbus"]
    if isinstance(document, Mapping):
        document = [document]
    if not isinstance(document, list):
        return []
    return [one for one in document if isinstance(one, Mapping) and "type" in one]


def import_home_assistant(document: Any, *, title: str, source: str) -> list[ProfileDraft]:
    """Return one profile for each device: for each hub and unit id.

    Raises:
        ValueError: the document has no Modbus hub.
    """
    hubs = hubs_of(document)
    if not hubs:
        raise ValueError("has no modbus: with a hub (type: tcp, serial …)")
    drafts: list[ProfileDraft] = []
    for hub in hubs:
        name = str(hub.get("name") or title)
        drafts += _Hub(hub, name, source).drafts()
    return drafts


class _Hub:
    def __init__(self, hub: Mapping[str, Any], title: str, source: str) -> None:
        self._hub = hub
        self._title = title
        self._source = source
        self._drafts: dict[int, ProfileDraft] = {}

    def drafts(self) -> list[ProfileDraft]:
        for kind, add in _KINDS.items():
            for entity in _maps(self._hub.get(kind)):
                draft = self._draft(_unit(entity))
                name = str(entity.get("name", kind))
                if not isinstance(entity.get("address"), int):
                    draft.leave_out(name, "has no address")
                    continue
                try:
                    add(draft, name, entity)
                except (ValueError, KeyError, TypeError) as error:
                    draft.leave_out(name, f"cannot be carried over: {error}")
        drafts = list(self._drafts.values())
        if len(drafts) > 1:
            for unit, draft in self._drafts.items():
                draft.title = f"{self._title} unit {unit}"
        return drafts

    def _draft(self, unit: int) -> ProfileDraft:
        draft = self._drafts.get(unit)
        if draft is None:
            draft = ProfileDraft(self._title, self._source, "Home Assistant modbus")
            draft.section = _section(self._hub, unit, draft)
            self._drafts[unit] = draft
        return draft


def _unit(entity: Mapping[str, Any]) -> int:
    found = entity.get("device_address", entity.get("slave", 1))
    return found if isinstance(found, int) else 1


def _section(hub: Mapping[str, Any], unit: int, draft: ProfileDraft) -> dict[str, Any]:
    link: dict[str, Any] = {"unit_id": unit}
    for theirs, ours in (
        ("baudrate", "baud_rate"),
        ("bytesize", "data_bits"),
        ("parity", "parity"),
        ("stopbits", "stop_bits"),
    ):
        if theirs in hub:
            link[ours] = hub[theirs]
    section: dict[str, Any] = {"address_base": 0, "link": link}
    if hub.get("delay"):
        section["pause_after_connect_s"] = float(hub["delay"])
    if hub.get("message_wait_milliseconds"):
        section["pause_between_requests_s"] = hub["message_wait_milliseconds"] / 1000
    place = hub.get("host") or hub.get("port")
    if place:
        draft.leave_out("connection", f"{place}: belongs into edge.yaml, under buses")
    return section


# --- sensors -------------------------------------------------------------------------------------


def _sensor(draft: ProfileDraft, name: str, entity: Mapping[str, Any]) -> None:
    address = int(entity["address"])
    pattern = _SWAPS.get(str(entity.get("swap") or "none"), "ABCD")
    items, pattern = _items(draft, name, entity, pattern)
    for number, item in enumerate(items):
        read: dict[str, Any] = {
            "input_type": str(entity.get("input_type", "holding")),
            "address": address,
            "data_type": item.data_type,
        }
        if item.length:
            read["length"] = item.length
        _scaled(read, entity)
        if "nan_value" in entity:
            read["nan_value"] = _nan(entity["nan_value"])
        address += item.registers
        draft.add(
            Given(
                name if number == 0 else f"{name} {number}",
                unit=entity.get("unit_of_measurement"),
                read=with_order(read, pattern),
                minimum=_number(entity.get("min_value")),
                maximum=_number(entity.get("max_value")),
                hint=str(entity.get("device_class") or ""),
            )
        )
    if "min_value" in entity or "max_value" in entity:
        draft.changed(name, "values beyond min_value and max_value were cut; here they are bad")
    for key in _IGNORED:
        if key in entity and key not in ("state_class", "lazy_error_count"):
            draft.leave_out(name, f"{key}: values keep their decimals here")


def _items(
    draft: ProfileDraft, name: str, entity: Mapping[str, Any], pattern: str
) -> tuple[list[Item], str]:
    data_type = str(entity.get("data_type", "int16"))
    data_type = _OLD_TYPES.get(data_type, data_type)
    count = int(entity.get("slave_count", entity.get("virtual_count", 0)) or 0)
    if data_type == "custom":
        layout = parse_struct(str(entity.get("structure", "")))
        if layout.is_native:
            draft.check(name, f"its structure {entity.get('structure')!r} says no byte order")
        return list(layout.items), layout.pattern
    if data_type == "string":
        length = int(entity.get("count", 1))
        return [Item("string", length, length)], pattern
    return [Item(data_type, register_count(DataType(data_type)))] * (count + 1), pattern


def _scaled(read: dict[str, Any], entity: Mapping[str, Any]) -> None:
    for key, usual in (("scale", 1.0), ("offset", 0.0)):
        value = _number(entity.get(key))
        if value is not None and value != usual:
            read[key] = value


def _nan(value: object) -> int:
    if isinstance(value, int):
        return value
    text = str(value)
    return int(text) if text.lstrip("-").isdecimal() else int(text, 16)


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    return float(value)


def _binary_sensor(draft: ProfileDraft, name: str, entity: Mapping[str, Any]) -> None:
    table = str(entity.get("input_type", "coil"))
    count = int(entity.get("slave_count", entity.get("virtual_count", 0)) or 0)
    for number in range(count + 1):
        read: dict[str, Any] = {"input_type": table, "address": int(entity["address"]) + number}
        if table in ("holding", "input"):
            read["bit"] = 0
        draft.add(
            Given(
                name if number == 0 else f"{name} {number}",
                unit="",
                read=read,
                states=ON_OFF,
                hint=str(entity.get("device_class") or ""),
            )
        )


Adder = Callable[[ProfileDraft, str, Mapping[str, Any]], None]
_KINDS: Final[Mapping[str, Adder]] = {
    "sensors": _sensor,
    "binary_sensors": _binary_sensor,
    "switches": switch,
    "lights": switch,
    "fans": switch,
    "climates": climate,
    "covers": cover,
}


def _maps(value: object) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, list):
        yield from (one for one in value if isinstance(one, Mapping))
