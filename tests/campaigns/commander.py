"""Gives commands all the time, each with a number that no other command carries."""

from __future__ import annotations

import itertools
import threading
from random import Random
from typing import Final, Self

from tests.support.school_run import SchoolRun

PLACES: Final = (
    ("kill-gw-1", "levels-1", "level_1"),
    ("kill-gw-1", "levels-1", "level_2"),
    ("kill-gw-2", "levels-2", "level_1"),
    ("kill-gw-2", "levels-2", "level_2"),
)
_PAUSE_S: Final = (0.05, 0.8)


class Commander:
    """A thread that commands actuators through the API, whether it answers or not.

    Args:
        school: the running school.
        seed: of the order of places and pauses.
    """

    def __init__(self, school: SchoolRun, seed: int) -> None:
        self.accepted = 0
        self.failed = 0
        self._school = school
        self._random = Random(seed)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.pause()

    def pause(self) -> None:
        """Give no more commands."""
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        for value in itertools.count(1):
            if self._ended.wait(self._random.uniform(*_PAUSE_S)):
                return
            gateway, device, point = self._random.choice(PLACES)
            body = {"gateway": gateway, "device": device, "point": point, "value": value}
            try:
                self._school.api("/commands", body)
            except OSError:
                self.failed += 1  # it may have been written down all the same: the state says so
            else:
                self.accepted += 1
