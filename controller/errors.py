"""Errors of the controller; see `campus_wire.errors` for the two kinds."""

from __future__ import annotations

from campus_wire.errors import CampusError, PermanentError, TransientError


class ControllerError(CampusError):
    """Anything this package raises."""


class ConfigError(ControllerError, PermanentError):
    """A configuration that cannot be used; `place` names file and line."""


class StateError(ControllerError, PermanentError):
    """The state database cannot be opened, migrated or written."""


class StateBusyError(ControllerError, TransientError):
    """The state database did not take a transaction for the moment; nothing of it was kept."""


class RefusedError(ControllerError, PermanentError):
    """A request of a person or rule that cannot be granted; `reason` says why."""


class StoreUnavailableError(ControllerError, TransientError):
    """The telemetry store cannot be reached, or did not confirm; writing again is harmless."""


class StoreRejectedError(ControllerError, PermanentError):
    """The telemetry store refused what it was given and will again."""


class SamplesRejectedError(StoreRejectedError):
    """The telemetry store refused some samples and has made all the others durable.

    Args:
        samples: (index of the frame in the write, row in the frame, what the store says) of each.
    """

    def __init__(
        self, reason: str, message: str, *, samples: tuple[tuple[int, int, str], ...], place: str
    ) -> None:
        super().__init__(reason, message, place=place)
        self.samples = samples
