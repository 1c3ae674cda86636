"""Devices that describe themselves: makers of profiles from what is heard on a broker.

A dialect turns descriptions (Zigbee2MQTT's list of devices, Home Assistant's discovery, a Shelly's
status …) into whole profile documents; messages are then decoded as those of any other profile.
`docs/dialects.md` tells what each dialect understands.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from device_profiles.dialects.found import Dialect, FoundDevice

__all__ = ["DIALECTS", "Dialect", "FoundDevice"]

DIALECTS: Final[Mapping[str, Dialect]] = MappingProxyType(
    {
        dialect.name: dialect
        for dialect in (
            Dialect(
                "zigbee2mqtt",
                ("+/bridge/devices", "+/+/bridge/devices", "+/bridge/info", "+/+/bridge/info"),
            ),
            Dialect(
                "tasmota",
                ("tasmota/discovery/+/config", "tasmota/discovery/+/sensors"),
                (
                    *("tele/+/SENSOR", "tele/+/STATE", "stat/+/RESULT"),
                    *("+/tele/SENSOR", "+/tele/STATE", "+/stat/RESULT"),
                ),
                frozenset({"TempUnit", "PressureUnit", "SpeedUnit", "Id"}),
            ),
            Dialect(
                "shelly",
                ("shellies/announce", "shellies/+/announce"),
                (
                    *("shellies/+/+", "shellies/+/+/+", "shellies/+/+/+/+"),
                    "+/status/+",
                    "+/events/rpc",
                    "campus/+/rpc",
                ),
            ),
            Dialect("sparkplug", ("spBv1.0/+/NBIRTH/+", "spBv1.0/+/DBIRTH/+/+")),
            Dialect("homeassistant", ("homeassistant/+/+/config", "homeassistant/+/+/+/config")),
        )
    }
)
