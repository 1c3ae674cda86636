"""The demo's page shows points that its school has."""

from __future__ import annotations

from campus_cli.demo.layout import default_school
from campus_cli.demo.screen import SHOWN
from device_profiles.library import Library
from firmware_sims.school import load_school


def test_every_shown_point_is_in_the_school() -> None:
    library = Library.builtin(None)
    profiles = {device.id: device.profile for device in load_school(default_school()).devices()}

    for device, points in SHOWN.items():
        known = {point.name for point in library.get(profiles[device]).points}
        assert set(points) <= known, device
