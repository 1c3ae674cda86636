"""Shelly of both kinds: Gen1 speaks on `shellies/<id>/…`, Gen2 and later on `<id>/status/…`."""

from __future__ import annotations

from collections.abc import Mapping

from device_profiles.dialects import shelly_gen1, shelly_gen2
from device_profiles.dialects.found import FoundDevice


def describe(heard: Mapping[str, bytes]) -> list[FoundDevice]:
    """Return the devices that the messages describe."""
    return [*shelly_gen1.describe(heard), *shelly_gen2.describe(heard)]
