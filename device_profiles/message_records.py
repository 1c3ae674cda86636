"""A list of records in one message: each with values and a time of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from device_profiles.codec_text import UNREADABLE
from device_profiles.json_path import ABSENT, Path, fill_path, parse_path
from device_profiles.message_steps import prepare_steps
from device_profiles.message_values import PreparedTime, look_up_from
from device_profiles.model_message import Records
from device_profiles.timestamps import S

RECORDS_MAX: Final = 4_096
"""Of one message; older ones are left out."""


class PreparedRecords:
    """How the messages of one device hold records.

    Args:
        records: from the profile.
        parameters: what stands for captures.

    Raises:
        TopicParameterError: a parameter is missing.
    """

    def __init__(self, records: Records, parameters: Mapping[str, str]) -> None:
        path = parse_path(records.path) if records.path is not None else ()
        self._path: Path = fill_path(path, parameters)
        self._time = PreparedTime(records.time, parameters) if records.time is not None else None
        self._every_ns = None if records.every_s is None else round(records.every_s * S)
        self._is_newest_first = records.newest == "first"
        self._steps = prepare_steps(records.steps, parameters) if records.steps else None

    def split(
        self, document: Any, root: Any, time_ns: int | None, now_ns: int | None
    ) -> list[tuple[int | None, Any]]:
        """Return the records with their times, the newest last.

        Where none has a time that can be, only the newest counts, at the time of the message.
        """
        found = look_up_from(document, root, self._path)
        if isinstance(found, dict):
            found = [found]
        if not isinstance(found, list) or not found:
            return []
        records = (found[::-1] if self._is_newest_first else found)[-RECORDS_MAX:]
        if self._steps is not None:
            made = [self._steps(one) for one in records]
            # an item that is written otherwise is no record, such as the head of a table
            records = [one for one in made if one is not ABSENT and one is not UNREADABLE]
        if not records:
            return []
        if self._every_ns is not None:
            last_ns = now_ns if time_ns is None else time_ns
            if last_ns is None:
                return [(None, records[-1])]
            ages = range((len(records) - 1) * self._every_ns, -1, -self._every_ns)
            return [(last_ns - age, one) for age, one in zip(ages, records, strict=True)]
        if self._time is None:
            return [(time_ns, records[-1])]
        times = [self._time.read(record, root, now_ns) for record in records]
        timed = [(at, one) for at, one in zip(times, records, strict=True) if at is not None]
        timed.sort(key=lambda one: one[0])
        return [(at, one) for at, one in timed] or [(time_ns, records[-1])]
