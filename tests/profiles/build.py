"""Profiles made up for tests."""

from __future__ import annotations

from typing import Any

import orjson
from pydantic import ValidationError

from device_profiles.model import ModbusProfile, MqttProfile

LABELS = {"zh": "测试", "en": "test"}


def head(protocol: str) -> dict[str, Any]:
    return {
        "id": "made-up",
        "vendor": "nobody",
        "model": "none",
        "category": "other",
        "labels": LABELS,
        "evidence": "bench",
        "sources": [{"ref": "made up", "kind": "test"}],
        "protocol": protocol,
    }


def point(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "labels": LABELS, **more}


def modbus(points: list[dict[str, Any]], **section: Any) -> ModbusProfile:
    document = {
        **head("modbus"),
        "modbus": {"address_base": 0, **section},
        "points": points,
    }
    return ModbusProfile.model_validate_json(orjson.dumps(document, option=orjson.OPT_NON_STR_KEYS))


def mqtt(points: list[dict[str, Any]], **section: Any) -> MqttProfile:
    document = {
        **head("mqtt"),
        "mqtt": {"topic": "base/{device}", **section},
        "points": points,
    }
    return MqttProfile.model_validate_json(orjson.dumps(document, option=orjson.OPT_NON_STR_KEYS))


def register(address: int = 0, data_type: str = "uint16", **more: Any) -> dict[str, Any]:
    return {"input_type": "holding", "address": address, "data_type": data_type, **more}


def one(
    data_type: str = "uint16", *, point_keys: dict[str, Any] | None = None, **read: Any
) -> ModbusProfile:
    """A profile with the single point `x` at holding register 0."""
    return modbus([point("x", **(point_keys or {}), read=register(0, data_type, **read))])


def model(
    points: list[dict[str, Any]],
    *,
    groups: list[dict[str, Any]] | None = None,
    variants: list[dict[str, Any]] | None = None,
    **section: Any,
) -> ModbusProfile:
    """A profile with groups and variants."""
    document = {
        **head("modbus"),
        "modbus": {"address_base": 0, **section},
        "points": points,
        "groups": groups or [],
        "variants": variants or [],
    }
    return ModbusProfile.model_validate_json(orjson.dumps(document, option=orjson.OPT_NON_STR_KEYS))


def mistakes(error: ValidationError) -> list[tuple[str, str]]:
    """Keys with dots and what is said of them."""
    return [
        (".".join(map(str, (*detail["loc"], *one["key"]))), one["said"])
        for detail in error.errors()
        for one in detail["ctx"]["mistakes"]
    ]


INDOOR = {"zh": "室内机", "en": "indoor unit"}


def group(points: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    """A group of points."""
    return {"name": "indoor", "labels": INDOOR, "points": points, **more}
