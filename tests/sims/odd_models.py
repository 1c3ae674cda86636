"""Models that exist nowhere, odd in as many ways as a model can be."""

from typing import Any

from device_profiles.model import ModbusProfile
from tests.sims.every_key import BOTH, profile

HOLDING = "holding"
STATES = {0: BOTH, 1: BOTH}


def holding(address: int, data_type: str = "uint16", **more: Any) -> dict[str, Any]:
    return {"input_type": HOLDING, "address": address, "data_type": data_type, **more}


def meter() -> ModbusProfile:
    return profile(
        [
            {"name": "a_sf", "hidden": True, "read": holding(0, "int16")},
            {"name": "ct", "hidden": True, "read": holding(1)},
            {"name": "pt", "hidden": True, "read": holding(2)},
            {"name": "current", "unit": "A", "read": holding(3, scale_factor="a_sf")},
            {
                "name": "power",
                "unit": "W",
                "read": holding(4, "int32", multiplier=["ct", "pt"], scale=0.1),
            },
            {
                "name": "scaled",
                "read": holding(6, "uint32", divisor="pt", multiplier="ct", scale_factor="a_sf"),
            },
            {"name": "high", "hidden": True, "read": holding(20)},
            {"name": "low", "hidden": True, "read": holding(21)},
            {
                "name": "energy",
                "unit": "kWh",
                "compute": {"sum": [{"point": "high", "scale": 65_536}, "low"], "scale": 0.01},
            },
            {"name": "whole", "hidden": True, "read": holding(22)},
            {"name": "part", "hidden": True, "read": holding(23)},
            {
                "name": "volume",
                "unit": "m³",
                "compute": {"sum": ["whole", {"point": "part", "scale": 0.001}]},
            },
            {"name": "percent", "hidden": True, "read": holding(24, scale=0.01)},
            {"name": "rating", "hidden": True, "read": holding(25)},
            {"name": "load", "unit": "W", "compute": {"percent_of": ["percent", "rating"]}},
            {"name": "quotient", "compute": {"ratio": ["power", "scaled"]}},
            {"name": "difference", "compute": {"difference": ["current", "energy"]}},
            {
                "name": "product",
                "compute": {
                    "product": ["current", "volume", {"point": "energy", "scale": 2}],
                    "offset": 3,
                },
            },
        ]
    )


INVERTER: list[dict[str, Any]] = [
    {"name": "maker", "read": holding(2, "string", length=16, block=1)},
    {"name": "serial_number", "read": holding(50, "string", length=16, block=1)},
    {
        "name": "a_sf",
        "hidden": True,
        "read": holding(6, "int16", block=[101, 102, 103], nan_value=0x8000),
    },
    {
        "name": "current",
        "unit": "A",
        "read": holding(2, block=[101, 102, 103], nan_value=0xFFFF, scale_factor="a_sf"),
    },
    {"name": "current_c", "unit": "A", "read": holding(5, block=103, scale_factor="a_sf")},
    {
        "name": "limit",
        "unit": "%",
        "read": holding(5, block=123),
        "write": {"function": 6, "minimum": 0, "maximum": 100},
    },
    {"name": "of_the_maker", "read": holding(70, "float32", block=64_001)},
]


def gateway() -> ModbusProfile:
    indoor: list[dict[str, Any]] = [
        {"name": "room", "unit": "°C", "labels": BOTH, "read": holding(10, "int16", scale=0.1)},
        {
            "name": "on",
            "labels": BOTH,
            "states": STATES,
            "read": {"input_type": "coil", "address": 3},
            "write": {"function": 5},
        },
        {"name": "sf", "hidden": True, "read": holding(12, "int16")},
        {"name": "power", "unit": "W", "labels": BOTH, "read": holding(11, scale_factor="sf")},
    ]
    volt = {"input_type": "input", "address": 100, "data_type": "float32"}
    contact = {"input_type": "input", "address": 300, "bit": 0}
    return profile(
        [
            {"name": "units_present", "read": {**holding(0), "input_type": "input"}},
            {"name": "firmware", "read": holding(500, "string", length=4)},
            {"name": "temperature_unit", "states": STATES, "read": holding(400)},
            {"name": "temperature", "unit": "°C", "read": holding(401, "int16", scale=0.1)},
        ],
        groups=[
            {
                "name": "indoor",
                "labels": BOTH,
                "repeat": {"count": 6, "stride": {"holding": 10, "coil": 2}},
                "count_from": "units_present",
                "points": indoor,
            },
            {
                "name": "phase",
                "style": "suffix",
                "repeat": {"names": ["l1", "l2", "l3"], "stride": 2},
                "points": [{"name": "voltage", "unit": "V", "labels": BOTH, "read": volt}],
            },
            {
                "name": "door",
                "labels": BOTH,
                "repeat": {"count": 20, "bit_stride": 1},
                "points": [{"name": "open", "labels": BOTH, "states": STATES, "read": contact}],
            },
        ],
        variants=[
            {
                "name": "fahrenheit",
                "when": {"point": "temperature_unit", "equals": 1},
                "points": {"temperature": {"read": {"scale": 0.0556, "offset": -17.78}}},
            },
            {
                "name": "new",
                "when": [{"point": "firmware", "at_least": "2.0"}],
                "points": {"indoor_*_room": {"read": {"data_type": "uint16", "offset": -50}}},
                "add": [{"name": "extra", "labels": BOTH, "read": holding(450)}],
                "modbus": {"max_word_registers_per_request": 20},
            },
            {
                "name": "old",
                "when": {"point": "firmware", "starts_with": "0."},
                "remove": ["indoor_*_on"],
            },
        ],
    )


_LIMITS = {"function": 6, "minimum": 0, "maximum": 32}
_CONTROLS: list[dict[str, Any]] = [
    {
        "name": "setpoint",
        "unit": "°C",
        "read": holding(5, "int16", scale=0.1),
        "write": {"function": 6, "minimum": 10, "maximum": 30, "unlock": True},
    },
    {
        "name": "relay",
        "states": {**STATES, 2: BOTH},
        "read": {"input_type": "coil", "address": 0},
        "write": {"function": 5, "values": {2: 0x5500}},
    },
    {
        "name": "run",
        "states": STATES,
        "read": holding(8, bit=3),
        "write": {"function": 6, "address": 9, "bit": 6, "rest": 0x043C},
    },
    {
        "name": "low_bits",
        "read": {"input_type": HOLDING, "address": 20, "bit": 4, "bit_count": 3},
        "write": {"function": 6, "rest": "keep", "minimum": 0, "maximum": 7},
    },
    {
        "name": "high_bits",
        "read": {"input_type": HOLDING, "address": 20, "bit": 8, "bit_count": 4},
        "write": {"function": 6, "rest": "keep", "minimum": 0, "maximum": 15},
    },
    {
        "name": "mode",
        "states": {**STATES, 2: BOTH},
        "read": {"input_type": "input", "address": 1, "data_type": "uint16"},
        "write": {
            "function": 16,
            "address": 30,
            "data_type": "uint16",
            "values": {0: 0, 1: 0x55, 2: 0xAA},
        },
    },
    {
        "name": "limit",
        "unit": "A",
        "read": holding(40, scale=0.1),
        "write": {**_LIMITS, "safe_value": 6},
    },
    {
        "name": "limit_alone",
        "unit": "A",
        "read": holding(41, scale=0.1),
        "write": _LIMITS,
    },
    {
        "name": "decimal",
        "read": holding(50, "uint32", encoding="bcd", scale=0.01, byte_order="CDAB"),
        "write": {"function": 16, "minimum": 0, "maximum": 99_999},
    },
    {
        "name": "curved",
        "read": holding(60, curve=[[4000, 0], [20_000, 100]]),
        "write": {"function": 6, "minimum": 0, "maximum": 100},
    },
]


def controller() -> ModbusProfile:
    """What has to be unlocked, set up and kept alive."""
    return profile(
        _CONTROLS,
        section={
            "unlock": [
                {"function": 6, "address": 10, "value": 1},
                {"function": 16, "address": 100, "values": [7, 8]},
                {"function": 5, "address": 9, "value": 0x5500},
            ],
            "setup": [{"point": "mode", "value": 0}, {"function": 6, "address": 104, "value": 3}],
            "heartbeat": {"function": 6, "address": 200, "values": [1, 0], "every_s": 10},
            "watchdog": {"timeout_s": 60, "kept_by": "heartbeat", "falls_back_to": "limit_alone"},
        },
    )
