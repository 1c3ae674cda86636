"""The chain of models in a SunSpec device: marker, common model, models, end.

Source: SunSpec Device Information Model Specification V1.1, sections 4 and 6 (marker "SunS", each
model an id, a length and so many registers, id 0xFFFF at the end) and its models 1 to 802.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from firmware_sims.guards import RawWrite
from firmware_sims.identity import Identity
from firmware_sims.registers import Table
from firmware_sims.texts import TextForm

MARKER = b"SunS"
_END = 0xFFFF
_COMMON = 1
# Registers after id and length; of others the length is told by the points in them.
_LENGTHS = {
    1: 66,
    101: 50,
    102: 50,
    103: 50,
    111: 60,
    112: 60,
    113: 60,
    120: 26,
    121: 30,
    122: 44,
    123: 24,
    124: 24,
    201: 105,
    202: 105,
    203: 105,
    204: 105,
    211: 124,
    212: 124,
    213: 124,
    214: 124,
}
_COMMON_TEXTS = (("vendor", 2, 16), ("model", 18, 16), ("firmware", 42, 8), ("serial", 50, 16))


def models_present(wanted: Iterable[Sequence[int]]) -> list[int]:
    """The models of a device: of alternatives the one that most points can stand in.

    Args:
        wanted: for each point, the models that it may stand in.
    """
    alternatives = [tuple(one) for one in wanted]
    votes = Counter(model for models in alternatives for model in models)
    chosen: set[int] = {_COMMON}
    for models in sorted(alternatives, key=len):
        if not chosen & set(models):
            chosen.add(max(models, key=lambda model: (votes[model], -models.index(model))))
    return sorted(chosen)


def chain(
    start: int, present: Sequence[int], ends: Mapping[int, int]
) -> dict[int, tuple[int, int]]:
    """Where each model stands, and its length.

    Args:
        start: address of the marker.
        present: the models, in their order.
        ends: per model, the register after the last that a point takes, counted from its id.
    """
    places: dict[int, tuple[int, int]] = {}
    address = start + 2
    for model in present:
        length = max(_LENGTHS.get(model, 0), ends.get(model, 2) - 2)
        places[model] = (address, length)
        address += 2 + length
    return places


def structure(
    table: Table, start: int, places: Mapping[int, tuple[int, int]], identity: Identity, serial: str
) -> list[RawWrite]:
    """What stands in the chain beside points."""
    cells = [RawWrite(table, start, MARKER)]
    end = start + 2
    for model, (address, length) in places.items():
        head = model.to_bytes(2, "big") + length.to_bytes(2, "big")
        cells.append(RawWrite(table, address, head))
        end = address + 2 + length
    cells.append(RawWrite(table, end, _END.to_bytes(2, "big") + b"\0\0"))
    texts = {
        "vendor": identity.vendor,
        "model": identity.model,
        "firmware": identity.firmware,
        "serial": serial,
    }
    common = places[_COMMON][0]
    for what, at, registers in _COMMON_TEXTS:
        cells.append(RawWrite(table, common + at, TextForm(registers).to_bytes(texts[what])))
    return cells


def extent(
    table: Table, start: int, places: Mapping[int, tuple[int, int]]
) -> tuple[Table, int, int]:
    """First and last address of the chain."""
    end = max(address + 2 + length for address, length in places.values())
    return table, start, end + 1
