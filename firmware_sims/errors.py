"""Errors of the simulators."""

from __future__ import annotations

from campus_wire.errors import CampusError, PermanentError


class SimsError(CampusError):
    """Anything this package raises."""


class SchoolError(SimsError, PermanentError):
    """A described school that cannot be run: `place` names the entry."""


class ControlError(SimsError, PermanentError):
    """A live order that cannot be carried out."""


class UnsupportedPointError(SimsError, PermanentError):
    """A profile describes a point in a form that the simulators cannot encode."""
