"""What can go wrong in the agent's core.

    EdgeError
    ├── SpoolError
    │   ├── SpoolFullError       transient: no room on the disk, or under the cap
    │   ├── SpoolUnusableError   transient: the file cannot be written, or is damaged
    │   ├── SpoolLockedError     permanent: another process has it
    │   └── SpoolClosedError     permanent: used after its end
    ├── BlobDamagedError         permanent: a spooled batch is not what was written
    └── ReloadRefusedError       permanent: a running agent cannot take this configuration

The sources have errors of their own (`edge_agent.modbus.errors`).
"""

from __future__ import annotations

from campus_wire.errors import CampusError, PermanentError, TransientError


class EdgeError(CampusError):
    """Anything this package raises."""


class SpoolError(EdgeError):
    """The spool could not do what it was asked to."""


class SpoolFullError(SpoolError, TransientError):
    """There is no room: on the disk, or below the spool's cap."""


class SpoolUnusableError(SpoolError, TransientError):
    """The spool's file cannot be written or read: `read_only`, `io`, `corrupt`, `cannot_open`."""


class SpoolLockedError(SpoolError, PermanentError):
    """Another process has the spool's file open."""


class SpoolClosedError(SpoolError, PermanentError):
    """The spool was used after it was closed."""


class BlobDamagedError(SpoolError, PermanentError):
    """A spooled batch does not match its checksum."""


class ReloadRefusedError(EdgeError, PermanentError):
    """A running agent cannot take this configuration; it goes on with the one it has."""
