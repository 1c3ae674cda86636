"""One profile at other addresses: devices that share a unit, each with its own part of the map."""

from __future__ import annotations

from campus_wire.errors import PermanentError
from device_profiles.copies import copied
from device_profiles.errors import ProfilesError
from device_profiles.fitting_modbus import register_mistakes, section_mistakes
from device_profiles.model import ModbusProfile
from device_profiles.model_location import Table


class ShiftError(ProfilesError, PermanentError):
    """The addresses of a profile cannot be moved by so much."""


def shifted(profile: ModbusProfile, offset: int | dict[Table, int]) -> ModbusProfile:
    """Return a profile whose addresses on the wire are higher by so much.

    Args:
        profile: as the library has it.
        offset: for all tables, or for each; it takes the place of the profile's own
            `modbus.address_offset`.

    Raises:
        ShiftError: an address would lie outside its table, or the device tells its addresses.
    """
    if profile.modbus.sunspec is not None:
        raise ShiftError("sunspec", f"{profile.id} finds its addresses itself (SunSpec)")
    section = copied(profile.modbus, {"address_offset": offset})
    moved = copied(profile, {"modbus": section})
    # groups written out and what variants do depend on no address on the wire
    vars(moved).update(common_points=profile.common_points, effects=profile.effects)
    for mistake in section_mistakes(section, {point.name: point for point in moved.points}):
        raise ShiftError("address_offset", f"{profile.id}: {mistake.message()}")
    for mistake in register_mistakes(section, moved.points):
        raise ShiftError("address_offset", f"{profile.id}: {mistake.message()}")
    return moved
