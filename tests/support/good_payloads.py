"""One good message of each kind, as plain Python, to break or to send."""

from __future__ import annotations

from typing import Any, Final

EPOCH: Final = "0b9f6a2e-8c1d-4a56-9d9c-3f4e5a6b7c8d"
BOOT: Final = "7d3c1f00-52a4-4d0e-8a55-0c8f6f0a9b21"
MESSAGE_ID: Final = "3f0d7a52-6f1c-4b7e-b0cf-2f1f0d1c9e10"
COMMAND_ID: Final = "9a1b2c3d-4e5f-4a6b-8c7d-0e1f2a3b4c5d"
REVISION: Final = "5f0c1b2a3d4e5f60"
TIME_MS: Final = 1_780_000_000_000
TIME_NS: Final = TIME_MS * 1_000_000


def batch() -> list[Any]:
    """Three samples of two devices; one value could not be read."""
    return [
        1,
        EPOCH,
        101,
        REVISION,
        TIME_MS,
        [
            [[0, 1], [0, 1], [0, 48], [[21.5, 22], [48.2, None]], [[1, 1, 65]]],
            [[2], [0], [60], [[640]]],
        ],
    ]


def catalog() -> dict[str, Any]:
    """A school with one room and two devices."""
    return {
        "v": 1,
        "gateway": "demo-school-1",
        "school": {"id": "sunrise", "name": {"zh": "朝阳小学", "en": "Sunrise Primary"}},
        "areas": [
            {"id": "b1", "kind": "building", "name": {"zh": "一号楼", "en": "Building 1"}},
            {
                "id": "r101",
                "parent": "b1",
                "kind": "classroom",
                "name": {"zh": "101教室", "en": "Room 101"},
            },
        ],
        "points": [
            {
                "name": "temperature",
                "unit": "°C",
                "label": {"zh": "温度", "en": "temperature"},
                "minimum": -40,
                "maximum": 80,
            },
            {"name": "humidity", "unit": "%RH", "label": {"zh": "湿度", "en": "humidity"}},
            {"name": "co2", "unit": "ppm", "label": {"zh": "二氧化碳", "en": "CO2"}},
        ],
        "devices": [
            {
                "id": "th-101",
                "name": {"zh": "101温湿度", "en": "Climate 101"},
                "profile": "xy-md02",
                "category": "climate_sensor",
                "area": "r101",
                "interval_s": 10,
                "points": [0, 1],
            },
            {
                "id": "co2-101",
                "name": {"zh": "101二氧化碳", "en": "CO2 101"},
                "profile": "co2-sensor",
                "category": "co2_sensor",
                "area": "r101",
                "interval_s": 10,
                "points": [2],
            },
        ],
    }


def catalog_message() -> dict[str, Any]:
    """The catalog in its envelope."""
    return {"revision": REVISION, "catalog": catalog()}


def status() -> dict[str, Any]:
    """A gateway that is online."""
    return {
        "v": 1,
        "gateway": "demo-school-1",
        "state": "online",
        "time_ns": TIME_NS,
        "boot": BOOT,
        "epoch": EPOCH,
        "catalog": REVISION,
        "clock": "synced",
        "versions": {"edge_agent": "0.1.0"},
        "spool_batches": 3,
    }


def event() -> dict[str, Any]:
    """An interlock that tripped."""
    return {
        "v": 1,
        "id": MESSAGE_ID,
        "time_ns": TIME_NS,
        "kind": "interlock_tripped",
        "device": "gas-1",
        "attributes": {"interlock": "nh3-fan", "value": 31.5, "manual": False, "note": None},
    }


def command() -> dict[str, Any]:
    """Switch on a fan, signed with nobody's key."""
    return {
        "v": 1,
        "id": COMMAND_ID,
        "gateway": "demo-school-1",
        "device": "relay-1",
        "point": "relay_1",
        "value": 1.0,
        "issued_ns": TIME_NS,
        "expires_ns": TIME_NS + 30_000_000_000,
        "by": "duty@example.org",
        "expect": {"point": "relay_1", "value": 1.0, "tolerance": 0.0, "within_s": 5.0},
        "signature": "00" * 32,
    }


def receipt() -> dict[str, Any]:
    """The fan is on."""
    return {
        "v": 1,
        "id": MESSAGE_ID,
        "command": COMMAND_ID,
        "outcome": "succeeded",
        "value_read": 1.0,
        "time_ns": TIME_NS,
    }


def ack() -> dict[str, Any]:
    """Some stored, some refused."""
    return {
        "v": 1,
        "epoch": EPOCH,
        "stored": [{"first": 1, "last": 103}],
        "refused": [{"first": 104, "last": 110, "reason": "quality"}],
        "messages": [MESSAGE_ID],
        "wants_catalog": REVISION,
        "time_ns": TIME_NS,
    }


def config() -> dict[str, Any]:
    """The configuration a gateway should run."""
    return {"v": 1, "revision": REVISION, "time_ns": TIME_NS}
