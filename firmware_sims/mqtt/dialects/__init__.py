"""Devices that describe themselves: bridges and firmwares, each with an encoder of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from firmware_sims.errors import SchoolError
from firmware_sims.mqtt.dialects.homeassistant import home_assistant
from firmware_sims.mqtt.dialects.hubs import DialectVoice, Hubs, Kit
from firmware_sims.mqtt.dialects.quantities import QUANTITIES
from firmware_sims.mqtt.dialects.shelly_gen1 import shelly_gen1
from firmware_sims.mqtt.dialects.shelly_gen2 import shelly_gen2
from firmware_sims.mqtt.dialects.sparkplug import sparkplug
from firmware_sims.mqtt.dialects.tasmota import tasmota
from firmware_sims.mqtt.dialects.zigbee2mqtt import zigbee2mqtt

__all__ = ["DIALECTS", "PREFIX", "DialectVoice", "Hubs", "Kit", "speak"]

PREFIX: Final = "dialect:"
"""Before a dialect's name, in the place of a profile's."""

DIALECTS: Final[Mapping[str, Callable[[Kit, Hubs], DialectVoice]]] = {
    "zigbee2mqtt": zigbee2mqtt,
    "homeassistant": home_assistant,
    "tasmota": tasmota,
    "shelly": lambda kit, hubs: (shelly_gen1 if kit.generation == 1 else shelly_gen2)(kit, hubs),
    "sparkplug": sparkplug,
}


def speak(dialect: str, kit: Kit, hubs: Hubs) -> DialectVoice:
    """The voice of a device.

    Raises:
        SchoolError: there is no such dialect or quantity, or `topic` does not name the device.
    """
    if dialect not in DIALECTS:
        raise SchoolError(
            "dialect",
            f"there is no dialect {dialect!r}",
            place=kit.device,
            remedy=f"one of {', '.join(DIALECTS)}",
        )
    unknown = [name for name in kit.names if name not in QUANTITIES]
    if unknown or not kit.names:
        raise SchoolError(
            "quantities",
            f"there is no quantity {unknown[0]}" if unknown else "quantities: is missing",
            place=kit.device,
            remedy=f"one of {', '.join(QUANTITIES)}",
        )
    return DIALECTS[dialect](kit, hubs)
