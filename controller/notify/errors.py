"""Errors of notices; see `campus_wire.errors` for the two kinds."""

from __future__ import annotations

from campus_wire.errors import CampusError, PermanentError, TransientError


class NotifyError(CampusError):
    """Anything this package raises."""


class DeliveryDelayedError(NotifyError, TransientError):
    """The channel did not accept a notice for now.

    Args:
        retry_after_s: how long the channel asked to be left alone, or None.
    """

    def __init__(
        self, reason: str, message: str, *, place: str = "", retry_after_s: float | None = None
    ) -> None:
        super().__init__(reason, message, place=place)
        self.retry_after_s = retry_after_s


class DeliveryRefusedError(NotifyError, PermanentError):
    """The channel will never accept this notice."""


class ChannelConfigError(NotifyError, PermanentError):
    """A channel that cannot be used as it is configured."""
