"""What the tests of finding share."""

import functools
from collections.abc import Iterator

import pytest

from device_profiles import library


@pytest.fixture(autouse=True, scope="package")
def _profiles_read_once() -> Iterator[None]:
    """Read each of the shipped profiles once, not again for each command that is tried."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(library, "load_profile", functools.cache(library.load_profile))
        yield
