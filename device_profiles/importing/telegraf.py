"""Telegraf's `[[inputs.modbus]]`: the styles register, request and metric (pure).

Source: influxdata/telegraf:plugins/inputs/modbus/README.md. Addresses count from 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from device_profiles.importing.draft import ON_OFF, Given, ProfileDraft
from device_profiles.importing.shapes import seconds, with_order

_TABLES: Final = {
    "coil": "coil",
    "discrete": "discrete_input",
    "holding": "holding",
    "input": "input",
}
_REGISTER_STYLE: Final = {
    "discrete_inputs": "discrete_input",
    "coils": "coil",
    "holding_registers": "holding",
    "input_registers": "input",
}
_TYPES: Final = {
    "FLOAT16-IEEE": "float16",
    "FLOAT32-IEEE": "float32",
    "FLOAT64-IEEE": "float64",
}
_SIZED: Final = {1: "16", 2: "32", 4: "64"}
_ORDERS: Final = {"AB": "ABCD", "BA": "DCBA"}
_KNOWN_WORKAROUNDS: Final = {
    "pause_after_connect": "pause_after_connect_s",
    "pause_between_requests": "pause_between_requests_s",
}
_PLAIN_WORKAROUNDS: Final = (
    "one_request_per_field",
    "max_word_registers_per_request",
    "max_bit_registers_per_request",
)


def inputs_of(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the Modbus inputs of a configuration."""
    inputs = document.get("inputs", {})
    found = inputs.get("modbus", []) if isinstance(inputs, Mapping) else []
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []


def import_telegraf(document: Mapping[str, Any], *, title: str, source: str) -> list[ProfileDraft]:
    """Return one profile for each device: for each input and unit id.

    Raises:
        ValueError: the configuration has no Modbus input.
    """
    inputs = inputs_of(document)
    if not inputs:
        raise ValueError("has no [[inputs.modbus]]")
    drafts: list[ProfileDraft] = []
    for number, one in enumerate(inputs, start=1):
        name = str(one.get("name") or title)
        if name in ("Device", "") or len(inputs) > 1:
            name = title if len(inputs) == 1 else f"{title} {number} {one.get('name', '')}".strip()
        drafts += _Input(one, name, source).drafts()
    return drafts


class _Input:
    def __init__(self, given: Mapping[str, Any], title: str, source: str) -> None:
        self._given = given
        self._title = title
        self._source = source
        self._drafts: dict[int, ProfileDraft] = {}

    def drafts(self) -> list[ProfileDraft]:
        given = self._given
        unit = int(given.get("slave_id", 1))
        for key, table in _REGISTER_STYLE.items():
            for field in _maps(given.get(key)):
                self._old_field(self._draft(unit), table, field)
        for request in _maps(given.get("request")):
            draft = self._draft(int(request.get("slave_id", unit)))
            table = str(request.get("register", "holding"))
            self._fields(draft, request, table)
        for metric in _maps(given.get("metric")):
            draft = self._draft(int(metric.get("slave_id", unit)))
            self._fields(draft, metric, "holding")
        drafts = list(self._drafts.values())
        if len(drafts) > 1:
            for slave, draft in self._drafts.items():
                draft.title = f"{self._title} unit {slave}"
        return drafts

    def _draft(self, unit: int) -> ProfileDraft:
        draft = self._drafts.get(unit)
        if draft is None:
            draft = ProfileDraft(self._title, self._source, "Telegraf inputs.modbus")
            draft.section = _section(self._given, unit, draft)
            self._drafts[unit] = draft
        return draft

    def _fields(self, draft: ProfileDraft, group: Mapping[str, Any], table: str) -> None:
        pattern = str(group.get("byte_order", "ABCD")).upper()
        if group.get("tags"):
            draft.leave_out(str(group.get("measurement", "tags")), "tags: areas say where it is")
        for field in _maps(group.get("fields")):
            name = str(field.get("name", ""))
            if field.get("omit"):
                continue
            own = _TABLES.get(str(field.get("register", table)))
            if own is None or "address" not in field:
                draft.leave_out(name, "has no register table or address")
                continue
            self._add(draft, field, table=own, address=int(field["address"]), pattern=pattern)

    def _add(
        self,
        draft: ProfileDraft,
        field: Mapping[str, Any],
        *,
        table: str,
        address: int,
        pattern: str,
    ) -> None:
        name = str(field.get("name", ""))
        read: dict[str, Any] = {"input_type": table, "address": address}
        if table in ("coil", "discrete_input"):
            draft.add(Given(name, unit="", read=read, states=ON_OFF))
            return
        kind = str(field.get("type", "")).upper()
        if kind == "BIT":
            read["bit"] = int(field.get("bit", 0))
            draft.add(Given(name, unit="", read=read, states=ON_OFF))
            return
        if not kind:
            draft.leave_out(name, "says no type")
            return
        read["data_type"] = _TYPES.get(kind, kind.lower())
        if kind == "STRING":
            read["length"] = int(field.get("length", 1))
        scale = float(field.get("scale", 1.0))
        if scale not in (0.0, 1.0):
            read["scale"] = scale
        draft.add(Given(name, read=with_order(read, pattern)))

    def _old_field(self, draft: ProfileDraft, table: str, field: Mapping[str, Any]) -> None:
        name = str(field.get("name", ""))
        addresses = [int(one) for one in field.get("address", [])]
        if not addresses or addresses != list(range(addresses[0], addresses[0] + len(addresses))):
            draft.leave_out(name, f"its addresses {addresses} are none, or not in a row")
            return
        kind = str(field.get("data_type", "")).upper()
        pattern = str(field.get("byte_order", "ABCD")).upper()
        pattern = _ORDERS.get(pattern, pattern)
        converted = dict(field)
        converted["type"] = _old_type(kind, len(addresses))
        if kind == "FLOAT32":
            draft.check(name, "data_type FLOAT32 means UFIXED in Telegraf: an unsigned integer")
        if kind == "STRING":
            converted["length"] = len(addresses)
        if converted["type"] is None:
            draft.leave_out(name, f"data_type {kind} over {len(addresses)} registers")
            return
        self._add(draft, converted, table=table, address=addresses[0], pattern=pattern)


def _old_type(kind: str, registers: int) -> str | None:
    """Return the type of the register style; FIXED and UFIXED take theirs from the addresses."""
    if kind in ("FIXED", "UFIXED", "FLOAT32"):
        size = _SIZED.get(registers)
        return None if size is None else f"{'INT' if kind == 'FIXED' else 'UINT'}{size}"
    return kind


def _section(given: Mapping[str, Any], unit: int, draft: ProfileDraft) -> dict[str, Any]:
    section: dict[str, Any] = {"address_base": 0}
    link = {
        ours: given[theirs]
        for ours, theirs in (
            ("baud_rate", "baud_rate"),
            ("data_bits", "data_bits"),
            ("parity", "parity"),
            ("stop_bits", "stop_bits"),
        )
        if theirs in given
    }
    section["link"] = {**link, "unit_id": unit}
    workarounds = given.get("workarounds", {})
    for theirs, ours in _KNOWN_WORKAROUNDS.items():
        pause_s = seconds(workarounds.get(theirs))
        if pause_s:
            section[ours] = pause_s
    for key in _PLAIN_WORKAROUNDS:
        if workarounds.get(key):
            section[key] = workarounds[key]
    if workarounds.get("close_connection_after_gather"):
        section["close_connection_after_poll"] = True
    if workarounds.get("read_coils_starting_at_zero"):
        draft.leave_out("read_coils_starting_at_zero", "has no equal here")
    timeout_s = seconds(given.get("timeout"))
    if timeout_s and timeout_s > 1.0:
        section["response_timeout_s"] = timeout_s
    if given.get("controller"):
        draft.leave_out("controller", f"{given['controller']}: belongs into edge.yaml, under buses")
    return section


def _maps(value: object) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, Iterable) and not isinstance(value, str | Mapping):
        yield from (one for one in value if isinstance(one, Mapping))
