"""What runs here, for the status."""

from __future__ import annotations

import platform


def versions() -> dict[str, str]:
    """Return the versions of this package, of Python and of the system."""
    # Reads files of all installed packages: done before the agent runs, by who hands over to it.
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415

    try:
        own = version("campus-iot")
    except PackageNotFoundError:  # run from a source tree without installing
        own = "unknown"
    return {"campus-iot": own, "python": platform.python_version(), "system": platform.release()}
