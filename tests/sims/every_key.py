"""Profiles that exist nowhere and use every key that can say how a Modbus value stands."""

from typing import Any

from device_profiles.model import ModbusProfile

BOTH = {"zh": "点", "en": "point"}
INTEGERS = [8, 16, 24, 32, 48, 64]


def profile(
    points: list[dict[str, Any]], *, section: dict[str, Any] | None = None, **more: Any
) -> ModbusProfile:
    """A profile of these points; names and labels are added where missing."""
    named = [
        {"name": f"p{index}", **({} if one.get("hidden") else {"labels": BOTH}), **one}
        for index, one in enumerate(points)
    ]
    return ModbusProfile.model_validate(
        {
            "id": "synthetic",
            "vendor": "Nobody",
            "model": "Everything 1",
            "category": "other",
            "labels": BOTH,
            "evidence": "bench",
            "sources": [{"ref": "made for a test", "kind": "test"}],
            "protocol": "modbus",
            "modbus": {"address_base": 0, **(section or {})},
            "points": named,
            **more,
        },
        strict=False,
    )


def reads(*reads_: dict[str, Any], table: str = "holding", gap: int = 0) -> list[dict[str, Any]]:
    """Points one after the other, so many registers apart."""
    points = []
    address = 0
    for read in reads_:
        points.append({"read": {"input_type": table, "address": address, **read}})
        address += 8 + gap
    return points


def _types() -> list[dict[str, Any]]:
    names = ["int8l", "int8h", "uint8l", "uint8h"]
    names += [f"{sign}int{width}" for width in INTEGERS[1:] for sign in ("", "u")]
    return [{"data_type": name} for name in (*names, "float16", "float32", "float64")]


def _codings() -> list[dict[str, Any]]:
    signed = [
        {"data_type": f"int{width}", "encoding": encoding}
        for width in INTEGERS[1:]
        for encoding in ("offset_binary", "sign_magnitude", "ones_complement", "twos_complement")
    ]
    halves = [
        {"data_type": f"int8{half}", "encoding": encoding}
        for half in "lh"
        for encoding in ("offset_binary", "sign_magnitude", "ones_complement")
    ]
    decimal = [{"data_type": f"uint{width}", "encoding": "bcd"} for width in INTEGERS[1:]]
    decimal += [{"data_type": "uint8h", "encoding": "bcd"}]
    decimal += [{"data_type": f"uint{width}", "encoding": "mod10k"} for width in (16, 32, 48, 64)]
    return signed + halves + decimal


def _bits() -> list[dict[str, Any]]:
    return [
        {"bit": 0},
        {"bit": 15},
        {"bit": 4, "bit_count": 5},
        {"bit": 4, "bit_count": 5, "bit_signed": True, "scale": 0.5},
        {"data_type": "uint32", "bit": 12, "bit_count": 9},
        {"data_type": "uint64", "bit": 40, "bit_count": 16, "bit_signed": True},
        {"data_type": "uint64", "bit": 3, "bit_count": 48, "bit_signed": True},
        {"data_type": "uint64", "bit": 0, "bit_count": 64},
        {"data_type": "uint8h", "bit": 2, "bit_count": 3},
        {"data_type": "uint24", "bit": 20, "bit_count": 4},
        {"bit": 8, "bit_count": 8, "encoding": "bcd"},
    ]


def _meanings() -> list[dict[str, Any]]:
    return [
        {"data_type": "uint16", "values": {0xAA: 1, 0x55: 0}},
        {"data_type": "uint16", "values": {1: 1, 2: 7}, "other_values": 0},
        {"data_type": "int16", "values": {-1: 99, 0x7FFF: 100}, "other_values": "scaled"},
        {"data_type": "uint16", "bit": 4, "bit_count": 3, "values": {5: 50, 2: 20}},
        {"data_type": "uint16", "polynomial": [-40, 0.01, 0.000_002]},
        {"data_type": "int16", "polynomial": [1.5, -0.25]},
        {"data_type": "float32", "polynomial": [2, 0.5]},
        {"data_type": "uint16", "curve": [[4000, 0], [12_000, 40], [20_000, 100]]},
        {"data_type": "int16", "curve": [[-100, 50], [0, 10], [100, -10]]},
        {"data_type": "uint16", "scale": 0.1, "offset": -50},
        {"data_type": "int32", "scale": -0.001},
        {"data_type": "uint16", "nan_value": [0xFFFF, 0x8000]},
        {"data_type": "uint24", "nan_value": 0xFFFFFF},
        {"data_type": "int8h", "nan_value": 0x80},
        {"data_type": "float32", "nan_number": 999_999.0},
        {"data_type": "uint32", "encoding": "bcd", "scale": 0.01},
        {"data_type": "uint48", "encoding": "mod10k", "scale": 0.1},
    ]


def _texts() -> list[dict[str, Any]]:
    point = {"data_type": "string", "decimal": "point"}
    return [
        {**point, "length": 6},
        {**point, "length": 8, "decimal": "comma"},
        {**point, "length": 6, "byte_order": "BA", "scale": 0.1, "offset": -3},
        {**point, "length": 8, "text": {"form": "low_byte"}},
        {**point, "length": 8, "text": {"form": "high_byte"}, "byte_order": "BA"},
        {**point, "length": 8, "text": {"encoding": "utf-16-be"}},
        {**point, "length": 7, "polynomial": [1, 2]},
        {**point, "length": 5, "nan_number": 9999},
    ]


NUMBERS: dict[str, list[dict[str, Any]]] = {
    "texts": _texts(),
    "types": _types(),
    "codings": _codings(),
    "bits": _bits(),
    "meanings": _meanings(),
}
"""What `read` can say of a number, beside where it stands."""
